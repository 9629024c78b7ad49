"""tocsin status: how the gateway is, told from its own small file and from the tables."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import click

from gateway.cli.kept import Kept
from gateway.cli.main import Call
from gateway.cli.words import line
from gateway.clock import from_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.errors import StoreError
from gateway.home import Holder
from gateway.messages import Json
from gateway.outbox import unsent
from gateway.status import read_status

SILENT = timedelta(seconds=30)  # a gateway tells how it is every 5 s; from here on it hangs


@click.command("status")
@click.pass_obj
def command(call: Call) -> None:
    """Show what the gateway is doing. The exit status says whether that could be told, not whether all is well."""
    kept = Kept(call.home, call.warn)
    document = tell(kept)
    if call.json:
        call.document(document)
        return
    for text in _lines(document):
        call.say(line(text))


def tell(kept: Kept) -> dict[str, Json]:
    """The one document: what the running gateway says of itself, and what waits in the tables."""
    holder = kept.gateway()
    told = read_status(kept.home) or {}
    trouble = _trouble(kept, holder, told)
    jobs, fault = _jobs(kept)
    trouble += [fault] if fault and fault not in trouble else []
    waiting, outbox = kept.read(_counts, empty=lambda: ({}, {}))
    return {
        "ready": holder is not None and not trouble and bool(told.get("ready")),
        "running": holder is not None,
        "pid": holder.pid if holder else None,
        "since": holder.since if holder else None,
        "home": str(kept.home.path),
        "at": told.get("at"),
        "channels": told.get("channels", {}) if holder else {},
        "scheduler": _scheduler(kept, holder, told) | {"jobs": jobs},
        "lanes": {
            "running": told.get("lanes", {}).get("running", 0) if holder else 0,
            "waiting": sum(waiting.values()),
        },
        "outbox": outbox_document(outbox),
        "trouble": trouble,
    }


def outbox_document(counts: Mapping[str, Mapping[str, int]]) -> dict[str, Json]:
    """How many messages are not sent, in all and by channel."""
    states = ("open", "unknown", "dead")
    total = {state: sum(of.get(state, 0) for of in counts.values()) for state in states}
    return total | {
        "channels": {name: {state: of.get(state, 0) for state in states} for name, of in counts.items()}
    }


def _trouble(kept: Kept, holder: Holder | None, told: Mapping[str, Any]) -> list[str]:
    """What is wrong, or was when the gateway last told."""
    found = [str(text) for text in told.get("trouble", [])]
    found += [
        f"channel {name} is {channel['state']}: {channel['reason']}"
        for name, channel in told.get("channels", {}).items()
        if channel.get("reason") and channel.get("state") in {"stopped", "retrying"}
    ]
    if holder is None:
        return found
    if told.get("at") is None:
        return [*found, "the gateway has only just started"]
    silence = kept.clock.now() - from_text(told["at"])
    if silence > SILENT:
        found.append(f"the gateway has not told how it is for {silence.total_seconds():.0f} s")
    return found


def _scheduler(kept: Kept, holder: Holder | None, told: Mapping[str, Any]) -> dict[str, Json]:
    known = told.get("scheduler", {}) if holder else {}
    return {
        "enabled": known.get("enabled", kept.settings.cron_enabled),
        "heartbeat": known.get("heartbeat"),
        "next_fire": known.get("next_fire"),
    }


def _jobs(kept: Kept) -> tuple[int | None, str]:
    """How many jobs there are; None, and why, when they cannot be read."""
    try:
        return len(kept.jobs.load()), ""
    except StoreError as error:
        return None, str(error)


def _counts(transaction: Transaction) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    """Messages that wait for a turn, by kind; messages that are not sent, by channel and state."""
    return dict(transaction.execute(sql.COUNT_WAITING).fetchall()), unsent.counts(transaction)


def _lines(document: dict[str, Any]) -> list[str]:
    scheduler, lanes, outbox = document["scheduler"], document["lanes"], document["outbox"]
    state = "ready" if document["ready"] else "running, but not ready"
    lines = ["Gateway: not running (start it with tocsin run)"]
    if document["running"]:
        lines = [f"Gateway: {state} (process {document['pid']}, since {document['since']})"]
    lines += [_channel(name, channel) for name, channel in document["channels"].items()]
    when = f", next at {scheduler['next_fire']}" if scheduler["next_fire"] else ""
    jobs = "its jobs cannot be read" if scheduler["jobs"] is None else f"{scheduler['jobs']} jobs"
    lines.append(f"Scheduler: {'on' if scheduler['enabled'] else 'off'}, {jobs}{when}")
    lines.append(f"Turns: {lanes['running']} running, {lanes['waiting']} waiting")
    lines.append(f"Outbox: {outbox['open']} to send, {outbox['unknown']} unknown, {outbox['dead']} dead")
    return lines + [f"Trouble: {text}" for text in document["trouble"]]


def _channel(name: str, channel: dict[str, Any]) -> str:
    reason = f" ({channel['reason']})" if channel["reason"] else ""
    return f"Channel {name}: {channel['state']}{reason}"
