"""tocsin cron add, update."""

from dataclasses import dataclass, replace

import click

from cron import listing
from cron.book import JobBook
from cron.draft import Maker, changed_job, checked, unique_name
from cron.job import Job
from gateway import config as configuration
from gateway.cli import cron_file, cron_jobs
from gateway.cli.cron_flags import NAMES, Flags, job_flags
from gateway.cli.cron_words import target_text
from gateway.cli.kept import Kept
from gateway.cli.main import Call
from gateway.cli.targets import check_channel
from gateway.cli.words import clean
from gateway.config import Config
from gateway.errors import JobChangedError, UserError
from gateway.messages import ChatAddress, Json

MAKER = "operator"
ATTEMPTS = 5  # to write a job that others change at the same time


@click.command("add")
@job_flags
@click.pass_obj
def add(call: Call, /, **flags: str | None) -> None:
    """Make a job: what it does (--message or --say), and when (--every, --cron, --at, --when or --schedule)."""
    desk = Desk.open(call)
    wanted = Flags(**flags)
    job = desk.from_file(wanted) if wanted.job is not None else desk.from_flags(wanted)
    desk.tell(job, "Scheduled")


@click.command("update")
@click.argument("reference", metavar="ID")
@job_flags
@click.pass_obj
def update(call: Call, /, *, reference: str, **flags: str | None) -> None:
    """Change what the flags say of a job, and nothing else: the flags of `cron add`."""
    desk = Desk.open(call)
    wanted = Flags(**flags)
    if wanted.job is None and not wanted.said():
        raise UserError(f"nothing to change: give at least one of {', '.join(NAMES)}")
    before = cron_jobs.find(desk.kept, reference)
    desk.tell(desk.changed(before.uid, wanted), "Changed")
    if before.declared:
        call.warn("note: this job is in [[cron.tasks]] of the configuration, which wins at the next start")


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Where jobs are made and changed on the command line."""

    call: Call
    kept: Kept
    config: Config

    @classmethod
    def open(cls, call: Call) -> "Desk":
        kept = Kept(call.home, call.warn)
        return cls(call=call, kept=kept, config=configuration.load(call.home.path).config)

    def from_flags(self, wanted: Flags) -> Job:
        """A new job of the flags."""
        draft, maker = wanted.draft(), self._maker(wanted.address())
        return JobBook(self.kept.jobs).add(draft, maker)

    def from_file(self, wanted: Flags) -> Job:
        """A new job of a JSON object."""
        job = cron_file.new_job(self._file_of(wanted), zone=self.kept.zone, now=self.kept.clock.now())
        self._admit(job)
        for _ in range(ATTEMPTS):
            taken = {other.name for other in self.kept.jobs.load().values() if other.owner == job.owner}
            name = unique_name(job.name or listing.what(job, widest=30), taken)
            try:
                return self.kept.jobs.put(replace(job, name=name, created_by=job.created_by or MAKER))
            except JobChangedError as error:
                if job.uid in self.kept.jobs.load():
                    raise UserError(f"{error}; leave id and uid out to make another one") from error
        raise UserError("too many jobs are being made at the same time; try again")

    def changed(self, uid: str, wanted: Flags) -> Job:
        """The stored job with what was said of it changed."""
        for _ in range(ATTEMPTS):
            job = cron_jobs.find(self.kept, uid)
            following = self._following(job, wanted)
            if following == job:
                return job
            try:
                return self.kept.jobs.put(following)
            except JobChangedError:
                continue
        raise UserError("the job is being changed by others; try again")

    def _following(self, job: Job, wanted: Flags) -> Job:
        if wanted.job is not None:
            following = cron_file.overlaid(job, self._file_of(wanted))
            self._admit(following)
            return following
        address, draft = wanted.address(), wanted.draft()
        maker = self._maker(address)
        if draft.said():
            others = self.kept.jobs.load().values()
            taken = {other.name for other in others if other.owner == job.owner and other.uid != job.uid}
            job = changed_job(job, draft, maker, taken)
        return replace(job, address=address) if address is not None else job

    def _file_of(self, wanted: Flags) -> dict[str, Json]:
        if more := wanted.said():
            raise UserError(f"--job is the whole job; say {' and '.join(more)} inside it")
        with click.open_file(wanted.job or "-", encoding="utf-8") as file:
            return cron_file.parse(file.read())

    def _maker(self, address: ChatAddress | None) -> Maker:
        self._check(address)
        cron = self.config.cron
        return Maker(
            now=self.kept.clock.now(),
            zone=self.kept.zone,
            languages=self.config.languages,
            created_by=MAKER,
            address=address,
            min_interval=cron.min_interval,
            at_min_lead=cron.at_min_lead,
        )

    def _admit(self, job: Job) -> None:
        self._check(job.address)
        if job.schedule is not None:
            checked(job.schedule, replace(self._maker(None), zone=job.tz))

    def _check(self, address: ChatAddress | None) -> None:
        if address is not None and (note := check_channel(address.channel, self.config)):
            self.call.warn(f"note: {note}")

    def tell(self, job: Job, done: str) -> None:
        """The echo: what was understood, the absolute time, the zone, and where it speaks."""
        facts = cron_jobs.facts(self.kept, [job])[job.uid]
        utc = self.config.timezone is None and job.tz == "UTC"
        hint = "Times here are in UTC; give --tz, or set `timezone` in the configuration." if utc else ""
        note = "\n".join(filter(None, (target_text(job, self.kept.default_target), hint)))
        self.call.say(clean(listing.echo(job, facts, done=done, note=note)))
        cron_jobs.present(self.call, self.kept, job)
        cron_jobs.hint_without_gateway(self.call, self.kept)
