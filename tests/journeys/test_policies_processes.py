"""The policies of jobs over real processes: one gateway is killed, and the next one goes on by the same rules."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from cron.engine.places import GAP
from cron.job import AgentPrompt, JobStatus, Say, Shell
from cron.policy import AfterRun, JobType, Misfire, Overlap, Retry
from cron.schedule import At, Every
from cron.stores.json_file import JsonFileStore
from gateway.agent.model import Prompt
from gateway.agent.models.scripted import Line
from gateway.clock import from_text, to_text
from tests.journeys import processes
from tests.journeys.crash_child import Place, QuickClock
from tests.journeys.lives import asked_for, by_name, ended, statuses, texts
from tests.journeys.platform import NAME
from tests.journeys.test_consequences_of_two_processes import House
from tests.journeys.test_engine_processes import CHAT, SECOND, alive, hanging, obedient, put, table, wait

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(60)]


# -- misfire, and catching up ------------------------------------------------------------------------------------


def test_what_a_killed_gateway_has_missed_is_made_up_for_as_each_job_says(tmp_path: Path) -> None:
    # P-10, P-11, P-12, C-16
    place, first = Place(tmp_path), QuickClock().now() + 60 * SECOND
    late = {"schedule": Every(2 * SECOND, first), "expires_at": first + 23 * SECOND, "payload": Say(text="tea")}
    put(place, name="once", **late)
    put(place, name="skip", misfire=Misfire.SKIP, **late)
    put(place, name="all", misfire=Misfire.FIRE_ALL, **late)
    put(place, name="window", misfire_window=3 * SECOND, **late)
    with alive(place, obedient):
        assert not statuses(place)

    wait(lambda: QuickClock().now() > first + 30 * SECOND)
    with alive(place, obedient):
        wait(ended(place, 15))
        wait(lambda: texts(place).count("tea") == 11)

    found = table(
        place, "SELECT job ->> 'name', status, cause, count(*), max(missed_count) FROM runs GROUP BY 1, 2, 3"
    )
    assert sorted(found) == [
        ("all", "missed", "schedule", 1, 2),
        ("all", "succeeded", "catch_up", 10, 2),
        ("once", "missed", "schedule", 1, 11),
        ("once", "succeeded", "catch_up", 1, 11),
        ("skip", "missed", "schedule", 1, 12),
        ("window", "missed", "schedule", 1, 12),
    ]


def test_catching_up_is_spread_also_when_the_gateway_is_killed_in_the_middle_of_it(tmp_path: Path) -> None:
    # P-15
    place, due = Place(tmp_path), QuickClock().now() + 40 * SECOND
    for n in range(5):
        put(place, name=f"job {n}", payload=AgentPrompt(prompt=f"say {n}"), schedule=At(due))
    begun = "SELECT started_at FROM runs WHERE started_at IS NOT NULL ORDER BY started_at"

    def talking(prompt: Prompt) -> Line:
        return "hi" if asked_for(prompt)[1] == "hello" else obedient(prompt)

    with alive(place, talking):
        assert not statuses(place)
    wait(lambda: QuickClock().now() > due + 10 * SECOND)
    with alive(place, talking):
        wait(lambda: table(place, begun))
        place.platform.say("1", CHAT.chat, "hello")
        wait(lambda: "hi" in texts(place))
        answered_after = len(table(place, begun))
        wait(lambda: len(table(place, begun)) >= 2)
    with alive(place, talking):
        wait(ended(place, 5))

    moments = [from_text(at) for (at,) in table(place, begun)]
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert answered_after < 5  # the chat did not wait for what was made up for
    assert statuses(place) == {"succeeded": 5}
    assert min(gaps) > GAP / 2  # a tenth of a second between the decision and its record is 2 s of this clock
    assert moments[-1] - moments[0] > 4 * GAP - 2 * SECOND


# -- overlap, places, timeout ------------------------------------------------------------------------------------


def test_runs_that_meet_keep_to_their_jobs_policy_over_a_kill(tmp_path: Path) -> None:
    # P-22, P-23, NOX-19
    place, first = Place(tmp_path), QuickClock().now() + 20 * SECOND
    thrice = {"schedule": Every(20 * SECOND, first), "expires_at": first + 45 * SECOND}
    for overlap in (Overlap.SKIP, Overlap.BUFFER_ONE, Overlap.BUFFER_ALL, Overlap.CANCEL_OTHER):
        put(place, name=overlap, payload=AgentPrompt(prompt=f"say {overlap}"), overlap=overlap, **thrice)

    with alive(place, hanging):
        wait(lambda: statuses(place).total() == 12 and statuses(place)["cancelled"] == 2)
        wait(lambda: statuses(place)["running"] == 4)
    with alive(place, obedient):
        wait(ended(place, 12))
        wait(lambda: len(texts(place)) >= 7)

    found = table(place, "SELECT job ->> 'name', status, count(*) FROM runs GROUP BY 1, 2")
    assert sorted(found) == [
        ("buffer_all", "succeeded", 3),
        ("buffer_one", "skipped", 1),
        ("buffer_one", "succeeded", 2),
        ("cancel_other", "cancelled", 2),
        ("cancel_other", "succeeded", 1),
        ("skip", "skipped", 2),
        ("skip", "succeeded", 1),
    ]
    assert Counter(texts(place)) == {"buffer_all": 3, "buffer_one": 2, "cancel_other": 1, "skip": 1}


def test_runs_that_work_side_by_side_go_on_side_by_side_after_a_kill(tmp_path: Path) -> None:
    # P-22, P-23, NOX-20
    place, first = Place(tmp_path), QuickClock().now() + 20 * SECOND
    twice = {"schedule": Every(20 * SECOND, first), "expires_at": first + 25 * SECOND, "session": "session:diary"}
    put(place, name="beside", overlap=Overlap.FALLBACK_ISOLATED, **twice)
    put(place, name="all", overlap=Overlap.ALLOW_ALL, **(twice | {"session": "isolated"}))

    with alive(place, hanging):
        wait(lambda: statuses(place) == {"running": 4})
    with alive(place, hanging):
        wait(lambda: table(place, "SELECT count(*) FROM turns WHERE claims = 2") == [(4,)])
    with alive(place, obedient):
        wait(ended(place, 4))

    sessions = Counter(session.partition(":")[0] for (session,) in table(place, "SELECT session FROM turns"))
    assert statuses(place) == {"succeeded": 4}
    assert sessions == {"session": 1, "cron": 3, NAME: 4}  # the chat is told what each of them has said to it


def test_a_run_that_takes_the_whole_machine_still_has_it_alone_after_a_kill(tmp_path: Path) -> None:
    # HP-24, C-14
    place, now = Place(tmp_path), QuickClock().now()
    put(place, name="heavy", type=JobType.RESOURCE_INTENSIVE, schedule=At(now + 10 * SECOND))
    for name in ("light", "medium"):
        put(place, name=name, type=JobType(name), schedule=At(now + 20 * SECOND))
    apart = {"heavy": ["running", 0], "light": ["queued", 1], "medium": ["queued", 1]}

    with alive(place, hanging):
        wait(lambda: by_name(place, "status, held") == apart)
    with alive(place, hanging):
        wait(lambda: table(place, "SELECT count(*) FROM turns WHERE claims = 2") == [(1,)])
        still = by_name(place, "status, held")
    with alive(place, obedient):
        wait(ended(place, 3))

    moments = by_name(place, "started_at, finished_at")
    assert still == apart
    assert statuses(place) == {"succeeded": 3}
    assert min(moments["light"][0], moments["medium"][0]) >= moments["heavy"][1]


def test_a_run_that_took_too_long_is_tried_again_by_the_next_process_if_its_job_says_so(tmp_path: Path) -> None:
    # P-28, C-22
    place = Place(tmp_path)
    put(place, name="again", timeout=10 * SECOND, retry=Retry(attempts=2, backoff=(60 * SECOND,)))
    put(place, name="once", timeout=10 * SECOND, retry=Retry(attempts=1))

    with alive(place, hanging):
        wait(lambda: statuses(place) == {"retry_wait": 1, "timed_out": 1})
    with alive(place, obedient):
        wait(ended(place, 2))
        wait(lambda: "a" in texts(place))

    stored = {job.name: job.status for job in JsonFileStore(place.home.file("cron.json")).load().values()}
    assert by_name(place, "status, attempt") == {"again": ["succeeded", 2], "once": ["timed_out", 1]}
    assert stored == {"again": JobStatus.ENABLED, "once": JobStatus.DISABLED}
    assert texts(place).count("a") == 1


# -- limits, and what becomes of a job ---------------------------------------------------------------------------


def test_a_job_begins_and_expires_when_it_says_whichever_process_is_there(tmp_path: Path) -> None:
    # P-12, P-17
    place, now = Place(tmp_path), QuickClock().now().replace(microsecond=0)
    begins, expires = now + 40 * SECOND, now + 90 * SECOND
    put(
        place,
        payload=Say(text="tick"),
        schedule=Every(10 * SECOND, now),
        start_at=begins,
        expires_at=expires,
        jitter=8 * SECOND,
        after_run=AfterRun.DELETE,
    )

    with alive(place, obedient):
        wait(lambda: statuses(place).total() >= 2)
    with alive(place, obedient):
        wait(lambda: not JsonFileStore(place.home.file("cron.json")).load())

    rows = table(place, "SELECT scheduled_at, CASE status WHEN 'missed' THEN missed_count ELSE 1 END FROM runs")
    moments = [from_text(at) for at, _ in rows]
    assert begins <= min(moments) <= max(moments) < expires
    assert len({(at - now) % (10 * SECOND) for at in moments}) == 1  # the jitter of a job is always the same
    assert sum(count for _, count in rows) == 5  # each occurrence has its one outcome


def test_a_job_makes_its_runs_and_no_more_over_a_restart(tmp_path: Path) -> None:
    house, now = House(tmp_path), datetime.now(UTC)
    every = Every(timedelta(seconds=1), now)
    job = house.put(name="tick", payload=Say(text="tick"), schedule=every, created_at=now, max_runs=4)

    for enough in (lambda: "succeeded" in dict(house.runs_of(job)), lambda: job.uid not in house.store.load()):
        with processes.gateway(house.path, errors=house.errors):
            wait(enough)

    assert Counter(status for status, _ in house.runs_of(job))["succeeded"] == 4
    assert house.rows("SELECT count(*) FROM outbox WHERE caller = 'reminder'") == [(4,)]


def test_what_becomes_of_a_one_shot_is_so_after_a_kill_and_its_history_is_kept(tmp_path: Path) -> None:
    # P-09, C-05
    house, now = House(tmp_path), datetime.now(UTC)
    once = {"schedule": At(now), "created_at": now}
    for after_run in AfterRun:
        house.put(name=after_run, payload=Say(text="tea"), after_run=after_run, **once)
    house.put(name="shell", payload=Shell(command="true"), **once)
    house.put(name="check", check="true", **once)
    settled = {
        "disable": (JobStatus.DISABLED, "it has run"),
        "keep": (JobStatus.ENABLED, ""),
        "shell": (JobStatus.DISABLED, "shell commands wait for a sandbox, which this version does not have"),
        "check": (JobStatus.DISABLED, "shell commands wait for a sandbox, which this version does not have"),
    }

    with processes.gateway(house.path, errors=house.errors):
        wait(lambda: house.rows("SELECT count(finished_at) FROM runs") == [(5,)])
    with processes.gateway(house.path, errors=house.errors):
        wait(lambda: {job.name: (job.status, job.status_reason) for job in house.store.load().values()} == settled)

    found = house.rows("SELECT job ->> 'name', status, error_class FROM runs")
    assert sorted(found) == [
        ("check", "failed", "permission"),
        ("delete", "succeeded", None),
        ("disable", "succeeded", None),
        ("keep", "succeeded", None),
        ("shell", "failed", "permission"),
    ]


def test_a_job_that_is_disabled_and_enabled_beside_a_gateway_makes_up_for_nothing(tmp_path: Path) -> None:
    # P-18
    house, now, second = House(tmp_path), datetime.now(UTC), timedelta(seconds=1)
    job = house.put(name="tick", payload=Say(text="tick"), schedule=Every(second, now), created_at=now)

    with processes.gateway(house.path, errors=house.errors):
        wait(lambda: len(house.runs_of(job)) >= 2)
        disabled = house.call("cron", "disable", "tick")
        off = datetime.now(UTC) + second  # by then the gateway has seen it
        wait(lambda: datetime.now(UTC) > off + 3 * second)
        on = datetime.now(UTC)
        enabled = house.call("cron", "enable", "tick")
        wait(lambda: house.rows("SELECT 1 FROM runs WHERE scheduled_at > ?", to_text(on)))

    between = (to_text(off), to_text(on))
    within = "SELECT status FROM runs WHERE scheduled_at BETWEEN ? AND ? OR missed_until BETWEEN ? AND ?"
    assert (disabled, enabled) == (0, 0)
    assert house.rows(within, *between, *between) == []
