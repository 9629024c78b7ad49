"""Actions: what the cron tool and its aliases do with the jobs of a chat."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from cron import json_text, listing, state
from cron.audit import person
from cron.book import Viewer
from cron.clerk import Asker, Clerk
from cron.job import Job
from cron.making.draft import Draft, Maker
from cron.run import Run
from cron.target import LOG
from cron.tools import tables
from cron.tools.request import Request
from cron.tools.rights import refusal
from gateway.errors import StateChangedError, UserError
from gateway.messages import Due
from gateway.tools.base import Turn

MOST_RUNS, USUAL_RUNS = 100, 20


class RunStates(Protocol):
    """Which state a run has read or written, by the revision."""

    def expected_state(self, run: str) -> int: ...

    def wrote_state(self, run: str, revision: int) -> None: ...


class Actions:
    """Adds, lists, shows, changes and stops jobs, and keeps a job's state, within the rights of a turn."""

    def __init__(self, clerk: Clerk, *, states: RunStates, is_admin: Callable[[Turn], bool]) -> None:
        """`is_admin`: whether who speaks is an owner of the bot."""
        self._clerk = clerk
        self._states = states
        self._is_admin = is_admin

    async def do(self, request: Request, turn: Turn) -> str:
        """Do it and say what was done; UserError says what is missing, wrong or not allowed."""
        own = await self._own_job(turn)
        mine = own is not None and request.reference.strip() in {own.id, own.uid, own.name}
        if isinstance(turn.occasion, Due):
            may_schedule = own is not None and own.may_schedule
            if refused := refusal(request.action, own=mine, may_schedule=may_schedule):
                raise UserError(refused)
        asker = self._asker(turn, own)
        match request.action:
            case "add":
                return await self._add(request, asker)
            case "list":
                return await self._list(request, asker)
            case "runs":
                return await self._runs(request, asker, turn)
            case "set_state":
                return await self._set_state(request, turn, own if mine else None)
        if own is not None and mine:  # with the rights of who made it: the command line sees every job
            makers = Viewer(owner=own.owner, user=own.created_by)
            return await self._on_one(own.uid, request, replace(asker, viewer=makers))
        return await self._on_one(_wanted(request), request, asker)

    async def _own_job(self, turn: Turn) -> Job | None:
        """The job whose run the turn is, as it is now."""
        return (await asyncio.to_thread(self._clerk.store.load)).get(turn.job) if turn.job else None

    # -- the actions --------------------------------------------------------------------------------------

    async def _add(self, request: Request, asker: Asker) -> str:
        if asker.address.channel == LOG:
            raise UserError("there is no chat here that a job could belong to; `tocsin cron add` makes jobs too")

        def read(maker: Maker) -> Draft:
            request.check(maker, self._clerk.book.list(asker.viewer))
            return request.draft

        made = await self._clerk.make(asker, read)
        if isinstance(made, Run):
            return f'Scheduled "{made.job_name}" ({made.job_id}). It has run already: {made.status.value}.'
        instant = tables.instant(made.facts, made.job.tz) if request.instant else ""
        notes = [note for note in (*made.notes, instant) if note]
        return listing.echo(made.job, made.facts, done="Scheduled", note="\n".join(notes))

    async def _list(self, request: Request, asker: Asker) -> str:
        found = await self._clerk.all(asker)
        jobs, facts = [job for job, _ in found], {job.uid: facts for job, facts in found}
        return tables.job_table(jobs, facts) if request.table else listing.job_list(jobs, facts)

    async def _runs(self, request: Request, asker: Asker, turn: Turn) -> str:
        limit = min(max(request.limit or USUAL_RUNS, 1), MOST_RUNS)
        found = await self._clerk.history(asker, request.reference, limit=limit)
        return tables.run_table(found, turn.zone) if request.table else listing.run_list(found, turn.zone)

    async def _set_state(self, request: Request, turn: Turn, own: Job | None) -> str:
        if not request.has_state:
            raise UserError("state is missing: set_state needs job_id and state.")
        _wanted(request)
        if own is None:
            raise UserError("only a run of the job itself may set its state; not found, or not yours")
        expected = self._states.expected_state(turn.run)
        try:
            wanted = state.merge(own.state, request.state) if request.merge else request.state
            job = await asyncio.to_thread(
                self._clerk.store.set_state, own.uid, wanted, expected=expected, stamp=turn.call_id
            )
        except ValueError as error:
            raise UserError(f"the state cannot be kept: {error}") from error
        except StateChangedError as error:
            present = json_text.dump(error.state).decode()
            raise UserError(
                f"not kept: another run has changed the state meanwhile. It is now {present}"
            ) from error
        self._states.wrote_state(turn.run, job.state_revision)
        warning = listing.key_warning(job)
        return f"kept for the next run. {warning}" if warning else "kept for the next run"

    async def _on_one(self, reference: str, request: Request, asker: Asker) -> str:
        clerk = self._clerk
        match request.action:
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
                job, done = await clerk.update(asker, reference, request.draft), "Changed"
        return listing.echo(job, await clerk.facts(job, asker), done=done)

    def _asker(self, turn: Turn, own: Job | None) -> Asker:
        """Who asks; a run has no rights but those of who made its job, in the chat that it works for."""
        user = own.created_by if own is not None else turn.sender_id
        admin = not isinstance(turn.occasion, Due) and self._is_admin(turn)
        here, owner = turn.home, turn.address.owner
        if own is not None and own.owner is not None:  # its runs may speak elsewhere, and have no rights there
            here, owner = own.address or here, own.owner
        elif own is None and turn.job:
            owner = ""  # the job is gone: nobody knows any more whose it was
        return Asker(
            viewer=Viewer(owner=owner, user=user, admin=admin),
            address=here,
            session=turn.session,
            zone=turn.zone,
            now=turn.now,
            stamp=turn.call_id,
            reply_to=turn.reply_to,
            present=not isinstance(turn.occasion, Due),
            by=f"agent:{turn.sender_id if own is not None else person(turn.address, turn.sender_id)}",
        )


def _wanted(request: Request) -> str:
    if not request.reference.strip():
        raise UserError(f"job_id is missing: {request.action} needs the id or the name of a job; list shows them")
    return request.reference
