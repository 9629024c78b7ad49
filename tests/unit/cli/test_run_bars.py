"""How long runs took, at a glance."""

from dataclasses import replace
from datetime import timedelta

import pytest

from cron.run import Run, RunStatus, Trigger
from gateway.cli.run_bars import WIDTH, bar, bars, span
from tests.command_line import CommandLine
from tests.fakes import NOON

RUN = Run(
    id="r1",
    job_uid="u",
    job_id="u",
    job_name="a",
    occurrence="o",
    status=RunStatus.SUCCEEDED,
    trigger=Trigger.SCHEDULE,
    scheduled_at=NOON,
    trace_id="t",
)


def took(seconds: float) -> Run:
    return replace(RUN, started_at=NOON, finished_at=NOON + timedelta(seconds=seconds))


def test_the_longest_fills_its_bar_and_the_others_are_in_proportion() -> None:
    assert bars([took(10), took(5), took(0)]) == [
        "██████████  10 s",
        "█████      5.0 s",
        "           0.0 s",
    ]


def test_a_run_that_has_not_ended_has_no_time() -> None:
    assert bars([RUN]) == [" " * (WIDTH + 1)]
    assert bars([]) == []


@pytest.mark.parametrize(
    ("part", "drawn"), [(0, ""), (0.0001, "▏"), (0.5, "█████"), (0.51, "█████▏"), (1, "█" * 10), (7, "█" * 10)]
)
def test_a_bar_is_as_long_as_its_part(part: float, drawn: str) -> None:
    assert bar(part) == drawn.ljust(WIDTH)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (42.4, "42 s"), (300, "5.0 min"), (7_200, "2.0 h")]
)
def test_times_are_in_the_unit_that_people_use(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_the_history_shows_a_bar_before_each_run(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    tocsin.past_run("a")

    (line,) = tocsin("cron", "runs").lines

    assert line[0] in "█▏▎▍▌▋▊▉"
    assert ": succeeded" in line
