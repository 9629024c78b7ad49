"""JobBook: what may be done with jobs, and by whom; on a JobStore, which blocks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from cron.draft import Draft, Maker, changed_job, new_job, uid_of
from cron.job import Job, JobStatus
from cron.store import JobStore
from gateway.errors import JobChangedError, NotFoundError, UserError
from gateway.messages import ChatAddress

ATTEMPTS = 5  # to change a job that others change at the same time
FEWEST = 4  # characters of an id's beginning


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who asks. Without an owner it is the operator, who sees and changes every job."""

    owner: str | None = None
    user: str = ""
    admin: bool = False  # may change and run what others of the same chat have made

    @property
    def operator(self) -> bool:
        return self.owner is None


OPERATOR = Viewer(admin=True)


class JobBook:
    """Finding, adding, changing and removing, within the rights of who asks."""

    def __init__(self, store: JobStore, *, jobs_per_owner: int = 50, members_edit: bool = False) -> None:
        self._store = store
        self._jobs_per_owner = jobs_per_owner
        self._members_edit = members_edit

    def list(self, viewer: Viewer) -> list[Job]:
        """The jobs that the viewer may see, oldest first."""
        jobs = self._store.load().values()
        seen = [job for job in jobs if viewer.operator or job.owner == viewer.owner]
        return sorted(seen, key=lambda job: (job.created_at, job.id))

    def find(self, reference: str, viewer: Viewer) -> Job:
        """By id, uid, name, or the beginning of one id; the same words for a foreign and an unknown one."""
        return resolve(reference, self.list(viewer))

    def runnable(self, reference: str, viewer: Viewer) -> Job:
        """The job, for who may run it out of turn: that is who may change it."""
        job = self.find(reference, viewer)
        self._allow(job, viewer, "run")
        return job

    def add(self, draft: Draft, maker: Maker) -> Job:
        """Make and store a job; a call that made one before gets the same one again."""
        for _ in range(ATTEMPTS):
            jobs = self._store.load()
            if maker.stamp and (made := jobs.get(uid_of(maker.stamp))) is not None:
                return made
            job = new_job(draft, maker, _names(jobs, maker.owner))
            try:
                return self._store.put(job, check=lambda present, job=job: self._admit(present, job))  # type: ignore[misc]
            except JobChangedError:
                continue  # somebody has taken the name meanwhile
        raise UserError("too many jobs are being added at the same time; try again")

    def update(self, reference: str, draft: Draft, maker: Maker, viewer: Viewer) -> Job:
        """Change what the draft says, and nothing else.

        The call that was the last to change the job changes nothing: "in 20 minutes", read once more after a
        crash, would be a later time.
        """

        def change(job: Job) -> Job:
            if maker.stamp and maker.stamp == job.stamp:
                return job
            names = _names(self._store.load(), job.owner) - {job.name}
            changed = changed_job(job, draft, maker, names)
            return changed if changed == job else replace(changed, stamp=maker.stamp or job.stamp)

        return self._change(reference, viewer, change)

    def enable(self, reference: str, viewer: Viewer, now: datetime) -> Job:
        """Let it fire again, from `now` on; twice is no error."""
        return self._change(reference, viewer, lambda job: _enabled(job, now))

    def disable(self, reference: str, viewer: Viewer, *, reason: str = "") -> Job:
        """Keep it from firing; twice is no error."""
        return self._change(
            reference, viewer, lambda job: replace(job, status=JobStatus.DISABLED, status_reason=reason)
        )

    def remove(self, reference: str, viewer: Viewer) -> Job:
        """Remove it for good; its history stays. Returns what it was."""
        job = self.find(reference, viewer)
        self._allow(job, viewer)
        self._store.remove(job.uid)
        return job

    def move(self, channel: str, chat: str, to: str) -> int:
        """A chat has another id: its jobs are those of the new one. Returns how many there are."""
        old, new = ChatAddress(channel=channel, chat=chat), ChatAddress(channel=channel, chat=to)
        theirs = [job.uid for job in self._store.load().values() if moved(job, old, new) != job]
        for uid in theirs:
            self._change(uid, OPERATOR, lambda job: moved(job, old, new))
        return len(theirs)

    def _change(self, reference: str, viewer: Viewer, change: Callable[[Job], Job]) -> Job:
        for _ in range(ATTEMPTS):
            job = self.find(reference, viewer)
            self._allow(job, viewer)
            following = change(job)
            if following == job:
                return job
            try:
                return self._store.put(following)
            except JobChangedError:
                continue
        raise UserError(f'"{job.name}" ({job.id}) is being changed by others; try again')

    def _allow(self, job: Job, viewer: Viewer, verb: str = "change") -> None:
        if viewer.operator or viewer.admin or self._members_edit or job.created_by in {"", viewer.user}:
            return
        raise UserError(
            f'"{job.name}" ({job.id}) was made by somebody else here; they or an owner of this bot may {verb} it'
        )

    def _admit(self, present: Mapping[str, Job], job: Job) -> None:
        if job.name in _names(present, job.owner):
            raise JobChangedError(f"the name {job.name!r} was just taken")
        owned = sum(other.owner == job.owner for other in present.values())
        if job.owner is not None and owned >= self._jobs_per_owner:
            raise UserError(
                f"this chat has {owned} jobs, and may have {self._jobs_per_owner}; "
                "remove one first (or raise limits.jobs_per_owner)"
            )


def moved(job: Job, old: ChatAddress, new: ChatAddress) -> Job:
    """The job of a chat that has another id now; any other one as it is."""
    owned, speaks = job.owner == old.owner, job.address is not None and job.address.owner == old.owner
    return replace(
        job,
        owner=new.owner if owned else job.owner,
        address=replace(job.address, chat=new.chat) if job.address is not None and speaks else job.address,
        created_in=new.session if job.created_in == old.session else job.created_in,
    )


def resolve(reference: str, jobs: list[Job]) -> Job:
    """The one job that is meant."""
    wanted = reference.strip()
    for matches in (
        [job for job in jobs if wanted.lower() in {job.id, job.uid}],
        [job for job in jobs if job.name == wanted],
        [job for job in jobs if job.name.casefold() == wanted.casefold()],
        [job for job in jobs if len(wanted) >= FEWEST and job.uid.startswith(wanted.lower())],
    ):
        if len(matches) == 1:
            return matches[0]
        if matches:
            named = ", ".join(f'"{job.name}" ({job.id})' for job in matches[:10])
            raise UserError(f"{wanted[:80]!r} could be any of {named}; give the id")
    raise NotFoundError(f"there is no job {wanted[:80]!r} here; list shows those that there are")


def _enabled(job: Job, now: datetime) -> Job:
    if job.status is JobStatus.ENABLED:
        return job
    if job.status is JobStatus.BROKEN:
        raise UserError(f'"{job.name}" ({job.id}) cannot be read: {job.status_reason}; give it a schedule first')
    return replace(job, status=JobStatus.ENABLED, status_reason="", changed_at=now)


def _names(jobs: Mapping[str, Job], owner: str | None) -> set[str]:
    return {job.name for job in jobs.values() if job.owner == owner}
