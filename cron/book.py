"""JobBook: what may be done with jobs, and by whom; on a JobStore, which blocks."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from cron.job import Job, JobStatus
from cron.making.draft import Draft, Maker, changed_job, new_job, uid_of
from cron.reference import resolve
from cron.store import JobStore, find, names_of, oldest_first, owned_by
from gateway.errors import IdTakenError, JobChangedError, UserError
from gateway.messages import ChatAddress

ATTEMPTS = 5  # to change a job that others change at the same time


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewer:
    """Who asks. Without an owner it is the operator, who sees and changes every job."""

    owner: str | None = None
    user: str = ""
    admin: bool = False  # an owner of the bot: may change and run what others of the same chat have made
    manages: bool = False  # an admin of the group: the same, and nothing else that owners may

    @property
    def operator(self) -> bool:
        return self.owner is None


OPERATOR = Viewer(admin=True)


class OthersJobError(UserError):
    """Somebody else has made it: whether an admin of the group asks is not known here."""


class JobBook:
    """Finding, adding, changing and removing, within the rights of who asks."""

    def __init__(self, store: JobStore, *, jobs_per_owner: int = 50, members_edit: bool = False) -> None:
        self._store = store
        self._jobs_per_owner = jobs_per_owner
        self._members_edit = members_edit

    def on(self, store: JobStore) -> "JobBook":
        """The same rules, with another way to the jobs: one that says in the audit who changes them."""
        return JobBook(store, jobs_per_owner=self._jobs_per_owner, members_edit=self._members_edit)

    def list(self, viewer: Viewer) -> list[Job]:
        """The jobs that the viewer may see, oldest first."""
        jobs = self._store.load()
        seen = jobs.values() if viewer.operator else owned_by(jobs, viewer.owner)
        return oldest_first(seen)

    def find(self, reference: str, viewer: Viewer) -> Job:
        """By id, uid, name, or the beginning of one id; the same words for a foreign and an unknown one."""
        return find(reference, self._store.load()) if viewer.operator else resolve(reference, self.list(viewer))

    def runnable(self, reference: str, viewer: Viewer) -> Job:
        """The job, for who may run it out of turn: that is who may change it."""
        job = self.find(reference, viewer)
        self._allow(job, viewer, "run")
        return job

    def add(self, draft: Draft, maker: Maker) -> Job:
        """Make and store a job; a call that made one before gets the same one again."""
        own_uid = True
        for _ in range(ATTEMPTS):
            jobs = self._store.load()
            if maker.stamp and (made := jobs.get(uid_of(maker.stamp))) is not None:
                return made
            seen = _followers(jobs, draft, maker.owner)
            job = new_job(draft, replace(maker, jobs=seen), names_of(jobs, maker.owner))
            job = job if own_uid else replace(job, uid="", id="")
            try:
                return self._store.put(job, check=self.admitting(job))
            except IdTakenError:
                own_uid = False  # the uid of its stamp begins like another's: the store chooses one
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
            jobs = self._store.load()
            seen = _followers(jobs, draft, None if viewer.operator else job.owner)
            names = names_of(jobs, job.owner) - {job.name}
            changed = changed_job(job, draft, replace(maker, jobs=seen), names)
            return changed if changed == job else replace(changed, stamp=maker.stamp or job.stamp)

        return self._change(reference, viewer, change)

    def enable(self, reference: str, viewer: Viewer, now: datetime) -> Job:
        """Let it fire again, from `now` on; twice is no error."""
        return self._change(reference, viewer, lambda job: _enabled(job, now))

    def disable(self, reference: str, viewer: Viewer) -> Job:
        """Keep it from firing; twice is no error."""
        return self._change(
            reference, viewer, lambda job: replace(job, status=JobStatus.DISABLED, status_reason="")
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
        if viewer.operator or viewer.admin or viewer.manages or self._members_edit:
            return
        if job.created_by in {"", viewer.user}:
            return
        raise OthersJobError(
            f'"{job.name}" ({job.id}) was made by somebody else here; they, an admin of this group or '
            f"an owner of this bot may {verb} it"
        )

    def admitting(self, job: Job) -> Callable[[Mapping[str, Job]], None]:
        """The check of a store's `put` for this new job: UserError when its owner has too many.

        JobChangedError when somebody has taken its name meanwhile.
        """
        return lambda present: self._admit(present, job)

    def _admit(self, present: Mapping[str, Job], job: Job) -> None:
        if job.name in names_of(present, job.owner):
            raise JobChangedError(f"the name {job.name!r} was just taken")
        if job.owner is None:
            return
        owned = len(owned_by(present, job.owner))
        if owned >= self._jobs_per_owner:
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


def _enabled(job: Job, now: datetime) -> Job:
    if job.status is JobStatus.ENABLED:
        return job
    if job.status is JobStatus.BROKEN:
        raise UserError(f'"{job.name}" ({job.id}) cannot be read: {job.status_reason}; give it a schedule first')
    return replace(job, status=JobStatus.ENABLED, status_reason="", changed_at=now)


def _followers(jobs: Mapping[str, Job], draft: Draft, owner: str | None) -> tuple[Job, ...]:
    """The jobs that `then` may name: the owner's, or without one all; none where it is not asked for."""
    if draft.then is None:
        return ()
    return tuple(jobs.values() if owner is None else owned_by(jobs, owner))
