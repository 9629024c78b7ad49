"""Jobs that do not run any more are found and removed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cron.job import JobStatus
from cron.making.declared import GONE
from tests.command_line import CommandLine


@pytest.fixture
def three(tocsin: CommandLine) -> CommandLine:
    """One that fires, one that was switched off today, one that was long ago."""
    for name in ("fires", "new", "old"):
        tocsin.add("--name", name, "--say", "x", "--every", "1h")
    for name in ("new", "old"):
        tocsin("cron", "disable", name)
    tocsin.kept.jobs.put(replace(tocsin.jobs["old"], created_at=datetime.now(UTC) - timedelta(days=40)))
    return tocsin


def test_a_dry_run_says_which_and_changes_nothing(three: CommandLine) -> None:
    before = (three.path / "cron.json").read_bytes()

    printed = three("cron", "prune", "--dry-run")  # OC-31

    assert printed.status == 0
    assert ('"old"' in printed.out, '"new"' in printed.out, '"fires"' in printed.out) == (True, False, False)
    assert "1 job would be removed." in printed.out
    assert (three.path / "cron.json").read_bytes() == before


def test_those_that_are_over_for_long_are_removed_and_audited(three: CommandLine) -> None:
    removed = three("cron", "prune", "--json").document

    assert [job["name"] for job in removed["jobs"]] == ["old"]
    assert three.jobs.keys() == {"fires", "new"}
    assert three("audit", "--json").document["audit"][0]["what"] == "cron.remove"
    assert three("cron", "prune").out == "0 jobs removed.\n"


def test_the_age_is_asked_for(three: CommandLine) -> None:
    three("cron", "prune", "--stale-days", "0")

    assert three.jobs.keys() == {"fires"}


def test_jobs_of_the_configuration_and_those_that_wait_for_a_person_are_left(three: CommandLine) -> None:
    store, jobs = three.kept.jobs, three.jobs
    store.put(replace(jobs["old"], declared=True))
    store.put(replace(jobs["new"], status=JobStatus.PENDING_APPROVAL))

    three("cron", "prune", "--stale-days", "0")

    assert three.jobs.keys() == {"fires", "new", "old"}


def test_the_stale_ones_are_listed_the_same_way(three: CommandLine) -> None:
    listed = three("cron", "list", "--stale-days", "30", "--json").document["jobs"]  # OC-31
    doomed = three("cron", "prune", "--dry-run", "--json").document["jobs"]

    assert [job["name"] for job in listed] == [job["name"] for job in doomed] == ["old"]


@pytest.mark.parametrize(("reason", "left"), [("it has run", True), (GONE, False)])
def test_a_task_that_is_over_is_left_while_the_configuration_would_make_it_anew(
    three: CommandLine, reason: str, left: bool
) -> None:
    three.kept.jobs.put(replace(three.jobs["old"], declared=True, status_reason=reason))

    three("cron", "prune")

    assert ("old" in three.jobs) is left
