"""The jobs of other programs' examples, given to the command line as they are written there."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.command_line import CommandLine

HOOK = "https://example.org/sales"
LOOK: dict[str, Any] = {
    "name": "Daily Sales Report",
    "schedule": {"kind": "cron", "expr": "0 18 * * *", "tz": "Asia/Kuala_Lumpur"},
    "payload": {"kind": "agentTurn", "message": "Sum up the sales."},
}
BACKUP = r"""{
  "name": "Daily Backup",
  "schedule": {"kind": "every", "everyMs": 86400000},
  "sessionTarget": "isolated",
  "payload": {"kind": "systemEvent", "text": "Back up C:\\Important\\ now."}, // the path of the backup
  "failureAlert": {"channel": "telegram", "to": 347207938, "after": 1}
}"""


def added(tocsin: CommandLine, **more: Any) -> dict[str, Any]:
    """The job that a file makes, as `show` has it."""
    printed = tocsin("cron", "add", "--job", "-", "--json", stdin=json.dumps(LOOK | more))
    assert printed.status == 0, printed.err
    return tocsin.job(printed.document["id"])


def shown(tocsin: CommandLine, name: str) -> dict[str, str]:
    """What `show` prints of a job."""
    lines = tocsin("cron", "show", name).lines
    return {field: value.strip() for field, _, value in (line.partition(":") for line in lines)}


# -- where results and alerts go --------------------------------------------------------------------------------


def test_a_delivery_is_optional_and_shown_as_it_was_understood(tocsin: CommandLine) -> None:
    """OC-02"""
    plain = added(tocsin)
    hooked = added(tocsin, name="hooked", delivery={"mode": "webhook", "to": HOOK})

    assert plain["delivery"] == {"mode": "session"}
    assert hooked["delivery"] == {"mode": "webhook", "hook": {"url": HOOK}}
    assert HOOK in shown(tocsin, "hooked")["Delivery"]


@pytest.mark.parametrize(
    ("url", "listed", "words"),
    [
        ("file:///etc/passwd", "", "http"),
        ("http://169.254.169.254/latest", "", "metadata"),
        ("http://169.254.169.254/latest", "169.254.169.254", ""),
        ("http://127.0.0.1:8000/x", "", "allow_private"),
        ("http://127.0.0.1:8000/x", "127.0.0.1:8000", ""),
        ("https://example.org/x", "", ""),
    ],
)
def test_a_webhook_is_refused_unless_it_leads_to_the_world_or_to_what_is_listed(
    url: str, listed: str, words: str, tocsin: CommandLine
) -> None:
    """OC-05"""
    if listed:
        tocsin.configure(f'[http]\nallow_private = ["{listed}"]\n')
    text = json.dumps(LOOK | {"delivery": {"mode": "webhook", "to": url}})

    printed = tocsin("cron", "add", "--job", "-", stdin=text)

    assert (printed.status, words in printed.err) == (2 if words else 0, True)
    assert (tocsin.path / "cron.json").exists() == (not words)


@pytest.mark.parametrize("channel", ["telegram", "slack", "feishu"])
def test_an_alert_names_a_channel_that_there_can_be(channel: str, tocsin: CommandLine) -> None:
    """OC-08"""
    job = added(tocsin, failureAlert={"channel": channel, "to": "5", "after": 3})
    unknown = LOOK | {"name": "b", "failureAlert": {"channel": f"{channel}x", "to": "5"}}

    refused = tocsin("cron", "add", "--job", "-", stdin=json.dumps(unknown))

    assert job["failure_alert"] == {"after": 3, "address": {"channel": channel, "chat": "5"}}
    assert (refused.status, f"there is no channel '{channel}x'" in refused.err) == (2, True)
    assert list(tocsin.jobs) == [LOOK["name"]]


@pytest.mark.parametrize("chat", ["347207938", 347207938])
def test_the_chat_of_an_alert_is_kept_as_text(chat: object, tocsin: CommandLine) -> None:
    """OC-09"""
    added(tocsin, failureAlert={"channel": "telegram", "to": chat, "after": 3})

    (job,) = json.loads((tocsin.path / "cron.json").read_text())["jobs"]

    assert job["failure_alert"]["address"]["chat"] == "347207938"


# -- a whole job ------------------------------------------------------------------------------------------------


def test_a_backup_by_milliseconds_as_a_system_event_in_a_session_of_its_own_is_taken(tocsin: CommandLine) -> None:
    """OC-21, OC-24, OC-27"""
    printed = tocsin("cron", "add", "--job", "-", stdin=BACKUP)

    job = tocsin.job("Daily Backup")
    assert printed.status == 0
    assert shown(tocsin, "Daily Backup")["Schedule"] == "every 1d"
    assert job["schedule"]["every"] == "1d"
    assert (job["payload"], job["session"]) == (
        {"kind": "system_event", "text": "Back up C:\\Important\\ now."},
        "isolated",
    )


def test_the_usual_patterns_of_jobs_are_taken_each_with_its_next_run(tocsin: CommandLine) -> None:
    """NOX-02"""
    patterns = {
        "digest": ("--cron", "0 9 * * *"),
        "week": ("--cron", "0 10 * * 1"),
        "patrol": ("--every", "30m"),
        "meeting": ("--at", "2099-04-28T09:45:00"),
        "index": ("--cron", "0 2 * * *"),
        "audit": ("--cron", "0 15 * * 5"),
        "sync": ("--cron", "0 1 * * *"),
    }

    for name, schedule in patterns.items():
        tocsin.add("--name", name, "--prompt", "do it", *schedule)

    listed = tocsin("cron", "list", "--json").document["jobs"]
    due = {job["name"]: datetime.fromisoformat(job["next_run"]) for job in listed}
    assert due.keys() == patterns.keys()
    assert {name: (due[name].hour, due[name].minute) for name in due if name != "patrol"} == {
        "digest": (9, 0),
        "week": (10, 0),
        "meeting": (9, 45),
        "index": (2, 0),
        "audit": (15, 0),
        "sync": (1, 0),
    }
    assert (due["week"].weekday(), due["audit"].weekday()) == (0, 4)
    made = datetime.fromisoformat(next(job["created_at"] for job in listed if job["name"] == "patrol"))
    assert due["patrol"] - made == timedelta(minutes=30)


# -- what is shown ----------------------------------------------------------------------------------------------


def test_a_name_with_spaces_and_an_ampersand_is_kept_and_shown_as_it_is(tocsin: CommandLine) -> None:
    """NOX-30"""
    tocsin.add("--name", "Daily R&D digest", "--prompt", "x", "--every", "1h")

    assert "Daily R&D digest" in tocsin("cron", "list").out
    assert shown(tocsin, "daily r&d digest")["Name"] == "Daily R&D digest"
    assert "Daily R&D digest" in (tocsin.path / "cron.json").read_text()


def test_a_description_is_optional_and_shown(tocsin: CommandLine) -> None:
    """PRX-27"""
    told = ("--name", "backup-workspace", "--description", "Every night, the whole workspace")
    tocsin.add("--prompt", "x", "--every", "1h", *told)
    tocsin.add("--name", "plain", "--prompt", "x", "--every", "1h")

    assert shown(tocsin, "backup-workspace")["Description"] == "Every night, the whole workspace"
    assert shown(tocsin, "plain")["Description"] == "-"


def test_the_zone_of_the_cron_section_moves_a_job_that_has_none(tocsin: CommandLine) -> None:
    """PRX-05"""
    asked = ("cron", "next", "--cron", "0 9 * * *", "--from", "2026-04-20T00:00Z", "--count", "1", "--json")
    found = []

    for zone in ("UTC", "Asia/Tokyo", "Europe/Berlin"):
        tocsin.configure(f'[cron]\ntimezone = "{zone}"\n')
        found += tocsin(*asked).document["next"]

    assert found == ["2026-04-20T09:00:00+00:00", "2026-04-21T09:00:00+09:00", "2026-04-20T09:00:00+02:00"]
