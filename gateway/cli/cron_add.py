"""tocsin cron add, update."""

from dataclasses import dataclass, replace

import click

from cron import listing
from cron.book import JobBook
from cron.job import Job, Shell
from cron.making import rules
from cron.making.configured import bounds_of
from cron.making.draft import Maker, changed_job, unique_name
from cron.store import names_of
from gateway import config as configuration
from gateway.cli import cron_file, cron_jobs, cron_text
from gateway.cli.cron_flags import EXAMPLES, USUAL, Flags, JobCommand, job_flags
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
WAITING = "shell commands wait for the sandbox, which is not built yet: until then a run of this job fails"


@click.command("add", cls=JobCommand, epilog=EXAMPLES)
@job_flags
@click.pass_obj
def add(call: Call, /, **flags: str | None) -> None:
    """Make a job: what it does (--message or --say), and when (--every, --cron, --at, --when or --schedule)."""
    desk = Desk.open(call)
    wanted = Flags(**flags)
    job = desk.from_file(wanted) if wanted.job is not None else desk.from_flags(wanted)
    desk.tell(job, "Scheduled")


@click.command("update", cls=JobCommand, epilog=EXAMPLES)
@click.argument("reference", metavar="ID")
@job_flags
@click.pass_obj
def update(call: Call, /, *, reference: str, **flags: str | None) -> None:
    """Change what the flags say of a job, and nothing else: the flags of `cron add`."""
    desk = Desk.open(call)
    wanted = Flags(**flags)
    if wanted.job is None and not wanted.said():
        raise UserError(f"nothing to change: give a flag such as {', '.join(USUAL)}; --help shows all")
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
        return JobBook(self.kept.audited()).add(draft, maker)

    def from_file(self, wanted: Flags) -> Job:
        """A new job of an object in a file."""
        written = self._file_of(wanted)
        store = self.kept.audited()
        book = JobBook(store, jobs_per_owner=self.config.limits.jobs_per_owner)
        for _ in range(ATTEMPTS):
            present = self.kept.jobs.load()
            job = cron_file.new_job(written, replace(self._maker(None), jobs=present.values()))
            self._check(job.address)
            name = unique_name(job.name or listing.what(job, widest=30), names_of(present, job.owner))
            job = replace(job, name=name, created_by=job.created_by or MAKER)
            try:
                return store.put(job, check=book.admitting(job))
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
                return self.kept.audited().put(following)
            except JobChangedError:
                continue
        raise UserError("the job is being changed by others; try again")

    def _following(self, job: Job, wanted: Flags) -> Job:
        present = self.kept.jobs.load()
        others = present.values()  # a store of many jobs decodes them only for who looks through them
        if wanted.job is not None:
            following = cron_file.overlaid(job, self._file_of(wanted), replace(self._maker(None), jobs=others))
            self._check(following.address)
            return following
        address, draft = wanted.address(), wanted.draft()
        maker = replace(self._maker(address), jobs=others)
        if draft.said():
            job = changed_job(job, draft, maker, names_of(present, job.owner) - {job.name})
        return replace(job, address=address) if address is not None else job

    def _file_of(self, wanted: Flags) -> dict[str, Json]:
        if more := wanted.said():
            raise UserError(f"--job is the whole job; say {' and '.join(more)} inside it")
        name = wanted.job or "-"
        try:
            with click.open_file(name, encoding="utf-8") as file:
                return cron_text.parse(file.read(cron_text.LARGEST + 1), name=name)
        except UnicodeDecodeError as error:
            raise UserError(f"--job: {name[:200]} is not UTF-8 text; save it as UTF-8") from error

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
            admin=True,
            bounds=bounds_of(self.config),
        )

    def _check(self, address: ChatAddress | None) -> None:
        if address is not None and (note := check_channel(address.channel, self.config)):
            self.call.warn(f"note: {note}")

    def tell(self, job: Job, done: str) -> None:
        """The echo: what was understood, the absolute time, the zone, and where it speaks."""
        for warning in rules.warnings(job, bounds_of(self.config)):
            self.call.warn(f"note: {warning}")
        if isinstance(job.payload, Shell) or job.check:
            self.call.warn(f"note: {WAITING}")
        if job.tools:
            self._warn_of_unknown(job.tools)
        facts = cron_jobs.facts(self.kept, [job])[job.uid]
        utc = self.config.timezone is None and job.tz == "UTC"
        hint = "Times here are in UTC; give --tz, or set `timezone` in the configuration." if utc else ""
        note = "\n".join(filter(None, (target_text(job, self.kept.default_target), hint)))
        self.call.say(clean(listing.echo(job, facts, done=done, note=note)))
        cron_jobs.present(self.call, self.kept, job)
        cron_jobs.hint_without_gateway(self.call, self.kept)

    def _warn_of_unknown(self, names: tuple[str, ...]) -> None:
        from gateway.cli.tools import tool_names  # only here: the tools bring much with them

        known = tool_names()
        if unknown := [name for name in names if name not in known]:
            there = f"there are {', '.join(sorted(known))}; plugins may bring others"
            self.call.warn(clean(f"note: no tool here is called {', '.join(unknown)}; {there}"))
