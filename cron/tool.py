"""The `cron` tool: a chat's own reminders and jobs."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, Protocol

from pydantic import BaseModel

from cron import json_text, listing
from cron.arguments import CronArguments
from cron.book import OPERATOR, Viewer
from cron.clerk import Asker, Clerk
from cron.job import Run
from gateway.errors import NotFoundError, StateChangedError, UserError
from gateway.messages import Due
from gateway.tools.base import Effect, Turn

SCHEDULED = frozenset({"set_state", "list", "show", "remove", "disable"})
"""What a run may do, the last two to its own job only."""

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

    def __init__(self, clerk: Clerk, *, states: RunStates, is_admin: Callable[[Turn], bool]) -> None:
        """`is_admin`: whether who speaks may change what others of the same chat have made."""
        self._clerk = clerk
        self._states = states
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
        asker = self._asker(turn)
        match arguments.action:
            case "add":
                return await self._add(arguments, asker)
            case "list":
                found = await self._clerk.all(asker)
                return listing.job_list([job for job, _ in found], {job.uid: facts for job, facts in found})
            case "runs":
                limit = min(max(arguments.limit or 20, 1), 100)
                found_runs = await self._clerk.history(asker, arguments.job_id or "", limit=limit)
                return listing.run_list(found_runs, turn.zone)
            case "set_state":
                return await self._set_state(arguments, turn)
        if isinstance(turn.occasion, Due) and await self._is_own(arguments.job_id, turn):
            operator = replace(asker, viewer=OPERATOR)  # a run may end its own job
            return await self._on_one(turn.job, arguments, operator)
        return await self._on_one(_wanted(arguments), arguments, asker)

    async def _restrict(self, arguments: CronArguments, turn: Turn) -> None:
        if arguments.action not in SCHEDULED:
            raise UserError(
                f"a scheduled run may not {arguments.action} jobs; it may {', '.join(sorted(SCHEDULED))}"
            )
        if arguments.action in {"remove", "disable"} and not await self._is_own(arguments.job_id, turn):
            raise UserError(f"a scheduled run may {arguments.action} its own job only")

    async def _is_own(self, reference: str | None, turn: Turn) -> bool:
        job = (await asyncio.to_thread(self._clerk.store.load)).get(turn.job)
        return job is not None and (reference or "").strip() in {job.id, job.uid, job.name}

    # -- the actions --------------------------------------------------------------------------------------

    async def _add(self, arguments: CronArguments, asker: Asker) -> str:
        draft = arguments.draft()
        made = await self._clerk.make(asker, lambda _: draft)
        if isinstance(made, Run):
            return f'Scheduled "{made.job_name}" ({made.job_id}). It has run already: {made.status.value}.'
        return listing.echo(made.job, made.facts, done="Scheduled", note="\n".join(made.notes))

    async def _set_state(self, arguments: CronArguments, turn: Turn) -> str:
        if "state" not in arguments.model_fields_set:
            raise UserError("state is missing: set_state needs job_id and state.")
        if not turn.job or not await self._is_own(_wanted(arguments), turn):
            raise UserError("only a run of the job itself may set its state; not found, or not yours")
        expected = self._states.expected_state(turn.run)
        try:
            job = await asyncio.to_thread(
                self._clerk.store.set_state, turn.job, arguments.state, expected=expected, stamp=turn.call_id
            )
        except StateChangedError as error:
            present = json_text.dump(error.state).decode()
            raise UserError(
                f"not kept: another run has changed the state meanwhile. It is now {present}"
            ) from error
        self._states.wrote_state(turn.run, job.state_revision)
        return "kept for the next run"

    async def _on_one(self, reference: str, arguments: CronArguments, asker: Asker) -> str:
        clerk = self._clerk
        match arguments.action:
            case "show":
                job = await clerk.find(asker, reference)
                return listing.job_text(job, await clerk.facts(job, asker))
            case "run":
                name, job_id, run = await clerk.run(asker, reference)
                return f'Started "{name}" ({job_id}) as run {run}. Its schedule stays as it is.'
            case "remove":
                job = await clerk.remove(asker, reference)
                return f"Removed {listing.title(job)}. It will not fire any more."
            case "disable":
                job = await clerk.disable(asker, reference)
                return f"Disabled {listing.title(job)}. It is kept, and will not fire until it is enabled."
            case "enable":
                job, done = await clerk.enable(asker, reference), "Enabled"
            case _:
                job, done = await clerk.update(asker, reference, arguments.draft()), "Changed"
        return listing.echo(job, await clerk.facts(job, asker), done=done)

    def _asker(self, turn: Turn) -> Asker:
        return Asker(
            viewer=Viewer(owner=turn.address.owner, user=turn.sender_id, admin=self._is_admin(turn)),
            address=turn.address,
            session=turn.session,
            zone=turn.zone,
            now=turn.now,
            stamp=turn.call_id,
        )


def example_of(action: str) -> str:
    return EXAMPLES.get(action) or f'{{"action": "{action}", "job_id": "a1b2c3d4"}}'


def _wanted(arguments: CronArguments) -> str:
    if not arguments.job_id:
        raise UserError(
            f"job_id is missing: {arguments.action} needs the id or the name of a job; list shows them"
        )
    return arguments.job_id
