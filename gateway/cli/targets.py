"""Whether a channel that was named on the command line is one that can speak; pure."""

import difflib

from cron.target import LOG
from gateway.cli.check_channels import TO_COME
from gateway.config import Config
from gateway.errors import UserError

ALWAYS = ("console", LOG)


def check_channel(name: str, config: Config) -> str:
    """A note when its words will have to wait, empty when they need not; UserError when nobody knows the name."""
    section = config.channels.get(name)
    if section is not None:
        return "" if section.enabled else f"the channel {name} is off; what is said there waits until it is on"
    if name in ALWAYS:
        return ""
    if name in TO_COME:
        return f"the channel {name} is not configured yet; what is said there waits until it is"
    known = sorted({*config.channels, *ALWAYS})
    near = difflib.get_close_matches(name, [*known, *TO_COME], n=1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
    raise UserError(f"--channel: there is no channel {name[:80]!r}; {hint}")
