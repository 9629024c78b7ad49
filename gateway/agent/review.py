"""Review: whether the end of a scheduled turn is what its job asks for."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from gateway.agent.due import Assignment, Ending, EndStatus
from gateway.agent.journal import Journal, Steer
from gateway.agent.prompt import BAD_OUTPUT, NOBODY_IS_HERE, NOTHING_WAS_SAID
from gateway.errors import ErrorClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Of one turn."""

    plan: Assignment
    journal: Journal
    has_spoken: Callable[[], Awaitable[bool]]

    async def note(self, text: str) -> str | None:
        """What to answer a final text that cannot be the end, once each; None: it may be."""
        notes = [step.text for step in self.journal.steps if isinstance(step, Steer)]
        if text.rstrip().endswith(("?", "？")) and NOBODY_IS_HERE not in notes:
            return NOBODY_IS_HERE
        if NOTHING_WAS_SAID not in notes and await self._is_silent():
            return NOTHING_WAS_SAID
        fault = self._fault(text)
        if fault is not None and not any(note.startswith(BAD_OUTPUT) for note in notes):
            return f"{BAD_OUTPUT}{fault}"
        return None

    async def verdict(self, ending: Ending) -> Ending:
        """The ending, which is a failure when the turn came to its end without doing what it was to do."""
        if ending.status is not EndStatus.SUCCEEDED:
            return ending
        if (fault := self._fault(ending.output)) is not None:
            error, kind = f"the final text is not what the job asks for: {fault}", ErrorClass.BAD_OUTPUT
        elif await self._is_silent():
            error = "the turn ended without a message, and the job is to notify always"
            kind = ErrorClass.UNDELIVERED
        else:
            return ending
        return replace(ending, status=EndStatus.FAILED, error=error, error_class=kind)

    async def _is_silent(self) -> bool:
        return self.plan.must_speak and not await self.has_spoken()

    def _fault(self, text: str) -> str | None:
        return self.plan.check_output(text) if self.plan.check_output else None
