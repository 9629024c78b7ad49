"""Every setting of a job on the command line: flags, files, and what is shown of them."""

import json
import re
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from cron.job import Job
from cron.making.draft import Draft
from cron.policy import Hook
from gateway.cli.cron_flags import Flags
from tests.command_line import CommandLine

LOOK = ("--prompt", "look", "--every", "1h")
HOOK = "https://example.org/hook"

SEED = """\
{
  // the report of the day
  "name": "Daily Sales Report",
  "schedule": {"kind": "cron", "expr": "0 18 * * *", "tz": "Asia/Kuala_Lumpur"},
  "sessionTarget": "isolated",
  "payload": {"kind": "agentTurn", "message": "Read C:\\\\Important\\\\ and sum up"},
  "delivery": {"mode": "webhook", "to": "https://example.org/sales"}, /* ours */
  "contextMessages": 5,
  "failureAlert": {"channel": "telegram", "to": 347207938, "after": 3}, // Alert after 3 failures
}
"""


def test_every_setting_has_a_flag() -> None:
    nested = {"exclude": "exclude_date", "failure_alert": "alert_after", "spend": "tokens_per_day"}
    other = {"prompt": "message"} | nested

    missing = {field.name for field in fields(Draft)} - {field.name for field in fields(Flags)}

    assert missing == set(other)


@pytest.mark.parametrize(
    ("flags", "field", "shown"),
    [
        (("--start", "2099-01-01T00:00"), "start_at", "2099-01-01T00:00:00Z"),
        (("--expires", "2099-01-01T00:00"), "expires_at", "2099-01-01T00:00:00Z"),
        (("--max-runs", "3"), "max_runs", 3),
        (("--jitter", "5m"), "jitter", "5m"),
        (
            ("--exclude-date", "2099-12-24,2099-12-31", "--exclude-weekday", "sat,sun"),
            "exclude",
            {"dates": ["2099-12-24", "2099-12-31"], "weekdays": ["saturday", "sunday"]},
        ),
        (("--exclude-holidays", "de-by"), "exclude", {"holidays": "DE-BY"}),
        (
            ("--retries", "4", "--retry", "10s,1m", "--retry-unsafe"),
            "retry",
            {"attempts": 5, "backoff": [10, "1m"], "unsafe": True},
        ),
        (("--type", "medium"), "type", "medium"),  # HP-26
        (("--type", "resource_intensive"), "type", "resource-intensive"),  # HP-27
        (("--context-messages", "5"), "context_messages", 5),
        (("--delivery", "LOG"), "delivery", {"mode": "log"}),
        (("--webhook", HOOK), "delivery", {"mode": "webhook", "hook": {"url": HOOK}}),
        (("--on-complete", HOOK), "on_complete", {"url": HOOK}),
        (("--on-fail", HOOK), "on_fail", {"url": HOOK}),
        (("--notify-on", "completed,canceled"), "notify_on", ["completed", "cancelled"]),
        (
            ("--alert-after", "2", "--alert-cooldown", "10m", "--alert-channel", "console", "--alert-to", "x"),
            "failure_alert",
            {"after": 2, "cooldown": "10m", "address": {"channel": "console", "chat": "x"}},
        ),
        (("--then", "done=event:x"), "then", [{"on": "done", "event": "x"}]),
        (("--output-format", "json"), "output_format", "json"),
        (("--output-schema", '{"type": "object"}'), "output_schema", {"type": "object"}),
        (
            ("--tokens-per-run", "5", "--tokens-per-day", "9", "--money-per-day", "0.5"),
            "spend",
            {"tokens_per_run": 5, "tokens_per_day": 9, "money_per_day": 0.5},
        ),
        (("--model", "small"), "model", "small"),
        (("--tools", "web_fetch,message"), "tools", ["web_fetch", "message"]),
        (("--work-dir", "reports"), "work_dir", "reports"),
        (("--may-schedule",), "may_schedule", True),
        (("--misfire-window", "10m"), "misfire_window", "10m"),
        (("--overlap", "QUEUE"), "overlap", "buffer_one"),
        (("--check", "test -e x"), "check", "test -e x"),
    ],
)
def test_a_flag_sets_its_setting_and_show_has_it(
    flags: tuple[str, ...], field: str, shown: object, tocsin: CommandLine
) -> None:
    """HP-24, HP-25, HP-29, HP-31, HP-35, HP-38, HP-48, HP-49, NOX-14, NOX-15, OC-02, OC-10, OC-17 (their form)."""
    job = tocsin.add(*LOOK, *flags)

    assert job[field] == shown
    assert tocsin.job(job["id"])[field] == shown


def test_show_names_the_settings_that_are_not_at_their_default(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", *LOOK, "--retries", "4", "--webhook", HOOK, "--webhook-token", "hush")

    printed = tocsin("cron", "show", "a")  # OC-02

    assert re.search(
        r'^Retry: +\{"attempts": 5, "backoff": "standard", "unsafe": false\}$', printed.out, re.MULTILINE
    )
    assert re.search(
        r'^Delivery: +\{"mode": "webhook", "hook": \{.*"has_token": true\}\}$', printed.out, re.MULTILINE
    )
    assert "Jitter" not in printed.out


def test_every_field_of_a_job_is_always_in_its_document(tocsin: CommandLine) -> None:
    """HP-19, HP-25, HP-32, HP-43, NOX-10, NOX-12."""
    plain = tocsin.add(*LOOK)

    inner = {"stamp", "state_stamp", "broken", "extra", "state_change"}
    assert {field.name for field in fields(Job)} - inner <= plain.keys()
    assert (plain["retry"], plain["delivery"]) == (
        {"attempts": 3, "backoff": "standard", "unsafe": False},
        {"mode": "session"},
    )
    assert (plain["session"], plain["type"], plain["output_format"]) == ("isolated", "light", "text")
    assert plain["id"] == plain["uid"][:8]
    assert datetime.fromisoformat(plain["created_at"]).utcoffset() == timedelta()
    assert {plain[name] for name in ("start_at", "max_runs", "on_fail", "output_schema", "nag")} == {None}


def test_the_schema_may_be_in_a_file(tocsin: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "schema.json"
    file.write_text('{"type": "object"}')

    assert tocsin.add(*LOOK, "--output-schema", str(file))["output_format"] == "structured"
    assert "cannot be read" in tocsin("cron", "add", *LOOK, "--output-schema", str(tmp_path / "none.json")).err


def test_a_shell_job_is_stored_with_the_note_that_its_runs_fail_so_far(tocsin: CommandLine) -> None:
    printed = tocsin(
        "cron", "add", "--name", "b", "--action", "shell", "--command", "ls", "--every", "1h", "--json"
    )

    assert printed.document["payload"] == {"kind": "shell", "command": "ls"}  # PRX-25, PRX-65
    assert "until then a run of this job fails" in printed.err


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--delivery", "webhook"), "needs `to`"),  # OC-04
        (("--webhook", "file:///etc/passwd"), "delivery: "),  # OC-05
        (("--webhook", "http://169.254.169.254/"), "metadata"),
        (("--webhook", HOOK, "--delivery", "log"), "--webhook goes with --delivery webhook"),
        (("--webhook-token", "x"), "--webhook-token goes with --webhook"),
        (("--alert-channel", "telegrm", "--alert-to", "5"), "did you mean telegram?"),  # OC-08
        (("--alert-channel", "telegram"), "failure_alert: needs a channel and a chat"),
        (("--max-runs", "0"), "max_runs: '0' is not a whole number from 1 on"),
        (("--retry", "1s,5x"), "retry: backoff '5x' is not a duration; write "),
        (("--context-messages", "51"), "context_messages: is more than the 50"),
        (("--output-schema", '{"type": 7}'), "output_schema: is not a valid JSON Schema"),  # HP-35
        (("--then", "nobody"), "then: there is no job 'nobody' here"),
        (("--nag", "5m"), "nag: goes with exact words"),
        (("--work-dir", "../x"), "work_dir: "),
        (("--retry", "never"), "retry: backoff 'never' is not one of standard, fast"),
        (
            ("--session", "elsewhere"),
            "session: 'elsewhere' is not one of isolated, main, session:<name>",
        ),  # NOX-33
        (("--every-nth", "2"), "every_nth goes with cron"),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_nothing_is_made(
    flags: tuple[str, ...], words: str, tocsin: CommandLine
) -> None:
    printed = tocsin("cron", "add", *LOOK, *flags)

    assert (printed.status, words in printed.err) == (2, True)
    assert printed.err.count("\n") == 1
    assert not tocsin.path.exists()


def test_a_wrong_change_leaves_the_job_as_it_was(tocsin: CommandLine) -> None:
    before = tocsin.add("--name", "a", *LOOK)

    printed = tocsin("cron", "update", "a", "--name", "b", "--max-runs", "soon")

    assert printed.status == 2
    assert tocsin.job("a") == before


def test_an_update_changes_a_part_and_default_sets_back(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", *LOOK, "--retries", "4", "--retry", "fast", "--jitter", "5m")

    tocsin("cron", "update", "a", "--retries", "1", "--jitter", "default")

    job = tocsin.job("a")
    assert job["retry"] == {"attempts": 2, "backoff": "fast", "unsafe": False}
    assert job["jitter"] is None


def test_a_cycle_is_refused_and_printed(tocsin: CommandLine) -> None:
    tocsin.add("--name", "A", *LOOK)
    tocsin.add("--name", "B", *LOOK, "--then", "A")

    printed = tocsin("cron", "update", "A", "--then", "failure=B")

    assert (printed.status, "A → B → A" in printed.err) == (2, True)
    assert tocsin.job("A")["then"] == []


def test_the_help_is_in_groups_with_examples(tocsin: CommandLine) -> None:
    printed = tocsin("cron", "add", "--help")

    headings = [line for line in printed.lines if line.endswith(":") and not line.startswith(" ")]
    assert headings[:5] == [
        "What it does:",
        "When:",
        "Where it speaks:",
        "Where results and alerts go:",
        "How it runs:",
    ]
    assert "tocsin cron add --job daily-sales.json" in printed.out
    assert printed.out.count("--context-messages") == 1


# -- files ------------------------------------------------------------------------------------------------


def test_a_job_in_camel_case_with_comments_is_taken_unchanged(tocsin: CommandLine, tmp_path: Path) -> None:
    """OC-01, OC-02, OC-09, OC-27, OC-28, OC-35, C-06."""
    file = tmp_path / "daily-sales.json"
    file.write_text(SEED)

    printed = tocsin("cron", "add", "--job", str(file), "--json")

    job = printed.document
    assert printed.status == 0
    assert tocsin.job(job["id"]) == job
    assert "the channel telegram is not configured yet" in printed.err
    assert (job["name"], job["tz"]) == ("Daily Sales Report", "Asia/Kuala_Lumpur")
    assert job["schedule"] == {"kind": "cron", "expr": "0 18 * * *"}
    assert job["delivery"] == {"mode": "webhook", "hook": {"url": "https://example.org/sales"}}
    assert job["failure_alert"] == {"after": 3, "address": {"channel": "telegram", "chat": "347207938"}}
    assert (job["context_messages"], job["session"]) == (5, "isolated")
    assert job["payload"]["prompt"] == "Read C:\\Important\\ and sum up"


def test_a_job_is_found_by_its_name_with_spaces(tocsin: CommandLine) -> None:
    tocsin(
        "cron",
        "add",
        "--job",
        "-",
        stdin=SEED.replace('"https://example.org/sales"', '""').replace("webhook", "log"),
    )

    listed, ran = tocsin("cron", "list"), tocsin("cron", "run", "Daily Sales Report", "--json")

    assert "Daily Sales Report" in listed.out  # OC-18
    assert ran.document["job_name"] == "Daily Sales Report"
    assert tocsin.job("Daily Sales Report")["name"] == "Daily Sales Report"
    assert tocsin("cron", "remove", "daily sales report").status == 0  # PRX-68


UNTIL = "2099-01-01T00:00:00Z"
FORMS = {
    "j.toml": f'name = "n"\ncron = "0 9 * * *"\nprompt = "x"\nexpires_at = {UNTIL}\n[retry]\nretries = 1\n',
    "j.yaml": f"name: n\ncron: 0 9 * * *\nprompt: x\nexpires_at: {UNTIL}\nretry:\n  retries: 1\n",
    "j.json": f'{{"name": "n", "cron": "0 9 * * *", "prompt": "x", "expiresAt": "{UNTIL}", "retries": 1,}}',
}
FORMS["j.txt"] = json.dumps(FORMS["j.json"])  # an object as text, as some programs send it


@pytest.mark.parametrize(("name", "text"), FORMS.items())
def test_a_job_may_be_json_toml_yaml_or_json_in_text(
    name: str, text: str, tocsin: CommandLine, tmp_path: Path
) -> None:
    (tmp_path / name).write_text(text)

    from_file = tocsin("cron", "add", "--job", str(tmp_path / name), "--json").document
    from_input = tocsin("cron", "add", "--job", "-", "--json", stdin=text).document

    for job in (from_file, from_input):
        assert (job["expires_at"], job["retry"]["attempts"]) == ("2099-01-01T00:00:00Z", 2)
        assert job["schedule"] == {"kind": "cron", "expr": "0 9 * * *"}


def test_a_job_file_may_say_when_in_words(tocsin: CommandLine) -> None:
    job = tocsin(
        "cron", "add", "--job", "-", "--json", stdin='{"when": "every weekday at 9", "say": "x"}'
    ).document

    assert job["schedule"] == {"kind": "cron", "expr": "0 9 * * 1-5"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"every": "1h", "prompt": "x", "retriess": 1}', 'unknown key "retriess" (did you mean retries?)'),
        ('{"every": "1h", "prompt": "x", "max_runs": NaN}', "NaN is not JSON"),
        ('{"every": "1h", "prompt": "x", "prompt": "y"}', "the key 'prompt' is given twice"),
        ('{"every": "1h", "prompt": "x", "delivery": {"mode": "webhook"}}', "needs `to`"),  # OC-04
        (
            '{"every": "1h", "prompt": "x", "delivery": {"mode": "webhook", "to": "http://10.0.0.1/"}}',
            "allow_private",
        ),
        ('{"every": "1h", "when": "every day at 9", "prompt": "x"}', "both given: a job has one schedule"),
        ('{"when": "every full moon", "prompt": "x"}', "when: "),
        ('{"every": "1h", "prompt": "' + "x" * 20_001 + '"}', "has 20001 characters"),
        ('{"every": "1h", "prompt": "x", "name": "' + "x" * 100 + '"}', "name: is not one line"),
        ('{"every": "1h", "prompt": "x", "then": "nobody"}', "then: there is no job"),
        ("name: a\nevery: [1h", "is not YAML"),
        ("name: a\nevery: 1h\nprompt: x\nretry:\n  1: 2\n", "retry: does not know 1"),
        ("a: &a [1]\nb: *a", "it has an alias"),
        ("name = ", "is not TOML"),
        ("[" * 100_000, "--job"),
        ("\x00", "--job is not JSON"),
        ("", "--job is not JSON"),
    ],
)
def test_a_file_that_is_not_understood_is_one_sentence(text: str, words: str, tocsin: CommandLine) -> None:
    printed = tocsin("cron", "add", "--job", "-", stdin=text)

    assert (printed.status, words in printed.err) == (2, True), printed.err
    assert "Traceback" not in printed.err
    assert not tocsin.path.exists()


# -- secrets ----------------------------------------------------------------------------------------------


def test_a_token_is_kept_and_never_shown(tocsin: CommandLine) -> None:
    """HP-82 (the part of the definition)."""
    made = tocsin("cron", "add", "--name", "a", *LOOK, "--webhook", HOOK, "--webhook-token", "hush-hush", "--json")

    shown = tocsin("cron", "show", "a")
    listed = tocsin("cron", "list", "--json")
    assert "hush" not in made.out + made.err + shown.out + listed.out
    assert made.document["delivery"]["hook"] == {"url": HOOK, "has_token": True}
    assert tocsin.jobs["a"].delivery.hook == Hook(url=HOOK, token="hush-hush")


def test_what_show_prints_may_come_back_as_an_update_and_keeps_the_token(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", *LOOK, "--webhook", HOOK, "--webhook-token", "hush", "--on-fail", HOOK)
    shown = tocsin.job("a") | {"description": "changed"}

    printed = tocsin("cron", "update", "a", "--job", "-", stdin=json.dumps(shown))

    assert (printed.status, printed.err) == (0, "")
    assert tocsin.jobs["a"].delivery.hook == Hook(url=HOOK, token="hush")
    assert tocsin.jobs["a"].description == "changed"


def test_what_show_prints_does_not_become_another_job_without_its_token(tocsin: CommandLine) -> None:
    shown = tocsin.add("--name", "a", *LOOK, "--webhook", HOOK, "--webhook-token", "hush")
    del shown["id"], shown["uid"]

    printed = tocsin("cron", "add", "--job", "-", stdin=json.dumps(shown))

    assert (printed.status, "had a token, which is never shown" in printed.err) == (2, True)


# -- in one line ------------------------------------------------------------------------------------------


def test_a_job_is_made_from_words_for_its_time(tocsin: CommandLine) -> None:
    printed = tocsin("schedule", "every weekday at 9", "--say", "Stand-up!", "--name", "standup", "--json")

    job = printed.document
    assert job["schedule"] == {"kind": "cron", "expr": "0 9 * * 1-5"}
    assert (job["name"], job["payload"]) == ("standup", {"kind": "say", "text": "Stand-up!"})


def test_words_that_are_no_time_make_no_job(tocsin: CommandLine) -> None:
    printed = tocsin("schedule", "every full moon", "--say", "howl")  # PRX-39

    assert printed.status == 2
    assert not tocsin.path.exists()


def test_tools_that_are_not_known_are_noted_with_the_names_of_those_that_are(tocsin: CommandLine) -> None:
    odd = tocsin("cron", "add", *LOOK, "--tools", "nosuch,message")
    known = tocsin("cron", "add", *LOOK, "--tools", "message,web_fetch,reminder,cron_list")

    assert (odd.status, known.status) == (0, 0)
    assert "note: no tool here is called nosuch; there are cron, cron_add, " in odd.err
    assert "plugins may bring others" in odd.err
    assert "no tool here" not in known.err
