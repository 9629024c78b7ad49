"""Which job is meant by what somebody wrote; pure."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from gateway.errors import NotFoundError, UserError

FEWEST = 4  # characters of an id's beginning


class Named(Protocol):
    """What a job is known by."""

    @property
    def id(self) -> str: ...

    @property
    def uid(self) -> str: ...

    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=Named)


def resolve(reference: str, jobs: Sequence[T]) -> T:
    """The one job that is meant."""
    wanted = reference.strip()
    for matches in (
        [job for job in jobs if wanted.lower() in {job.id, job.uid}],
        [job for job in jobs if job.name == wanted],
        [job for job in jobs if job.name.casefold() == wanted.casefold()],
        [job for job in jobs if len(wanted) >= FEWEST and job.uid.startswith(wanted.lower())],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            named = ", ".join(f'"{job.name}" ({job.id})' for job in matches[:10])
            raise UserError(f"{wanted[:80]!r} could be any of {named}; give the id")
    raise NotFoundError(f"there is no job {wanted[:80]!r} here; list shows those that there are")
