"""The state of the gateway on the command line."""

from datetime import UTC, datetime, timedelta

import orjson

from cron import planner, runs
from cron.endings.notices import alert
from cron.endings.spent import day_of
from cron.planner import Cursor
from gateway.clock import to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.home import GatewayLock, prepare
from gateway.messages import ChatAddress
from gateway.tools import message as messages
from tests.command_line import CommandLine
from tests.jobs import new_job


def tell(tocsin: CommandLine, *, age: timedelta = timedelta(), **changes: object) -> None:
    """Leave what a gateway tells of itself."""
    told = {
        "at": to_text(datetime.now(UTC) - age),
        "ready": True,
        "channels": {"telegram": {"state": "running", "reason": None, "last_alive": None}},
        "scheduler": {"enabled": True, "heartbeat": None, "next_fire": None, "jobs": 3},
        "lanes": {"running": 1, "waiting": 0},
        "trouble": [],
    }
    prepare(tocsin.kept.home)
    (tocsin.path / "status.json").write_bytes(orjson.dumps(told | changes))


def test_without_a_gateway_it_is_not_ready_and_nothing_is_made(tocsin: CommandLine) -> None:
    people, document = tocsin("status"), tocsin("status", "--json").document

    assert (people.status, people.lines[0]) == (0, "Gateway: not running (start it with tocsin run)")
    assert (document["ready"], document["running"], document["channels"]) == (False, False, {})
    assert {"scheduler", "lanes", "outbox", "errors", "trouble"} <= document.keys()
    assert not tocsin.path.exists()


def test_a_running_gateway_is_as_it_says(tocsin: CommandLine) -> None:
    tell(tocsin)

    with GatewayLock.take(tocsin.kept.home, datetime.now(UTC) - timedelta(hours=1)):
        document = tocsin("status", "--json").document

    assert (document["ready"], document["alive"], document["running"]) == (True, True, True)
    assert (document["scheduler"]["jobs"], document["lanes"]["running"]) == (0, 1)
    assert document["channels"]["telegram"]["state"] == "running"


def test_what_a_gateway_told_before_it_ended_does_not_make_it_ready(tocsin: CommandLine) -> None:
    tell(tocsin, trouble=["the disk is full"])

    document = tocsin("status", "--json").document

    assert (document["ready"], document["trouble"]) == (False, ["the disk is full"])


def test_a_gateway_that_has_gone_silent_is_not_ready(tocsin: CommandLine) -> None:
    tell(tocsin, age=timedelta(minutes=2))

    with GatewayLock.take(tocsin.kept.home, datetime.now(UTC) - timedelta(hours=1)):
        document = tocsin("status", "--json").document

    assert (document["ready"], document["alive"]) == (False, False)
    assert "has not told how it is for 12" in document["trouble"][0]


def test_a_channel_in_trouble_is_named_with_its_reason(tocsin: CommandLine) -> None:
    tell(tocsin, channels={"tg2": {"state": "stopped", "reason": "the token is refused", "last_alive": None}})

    with GatewayLock.take(tocsin.kept.home, datetime.now(UTC)):
        lines = tocsin("status").lines

    assert lines[0].startswith("Gateway: running, but not ready (process ")
    assert "Trouble: channel tg2 is stopped: the token is refused" in lines


def test_a_process_that_works_one_turn_is_no_running_gateway(tocsin: CommandLine) -> None:
    tell(tocsin)

    with GatewayLock.take(tocsin.kept.home, datetime.now(UTC), purpose="tocsin chat"):
        assert tocsin("status", "--json").document["running"] is False


def test_jobs_that_cannot_be_read_are_told_and_left_as_they_are(tocsin: CommandLine) -> None:
    prepare(tocsin.kept.home)
    (tocsin.path / "cron.json").write_text("{bad")

    printed = tocsin("status", "--json")

    assert (printed.status, printed.document["scheduler"]["jobs"]) == (0, None)
    assert "cron.json cannot be read" in printed.document["trouble"][0]
    assert (tocsin.path / "cron.json").read_text() == "{bad"


def test_what_an_earlier_life_told_is_not_shown_as_this_one(tocsin: CommandLine) -> None:
    tell(tocsin, age=timedelta(seconds=5), trouble=["the disk is full"], errors=[{"event": "failed"}])

    with GatewayLock.take(tocsin.kept.home, datetime.now(UTC)):
        document = tocsin("status", "--json").document

    assert (document["ready"], document["alive"], document["running"]) == (False, False, True)
    assert document["trouble"] == ["the gateway is starting, and has not told yet how it is"]
    assert (document["at"], document["channels"], document["errors"]) == (None, {}, [])


def test_a_channel_that_polls_shows_how_long_ago_it_was_alive(tocsin: CommandLine) -> None:
    heard = to_text(datetime.now(UTC) - timedelta(minutes=3))
    reason = "nothing was heard from it for 180 s"
    tell(
        tocsin,
        ready=False,
        channels={
            "telegram": {"state": "silent", "reason": reason, "last_alive": heard, "heard_every_s": 30.0},
            "log": {"state": "running", "reason": None, "last_alive": heard, "heard_every_s": None},
        },
    )

    with GatewayLock.take(tocsin.kept.home, datetime.now(UTC) - timedelta(hours=1)):
        printed = tocsin("status")

    assert f"Channel telegram: silent ({reason}), last alive 3 min ago" in printed.lines
    assert "Channel log: running" in printed.lines
    assert f"Trouble: channel telegram is silent: {reason}" in printed.lines


def test_the_next_five_fires_are_shown_with_their_jobs_as_the_list_of_jobs_has_them(tocsin: CommandLine) -> None:
    for hours in (7, 1, 2, 3, 4, 5, 6):
        tocsin.add("--name", f"job{hours}", "--say", "x", "--every", f"{hours}h")
    tocsin.add("--name", "asleep", "--say", "x", "--every", "1m")
    tocsin("cron", "disable", "asleep")
    tell(tocsin)

    with GatewayLock.take(tocsin.kept.home, datetime.now(UTC) - timedelta(hours=1)):
        document, printed = tocsin("status", "--json").document, tocsin("status")

    scheduler = document["scheduler"]
    listed = {job["name"]: job["next_run"] for job in tocsin("cron", "list", "--json").document["jobs"]}
    assert [fire["name"] for fire in scheduler["next"]] == ["job1", "job2", "job3", "job4", "job5"]
    assert [fire["at"] for fire in scheduler["next"]] == [listed[f"job{n}"] for n in range(1, 6)]
    assert scheduler["next_fire"] == listed["job1"]
    assert not any(fire["overdue"] for fire in scheduler["next"])
    assert [line.split()[4] for line in printed.lines if line.startswith("Next: ")] == [
        '"job1"',
        '"job2"',
        '"job3"',
        '"job4"',
        '"job5"',
    ]


def test_what_is_overdue_is_marked_and_is_not_called_the_next(tocsin: CommandLine) -> None:
    tocsin.add("--name", "late", "--say", "x", "--every", "1h")
    tocsin.add("--name", "later", "--say", "x", "--every", "2h")
    late = tocsin.jobs["late"]
    past = datetime.now(UTC) - timedelta(minutes=1)
    cursor = Cursor(fingerprint=planner.fingerprint(late), handled_until=past, next_at=past)
    tocsin.kept.write(lambda transaction: runs.move_cursor(transaction, late.uid, cursor))
    tell(tocsin)

    with GatewayLock.take(tocsin.kept.home, datetime.now(UTC) - timedelta(hours=1)):
        document, printed = tocsin("status", "--json").document, tocsin("status")

    scheduler = document["scheduler"]
    assert [(fire["name"], fire["overdue"]) for fire in scheduler["next"]] == [("late", True), ("later", False)]
    assert scheduler["next_fire"] == scheduler["next"][1]["at"]
    assert sum(line.endswith("(overdue)") for line in printed.lines) == 1


def test_prx04_with_the_scheduler_off_nothing_is_next(tocsin: CommandLine) -> None:
    tocsin.configure("[cron]\nenabled = false\n")
    tocsin.add("--name", "one", "--say", "x", "--every", "1h")

    scheduler = tocsin("status", "--json").document["scheduler"]

    assert (scheduler["enabled"], scheduler["next"], scheduler["jobs"]) == (False, [], 1)


def test_the_outbox_is_told_by_channel(tocsin: CommandLine) -> None:
    tocsin("message", "send", "--channel", "telegram", "--to", "1", "hello")

    lines = tocsin("status").lines

    assert "Outbox: 1 to send, 0 unknown, 0 dead" in lines
    assert "Outbox of telegram: 1 to send, 0 unknown, 0 dead" in lines


def test_alerts_that_reached_nobody_are_told(tocsin: CommandLine) -> None:
    job = new_job(uid="u1", id="a1b2c3d4", address=ChatAddress(channel="telegram", chat="7"))
    lost = alert(job, "r1", "failed: no key", ChatAddress(channel="telegram", chat="7"))
    now = to_text(datetime.now(UTC))

    def give_up(transaction: Transaction) -> None:
        messages.leave(transaction, lost, at=now)
        transaction.execute(sql.END_MESSAGE, ("dead", "the chat is gone", now, 1))

    tocsin.kept.write(give_up)
    people, document = tocsin("status"), tocsin("status", "--json").document  # P-30

    assert document["alerts"] == {"undelivered": 1}
    assert "Alerts: 1 could not be delivered (tocsin outbox list)" in people.lines


def test_what_models_have_cost_today_is_told(tocsin: CommandLine) -> None:
    today = day_of(datetime.now(UTC), "UTC")
    tocsin.kept.write(lambda t: t.execute(sql.ADD_SPEND, (today, "owner:test:1", 1_000, 20, 0.5)))

    people, document = tocsin("status"), tocsin("status", "--json").document

    assert (document["spend"]["day"], document["spend"]["input_tokens"]) == (today, 1_000)
    assert f"Spent on {today}: 1,000 tokens in, 20 out, 0.5000 in money" in people.lines


def test_the_last_errors_are_told_the_newest_last(tocsin: CommandLine) -> None:
    at = to_text(datetime.now(UTC) - timedelta(hours=5))
    first = {"at": at, "level": "error", "event": "send failed", "error": "OSError: no route", "chat": "7"}
    tell(tocsin, errors=[{**first, "event": "failed again"}, first])

    printed, document = tocsin("status"), tocsin("status", "--json").document

    assert [line for line in printed.lines if line.startswith("Error")] == [
        "Error 5 h ago: send failed: OSError: no route (chat=7)",
        "Error 5 h ago: failed again: OSError: no route (chat=7)",
    ]
    assert document["errors"][1] == first


def test_what_must_be_so_decides_the_exit_status(tocsin: CommandLine) -> None:
    tell(tocsin, trouble=["the disk is full"])
    down = [tocsin("status", "--require", wanted).status for wanted in ("alive", "ready")]

    with GatewayLock.take(tocsin.kept.home, datetime.now(UTC) - timedelta(hours=1)):
        troubled = [tocsin("status", "--require", wanted).status for wanted in ("alive", "ready")]
        tell(tocsin)
        well = [tocsin("status", "--require", wanted).status for wanted in ("alive", "ready")]

    assert (down, troubled, well) == ([1, 1], [0, 1], [0, 0])


def test_cron_that_is_disabled_is_said(tocsin: CommandLine) -> None:
    tocsin.configure("[cron]\nenabled = false\n")

    people, document = tocsin("status").out, tocsin("status", "--json").document

    assert "cron: disabled" in people  # PRX-04
    assert (document["scheduler"]["enabled"], document["scheduler"]["cron"]) == (False, "disabled")


def test_runs_on_their_way_and_webhooks_are_counted(tocsin: CommandLine) -> None:
    tocsin.add("--name", "a", "--say", "x", "--every", "1h")
    tocsin.begin("a")
    held = tocsin.claim("a")

    def write(transaction: Transaction) -> None:
        transaction.execute("UPDATE runs SET held = 1 WHERE id = ?", (held,))
        for name, state in (("c1", "open"), ("c2", "failed"), ("c3", "failed")):
            transaction.execute(
                """INSERT INTO callbacks (id, run, job_uid, kind, host, hook, body, trace_id, state, next_at)
                    VALUES (?, 'r', 'u', 'result', 'h', '', '', 't', ?, 'x')""",
                (name, state),
            )

    tocsin.kept.write(write)

    people, document = tocsin("status").lines, tocsin("status", "--json").document

    assert document["runs"] == {"queued": 1, "running": 1, "retry_wait": 0, "awaiting_approval": 0, "held": 1}
    assert document["callbacks"] == {"open": 1, "failed": 2}
    assert "Runs: 1 queued, 1 running (1 wait for their place)" in people
    assert "Webhooks: 1 to call, 2 given up (tocsin cron doctor)" in people


def test_the_numbers_of_the_running_gateway_are_shown_as_it_tells_them(tocsin: CommandLine) -> None:
    tell(tocsin, metrics={"tocsin_runs": {"succeeded": 3}})
    before = tocsin("status", "--json").document["metrics"]

    with GatewayLock.take(tocsin.kept.home, datetime.now(UTC) - timedelta(hours=1)):
        document = tocsin("status", "--json").document

    assert (before, document["metrics"]) == ({}, {"tocsin_runs": {"succeeded": 3}})
