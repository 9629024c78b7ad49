"""Carrier: what the outbox asks of a channel."""

from datetime import timedelta
from enum import StrEnum
from typing import Protocol, runtime_checkable

from gateway.messages import OutboundMessage, Parcel, Part
from gateway.outbox.pace import Paces


class Repeat(StrEnum):
    """What a channel can do about a send whose answer was lost."""

    DEDUPED = "deduped"  # the platform drops a repeat under the same id: send again
    SEARCHABLE = "searchable"  # our id can be looked for in the chat (see Searchable): look, then decide
    MARKED = "marked"  # neither: send once more, marked as a repeat, never a third time


class Carrier(Protocol):
    """One connected platform, seen from the outbox. It never retries by itself."""

    repeat: Repeat

    def render(self, message: OutboundMessage) -> list[Part]:
        """The message as the platform takes it, cut to its limits; pure, and never empty."""

    async def send(self, parcel: Parcel) -> str:
        """Deliver one part once and return the platform's id of it.

        Raises one of the DeliveryErrors. A parcel marked `repeat` is shown to the reader as one ("↻").
        """


@runtime_checkable
class Searchable(Protocol):
    """A carrier that can look into the chat for what it may have sent."""

    async def find(self, parcel: Parcel) -> str | None:
        """The platform's id of the parcel if it arrived, None if it certainly did not.

        AmbiguousDeliveryError if that cannot be told; TransientDeliveryError if it cannot be asked now.
        """


@runtime_checkable
class Remembering(Protocol):
    """A carrier whose platform drops a repeat only for a while; one that comes later is marked."""

    @property
    def remembers(self) -> timedelta:
        """How long after the first request, less what a request may take."""


@runtime_checkable
class Probing(Protocol):
    """A carrier that can ask its platform a harmless question, to learn that it answers again."""

    async def probe(self) -> None:
        """Return when the platform answered; raises a DeliveryError when it did not."""


@runtime_checkable
class Paced(Protocol):
    """A carrier whose platform takes only so many sends in a time; edits count as sends."""

    @property
    def paces(self) -> Paces:
        """Its windows, the same ones for its whole life."""
