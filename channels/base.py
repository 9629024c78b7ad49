"""Channel: the port to a chat platform, and what a channel is given."""

from collections.abc import Awaitable, Sequence
from datetime import timedelta
from typing import ClassVar, Protocol, runtime_checkable

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
    heard_every: ClassVar[timedelta | None]  # longer silence than this means deaf; None: it may be silent for ever

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
class Closing(Protocol):
    """A channel with connections to give back at the end."""

    async def close(self) -> None:
        """Nothing is read or sent any more."""
