"""tocsin status: how the gateway is, told from its own small file and from the tables."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import click

from cron import overview, runs
from cron.endings.spent import Spent, day_of, report
from cron.job import Job
from cron.planner import Cursor
from gateway import zones
from gateway.callbacks import ledger
from gateway.cli.kept import Kept
from gateway.cli.main import DONE, FAILED, Call
from gateway.cli.status_spend import spend_document, spend_lines
from gateway.cli.words import line, minute, utc
from gateway.clock import from_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.errors import StoreError
from gateway.home import Holder
from gateway.messages import Json
from gateway.outbox import unsent
from gateway.status import SILENT, read_status

UNHEARD = timedelta(seconds=30)  # a gateway tells how it is every 5 s; from here on it hangs
NEXT = 5  # fires that are shown

_SHOWN_ELSEWHERE = frozenset({"at", "level", "event", "error", "logger"})

Counts = tuple[dict[str, int], dict[str, dict[str, int]], dict[str, Cursor]]
"""Messages that wait for a turn, by kind; messages that are not sent, by channel and state; cursors by job."""

OPEN = ("queued", "running", "retry_wait", "awaiting_approval")


@click.command("status")
@click.option(
    "--require",
    type=click.Choice(["alive", "ready"]),
    help="Let the exit status be 1 unless the gateway runs and answers (alive), and all is well too (ready).",
)
@click.pass_obj
def command(call: Call, *, require: str | None) -> int:
    """Show what the gateway is doing.

    The exit status says whether that could be told, not whether all is well: for that there is --require.
    """
    kept = Kept(call.home, call.warn)
    document = tell(kept)
    if call.json:
        call.document(document)
    for text in _lines(document, kept.clock.now(), kept.zone):
        call.say(line(text))
    return DONE if require is None or document[require] else FAILED


def tell(kept: Kept) -> dict[str, Json]:
    """The one document: what the running gateway says of itself, and what waits in the tables."""
    holder = kept.gateway()
    told = _told(kept, holder)
    trouble = _trouble(kept, holder, told)
    jobs, fault = _jobs(kept)
    trouble += [fault] if fault and fault not in trouble else []
    waiting, outbox, cursors = kept.read(_counts, empty=lambda: ({}, {}, {}))
    day = day_of(kept.clock.now(), kept.settings.timezone or zones.UTC)
    spent: list[Spent] = kept.read(lambda transaction: report(transaction, day), empty=list)
    lost = kept.read(unsent.dead_alerts, empty=lambda: 0)
    return {
        "ready": holder is not None and not trouble and bool(told.get("ready")),
        "alive": holder is not None and "at" in told and _silence(kept, told) <= UNHEARD,
        "running": holder is not None,
        "pid": holder.pid if holder else None,
        "since": holder.since if holder else None,
        "home": str(kept.home.path),
        "at": told.get("at"),
        "channels": told.get("channels", {}) if holder else {},
        "scheduler": _scheduler(kept, told if holder else {}, jobs, cursors),
        "lanes": {
            "running": told.get("lanes", {}).get("running", 0) if holder else 0,
            "waiting": sum(waiting.values()),
            "waiting_by_kind": {**waiting},
        },
        "runs": kept.read(_open_runs, empty=lambda: dict.fromkeys((*OPEN, "held"), 0)),
        "outbox": outbox_document(outbox),
        "callbacks": kept.read(_callbacks, empty=lambda: {"open": 0, "failed": 0}),
        "alerts": {"undelivered": lost},
        "spend": spend_document(day, spent, jobs or []),
        "errors": told.get("errors", []),
        "metrics": told.get("metrics", {}) if holder else {},
        "web": told.get("web") if holder else None,
        "trouble": trouble,
    }


def outbox_document(counts: Mapping[str, Mapping[str, int]]) -> dict[str, Json]:
    """How many messages are not sent, in all and by channel."""
    states = ("open", "unknown", "dead")
    total = {state: sum(of.get(state, 0) for of in counts.values()) for state in states}
    return total | {
        "channels": {name: {state: of.get(state, 0) for state in states} for name, of in counts.items()}
    }


def _told(kept: Kept, holder: Holder | None) -> dict[str, Any]:
    """What the gateway said of itself last; nothing, where that was an earlier life of the one that runs now."""
    told = read_status(kept.home)
    if not isinstance(told, dict) or not told.get("at"):
        return {}
    earlier = holder is not None and holder.since and from_text(told["at"]) < from_text(holder.since)
    return {} if earlier else told


def _silence(kept: Kept, told: Mapping[str, Any]) -> timedelta:
    return kept.clock.now() - from_text(told["at"])


def _trouble(kept: Kept, holder: Holder | None, told: Mapping[str, Any]) -> list[str]:
    """What is wrong, or was when the gateway last told."""
    found = [str(text) for text in told.get("trouble", [])]
    found += [
        f"channel {name} is {channel['state']}: {channel['reason']}"
        for name, channel in told.get("channels", {}).items()
        if channel.get("reason") and channel.get("state") in {"stopped", "retrying", SILENT}
    ]
    if holder is None:
        return found
    if "at" not in told:
        return [*found, "the gateway is starting, and has not told yet how it is"]
    silence = _silence(kept, told)
    if silence > UNHEARD:
        found.append(f"the gateway has not told how it is for {silence.total_seconds():.0f} s")
    return found


def _jobs(kept: Kept) -> tuple[list[Job] | None, str]:
    """The jobs; None, and why, when they cannot be read."""
    try:
        return list(kept.jobs.load().values()), ""
    except StoreError as error:
        return None, str(error)


def _counts(transaction: Transaction) -> Counts:
    waiting = dict(transaction.execute(sql.COUNT_WAITING).fetchall())
    return waiting, unsent.counts(transaction), runs.cursors(transaction)


def _open_runs(transaction: Transaction) -> dict[str, Json]:
    """How many runs are on their way, and how many of those wait for their place."""
    rows = transaction.execute(sql.COUNT_OPEN_RUNS).fetchall()
    counts = {status: count for status, count, _ in rows}
    return {status: counts.get(status, 0) for status in OPEN} | {"held": sum(held for *_, held in rows)}


def _callbacks(transaction: Transaction) -> dict[str, Json]:
    """Calls to machines: how many are still to be made, and how many were given up."""
    failed = transaction.execute(sql.COUNT_FAILED_CALLBACKS).fetchone()[0]
    return {"open": ledger.waiting(transaction), "failed": failed}


def _scheduler(
    kept: Kept, told: Mapping[str, Any], jobs: list[Job] | None, cursors: Mapping[str, Cursor]
) -> dict[str, Json]:
    """Its heartbeat as the gateway told it; what is due next as `cron list` knows it, which is fresher."""
    known = told.get("scheduler", {})
    enabled = known.get("enabled", kept.settings.cron_enabled)
    now = kept.clock.now()
    fires = _fires(jobs or [], cursors, now) if enabled else []
    ahead = [at for at, _ in fires if at > now]
    return {
        "enabled": enabled,
        "cron": "enabled" if enabled else "disabled",
        "heartbeat": known.get("heartbeat"),
        "next_fire": utc(ahead[0]) if ahead and told else None,
        "next": [
            {"at": utc(at), "id": job.id, "name": job.name, "overdue": at <= now} for at, job in fires[:NEXT]
        ],
        "jobs": None if jobs is None else len(jobs),
    }


def _fires(jobs: list[Job], cursors: Mapping[str, Cursor], now: datetime) -> list[tuple[datetime, Job]]:
    """The next instant of each job that has one, the earliest first."""
    found = [(at, job) for job in jobs if (at := overview.next_run(job, cursors.get(job.uid), now))]
    return sorted(found, key=lambda pair: (pair[0], pair[1].id))


# -- for people -------------------------------------------------------------------------------------------------


def _lines(document: dict[str, Any], now: datetime, zone: str) -> Iterator[str]:
    state = "ready" if document["ready"] else "running, but not ready"
    if document["running"]:
        yield f"Gateway: {state} (process {document['pid']}, since {document['since']})"
    else:
        yield "Gateway: not running (start it with tocsin run)"
    for name, channel in document["channels"].items():
        yield _channel(name, channel, now)
    if web := document["web"]:
        yield f"Web: {web['address']}, its token is in {web['token']}"
    yield from _scheduler_lines(document, now, zone)
    lanes, outbox = document["lanes"], document["outbox"]
    kinds = ", ".join(f"{count} {kind}" for kind, count in lanes["waiting_by_kind"].items())
    yield f"Turns: {lanes['running']} running, {lanes['waiting']} waiting{f' ({kinds})' if kinds else ''}"
    if open_ := [f"{document['runs'][status]} {status}" for status in OPEN if document["runs"][status]]:
        held = document["runs"]["held"]
        yield f"Runs: {', '.join(open_)}{f' ({held} wait for their place)' if held else ''}"
    yield f"Outbox: {_counted(outbox)}"
    for name, counts in outbox["channels"].items():
        yield f"Outbox of {name}: {_counted(counts)}"
    callbacks = document["callbacks"]
    if callbacks["open"] or callbacks["failed"]:
        yield f"Webhooks: {callbacks['open']} to call, {callbacks['failed']} given up (tocsin cron doctor)"
    if lost := document["alerts"]["undelivered"]:
        yield f"Alerts: {lost} could not be delivered (tocsin outbox list)"
    yield from spend_lines(document["spend"])
    for error in reversed(document["errors"]):
        yield _error(error, now)
    for text in document["trouble"]:
        yield f"Trouble: {text}"


def _scheduler_lines(document: dict[str, Any], now: datetime, zone: str) -> Iterator[str]:
    scheduler = document["scheduler"]
    count = scheduler["jobs"]
    jobs = "its jobs cannot be read" if count is None else f"{count} job{'' if count == 1 else 's'}"
    beat = f", looked at them {_ago(scheduler['heartbeat'], now)}" if scheduler["heartbeat"] else ""
    state = "on" if scheduler["enabled"] else "off (cron: disabled)"
    yield f"Scheduler: {state}, {jobs}{beat}"
    for fire in scheduler["next"]:
        overdue = " (overdue)" if fire["overdue"] else ""
        yield f'Next: {minute(from_text(fire["at"]), zone)} "{fire["name"]}" ({fire["id"]}){overdue}'


def _channel(name: str, channel: dict[str, Any], now: datetime) -> str:
    reason = f" ({channel['reason']})" if channel["reason"] else ""
    polls = channel["last_alive"] and channel.get("heard_every_s")  # the others need to be alive once only
    alive = f", last alive {_ago(channel['last_alive'], now)}" if polls else ""
    return f"Channel {name}: {channel['state']}{reason}{alive}"


def _counted(counts: dict[str, Any]) -> str:
    return f"{counts['open']} to send, {counts['unknown']} unknown, {counts['dead']} dead"


def _error(error: dict[str, Any], now: datetime) -> str:
    when = f" {_ago(error['at'], now)}" if error.get("at") else ""
    cause = f": {error['error']}" if error.get("error") else ""
    noted = ", ".join(f"{key}={value}" for key, value in error.items() if key not in _SHOWN_ELSEWHERE)
    return f"Error{when}: {error.get('event')}{cause}{f' ({noted})' if noted else ''}"


def _ago(moment: str, now: datetime) -> str:
    """How long ago, in the largest unit that has at least two of them."""
    seconds = max((now - from_text(moment)).total_seconds(), 0)
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {unit} ago"
    return f"{seconds:.0f} s ago"
