"""tocsin cron next: when a schedule fires. Needs no home folder, creates nothing, changes nothing."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import click

from cron.codec.shapes import encode_schedule
from cron.job import Job, JobStatus
from cron.schedule import At, Cron, Every, Schedule
from cron.times import preview
from cron.times.preview import Note
from cron.times.schedule_text import parse_duration, parse_instant
from cron.times.timetable import Times, times_of
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
def following(call: Call, /, *, start: str | None, count: int, **given: str | None) -> None:
    """Show when a job, or any schedule, fires next."""
    wanted = Question(start=start, **given)
    kept = Kept(call.home, call.warn)
    asked = _of_job(call, kept, wanted) if wanted.reference else _of_flags(kept, wanted)
    moments = list(preview.fires(asked.times, asked.after, min(count, asked.most)))
    notes = preview.notes_of(asked.times, asked.after, moments, zone=asked.zone)
    if call.json:
        call.document(_document(asked, moments, notes))
    for line in _lines(asked.zone, moments, notes):
        call.say(line)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is previewed."""

    schedule: Schedule
    times: Times  # the schedule, or a job's timetable
    zone: str
    after: datetime
    most: int = MOST  # fires that are left of a job's max_runs


def _of_flags(kept: Kept, wanted: Question) -> Asked:
    """A schedule that was typed, its zone, and the moment that everything counts from."""
    zone = _zone(wanted.tz) if wanted.tz is not None else kept.zone
    base = kept.clock.now().replace(microsecond=0)
    if wanted.start is not None:
        base = parse_instant(wanted.start, zone=zone, now=base)
    schedule = _read(wanted, zone, base, kept)
    return Asked(schedule=schedule, times=schedule, zone=zone, after=base)


def _read(wanted: Question, zone: str, base: datetime, kept: Kept) -> Schedule:
    if wanted.cron is not None:
        return Cron(wanted.cron, zone)
    if wanted.every is not None:
        return Every(parse_duration(wanted.every), base)
    if wanted.at is not None:
        return At(parse_instant(wanted.at, zone=zone, now=base))
    from cron import phrases  # only for who writes words: it may bring dateparser

    return phrases.understand(wanted.when or "", now=base, zone=zone, languages=kept.settings.languages)


def _of_job(call: Call, kept: Kept, wanted: Question) -> Asked:
    """A job's timetable, its zone, and the moment after which it is asked for.

    From now on, that is where the gateway stands: what is overdue, it will still see to.
    """
    from gateway.cli import cron_jobs  # reads the stores, which a schedule of the command line does not need

    job = _in_zone(cron_jobs.find(kept, wanted.reference or ""), wanted.tz)
    times = times_of(job)
    if job.schedule is None or times is None:
        raise UserError(f'"{job.name}" ({job.id}) cannot be read: {job.status_reason}; give it a schedule first')
    zone = job.schedule.zone if isinstance(job.schedule, Cron) else job.tz
    asked = Asked(schedule=job.schedule, times=times, zone=zone, after=kept.clock.now())
    if wanted.start is not None:
        return replace(asked, after=parse_instant(wanted.start, zone=zone, now=asked.after))
    if job.status is not JobStatus.ENABLED:
        call.warn(f"note: the job is {job.status.value}; these are the times of its schedule")
    facts = cron_jobs.facts(kept, [job])[job.uid]
    after = facts.next_run - timedelta(microseconds=1) if facts.next_run else asked.after
    return replace(asked, after=after if wanted.tz is None else asked.after, most=_left(kept, job))


def _left(kept: Kept, job: Job) -> int:
    """How many runs its schedule may still make."""
    if job.max_runs is None:
        return MOST
    from cron import runs  # the tables, which a schedule of the command line does not need

    cursor = kept.read(lambda transaction: runs.cursor_of(transaction, job.uid), empty=lambda: None)
    return max(job.max_runs - (cursor.runs if cursor else 0), 0)


def _in_zone(job: Job, tz: str | None) -> Job:
    """The job as if it had been made in this zone."""
    if tz is None:
        return job
    zone, schedule = _zone(tz), job.schedule
    return replace(job, tz=zone, schedule=replace(schedule, zone=zone) if isinstance(schedule, Cron) else schedule)


def _zone(name: str) -> str:
    try:
        return zones.check(name)
    except ValueError as error:
        raise UserError(f"--tz: {name[:80]} {error}") from error


def _document(asked: Asked, moments: list[datetime], notes: list[Note]) -> dict[str, object]:
    remarks = [{"at": local(note.at, asked.zone) if note.at else None, "note": note.text} for note in notes]
    return {
        "schedule": encode_schedule(asked.schedule, asked.zone),
        "tz": asked.zone,
        "next": [local(moment, asked.zone) for moment in moments],
        "notes": remarks,
    }


def _lines(zone: str, moments: list[datetime], notes: list[Note]) -> Iterator[str]:
    """A line for each fire, and for each that would have been, with what there is to say about it."""
    yield from (f"note: {note.text}" for note in notes if note.at is None)
    remarks: dict[datetime, list[str]] = {moment: [] for moment in moments}
    for note in notes:
        if note.at is not None:
            remarks.setdefault(note.at, []).append(note.text)
    for moment in sorted(remarks):
        yield "  ".join([_line(moment, zone), *remarks[moment]])


def _line(moment: datetime, zone: str) -> str:
    text = local(moment, zone)
    offset = "+00:00" if text.endswith("Z") else text[-6:]
    day = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")[datetime.fromisoformat(text).weekday()]
    clock = text[:19].replace("T", " ").removesuffix(":00") if moment.second == 0 else text[:19].replace("T", " ")
    return f"{day} {clock} {offset} ({zone})"
