"""Which of the runs that wait may begin now."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cron.engine.overlap import side_by_side
from cron.engine.places import CATCH_UPS, GAP, GAP_JITTER, PATIENCE, PLACES, Candidate, Places
from cron.policy import JobType, Overlap
from tests.fakes import NOON

SECOND = timedelta(seconds=1)
LIGHT, MEDIUM, HEAVY = JobType.LIGHT, JobType.MEDIUM, JobType.RESOURCE_INTENSIVE


def run(name: str, **changes: Any) -> Candidate:
    """A run of a job of its own, in a session of its own."""
    return Candidate(**{"run": name, "job": f"job of {name}", "session": name, **changes})


def begun(places: Places, now: datetime = NOON) -> list[str]:
    """Those that begin now, in their order."""
    found = []
    while (one := places.begin(now)) is not None:
        found.append(one.run)
    return found


def test_four_begin_and_the_others_wait_in_their_order() -> None:
    places = Places()  # HP-09
    for n in range(6):
        places.wait(run(f"r{n}"))

    first = begun(places)
    places.drop("r2")
    second = begun(places)

    assert first == ["r0", "r1", "r2", "r3"]
    assert second == ["r4"]
    assert places.waiting == {"r5"}


@pytest.mark.parametrize("given", [0, -1])
def test_no_places_at_all_means_the_default(given: int) -> None:
    assert Places(given).places == PLACES == 4  # HP-10


def test_a_medium_run_takes_two_places_and_a_heavy_one_all() -> None:
    places = Places()  # HP-26, HP-27
    places.wait(run("medium", type=MEDIUM))
    places.wait(run("light"))
    places.wait(run("heavy", type=HEAVY))
    first = begun(places)
    places.drop("medium")
    places.drop("light")

    second = begun(places)

    assert first == ["medium", "light"]
    assert second == ["heavy"]


def test_only_one_heavy_run_works_at_a_time_and_nothing_beside_it() -> None:
    places = Places()  # HP-24
    for name in ("a", "b"):
        places.wait(run(name, type=HEAVY))
    places.wait(run("light"))

    assert begun(places) == ["a"]
    assert begun(places) == []


def test_one_place_is_enough_for_every_type() -> None:
    for kind in JobType:
        places = Places(1)
        places.wait(run("r", type=kind))

        assert begun(places) == ["r"]


def test_a_heavy_run_lets_light_ones_pass_for_a_while_and_then_none() -> None:
    places = Places()
    places.wait(run("works"))
    begun(places)
    places.wait(run("heavy", type=HEAVY))
    places.wait(run("quick"))
    passing = begun(places)
    places.wait(run("late"))

    after_a_while = begun(places, NOON + PATIENCE)
    places.drop("works")
    places.drop("quick")
    alone = begun(places, NOON + PATIENCE)

    assert passing == ["quick"]
    assert after_a_while == []
    assert alone == ["heavy"]


def test_light_runs_wait_for_one_heavy_run_and_not_for_a_row_of_them() -> None:
    places = Places()
    for name in ("heavy 1", "heavy 2"):
        places.wait(run(name, type=HEAVY))
    first = begun(places)
    places.wait(run("light"))
    places.wait(run("another"))
    places.drop("heavy 1")
    second = begun(places, NOON + SECOND)
    places.drop("light")
    places.drop("another")

    third = begun(places, NOON + 2 * SECOND)

    assert (first, second, third) == (["heavy 1"], ["light", "another"], ["heavy 2"])


def test_runs_of_one_job_work_one_after_the_other() -> None:
    places = Places()
    for name in ("r1", "r2"):
        places.wait(run(name, job="j", overlap=Overlap.BUFFER_ALL))

    first = begun(places)
    places.drop("r1")

    assert first == ["r1"]
    assert begun(places) == ["r2"]


def test_runs_of_one_job_work_side_by_side_where_it_lets_them() -> None:
    places = Places()
    for name in ("r1", "r2"):
        places.wait(run(name, job="j", overlap=Overlap.ALLOW_ALL))

    assert begun(places) == ["r1", "r2"]


def test_a_run_that_would_wait_for_its_own_job_works_in_isolation() -> None:
    places = Places()
    for name in ("r1", "r2"):
        places.wait(run(name, job="j", session="main", overlap=Overlap.FALLBACK_ISOLATED))

    found = [places.begin(NOON), places.begin(NOON)]

    assert [one and (one.run, one.isolated) for one in found] == [("r1", False), ("r2", True)]


def test_runs_in_one_session_take_one_place() -> None:
    places = Places()
    for name in ("r1", "r2", "r3"):
        places.wait(run(name, session="chat"))

    assert begun(places) == ["r1"]


def test_a_retry_waits_for_its_moment_without_a_place_and_keeps_its_job_waiting() -> None:
    places = Places(1)
    places.wait(run("r1", job="j", overlap=Overlap.BUFFER_ONE))
    begun(places)
    places.wait(run("r2", job="j", overlap=Overlap.BUFFER_ONE))
    places.wait(run("other"))

    places.wait_again("r1", NOON + 30 * SECOND)

    assert begun(places) == ["other"]
    places.drop("other")
    assert places.wake_at(NOON) == NOON + 30 * SECOND
    assert begun(places, NOON + 29 * SECOND) == []
    assert begun(places, NOON + 30 * SECOND) == ["r1"]


def test_catch_ups_begin_apart_and_never_more_than_two_work() -> None:
    places = Places()  # P-15
    for n in range(4):
        places.wait(run(f"r{n}", catch_up=True))
    first = begun(places)
    soon = places.wake_at(NOON)
    too_early = begun(places, NOON + GAP - SECOND)
    second = begun(places, NOON + GAP + GAP_JITTER)
    third = begun(places, NOON + 10 * GAP)

    assert (first, too_early, second, third) == (["r0"], [], ["r1"], [])
    assert soon is not None
    assert GAP <= soon - NOON <= GAP + GAP_JITTER
    places.drop("r0")
    assert begun(places, NOON + 10 * GAP) == ["r2"]


def test_what_is_on_time_passes_catch_ups_that_wait() -> None:
    places = Places()
    for n in range(3):
        places.wait(run(f"late {n}", catch_up=True))
    places.wait(run("on time"))

    assert begun(places) == ["late 0", "on time"]


def test_a_clock_that_was_set_back_keeps_no_catch_up_waiting_for_hours() -> None:
    places = Places()
    for n in range(2):
        places.wait(run(f"r{n}", catch_up=True))
    begun(places)

    assert begun(places, NOON - timedelta(hours=3)) == ["r1"]


def test_after_a_restart_the_first_catch_up_keeps_its_distance() -> None:
    places = Places()
    places.wait(run("r1", catch_up=True))

    places.spread(NOON)

    assert begun(places) == []
    assert begun(places, NOON + GAP) == ["r1"]


def test_a_new_run_does_not_overtake_one_that_could_begin() -> None:
    places = Places()
    places.wait(run("first"))

    found = places.begin_at_once(run("second"), NOON)

    assert found is None
    assert not places.knows("second")
    assert begun(places) == ["first"]


def test_a_later_run_replaces_the_earlier_ones_of_its_job_but_not_those_of_its_own_outage() -> None:
    places = Places()
    for name, late in (("r1", True), ("r2", True), ("r3", False)):
        places.wait(run(name, job="j", overlap=Overlap.CANCEL_OTHER, catch_up=late))
        if name == "r2":
            siblings = places.superseded()

    assert siblings == []
    assert places.superseded() == ["r1", "r2"]


# -- whatever happens --------------------------------------------------------------------------------------------


class AnyOrder(RuleBasedStateMachine):
    """Arrivals, ends, retries and the time, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.places = Places()
        self.now = NOON
        self.all: dict[str, Candidate] = {}
        self.catch_ups: list[datetime] = []
        self.count = 0

    def _note(self, name: str) -> None:
        if self.all[name].catch_up:
            self.catch_ups.append(self.now)

    def _run(self, job: int, kind: JobType, overlap: Overlap, late: bool) -> Candidate:
        self.count += 1
        made = run(f"r{self.count}", job=f"{overlap}{job}", type=kind, overlap=overlap, catch_up=late)
        self.all[made.run] = made
        return made

    @rule(
        job=st.integers(0, 3),
        kind=st.sampled_from(JobType),
        overlap=st.sampled_from(Overlap),
        late=st.booleans(),
        at_once=st.booleans(),
    )
    def arrives(self, job: int, kind: JobType, overlap: Overlap, late: bool, at_once: bool) -> None:
        one = self._run(job, kind, overlap, late)
        if at_once and self.places.begin_at_once(one, self.now) is not None:
            self._note(one.run)
        else:
            self.places.wait(one)

    @rule()
    def those_begin_that_may(self) -> None:
        for name in begun(self.places, self.now):
            self._note(name)

    @precondition(lambda self: self.places.working)
    @rule(data=st.data(), again=st.booleans())
    def one_ends(self, data: st.DataObject, again: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.places.working)))
        if again:
            self.places.wait_again(name, self.now + 30 * SECOND)
        else:
            self.places.drop(name)
            del self.all[name]

    @rule(seconds=st.integers(0, 40))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @invariant()
    def no_more_work_than_there_are_places(self) -> None:
        weights = {LIGHT: 1, MEDIUM: 2, HEAVY: 4}
        assert sum(weights[self.all[name].type] for name in self.places.working) <= self.places.places

    @invariant()
    def runs_of_one_job_overlap_only_where_it_lets_them(self) -> None:
        serial = [self.all[name].job for name in self.places.working if not side_by_side(self.all[name].overlap)]
        assert len(serial) == len(set(serial))

    @invariant()
    def nothing_is_lost(self) -> None:
        assert self.places.working | self.places.waiting == set(self.all)
        assert not self.places.working & self.places.waiting

    @invariant()
    def catch_ups_are_few_and_apart(self) -> None:
        assert sum(self.all[name].catch_up for name in self.places.working) <= CATCH_UPS
        assert all(later - one >= GAP for one, later in zip(self.catch_ups, self.catch_ups[1:], strict=False))

    def teardown(self) -> None:
        """In the end everything has begun: nobody waits for ever."""
        for _ in range(4 * self.count + 4):
            for name in begun(self.places, self.now):
                self._note(name)
            self.catch_ups_are_few_and_apart()
            for name in self.places.working:
                self.places.drop(name)
                del self.all[name]
            self.now += PATIENCE
        assert not self.all


AnyOrder.TestCase.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase
