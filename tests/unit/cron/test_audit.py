"""What the audit says of a change of a job."""

from dataclasses import replace

import pytest

from cron.audit import LONGEST, change_of
from cron.job import AgentPrompt, JobStatus
from cron.policy import Delivery, DeliveryMode, Hook
from tests.jobs import NOON, new_job

JOB = new_job(uid="a1b2c3d4-0000-4000-8000-000000000000", id="a1b2c3d4")


def test_a_new_job_is_added_and_a_gone_one_removed() -> None:
    added, removed = change_of(None, JOB), change_of(JOB, None)

    assert added is not None
    assert removed is not None
    assert (added.what, added.before, removed.what, removed.after) == ("cron.add", None, "cron.remove", None)
    assert added.after == removed.before
    assert (added.after or {})["name"] == "news"


def test_an_update_tells_only_the_fields_that_changed_before_and_after() -> None:
    change = change_of(JOB, replace(JOB, name="weather", revision=2))  # PRX-81

    assert change is not None
    assert (change.what, change.before, change.after) == ("cron.update", {"name": "news"}, {"name": "weather"})


@pytest.mark.parametrize(
    ("status", "verb"), [(JobStatus.DISABLED, "cron.disable"), (JobStatus.PAUSED, "cron.disable")]
)
def test_switching_is_told_as_such(status: JobStatus, verb: str) -> None:
    off = replace(JOB, status=status, status_reason="why", changed_at=NOON)

    there, back = change_of(JOB, off), change_of(off, JOB)

    assert there is not None
    assert back is not None
    assert (there.what, back.what) == (verb, "cron.enable")
    assert (there.after or {})["status_reason"] == "why"


def test_what_runs_remember_and_what_only_follows_is_not_audited() -> None:
    assert change_of(JOB, JOB) is None
    assert change_of(JOB, replace(JOB, state={"n": 1}, state_revision=1, revision=2, stamp="t.1.0")) is None


def test_no_token_and_no_path_of_an_address_is_in_a_row() -> None:
    hook = Hook(url="https://me:pw@hooks.example.org/T0/secret?key=1", token="very-secret")
    job = replace(JOB, delivery=Delivery(mode=DeliveryMode.WEBHOOK, hook=hook), on_fail=hook, extra={"x": "odd"})

    change = change_of(None, job)

    assert change is not None
    text = str(change.after)
    assert "https://hooks.example.org/" in text
    assert not [word for word in ("secret?", "very-", "pw@", "T0", "odd") if word in text]


def test_a_changed_token_shows_that_it_changed_and_not_to_what() -> None:
    old, new = (replace(JOB, on_fail=Hook(url="https://h.example.org/x", token=token)) for token in ("a", "b"))

    change = change_of(old, new)

    assert change is not None
    assert change.what == "cron.update"
    assert change.before == change.after


def test_a_long_prompt_is_cut() -> None:
    change = change_of(None, replace(JOB, payload=AgentPrompt(prompt="x" * 100_000)))

    assert change is not None
    assert len(str(change.after)) < LONGEST + 1_000


def test_a_job_that_cannot_be_read_is_told_by_its_name() -> None:
    broken = replace(JOB, schedule=None, status=JobStatus.BROKEN, status_reason="odd", broken=["?"])

    change = change_of(broken, None)

    assert change is not None
    assert change.before == {"name": "news", "status": "broken", "status_reason": "odd"}
