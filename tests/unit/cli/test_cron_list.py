"""Listing and showing jobs."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cron.stores.json_file import JsonFileStore
from gateway.agent.due import EndStatus
from tests.command_line import CommandLine

FIELDS = {
    "id",
    "uid",
    "name",
    "status",
    "owner",
    "schedule",
    "tz",
    "payload",
    "address",
    "session",
    "notify",
    "delivery",
    "overlap",
    "misfire",
    "retry",
    "state",
    "next_run",
    "last_run",
    "last_error",
    "run_count",
    "created_by",
    "created_at",
}


def test_a_missing_home_is_an_empty_list_and_stays_missing(tocsin: CommandLine) -> None:
    people, programs = tocsin("cron", "list"), tocsin("cron", "list", "--json")

    assert (people.status, people.out) == (0, "Nothing is scheduled.\n")
    assert programs.document == {"jobs": []}
    assert not tocsin.path.exists()


def test_only_enabled_jobs_are_listed_unless_all_are_asked_for(tocsin: CommandLine) -> None:
    tocsin.add("--name", "on", "--say", "x", "--every", "1h")
    tocsin.add("--name", "off", "--say", "x", "--every", "1h")
    tocsin("cron", "disable", "off")

    some, every = tocsin("cron", "list"), tocsin("cron", "list", "--all")

    assert ("off" in some.out, "off" in every.out) == (False, True)  # AB-39, AB-40, PRX-64
    assert "1 more, not enabled" in some.err
    assert every.lines[0].split("  ")[0] == "ID"
    assert all(heading in every.lines[0] for heading in ("NAME", "SCHEDULE", "STATUS", "NEXT RUN"))  # PRX-29


def test_every_field_is_there_and_null_when_it_is_empty(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")

    (job,) = tocsin("cron", "list", "--json").document["jobs"]

    assert job.keys() >= FIELDS
    assert (job["last_run"], job["last_error"], job["run_count"], job["state"]) == (None, None, 0, None)


def test_what_moves_is_joined_from_the_runs(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    tocsin.past_run("a")
    tocsin.past_run("a", EndStatus.FAILED, "it broke")

    (job,) = tocsin("cron", "list", "--json").document["jobs"]

    assert (job["run_count"], job["last_error"], job["last_status"]) == (2, "it broke", "failed")
    assert job["last_run"] is not None


def test_reading_writes_no_schedule_state(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    tocsin.past_run("a")
    stored = (tocsin.path / "cron.json").read_bytes()

    for command in (("list",), ("show", "a"), ("next", "a"), ("runs",)):
        assert tocsin("cron", *command).status == 0

    cursors = tocsin.kept.read(lambda t: t.execute("SELECT * FROM cursors").fetchall(), empty=list)
    assert (tocsin.path / "cron.json").read_bytes() == stored
    assert cursors == []


def test_stale_jobs_have_not_run_for_so_long_and_have_no_run_ahead(tocsin: CommandLine) -> None:
    tocsin.add("--name", "alive", "--say", "x", "--every", "1h")
    tocsin.add("--name", "new", "--say", "x", "--every", "1h")
    tocsin.add("--name", "old", "--say", "x", "--every", "1h")
    for name in ("new", "old"):
        tocsin("cron", "disable", name)
    store = JsonFileStore(tocsin.path / "cron.json")
    store.put(replace(tocsin.jobs["old"], created_at=datetime.now(UTC) - timedelta(days=40)))

    stale = tocsin("cron", "list", "--stale-days", "30", "--json").document["jobs"]

    assert [job["name"] for job in stale] == ["old"]  # OC-31


def test_what_a_chat_has_written_cannot_steer_the_terminal(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "one\x1b[2Jtwo\nthree", "--every", "1h")

    shown = tocsin("cron", "show", "a")

    assert "\x1b" not in shown.out
    assert "Message:     one�[2Jtwo three" in shown.lines


def test_a_list_brings_in_nothing_slow(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--cron", "0 9 * * 1-5")
    tocsin.past_run("a")
    code = (
        "import sys; from gateway.cli.main import run; run(['cron', 'list']);"
        "print([name for name in ('pydantic', 'structlog', 'httpx', 'dateparser', 'rich', 'cron.phrases')"
        " if name in sys.modules])"
    )

    printed = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"TOCSIN_HOME": str(tocsin.path)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert printed.stdout.splitlines()[-1] == "[]"
    assert "0 9 * * 1-5" in printed.stdout


def test_show_begins_with_ten_lines_in_a_fixed_order(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "hi", "--every", "86400", "--channel", "telegram", "--to", "123")
    store = JsonFileStore(tocsin.path / "cron.json")
    store.set_state(tocsin.jobs["a"].uid, {"step_count": 4976}, expected=0, stamp="s")

    lines = tocsin("cron", "show", "a").lines

    names = ["ID", "Name", "Status", "Schedule", "Next Run", "Message", "Deliver", "Channel", "To", "State"]
    values = dict(line.split(":", 1) for line in lines)
    assert [line.split(":")[0] for line in lines[:10]] == names  # AB-41
    assert values["Status"].strip() == "enabled"
    assert values["Schedule"].strip() == "every 1d"  # OC-21
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", values["Next Run"].strip())  # AB-44
    assert (values["Deliver"].strip(), values["Channel"].strip(), values["To"].strip()) == (
        "yes",
        "telegram",
        "123",
    )
    assert values["State"].strip() == '{"step_count":4976}'  # AB-46


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (("--every", "60"), "every 60s"),
        (("--cron", "0 9 * * 1-5"), "0 9 * * 1-5"),
        (("--at", "2099-04-25T09:00", "--tz", "Asia/Shanghai"), "2099-04-25T09:00:00+08:00"),
    ],
)
def test_show_names_the_schedule_as_it_was_given(flags: tuple[str, ...], text: str, tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", *flags)  # AB-43

    assert f"Schedule:    {text}" in tocsin("cron", "show", "a").lines


@pytest.mark.parametrize(
    "flags",
    [("--cron", "0 9 * * 1-5", "--tz", "Europe/Berlin"), ("--every", "7200"), ("--at", "2099-04-25T09:00")],
)
def test_the_next_run_of_a_job_is_the_first_that_is_previewed(flags: tuple[str, ...], tocsin: CommandLine) -> None:
    """HP-46"""
    job = tocsin.add("--name", "a", "--say", "x", *flags)

    previewed = tocsin("cron", "next", "a", "--count", "1", "--json").document["next"]

    (first,) = [datetime.fromisoformat(moment) for moment in previewed]
    assert datetime.fromisoformat(tocsin.job(job["id"])["next_run"]) == first > datetime.now(UTC)


def test_show_of_an_unknown_or_ambiguous_job_is_an_error(tocsin: CommandLine) -> None:
    tocsin.add("--name", "news", "--say", "x", "--every", "1h")
    JsonFileStore(tocsin.path / "cron.json").put(
        replace(tocsin.jobs["news"], uid="", id="", revision=0, owner="telegram:1")
    )

    unknown, ambiguous = tocsin("cron", "show", "nope"), tocsin("cron", "show", "news")

    assert unknown.status == 1
    assert (unknown.out, unknown.err.count("\n")) == ("", 1)
    assert ambiguous.status == 2
    assert all(job.id in ambiguous.err for job in JsonFileStore(tocsin.path / "cron.json").load().values())


def test_a_state_whose_keys_have_changed_is_flagged(tocsin: CommandLine) -> None:
    """AB-25"""
    asked = tocsin("cron", "test", "--prompt", "x", "--dry-run").out
    uid = tocsin.add("--name", "a", "--prompt", "x", "--every", "1h")["uid"]
    store = JsonFileStore(tocsin.path / "cron.json")
    store.set_state(uid, {"steps": 1}, expected=0, stamp="")
    before = tocsin("cron", "show", "a").out

    store.set_state(uid, {"step_count": 1}, expected=1, stamp="")

    assert "keep what the next run has to know, with the same keys as before" in asked
    assert "State Keys" not in before
    assert "other keys than the one before (new: step_count; gone: steps)" in tocsin("cron", "show", "a").out


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_list_is_one_document_however_many_jobs_there_are(tocsin: CommandLine, count: int) -> None:
    for n in range(count):
        tocsin.add("--name", f'"{n}"\n', "--say", "é", "--every", "1h")

    printed = tocsin("cron", "list", "--json")

    assert len(printed.document["jobs"]) == count
    assert printed.out == json.dumps(printed.document, ensure_ascii=False, indent=2) + "\n"
