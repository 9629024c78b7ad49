"""Uses of commands, as the desk hands them on."""

from dataclasses import replace
from typing import Any

from gateway.commands.base import Ask
from gateway.messages import ChatAddress, InboundMessage
from tests.fakes import NOON

HERE = ChatAddress(channel="test", chat="1")
THERE = ChatAddress(channel="test", chat="2")

MESSAGE = InboundMessage(
    channel="test",
    sender_id="anna",
    dedupe_keys=(),
    address=HERE,
    text="/command",
    received_at=NOON,
    message_id="m7",
)

_ASK = Ask(
    message=MESSAGE,
    words="",
    zone="Europe/Berlin",
    owner=False,
    now=NOON,
    stamp="t1.0.0",
    session="test:1",
    seq=7,
)


def ask(words: str = "", **changes: Any) -> Ask:
    """A use of a command with these words. Fields of the ask, or of its message."""
    of_message = {name: changes.pop(name) for name in ("address", "sender_id", "group") if name in changes}
    message = replace(MESSAGE, **of_message)
    return replace(_ASK, words=words, message=message, session=message.address.session, **changes)
