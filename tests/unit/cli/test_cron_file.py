"""A job as an object in a file, laid over one that is stored."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cron.job import JobStatus
from cron.making.draft import Draft, Maker, new_job
from gateway.cli import cron_file
from gateway.errors import ScheduleError
from tests.fakes import NOON

OPERATOR = Maker(now=NOON, zone="UTC", admin=True)
LATER = replace(OPERATOR, now=NOON + timedelta(days=1))
JOB = replace(new_job(Draft(prompt="look", every="1h", exclude="sat"), OPERATOR, ()), revision=1)


@pytest.mark.parametrize("given", [{"enabled": True}, {"exclude": {"weekdays": ["sun"]}}, {"every": "2h"}])
def test_what_lets_a_job_fire_at_other_moments_is_noted_as_a_change(given: dict[str, Any]) -> None:
    """P-18"""
    paused = replace(JOB, status=JobStatus.PAUSED, status_reason="it has failed 10 times in a row")

    assert cron_file.overlaid(paused, given, LATER).changed_at == LATER.now


def test_another_name_is_no_change_of_when_a_job_fires() -> None:
    assert cron_file.overlaid(JOB, {"name": "news"}, LATER) == replace(JOB, name="news")


@pytest.mark.parametrize("key", ["expr", "cronExpr", "cron", "schedule"])
def test_a_schedule_of_which_nothing_is_left_is_refused_under_every_name(key: str) -> None:
    with pytest.raises(ScheduleError, match="it would never run"):
        cron_file.overlaid(JOB, {key: "0 9 * * 6"}, LATER)
