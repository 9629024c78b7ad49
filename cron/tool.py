"""The `cron` tool: a chat's own reminders and jobs."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Protocol

from pydantic import BaseModel

from cron import json_text, listing, overview, runs
from cron.arguments import CronArguments
from cron.book import OPERATOR, JobBook, Viewer
from cron.draft import Maker, uid_of
from cron.job import Job, Run
from cron.overview import Facts
from cron.store import JobStore
from gateway.clock import Clock
from gateway.database.writer import Database
from gateway.errors import NotFoundError, StateChangedError, UserError
from gateway.messages import ChatAddress, Due
from gateway.tools.base import Effect, Turn
from gateway.waiting import CONSOLE

SCHEDULED = frozenset({"set_state", "list", "show", "remove", "disable"})
"""What a run may do, the last two to its own job only."""

UTC_HINT = "(Times here are in UTC; `timezone` in the configuration changes that.)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the configuration says about new jobs."""

    languages: Sequence[str] = ("en",)
    min_interval: timedelta = timedelta(minutes=1)
    at_min_lead: timedelta = timedelta()
    zone_is_default: bool = False  # nobody has chosen the zone
    console_target: ChatAddress | None = None  # where jobs made in a terminal speak; None: in that terminal


EXAMPLES = {
    "add": '{"action": "add", "say": "Stretch!", "when": "in 30 minutes"}',
    "set_state": '{"action": "set_state", "job_id": "a1b2c3d4", "state": {"count": 1}}',
    "update": '{"action": "update", "job_id": "a1b2c3d4", "when": "every weekday at 8"}',
}
"""Right calls, shown where one was wrong; any other action looks like `show`."""


class RunStates(Protocol):
    """Which state a run has read or written, by the revision."""

    def expected_state(self, run: str) -> int: ...

    def wrote_state(self, run: str, revision: int) -> None: ...


class CronTool:
    """Add, list, show, change and stop jobs; keep a job's state."""

    name: ClassVar[str] = "cron"
    arguments: ClassVar[type[BaseModel]] = CronArguments
    effect: ClassVar[Effect] = Effect.REPEATABLE  # a job and a state carry the id of the call that wrote them
    example: ClassVar[str] = EXAMPLES["add"]

    def __init__(
        self,
        *,
        store: JobStore,
        book: JobBook,
        database: Database,
        clock: Clock,
        rules: Rules,
        states: RunStates,
        changed: Callable[[], Awaitable[None]],
        run_now: Callable[[Job, str], Awaitable[str]],
        is_admin: Callable[[Turn], bool],
    ) -> None:
        """`changed`: take new jobs up at once. `run_now`: returns the id of the run, for one call the same."""
        self._store = store
        self._book = book
        self._database = database
        self._clock = clock
        self._rules = rules
        self._states = states
        self._changed = changed
        self._run_now = run_now
        self._is_admin = is_admin

    async def call(self, arguments: CronArguments, turn: Turn) -> str:
        if isinstance(turn.occasion, Due):
            await self._restrict(arguments, turn)
        try:
            return await self._act(arguments, turn)
        except NotFoundError:
            raise
        except UserError as error:
            raise UserError(
                f"{str(error).rstrip('.')}. A right call looks like {example_of(arguments.action)}."
            ) from error

    async def _act(self, arguments: CronArguments, turn: Turn) -> str:
        viewer = Viewer(owner=turn.address.owner, user=turn.sender_id, admin=self._is_admin(turn))
        match arguments.action:
            case "add":
                return await self._add(arguments, turn)
            case "list":
                return await self._list(viewer)
            case "runs":
                return await self._runs(arguments, viewer, turn)
            case "set_state":
                return await self._set_state(arguments, turn)
            case action if isinstance(turn.occasion, Due) and await self._is_own(arguments.job_id, turn):
                return await self._on_one(action, turn.job, arguments, OPERATOR, turn)  # a run may end its own job
            case action:
                return await self._on_one(action, _wanted(arguments), arguments, viewer, turn)

    async def _restrict(self, arguments: CronArguments, turn: Turn) -> None:
        if arguments.action not in SCHEDULED:
            raise UserError(
                f"a scheduled run may not {arguments.action} jobs; it may {', '.join(sorted(SCHEDULED))}"
            )
        if arguments.action in {"remove", "disable"} and not await self._is_own(arguments.job_id, turn):
            raise UserError(f"a scheduled run may {arguments.action} its own job only")

    async def _is_own(self, reference: str | None, turn: Turn) -> bool:
        job = (await asyncio.to_thread(self._store.load)).get(turn.job)
        return job is not None and (reference or "").strip() in {job.id, job.uid, job.name}

    # -- the actions --------------------------------------------------------------------------------------

    async def _add(self, arguments: CronArguments, turn: Turn) -> str:
        maker = self._maker(turn)
        draft = arguments.draft()
        if (over := await self._run_of_gone_job(turn)) is not None:
            return f'Scheduled "{over.job_name}" ({over.job_id}). It has run already: {over.status.value}.'
        job = await asyncio.to_thread(self._book.add, draft, maker)
        await self._changed()
        notes = [UTC_HINT] if self._rules.zone_is_default and job.tz == "UTC" and not draft.tz else []
        if job.address != turn.address:
            notes.append(f"(It speaks to {job.address}, the cron.default_target of the configuration.)")
        return listing.echo(job, await self._facts(job), done="Scheduled", note="\n".join(notes))

    def _target(self, turn: Turn) -> ChatAddress:
        """The chat and thread that a job is made in; a terminal may not be there when the job is due."""
        here = turn.address
        return self._rules.console_target or here if here.channel == CONSOLE else here

    async def _run_of_gone_job(self, turn: Turn) -> Run | None:
        """The last run of a job that this very call has made before a crash, if that job is gone by now."""
        uid = uid_of(turn.call_id)
        found = await self._database.read(lambda transaction: runs.recent(transaction, job=uid, limit=1))
        if not found or uid in await asyncio.to_thread(self._store.load):
            return None
        return found[0]

    async def _list(self, viewer: Viewer) -> str:
        jobs = await asyncio.to_thread(self._book.list, viewer)
        now = self._clock.now()
        facts = await self._database.read(lambda transaction: overview.facts_of(transaction, jobs, now))
        return listing.job_list(jobs, facts)

    async def _runs(self, arguments: CronArguments, viewer: Viewer, turn: Turn) -> str:
        limit = min(max(arguments.limit or 20, 1), 100)
        owner = viewer.owner
        uid: str | None = None
        if arguments.job_id:
            uid = (await asyncio.to_thread(self._book.find, arguments.job_id, viewer)).uid
        found = await self._database.read(lambda t: runs.recent(t, job=uid, owner=owner, limit=limit))
        return listing.run_list(found, turn.zone)

    async def _set_state(self, arguments: CronArguments, turn: Turn) -> str:
        if "state" not in arguments.model_fields_set:
            raise UserError("state is missing: set_state needs job_id and state.")
        if not turn.job or not await self._is_own(_wanted(arguments), turn):
            raise UserError("only a run of the job itself may set its state; not found, or not yours")
        expected = self._states.expected_state(turn.run)
        try:
            job = await asyncio.to_thread(
                self._store.set_state, turn.job, arguments.state, expected=expected, stamp=turn.call_id
            )
        except StateChangedError as error:
            present = json_text.dump(error.state).decode()
            raise UserError(
                f"not kept: another run has changed the state meanwhile. It is now {present}"
            ) from error
        self._states.wrote_state(turn.run, job.state_revision)
        return "kept for the next run"

    async def _on_one(
        self, action: str, reference: str, arguments: CronArguments, viewer: Viewer, turn: Turn
    ) -> str:
        book = self._book
        match action:
            case "show":
                job = await asyncio.to_thread(book.find, reference, viewer)
                return listing.job_text(job, await self._facts(job))
            case "run":
                return await self._run(reference, viewer, turn)
            case "remove":
                job = await asyncio.to_thread(book.remove, reference, viewer)
                await self._changed()
                return f"Removed {listing.title(job)}. It will not fire any more."
            case "disable":
                job = await asyncio.to_thread(book.disable, reference, viewer)
                await self._changed()
                return f"Disabled {listing.title(job)}. It is kept, and will not fire until it is enabled."
            case "enable":
                job = await asyncio.to_thread(book.enable, reference, viewer, self._clock.now())
                done = "Enabled"
            case _:
                maker = self._maker(turn)
                job = await asyncio.to_thread(book.update, reference, arguments.draft(), maker, viewer)
                done = "Changed"
        await self._changed()
        return listing.echo(job, await self._facts(job), done=done)

    async def _run(self, reference: str, viewer: Viewer, turn: Turn) -> str:
        """Run a job at once; a call that did so before a crash tells of that run, whatever became of its job."""
        begun = runs.run_of(turn.call_id)
        if (run := await self._database.read(lambda transaction: runs.find(transaction, begun))) is not None:
            return _started(f'"{run.job_name}" ({run.job_id})', run.id)
        job = await asyncio.to_thread(self._book.find, reference, viewer)
        return _started(listing.title(job), await self._run_now(job, turn.call_id))

    # -- what they need -----------------------------------------------------------------------------------

    def _maker(self, turn: Turn) -> Maker:
        return Maker(
            now=self._clock.now(),
            zone=turn.zone,
            languages=self._rules.languages,
            owner=turn.address.owner,
            created_by=turn.sender_id,
            created_in=turn.session,
            address=self._target(turn),
            stamp=turn.call_id,
            min_interval=self._rules.min_interval,
            at_min_lead=self._rules.at_min_lead,
        )

    async def _facts(self, job: Job) -> Facts:
        now = self._clock.now()
        found = await self._database.read(lambda transaction: overview.facts_of(transaction, [job], now))
        return found[job.uid]


def example_of(action: str) -> str:
    return EXAMPLES.get(action) or f'{{"action": "{action}", "job_id": "a1b2c3d4"}}'


def _started(title: str, run: str) -> str:
    return f"Started {title} as run {run}. Its schedule stays as it is."


def _wanted(arguments: CronArguments) -> str:
    if not arguments.job_id:
        raise UserError(
            f"job_id is missing: {arguments.action} needs the id or the name of a job; list shows them"
        )
    return arguments.job_id
