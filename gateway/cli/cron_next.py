"""tocsin cron next: when a schedule fires. Needs no home folder, creates nothing, changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import click

from cron.codec.shapes import encode_schedule
from cron.job import Job, JobStatus
from cron.schedule import At, Cron, Every, Schedule
from cron.schedule_text import parse_duration, parse_instant
from gateway import zones
from gateway.cli.kept import Kept
from gateway.cli.main import Call
from gateway.cli.words import local
from gateway.errors import UserError

COUNT = 5
MOST = 1_000


@click.command("next")
@click.argument("reference", metavar="[ID]", required=False)
@click.option("--cron", metavar="EXPR", help="minute hour day month weekday, or @daily.")
@click.option("--every", metavar="DURATION", help="A fixed interval, counted from --from or now.")
@click.option("--at", metavar="ISO", help="A date and time.")
@click.option("--when", metavar="PHRASE", help="In words: 'tomorrow at 9am'.")
@click.option("--tz", metavar="ZONE", help="The zone; else the job's, the configured one, the machine's.")
@click.option("--from", "start", metavar="ISO", help="Count from this time on instead of now.")
@click.option("--count", type=click.IntRange(1, MOST), default=COUNT, show_default=True, help="At most so many.")
@click.pass_obj
def following(call: Call, /, *, start: str | None, count: int, **asked: str | None) -> None:
    """Show when a job, or any schedule, fires next."""
    wanted = Question(start=start, **asked)
    kept = Kept(call.home, call.warn)
    schedule, zone, after = _of_job(call, kept, wanted) if wanted.reference else _of_flags(kept, wanted)
    moments = list(fires(schedule, after, count))
    if call.json:
        document = {"schedule": encode_schedule(schedule, zone), "tz": zone}
        call.document(document | {"next": [local(moment, zone) for moment in moments]})
    for moment in moments:
        call.say(_line(moment, zone))
    if not moments:
        call.warn("note: it does not fire any more")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """The schedule that is asked about, as it was typed."""

    reference: str | None = None
    cron: str | None = None
    every: str | None = None
    at: str | None = None
    when: str | None = None
    tz: str | None = None
    start: str | None = None

    def __post_init__(self) -> None:
        names = ("reference", "cron", "every", "at", "when")
        given = [name for name in names if getattr(self, name) is not None]
        if len(given) != 1:
            found = f"{' and '.join(given)} are given" if given else "nothing is given"
            raise click.UsageError(f"one of ID, --cron, --every, --at, --when is needed; {found}")


def fires(schedule: Schedule, after: datetime, count: int) -> Iterator[datetime]:
    """The next instants strictly after a moment, at most so many."""
    moment = schedule.next_after(after)
    while moment is not None and count:
        yield moment
        moment, count = schedule.next_after(moment), count - 1


def _of_flags(kept: Kept, wanted: Question) -> tuple[Schedule, str, datetime]:
    """A schedule that was typed, its zone, and the moment that everything counts from."""
    zone = _zone(wanted.tz) if wanted.tz is not None else kept.zone
    base = kept.clock.now().replace(microsecond=0)
    if wanted.start is not None:
        base = parse_instant(wanted.start, zone=zone, now=base)
    return _read(wanted, zone, base, kept), zone, base


def _read(wanted: Question, zone: str, base: datetime, kept: Kept) -> Schedule:
    if wanted.cron is not None:
        return Cron(wanted.cron, zone)
    if wanted.every is not None:
        return Every(parse_duration(wanted.every), base)
    if wanted.at is not None:
        return At(parse_instant(wanted.at, zone=zone, now=base))
    from cron import phrases  # only for who writes words: it may bring dateparser

    return phrases.understand(wanted.when or "", now=base, zone=zone, languages=kept.settings.languages)


def _of_job(call: Call, kept: Kept, wanted: Question) -> tuple[Schedule, str, datetime]:
    """The schedule of a job, its zone, and the moment after which it is asked for.

    From now on, that is where the gateway stands: what is overdue, it will still see to.
    """
    from gateway.cli import cron_jobs  # reads the stores, which a schedule of the command line does not need

    job = cron_jobs.find(kept, wanted.reference or "")
    if job.schedule is None:
        raise UserError(f'"{job.name}" ({job.id}) cannot be read: {job.status_reason}; give it a schedule first')
    schedule, zone = _in_zone(job, job.schedule, wanted.tz)
    now = kept.clock.now()
    if wanted.start is not None:
        return schedule, zone, parse_instant(wanted.start, zone=zone, now=now)
    if job.status is not JobStatus.ENABLED:
        call.warn(f"note: the job is {job.status.value}; these are the times of its schedule")
    upcoming = cron_jobs.facts(kept, [job])[job.uid].next_run if wanted.tz is None else None
    return schedule, zone, (upcoming - timedelta(microseconds=1) if upcoming else now)


def _in_zone(job: Job, schedule: Schedule, tz: str | None) -> tuple[Schedule, str]:
    own = schedule.zone if isinstance(schedule, Cron) else job.tz
    if tz is None:
        return schedule, own
    zone = _zone(tz)
    return (replace(schedule, zone=zone) if isinstance(schedule, Cron) else schedule), zone


def _zone(name: str) -> str:
    try:
        return zones.check(name)
    except ValueError as error:
        raise UserError(f"--tz: {name[:80]} {error}") from error


def _line(moment: datetime, zone: str) -> str:
    text = local(moment, zone)
    offset = "+00:00" if text.endswith("Z") else text[-6:]
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[datetime.fromisoformat(text).weekday()]
    clock = text[:19].replace("T", " ").removesuffix(":00") if moment.second == 0 else text[:19].replace("T", " ")
    return f"{day} {clock} {offset} ({zone})"
