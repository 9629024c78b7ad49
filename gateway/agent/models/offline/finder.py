"""PhraseFinder: the port to whatever reads times; the assistant itself knows none of them."""

from datetime import datetime
from typing import Protocol


class FoundPhrase(Protocol):
    """A time phrase in a sentence."""

    @property
    def phrase(self) -> str:
        """Its words, for the cron tool."""

    @property
    def rest(self) -> str:
        """The sentence without it."""

    @property
    def refusal(self) -> str:
        """Why it cannot be used, as a sentence for the person; empty when it can."""

    @property
    def recurring(self) -> bool:
        """Whether it names a repetition."""


class PhraseFinder(Protocol):
    """Finds the time phrase of a sentence."""

    def __call__(self, text: str, *, now: datetime, zone: str) -> FoundPhrase | None:
        """The phrase and the rest; None when there is no time in the sentence."""
