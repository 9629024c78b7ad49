"""What a payload of Slack can be to us: something said, a dialog that is wanted, or nothing of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from gateway.messages import ChatAddress, InboundMessage, Json


@dataclass(frozen=True, slots=True)
class Said:
    """Somebody wrote, or pressed.

    `private`: it belongs into the private chat with the sender, wherever that is. What the message names is
    empty, or may be a private chat of other people, in which the bot is not.
    """

    message: InboundMessage
    private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Nothing follows, and this person alone is told why."""

    address: ChatAddress
    user: str
    text: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Somebody wants a dialog; it has to be shown within three seconds."""

    trigger: str
    view: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Nothing:
    """Nothing to act on, and why."""

    reason: str


Heard: TypeAlias = Said | Told | Wanted | Nothing
