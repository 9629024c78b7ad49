"""tocsin cron doctor: why jobs do not fire, are not heard, or forget. Everything is only looked at."""

import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import click

from cron.job import Job
from gateway import config as configuration
from gateway.cli import check, check_home, cron_jobs, doctor_jobs
from gateway.cli.doctor_jobs import Circumstances
from gateway.cli.finding import Finding, Level
from gateway.cli.kept import Kept
from gateway.cli.main import DONE, FAILED, Call
from gateway.clock import from_text
from gateway.config import Config
from gateway.database import statements as sql
from gateway.errors import ConfigError, NotFoundError, StoreError
from gateway.outbox import unsent
from gateway.status import SILENT, read_status

SILENT_SCHEDULER = timedelta(seconds=60)  # one that lives looks at its jobs every 30 s
ZONE = "Europe/Berlin"  # any that is not UTC: whether there is a zone database


@click.command("doctor")
@click.argument("reference", metavar="[ID]", required=False)
@click.pass_obj
def doctor(call: Call, *, reference: str | None) -> int:
    """Say why jobs do not fire, are not heard, or forget, and what to do about it; of one job, or of all.

    The exit status is 1 when something was found. Nothing is changed.
    """
    kept = Kept(call.home, call.warn)
    findings = list(_look(kept, reference))
    bad = [finding for finding in findings if finding.level is not Level.OK]
    if call.json:
        call.document({"ok": not bad, "findings": [asdict(finding) for finding in findings]})
    for finding in findings:
        call.say(f"{finding.level:<8} {finding.part}: {finding.text}")
    if not bad:
        call.say("Nothing is wrong.")
    return FAILED if bad else DONE


def _look(kept: Kept, reference: str | None) -> Iterator[Finding]:
    config, fault = _configuration(kept)
    yield fault or Finding(part="configuration", level=Level.OK, text="can be read")
    if config is not None:
        yield _switch(config)
    told = _told(kept)
    yield from _gateway(kept, told)
    yield from (found for found in check_home.look(kept.home, kept.clock.now()) if found.part != "gateway")
    yield from _zones()
    if config is not None and kept.home.path.exists():
        yield from check.stored(kept.home, config)
        yield from _moved(kept, config)
    yield from _tables(kept)
    yield from _jobs(kept, reference, _circumstances(kept, config, told))


def _configuration(kept: Kept) -> tuple[Config | None, Finding | None]:
    try:
        return configuration.load(kept.home.path).config, None
    except (ConfigError, OSError) as error:
        return None, Finding(part="configuration", level=Level.ERROR, text=str(error))


def _switch(config: Config) -> Finding:
    if config.cron.enabled:
        return Finding(part="cron.enabled", level=Level.OK, text="on")
    text = "cron is disabled in the configuration, so no job fires; set [cron] enabled = true and restart"
    return Finding(part="cron.enabled", level=Level.ERROR, text=text)


def _told(kept: Kept) -> Mapping[str, Any]:
    told = read_status(kept.home) if kept.gateway() is not None else None
    return told if isinstance(told, dict) else {}


def _gateway(kept: Kept, told: Mapping[str, Any]) -> Iterator[Finding]:
    holder = kept.gateway()
    if holder is None:
        text = "is not running, and jobs fire only while it does: tocsin run"
        yield Finding(part="gateway", level=Level.ERROR, text=text)
        return
    yield Finding(part="gateway", level=Level.OK, text=f"running: {holder}")
    scheduler = told.get("scheduler", {})
    if scheduler and not scheduler.get("enabled"):
        text = "is off in the gateway that runs; restart it after a change of [cron] enabled"
        yield Finding(part="scheduler", level=Level.ERROR, text=text)
    elif heartbeat := scheduler.get("heartbeat"):
        yield _heartbeat(kept.clock.now() - from_text(heartbeat))
    yield from (Finding(part="gateway", level=Level.ERROR, text=str(text)) for text in told.get("trouble", []))


def _heartbeat(age: timedelta) -> Finding:
    text = f"looked at the jobs {max(age.total_seconds(), 0):.0f} s ago"
    if age <= SILENT_SCHEDULER:
        return Finding(part="scheduler", level=Level.OK, text=text)
    text += "; it should every 30 s: kill -USR1 shows in the log what it does, a restart helps"
    return Finding(part="scheduler", level=Level.ERROR, text=text)


def _zones() -> Iterator[Finding]:
    try:
        zoneinfo.ZoneInfo(ZONE)
    except (zoneinfo.ZoneInfoNotFoundError, OSError):
        text = "there is no database of time zones; install the package tzdata"
        yield Finding(part="zones", level=Level.ERROR, text=text)


def _moved(kept: Kept, config: Config) -> Iterator[Finding]:
    """A file of jobs that is not where it is looked for, though jobs have run here."""
    path = kept.home.file(config.cron.store_path)
    if config.cron.store != "json" or path.exists():
        return
    known = kept.read(lambda t: t.execute(sql.COUNT_CURSORS).fetchone()[0], empty=lambda: 0)
    if known:
        text = f"{path} is not there, though {known} jobs had a schedule here; look at store and store_path"
        yield Finding(part="cron.store_path", level=Level.ERROR, text=text)


def _tables(kept: Kept) -> Iterator[Finding]:
    """What did not arrive."""
    try:
        lost = kept.read(unsent.dead_alerts, empty=lambda: 0)
        failed = kept.read(lambda t: t.execute(sql.FAILED_CALLBACKS).fetchall(), empty=list[Any])
        gone = kept.read(lambda t: t.execute(sql.GONE_HOOKS).fetchall(), empty=list[Any])
    except StoreError as error:
        yield Finding(part="database", level=Level.ERROR, text=str(error))
        return
    if lost:
        text = f"{lost} alerts of failing jobs reached nobody; tocsin outbox list shows them, outbox retry repeats"
        yield Finding(part="alerts", level=Level.ERROR, text=text)
    for job, host, count, why in failed:
        text = f"{count} of job {job[:8]} to {host} were given up, such as: {why}"
        yield Finding(part="webhooks", level=Level.WARNING, text=text)
    for job, _, at in gone:
        text = (
            f"one of job {job[:8]} answered 410 Gone at {at[:16]}, and is not called any more; update or remove it"
        )
        yield Finding(part="webhooks", level=Level.WARNING, text=text)


def _circumstances(kept: Kept, config: Config | None, told: Mapping[str, Any]) -> Circumstances:
    channels = told.get("channels", {})
    return Circumstances(
        now=kept.clock.now(),
        config=config,
        default_target=kept.default_target,
        running=kept.gateway() is not None,
        stopped={
            name: str(channel.get("reason") or channel["state"])
            for name, channel in channels.items()
            if channel.get("state") in {"stopped", SILENT}
        },
    )


def _jobs(kept: Kept, reference: str | None, known: Circumstances) -> Iterator[Finding]:
    try:
        jobs = _meant(kept, reference)
        facts = cron_jobs.facts(kept, jobs)
    except NotFoundError:
        raise
    except StoreError as error:
        yield Finding(part="jobs", level=Level.ERROR, text=str(error))
        return
    if not jobs:
        yield Finding(part="jobs", level=Level.OK, text="there are none yet; tocsin cron add makes one")
    for job in jobs:
        found = doctor_jobs.look(job, facts[job.uid], known, closely=reference is not None)
        yield from (one for one in found if reference is not None or one.level is not Level.OK)


def _meant(kept: Kept, reference: str | None) -> list[Job]:
    return cron_jobs.everything(kept) if reference is None else [cron_jobs.find(kept, reference)]
