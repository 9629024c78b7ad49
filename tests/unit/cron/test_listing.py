"""Jobs and runs in words."""

from dataclasses import replace
from datetime import timedelta

import pytest

from cron import listing
from cron.job import AgentPrompt, JobStatus, Say, SystemEvent
from cron.overview import Facts
from cron.run import Run, RunStatus, Trigger
from cron.schedule import At, Cron, Every
from tests.fakes import NOON
from tests.jobs import new_job

HOUR = timedelta(hours=1)
TEA = new_job(uid="u1", id="a1b2c3d4", name="tea", schedule=Every(HOUR, NOON), payload=Say(text="Tea is ready"))
FACTS = Facts(next_run=NOON + HOUR)


def test_an_echo_says_the_text_the_absolute_time_and_the_zone() -> None:
    assert listing.echo(TEA, FACTS, done="Scheduled", note="(a hint)") == (
        'Scheduled "tea" (a1b2c3d4): every 1h.\n'
        "Next: 2026-03-02 14:00 Mon (Europe/Berlin).\n"
        "It says: Tea is ready\n"
        "(a hint)"
    )


def test_an_echo_of_a_one_shot_says_when() -> None:
    text = listing.echo(replace(TEA, schedule=At(NOON + HOUR)), FACTS, done="Scheduled")

    assert "once at 2026-03-02 14:00 (Europe/Berlin)" in text


def test_an_echo_of_a_stopped_job_says_that_it_will_not_fire() -> None:
    assert "never, it is not enabled" in listing.echo(TEA, Facts(), done="Changed")


def test_an_echo_warns_of_a_job_that_asks_a_model_very_often() -> None:
    look = replace(TEA, payload=AgentPrompt(prompt="look"), schedule=Every(timedelta(minutes=1), NOON))

    assert "1440 turns of the model a day" in listing.echo(look, FACTS, done="Scheduled")


def test_a_list_of_nothing_says_so() -> None:
    assert listing.job_list([], {}) == "Nothing is scheduled."


def test_a_list_has_a_line_a_job() -> None:
    jobs = [
        TEA,
        replace(
            TEA,
            uid="u2",
            id="b",
            name="paper",
            schedule=Cron("0 9 * * 1-5", "UTC"),
            payload=AgentPrompt(prompt="r"),
        ),
        replace(TEA, uid="u3", id="c", status=JobStatus.PAUSED, status_reason="it failed 10 times"),
        replace(TEA, uid="u4", id="d", schedule=At(NOON)),
        replace(TEA, uid="u5", id="e", schedule=None, status=JobStatus.BROKEN, status_reason="cron: odd"),
    ]
    facts = {"u1": FACTS, "u2": FACTS, "u3": Facts(), "u4": Facts(), "u5": Facts()}

    assert listing.job_list(jobs, facts).splitlines() == [
        "5 jobs:",
        '- "tea" (a1b2c3d4): every 1h, next 2026-03-02 14:00 Mon (Europe/Berlin), says: Tea is ready',
        '- "paper" (b): At 09:00, Monday through Friday (UTC), next 2026-03-02 14:00 Mon (Europe/Berlin), does: r',
        '- "tea" (c): every 1h, paused (it failed 10 times), says: Tea is ready',
        '- "tea" (d): once at 2026-03-02 13:00 (Europe/Berlin), over, says: Tea is ready',
        '- "tea" (e): unreadable (cron: odd), broken (cron: odd), says: Tea is ready',
    ]


def test_a_long_text_is_cut_in_a_list_and_stands_in_one_line() -> None:
    job = replace(TEA, payload=SystemEvent(text="line one\nline two " + "x" * 500))

    (_, line) = listing.job_list([job], {"u1": FACTS}).splitlines()

    assert "event: line one line two xx" in line
    assert line.endswith("…")
    assert len(line) < 250


def test_one_job_is_shown_with_everything_that_is_known_of_it() -> None:
    facts = Facts(next_run=NOON + HOUR, last_run=NOON, last_status="failed", last_error="no key", run_count=7)

    text = listing.job_text(replace(TEA, state={"n": 1}), facts)  # AB-15

    assert text.splitlines() == [
        '"tea" (a1b2c3d4), enabled',
        "Schedule: every 1h",
        "Next run: 2026-03-02 14:00 Mon (Europe/Berlin)",
        "Last run: 2026-03-02 13:00 Mon (Europe/Berlin) (failed), 7 so far",
        "It says: Tea is ready",
        'State: {"n":1}',
        "Last error: no key",
    ]


def run(**changes: object) -> Run:
    given = {
        "id": "r1",
        "job_uid": "u1",
        "job_id": "a1b2c3d4",
        "job_name": "tea",
        "occurrence": "o",
        "status": RunStatus.SUCCEEDED,
        "trigger": Trigger.SCHEDULE,
        "scheduled_at": NOON,
        "trace_id": "t",
        **changes,
    }
    return Run(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ([], "There are no runs yet."),
        ([run()], '- r1 "tea" (a1b2c3d4), due 2026-03-02 13:00 Mon: succeeded'),
        (
            [run(status=RunStatus.MISSED, missed_count=3, error="away")],
            '- r1 "tea" (a1b2c3d4), due 2026-03-02 13:00 Mon: missed, 3 occurrences - away',
        ),
        (
            [run(status=RunStatus.FAILED, error="a\nb")],
            '- r1 "tea" (a1b2c3d4), due 2026-03-02 13:00 Mon: failed - a b',
        ),
    ],
)
def test_runs_are_a_line_each(found: list[Run], line: str) -> None:
    assert listing.run_list(found, "Europe/Berlin") == line
