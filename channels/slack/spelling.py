"""Commands as they are typed in Slack, where a slash at the beginning is Slack's own; pure."""

import re
from collections.abc import Collection
from dataclasses import replace

from gateway.messages import Caller, OutboundMessage

COMMAND = "/tocsin"

OURS = frozenset({Caller.COMMAND, Caller.NOTICE, Caller.ALERT, Caller.APPROVAL})
"""Who speaks for the gateway. What a model or a person says stays as it is."""


def spelled(
    message: OutboundMessage, names: Collection[str], *, ours: Collection[Caller] = OURS
) -> OutboundMessage:
    """The message with `/cron list` as `/tocsin cron list`, if the gateway itself says it."""
    if message.caller not in ours or not names or "/" not in message.text:
        return message
    known = "|".join(sorted(map(re.escape, names)))
    found = re.compile(rf"(?<![\w/:.-])/({known})(?![\w/-]|\.\w)")
    return replace(message, text=found.sub(rf"{COMMAND} \1", message.text))
