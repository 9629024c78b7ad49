"""Trying a prompt before a job is made of it."""

import pytest

from cron.endings.alerts import told_in
from gateway.cli.cron_test import job_to_try
from gateway.messages import ChatAddress
from tests.command_line import CommandLine
from tests.fakes import NOON


def test_a_prompt_is_tried_as_a_scheduled_run_and_no_job_is_kept(tocsin: CommandLine) -> None:
    printed = tocsin("cron", "test", "--prompt", "help", "--json")  # OC-29

    run = printed.document
    assert (printed.status, run["status"], run["trigger"], run["job_name"]) == (0, "succeeded", "manual", "test")
    assert tocsin.jobs == {}


def test_a_dry_run_shows_the_prompt_and_speaks_to_nobody(tocsin: CommandLine) -> None:
    tocsin.configure('[cron]\ndefault_target = "telegram:42"\n')

    printed = tocsin("cron", "test", "--message", "What is new?", "--dry-run")  # OC-29

    assert printed.status == 0
    assert "<prompt>\nWhat is new?\n</prompt>" in printed.out
    assert "This job works silently" in printed.out
    assert 'of "test"' in printed.out
    assert tocsin("outbox", "list", "--json").document["messages"] == []


def test_an_empty_prompt_is_refused(tocsin: CommandLine) -> None:
    printed = tocsin("cron", "test", "--prompt", " ")

    assert (printed.status, "--prompt is empty" in printed.err) == (2, True)
    assert not tocsin.path.exists()


@pytest.mark.parametrize(("silent", "channel"), [(True, "log"), (False, "telegram")])
def test_what_goes_wrong_in_a_dry_run_is_told_to_nobody(silent: bool, channel: str) -> None:
    """OC-29"""
    job = job_to_try("look", now=NOON, zone="UTC", silent=silent)

    assert told_in(job, ChatAddress(channel="telegram", chat="42")).channel == channel


def test_what_fails_when_it_is_tried_is_told_at_once_and_not_tried_again() -> None:
    """Somebody waits at a terminal: OC-29."""
    job = job_to_try("look", now=NOON, zone="UTC", silent=False)

    assert job.retry.attempts == 1


def test_a_task_is_tried_before_it_is_a_job_and_again_when_it_is_one(tocsin: CommandLine) -> None:
    dry = tocsin("cron", "test", "--message", "help", "--dry-run")  # OC-29
    job = tocsin.add("--name", "helper", "--prompt", "help", "--cron", "0 9 1 1 *")

    run = tocsin("cron", "run", job["id"], "--json").document

    assert (dry.status, "<prompt>\nhelp\n</prompt>" in dry.out) == (0, True)
    assert (run["status"], run["trigger"], run["job_id"]) == ("succeeded", "manual", job["id"])
    assert run["output"] != ""
    assert tocsin.job("helper")["next_run"] == job["next_run"]
