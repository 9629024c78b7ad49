"""Places: which of the runs that ask a model may begin now; pure.

A run begins when all of this is so:

- its moment has come (a retry waits for it);
- no earlier run of its job is open, unless the job's `overlap` lets them work side by side;
- no other run works in its session;
- it is no catch-up, or fewer than two of those work and the last one began 5 to 6 s ago or earlier;
- its places are free: one for `light`, two for `medium`, all for `resource-intensive`.

Of those that may, who came first begins. One that needs more places than are free lets others pass for 30 s;
then nothing begins before it. After a resource-intensive run the others have their turn before the next such,
which lets them pass for 30 s anew: so neither kind waits for ever.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from heapq import merge

from cron.engine.overlap import side_by_side
from cron.policy import JobType, Overlap

PLACES = 4
PATIENCE = timedelta(seconds=30)
CATCH_UPS = 2  # at once
GAP, GAP_JITTER = timedelta(seconds=5), timedelta(seconds=1)  # between the beginnings of two catch-ups


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A run that is claimed and not over."""

    run: str
    job: str  # uid
    session: str
    type: JobType = JobType.LIGHT
    overlap: Overlap = Overlap.SKIP
    catch_up: bool = False
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """A run that has its place, and whether it is to work in a session of its own."""

    run: str
    isolated: bool
    session: str  # its job's own; where it works if it is not isolated, and this is no later attempt


@dataclass(slots=True)
class _Queue:
    """Those that wait, in the order in which they came; the numbers are shared by all queues."""

    waiting: dict[str, tuple[int, Candidate]] = field(default_factory=dict)


class Places:
    """All open runs that ask a model: who works, and who waits for what."""

    def __init__(self, places: int = PLACES) -> None:
        """Zero or less means the default."""
        self.places = places if places > 0 else PLACES
        self._working: dict[str, Candidate] = {}
        self._used = 0
        self._catching_up = 0
        self._on_time, self._late = _Queue(), _Queue()
        self._of_job: dict[str, dict[str, None]] = {}  # open runs of each job, in their order
        self._sessions: Counter[str] = Counter()  # of those that work
        self._refused: dict[str, datetime] = {}  # since when the free places have not been enough
        self._others_first = False  # a heavy run was the last one
        self._next_catch_up: datetime | None = None
        self._arrivals = 0

    # -- what happens to a run ----------------------------------------------------------------------------

    def work(self, one: Candidate) -> None:
        """It works already: after a restart."""
        self._of_job.setdefault(one.job, {})[one.run] = None
        self._working[one.run] = one
        self._used += self._weight(one)
        self._catching_up += one.catch_up
        self._sessions[one.session] += 1

    def wait(self, one: Candidate) -> None:
        """It waits from now on: a new one, or one that worked and waits for its next attempt."""
        self._leave_place(one.run)
        self._of_job.setdefault(one.job, {})[one.run] = None
        self._arrivals += 1
        self._queue(one).waiting[one.run] = self._arrivals, one

    def wait_again(self, run: str, not_before: datetime) -> bool:
        """It failed, and is tried again then; False if it is not known here."""
        one = self._working.get(run)
        if one is not None:
            self.wait(replace(one, not_before=not_before))
        return one is not None

    def drop(self, run: str) -> None:
        """It is over; nothing happens if it is not known."""
        one = self._leave_place(run)
        for queue in (self._on_time, self._late):
            _, one = queue.waiting.pop(run, (0, one))
        self._refused.pop(run, None)
        if one is not None and (siblings := self._of_job.get(one.job)) is not None:
            siblings.pop(run, None)
            if not siblings:
                del self._of_job[one.job]

    def _leave_place(self, run: str) -> Candidate | None:
        one = self._working.pop(run, None)
        if one is None:
            return None
        self._used -= self._weight(one)
        self._catching_up -= one.catch_up
        self._sessions[one.session] -= 1
        if not self._sessions[one.session]:
            del self._sessions[one.session]
        if one.type is JobType.RESOURCE_INTENSIVE:
            self._refused.clear()
            self._others_first = True
        return one

    def spread(self, now: datetime) -> None:
        """A catch-up may have begun a moment ago, before a restart: the next one keeps its distance."""
        self._next_catch_up = now + GAP

    # -- who may begin ------------------------------------------------------------------------------------

    def begin(self, now: datetime) -> Beginning | None:
        """Give the next run its place; None if nobody may begin now."""
        one = self._next(now)
        if one is None:
            return None
        del self._queue(one).waiting[one.run]
        return self._begin(one, now)

    def begin_at_once(self, one: Candidate, now: datetime) -> Beginning | None:
        """Give a new run its place before it is written down; None, and nothing changed, if it has to wait."""
        if self._used >= self.places or self.knows(one.run):
            return None
        self.wait(one)
        chosen = self._next(now)
        if chosen is None or chosen.run != one.run:
            self.drop(one.run)
            return None
        del self._queue(one).waiting[one.run]
        return self._begin(one, now)

    def _begin(self, one: Candidate, now: datetime) -> Beginning:
        isolated = one.overlap is Overlap.FALLBACK_ISOLATED and (
            not self._is_first(one) or one.session in self._sessions
        )
        beginning = Beginning(run=one.run, isolated=isolated, session=one.session)
        if isolated:
            one = replace(one, session=one.run)
        if one.catch_up:
            self._next_catch_up = now + GAP + _jitter(one.run)
        self._refused.pop(one.run, None)
        self._others_first = False
        self.work(one)
        return beginning

    def _next(self, now: datetime) -> Candidate | None:
        if self._used >= self.places:
            return None
        heavy: Candidate | None = None
        for _, one in self._in_order(now):
            if not self._may(one, now):
                continue
            if self._others_first and one.type is JobType.RESOURCE_INTENSIVE:
                heavy = heavy or one
            elif self._used + self._weight(one) <= self.places:
                return one
            elif abs(now - self._refused.setdefault(one.run, now)) >= PATIENCE:
                return None
        return heavy if not self._used else None

    def _in_order(self, now: datetime) -> Iterator[tuple[int, Candidate]]:
        on_time = self._on_time.waiting.values()
        late = self._late.waiting.values() if self._catch_up_is_open(now) else ()
        return iter(on_time) if not late else merge(on_time, late, key=lambda entry: entry[0])

    def _may(self, one: Candidate, now: datetime) -> bool:
        if one.not_before is not None and one.not_before > now:
            return False
        if side_by_side(one.overlap):
            return one.overlap is Overlap.FALLBACK_ISOLATED or one.session not in self._sessions
        return self._is_first(one) and one.session not in self._sessions

    def _catch_up_is_open(self, now: datetime) -> bool:
        if self._catching_up >= CATCH_UPS:
            return False
        wait = self._next_catch_up - now if self._next_catch_up else timedelta()
        return wait <= timedelta() or wait > GAP + GAP_JITTER  # the clock was set back: not for hours

    def _is_first(self, one: Candidate) -> bool:
        return next(iter(self._of_job[one.job])) == one.run

    # -- what is known ------------------------------------------------------------------------------------

    @property
    def waiting(self) -> set[str]:
        """The runs that wait."""
        return self._on_time.waiting.keys() | self._late.waiting.keys()

    @property
    def working(self) -> set[str]:
        """The runs that have their place."""
        return set(self._working)

    def knows(self, run: str) -> bool:
        return run in self._working or run in self._on_time.waiting or run in self._late.waiting

    def superseded(self) -> list[str]:
        """Runs that make way for a later one of their job (overlap = cancel_other).

        The runs that make up for one outage do not cancel each other; they work one after the other.
        """
        found: dict[str, None] = {}
        for queue in (self._on_time, self._late):
            for _, one in queue.waiting.values():
                if one.overlap is Overlap.CANCEL_OTHER:
                    found |= dict.fromkeys(self._earlier(one))
        return list(found)

    def _earlier(self, one: Candidate) -> Iterator[str]:
        for run in self._of_job[one.job]:
            if run == one.run:
                return
            if not (one.catch_up and (run in self._late.waiting or self._is_working_late(run))):
                yield run

    def _is_working_late(self, run: str) -> bool:
        return run in self._working and self._working[run].catch_up

    def wake_at(self, now: datetime) -> datetime | None:
        """When somebody may begin although nothing else has happened; None: not by itself."""
        moments = [
            one.not_before
            for queue in (self._on_time, self._late)
            for _, one in queue.waiting.values()
            if one.not_before is not None and one.not_before > now
        ]
        if self._late.waiting and self._next_catch_up is not None and self._next_catch_up > now:
            moments.append(self._next_catch_up)
        return min(moments, default=None)

    def _queue(self, one: Candidate) -> _Queue:
        return self._late if one.catch_up else self._on_time

    def _weight(self, one: Candidate) -> int:
        match one.type:
            case JobType.LIGHT:
                return 1
            case JobType.MEDIUM:
                return min(2, self.places)
            case JobType.RESOURCE_INTENSIVE:
                return self.places


def _jitter(run: str) -> timedelta:
    """The same part of the jitter for the same run."""
    return GAP_JITTER * (int.from_bytes(hashlib.sha256(run.encode()).digest()[:4]) / 2**32)
