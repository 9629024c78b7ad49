"""Commands under the names of another scheduler."""

from gateway.agent.due import EndStatus
from tests.command_line import CommandLine


def test_a_job_is_added_under_the_other_name(tocsin: CommandLine) -> None:
    printed = tocsin(
        "cron", "add_cron", "--cron", "*/30 * * * *", "--prompt", "Check the build", "--json"
    )  # HP-14

    assert printed.document["schedule"] == {"kind": "cron", "expr": "*/30 * * * *"}
    assert printed.document["payload"] == {"kind": "agent", "prompt": "Check the build"}


def test_all_jobs_are_listed_under_the_other_name(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    tocsin("cron", "disable", "a")

    listed = tocsin("cron", "list_crons", "--json")  # HP-15

    assert [job["name"] for job in listed.document["jobs"]] == ["a"]
    assert "a" in tocsin("cron", "list_crons").out


def test_the_last_runs_of_a_job_are_listed_under_the_other_name(tocsin: CommandLine) -> None:
    job = tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    for _ in range(2):
        tocsin.past_run("a")
    tocsin.past_run("a", EndStatus.FAILED, "no network")

    listed = tocsin("cron", "list_runs", "--job-id", job["id"], "--last", "2", "--json")  # HP-16

    assert [run["job_name"] for run in listed.document["runs"]] == ["a", "a"]
    assert [run["error"] for run in listed.document["runs"]] == ["no network", None]


def test_the_help_shows_our_names_only(tocsin: CommandLine) -> None:
    printed = tocsin("cron", "--help")

    assert "  list " in printed.out
    assert "list_crons" not in printed.out
    assert "add_cron" not in printed.out
