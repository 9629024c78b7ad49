"""Which channels can speak, and what jobs of the command line may be; pure."""

import difflib

from cron.making.rules import ALWAYS
from gateway import plugins
from gateway.config import CHANNELS_TO_COME, Config
from gateway.errors import UserError


def check_channel(name: str, config: Config) -> str:
    """A note when its words will have to wait, empty when they need not; UserError when nobody knows the name."""
    section = config.channels.get(name)
    if section is not None:
        return "" if section.enabled else f"the channel {name} is off; what is said there waits until it is on"
    if name in ALWAYS:
        return ""
    kinds = {*CHANNELS_TO_COME, *plugins.offered("channels")}
    if name in kinds:
        return f"the channel {name} is not configured yet; what is said there waits until it is"
    known = sorted({*config.channels, *ALWAYS})
    near = difflib.get_close_matches(name, [*known, *sorted(kinds)], n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    raise UserError(f"--channel: there is no channel {name[:80]!r}; {hint}")
