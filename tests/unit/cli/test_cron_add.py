"""Making and changing jobs on the command line."""

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import pytest

from cron.job import Job
from cron.store import JobStore
from cron.stores.memory import MemoryStore
from gateway.cli.cron_add import Desk
from gateway.cli.cron_flags import Flags
from gateway.cli.kept import Kept
from gateway.cli.main import Call
from gateway.config import Config
from gateway.home import Home
from tests.command_line import CommandLine
from tests.jobs import new_job

EVERY_HOUR = ("--every", "1h")


def test_a_job_that_reports_elsewhere_says_where(tocsin: CommandLine) -> None:
    delivery = '{"mode": "channel", "channel": "log", "to": "reports"}'

    printed = tocsin("cron", "add", "--name", "standup", "--message", "hi", *EVERY_HOUR, "--delivery", delivery)

    assert printed.status == 0
    assert "It speaks to log:reports." in printed.lines


def test_a_job_of_the_command_line_belongs_to_nobody_and_says_where_it_speaks(tocsin: CommandLine) -> None:
    printed = tocsin("cron", "add", "--name", "standup", "--message", "hi", "--every", "60")  # AB-50, AB-64

    job = tocsin.job("standup")
    assert printed.status == 0
    assert "It speaks to nobody: its words go to the log" in printed.out
    assert "No gateway is running; jobs fire while `tocsin run` does." in printed.lines
    assert (job["owner"], job["address"], job["created_by"]) == (None, None, "operator")
    assert job["payload"] == {"kind": "agent", "prompt": "hi"}


def test_a_plain_number_of_seconds_and_a_duration_are_the_same(tocsin: CommandLine) -> None:
    seconds = tocsin.add("--say", "a", "--every", "3600")  # AB-47
    hour = tocsin.add("--say", "b", "--every", "1h")

    assert seconds["schedule"]["every"] == hour["schedule"]["every"] == "1h"


def test_an_expression_and_a_time_are_taken_as_flags(tocsin: CommandLine) -> None:
    """AB-48, AB-49."""
    daily = tocsin.add("--name", "standup", "--message", "hi", "--cron", "0 9 * * 1-5")
    once = tocsin.add("--name", "launch", "--message", "hi", "--at", "2099-04-25T09:00:00")
    past = tocsin("cron", "add", "--name", "late", "--message", "hi", "--at", "2020-04-25T09:00:00")

    assert daily["schedule"] == {"kind": "cron", "expr": "0 9 * * 1-5"}
    assert once["schedule"] == {"kind": "at", "at": "2099-04-25T09:00:00Z"}
    assert (past.status, "in the past" in past.err) == (2, True)
    assert set(tocsin.jobs) == {"standup", "launch"}


def test_the_jobs_lie_where_the_configuration_says(tocsin: CommandLine) -> None:
    tocsin.configure('[cron]\nstore_path = "./jobs/mine.json"\n')  # AB-31, C-27

    tocsin.add("--name", "a", "--say", "x", *EVERY_HOUR)

    assert '"name":"a"' in (tocsin.path / "jobs" / "mine.json").read_text()
    assert not (tocsin.path / "cron.json").exists()


def test_message_and_prompt_are_one_flag(tocsin: CommandLine) -> None:
    assert (
        tocsin.add("--prompt", "x", *EVERY_HOUR)["payload"] == tocsin.add("--message", "x", *EVERY_HOUR)["payload"]
    )


def test_the_form_with_schedule_and_action_makes_the_same_jobs(tocsin: CommandLine) -> None:
    job = tocsin.add(
        "--name", "daily-report", "--schedule", "0 9 * * *", "--action", "agent", "--prompt", "report"
    )
    said = tocsin.add("--schedule", "every 2h", "--action", "say", "--message", "drink")

    assert job["schedule"] == {"kind": "cron", "expr": "0 9 * * *"}  # PRX-65
    assert (job["name"], job["payload"]) == ("daily-report", {"kind": "agent", "prompt": "report"})
    assert said["payload"] == {"kind": "say", "text": "drink"}


def test_a_target_is_kept_and_a_channel_that_is_not_configured_is_pointed_out(tocsin: CommandLine) -> None:
    target = ("--channel", "telegram", "--to", "123", "--thread", "7")

    printed = tocsin("cron", "add", "--name", "t", "--say", "x", *EVERY_HOUR, *target)

    assert tocsin.job("t")["address"] == {"channel": "telegram", "chat": "123", "thread": "7"}
    assert "It speaks to telegram:123:7." in printed.out
    assert "telegram is not configured yet" in printed.err


def test_the_default_target_is_named(tocsin: CommandLine) -> None:
    tocsin.configure('[cron]\ndefault_target = "telegram:42"\n')

    printed = tocsin("cron", "add", "--say", "x", *EVERY_HOUR)

    assert "It speaks to telegram:42 (cron.default_target)." in printed.out


def test_the_zone_is_the_flag_then_the_configuration_then_the_machine(
    tocsin: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    machine = tocsin.add("--say", "x", "--cron", "0 9 * * *")["tz"]
    tocsin.configure('timezone = "Europe/Berlin"')
    configured = tocsin.add("--say", "x", "--cron", "0 9 * * *")["tz"]

    flag = tocsin.add("--say", "x", "--cron", "0 9 * * *", "--tz", "Asia/Kolkata")["tz"]

    assert (machine, configured, flag) == ("Asia/Tokyo", "Europe/Berlin", "Asia/Kolkata")


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--say", "x", "--at", "2020-01-01T00:00"), "in the past"),  # AB-49
        (("--say", "x", "--every", "5"), "cron.min_interval"),
        (("--say", "x", "--cron", "0 0 30 2 *"), "can never fire"),
        (("--say", "x", "--cron", "0 9 * * *", "--tz", "Nowhere/At_All"), "Nowhere/At_All"),
        (("--say", "x", "--when", "flurb"), "is not a time that is understood here"),
        (("--say", "x"), "when it should happen is missing"),
        (EVERY_HOUR, "what should happen is missing"),
        (("--say", "x", "--at", "2099-01-01T00:00", *EVERY_HOUR), "both given"),
        (("--say", "x", "--message", "y", *EVERY_HOUR), "both given"),
        (("--action", "shell", "--command", "ls", "--message", "x", *EVERY_HOUR), "both given"),
        (("--action", "shell", "--prompt", "", *EVERY_HOUR), "what should happen is missing"),  # PRX-25
        (("--action", "agent", "--command", "ls", *EVERY_HOUR), "--command does not go with --action agent"),
        (("--action", "dance", "--message", "ls", *EVERY_HOUR), "none of agent, say, shell"),  # PRX-24
        (("--say", "x", *EVERY_HOUR, "--to", "5"), "--channel and --to together"),
        (("--say", "x", *EVERY_HOUR, "--channel", "telegrm", "--to", "5"), "did you mean telegram?"),
        (("--say", "x", *EVERY_HOUR, "--notify", "perhaps"), "auto, always, never"),
        (("--say", "x", *EVERY_HOUR, "--evry", "5"), "No such option"),
    ],
)
def test_wrong_input_is_one_sentence_and_nothing_is_made(
    flags: tuple[str, ...], words: str, tocsin: CommandLine
) -> None:
    printed = tocsin("cron", "add", *flags)

    assert printed.status == 2
    assert words in printed.err
    assert printed.err.count("\n") == 1
    assert not tocsin.path.exists()


# -- a whole job as JSON --------------------------------------------------------------------------------


def test_a_job_may_be_one_json_object_with_comments(tocsin: CommandLine) -> None:
    text = '{"name": "news", "cron": "0 9 * * *", "prompt": "What // is new?", "misfireWindow": "5m"} // mine'

    job = tocsin("cron", "add", "--job", "-", "--json", stdin=text).document

    assert (job["name"], job["misfire_window"], job["owner"]) == ("news", "5m", None)
    assert job["payload"] == {"kind": "agent", "prompt": "What // is new?"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"cron": "0 9 * * *", "prompt": "x", "sesion": "main"}', 'unknown key "sesion" (did you mean session?)'),
        ('{"cron": "0 9 * * *"}', "payload: is missing"),
        ('{"cron": "0 9 * * *", "every": "5m", "prompt": "x"}', "says two things"),
        ('{"every": 5, "prompt": "x"}', "cron.min_interval"),
        ("[1]", "is one JSON object"),
        ("{", "is not JSON"),
    ],
)
def test_a_job_that_is_not_understood_is_refused_with_its_faults(
    text: str, words: str, tocsin: CommandLine
) -> None:
    printed = tocsin("cron", "add", "--job", "-", stdin=text)

    assert (printed.status, words in printed.err) == (2, True)
    assert not tocsin.path.exists()


def test_what_show_prints_can_be_added_again_without_its_ids(tocsin: CommandLine) -> None:
    job = tocsin.add("--name", "a", "--say", "x", *EVERY_HOUR)
    del job["id"], job["uid"]

    printed = tocsin("cron", "add", "--job", "-", "--json", stdin=json.dumps(job))

    assert printed.document["name"] == "a 2"
    assert len(tocsin.jobs) == 2


def test_a_job_with_the_ids_of_another_is_refused(tocsin: CommandLine) -> None:
    job = tocsin.add("--name", "a", "--say", "x", *EVERY_HOUR)

    printed = tocsin("cron", "add", "--job", "-", stdin=json.dumps(job))

    assert (printed.status, "leave id and uid out" in printed.err) == (2, True)


# -- changing -------------------------------------------------------------------------------------------


def test_an_update_changes_what_it_says_and_nothing_else(tocsin: CommandLine) -> None:
    before = tocsin.add("--name", "a", "--message", "hello", *EVERY_HOUR, "--description", "d")

    printed = tocsin("cron", "update", "a", "--cron", "0 9 * * *", "--json")

    after = printed.document
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"schedule", "next_run", "revision", "changed_at"}  # PRX-31


def test_an_update_of_the_target_alone_keeps_the_words(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", *EVERY_HOUR)

    tocsin("cron", "update", "a", "--channel", "console", "--to", "default")

    job = tocsin.job("a")
    assert job["address"] == {"channel": "console", "chat": "default"}
    assert job["payload"]["text"] == "x"


def test_an_update_may_be_json_too(tocsin: CommandLine) -> None:
    before = tocsin.add("--name", "a", "--say", "x", *EVERY_HOUR)

    printed = tocsin(
        "cron", "update", "a", "--job", "-", "--json", stdin='{"cron": "0 8 * * *", "notify": "never"}'
    )

    after = printed.document
    assert after["schedule"] == {"kind": "cron", "expr": "0 8 * * *"}
    assert (after["notify"], after["payload"], after["uid"]) == ("never", before["payload"], before["uid"])


def test_an_update_without_a_change_names_the_usual_flags(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", *EVERY_HOUR)

    printed = tocsin("cron", "update", "a")  # PRX-32

    assert printed.status == 2
    assert all(flag in printed.err for flag in ("--name, --message, --say, --cron, --when", "--help"))


def test_an_update_of_an_unknown_job_fails(tocsin: CommandLine) -> None:
    printed = tocsin("cron", "update", "nope", "--say", "x")

    assert (printed.status, "there is no job 'nope'" in printed.err) == (1, True)


@pytest.mark.parametrize("name", ["", "  "])
def test_an_empty_name_is_refused(name: str, tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")

    made = tocsin("cron", "add", "--name", name, "--say", "y", "--every", "1h")
    changed = tocsin("cron", "update", "a", "--name", name)

    assert (made.status, changed.status) == (2, 2)
    assert made.err == changed.err == "tocsin: --name is empty: give a name, or leave --name out\n"
    assert list(tocsin.jobs) == ["a"]


class Contested(MemoryStore):
    """Somebody else stores a job of the same name right before the first one is."""

    def put(self, job: Job, *, check: Callable[[Mapping[str, Job]], None] | None = None) -> Job:
        if not self.load():
            super().put(new_job(name=job.name, owner=job.owner))
        return super().put(job, check=check)


class Shared(Kept):
    """A home whose jobs others add to."""

    @cached_property
    def jobs(self) -> JobStore:
        return Contested()


def test_two_files_that_name_a_job_alike_at_the_same_time_make_two_names(tmp_path: Path) -> None:
    file = tmp_path / "job.json"
    file.write_text('{"name": "stretch", "say": "x", "every": "1h"}')
    kept = Shared(Home(tmp_path), lambda note: None)
    desk = Desk(call=Call(), kept=kept, config=Config.layered(environment={}, file={}))

    job = desk.from_file(Flags(job=str(file)))

    assert job.name == "stretch 2"
    assert sorted(each.name for each in kept.jobs.load().values()) == ["stretch", "stretch 2"]
