"""The history of runs on the command line."""

from gateway.agent.due import EndStatus
from tests.command_line import CommandLine

FIELDS = {
    "id",
    "job_id",
    "scheduled_at",
    "started_at",
    "finished_at",
    "duration_ms",
    "status",
    "trigger",
    "attempt",
    "late_by_ms",
    "trace_id",
    "output",
    "error",
    "error_class",
    "delivery_status",
    "messages_sent",
}


def test_runs_are_newest_first_with_all_their_fields(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    first, second = tocsin.past_run("a"), tocsin.past_run("a", EndStatus.FAILED, "it broke")

    found = tocsin("cron", "runs", "a", "--json").document["runs"]

    assert [run["id"] for run in found] == [second, first]  # PRX-34
    assert found[0].keys() >= FIELDS
    assert (found[0]["status"], found[0]["error"], found[1]["error"]) == ("failed", "it broke", None)


def test_twenty_are_shown_unless_another_number_is_asked_for(tocsin: CommandLine) -> None:
    tocsin.add("--name", "daily-report", "--say", "x", "--every", "1h")
    for _ in range(22):
        tocsin.past_run("daily-report")

    usual, five = tocsin("cron", "runs"), tocsin("cron", "runs", "--name", "daily-report", "--limit", "5")

    assert (len(usual.lines), len(five.lines)) == (20, 5)  # PRX-36, PRX-67


def test_without_a_job_the_runs_of_all_are_shown(tocsin: CommandLine) -> None:
    for name in ("a", "b"):
        tocsin.add("--name", name, "--say", "x", "--every", "1h")
        tocsin.past_run(name)

    found = tocsin("cron", "runs", "--json").document["runs"]

    assert {run["job_name"] for run in found} == {"a", "b"}  # PRX-35


def test_the_history_of_a_removed_job_is_found_by_its_name_and_id(tocsin: CommandLine) -> None:
    job = tocsin.add("--name", "gone", "--say", "x", "--every", "1h")
    run = tocsin.past_run("gone")
    tocsin("cron", "remove", "gone")

    for reference in ("gone", job["id"]):
        assert tocsin("cron", "runs", reference, "--json").document["runs"][0]["id"] == run


def test_there_may_be_none_and_an_unknown_job_is_an_error(tocsin: CommandLine) -> None:
    none, unknown = tocsin("cron", "runs"), tocsin("cron", "runs", "nope")
    both = tocsin("cron", "runs", "a", "--name", "b")

    assert (none.status, none.out) == (0, "There are no runs yet.\n")
    assert (unknown.status, both.status) == (1, 2)
    assert not tocsin.path.exists()
