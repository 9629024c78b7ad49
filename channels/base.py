"""Channel: the port to a chat platform, what a channel is given, and what some can do besides."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, ClassVar, Protocol, runtime_checkable

from gateway.commands.base import CommandInfo
from gateway.messages import ChatAddress, InboundMessage
from gateway.outbox.port import Carrier


class Inlet(Protocol):
    """What a channel is given to hand in what it reads, and to say how it is."""

    @property
    def commands(self) -> Sequence[CommandInfo]:
        """What is answered to `/name`: for the platform's menus, and to know which of them are ours."""

    @property
    def owners(self) -> Sequence[str]:
        """The ids of those who may see everything here: their menus have more."""

    def receive(self, message: InboundMessage) -> Awaitable[None]:
        """Safe on return: only then the platform is told (offset, ack). Redeliveries are dropped inside.

        StoreError when it could not be kept: the platform must not be told, and will bring it again.
        """

    def room(self) -> Awaitable[None]:
        """Before reading on, for a channel that can wait (polling, a terminal): returns when there is room."""

    def alive(self) -> None:
        """The platform answered (a completed poll, a frame): the channel is healthy, and can be sent to."""

    def moved(self, chat: str, to: str) -> Awaitable[None]:
        """The platform gave this chat another id; what belongs to the chat belongs to the new one on return."""


class Channel(Carrier, Protocol):
    """One connected instance of a platform.

    `render` and `send` are the outbox's side, see `gateway.outbox.port`; a channel may offer `find` and `probe`
    from there too. `run` is the supervisor's: it is started again, after a pause that grows, when it fails.
    """

    name: str  # of the configured instance
    operated: ClassVar[bool]  # only the operator can write here (a terminal); elsewhere the configuration admits

    @property
    def heard_every(self) -> timedelta | None:
        """Longer silence than this means that it is deaf; None: it may be silent for ever (it is called)."""

    async def run(self, inlet: Inlet) -> None:
        """Read until cancelled. Returning means that there is nothing more to read (a closed terminal).

        Raises CredentialsRefusedError when trying again is useless, anything else when it is not: ReadingError
        where one sentence says all.
        """


@runtime_checkable
class Signing(Protocol):
    """A channel that can show a chat that it is being answered."""

    async def sign(self, address: ChatAddress) -> None:
        """Show it for some seconds. DeliveryError if that did not work."""


@runtime_checkable
class Editing(Protocol):
    """A channel whose messages can be edited so well that an answer may grow before its reader's eyes."""

    @property
    def edits_every(self) -> timedelta:
        """The least pause between two edits of one message."""


@runtime_checkable
class Reacting(Protocol):
    """A channel on which a message can be acknowledged by a small sign under it."""

    async def react(self, address: ChatAddress, message_id: str) -> None:
        """Show that the message was seen. DeliveryError if that did not work."""


@runtime_checkable
class Administered(Protocol):
    """A channel that knows who may manage a group."""

    async def is_admin(self, address: ChatAddress, user: str) -> bool:
        """Whether this user manages the group, by the platform's word at this moment; DeliveryError if unknown."""


@runtime_checkable
class Fetching(Protocol):
    """A channel from which files can be fetched that came with a message."""

    async def fetch(self, source: str, sink: BinaryIO, *, limit: int) -> None:
        """Write the file that `Attachment.source` names into `sink`; never more than `limit` bytes.

        MediaError, in words for the person, where it cannot be had (too large, gone);
        TransientDeliveryError where asking again may help.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a caller of a webhook is answered."""

    status: int = 200
    body: bytes = b""
    media_type: str = "text/plain; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)


class Call(Protocol):
    """Somebody has called a webhook: the headers first, so that a forged call costs nothing."""

    @property
    def method(self) -> str:
        """In capitals: GET, POST."""

    @property
    def headers(self) -> Mapping[str, str]:
        """By their names in lower case. Bytes that are no ASCII come as latin-1."""

    async def body(self) -> bytes:
        """All of it, at most 1 MiB; TooLargeError, and the connection ends, where it is more."""


@runtime_checkable
class Hooked(Protocol):
    """A channel that its platform calls at /webhooks/<name>, besides or instead of being asked."""

    @property
    def hooked(self) -> bool:
        """Whether this instance is called at all (mode = "webhook" or "http")."""

    async def called(self, call: Call) -> Reply:
        """Answer; what was written is in the inbox before that. 401 without any detail for who cannot be verified.

        Never raises but for faults of ours; StoreError is answered with 503, and the platform calls again.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a channel may use of the gateway around it."""

    workspace: Path  # where files lie that are sent, by the relative path in a part; made when first used


@runtime_checkable
class Closing(Protocol):
    """A channel with connections to give back at the end."""

    async def close(self) -> None:
        """Nothing is read or sent any more."""
