"""tocsin cron cancel."""

import asyncio
import re
from datetime import timedelta

import click

from cron import runs
from cron.endings.ending import Consequence, Ended
from cron.endings.lifecycle import Published
from cron.run import Run, RunStatus
from gateway import requests
from gateway.agent.due import Ending, EndStatus
from gateway.cli.cron_document import run_document
from gateway.cli.cron_run import find_run
from gateway.cli.kept import Kept
from gateway.cli.main import Call
from gateway.cli.words import line
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.errors import NotFoundError, TocsinError, UserError

PATIENCE = 5.0  # seconds that a running gateway has to confirm
ASK_AGAIN = 1.0
LOOK_EVERY = timedelta(milliseconds=50)
_ENDING = Ending(status=EndStatus.CANCELLED, error="cancelled by the operator")


@click.command("cancel")
@click.argument("reference", metavar="RUN")
@click.pass_obj
def cancel(call: Call, *, reference: str) -> None:
    """End a run that is queued or running; `cron runs` shows them. Its job stays as it is."""
    kept = Kept(call.home, call.warn)
    name = kept.read(lambda transaction: _named(transaction, reference), empty=lambda: _unknown(reference))
    before = find_run(kept, name)
    if not before.status.open:
        raise TocsinError(f"run {name} is over already: {before.status.value}")
    done = asyncio.run(_end(kept, name))
    if done.status is not RunStatus.CANCELLED:
        raise TocsinError(f"run {name} was over before it could be cancelled: {done.status.value}")
    call.say(f'Cancelled run {name} of "{line(done.job_name)}" ({done.job_id}).')
    if call.json:
        call.document(run_document(done))


def _named(transaction: Transaction, reference: str) -> str:
    """The one run with this id, or whose id begins so."""
    wanted = reference.strip().lower()
    if not re.fullmatch(r"[0-9a-f]{1,32}", wanted):
        return _unknown(reference)
    found = [name for (name,) in transaction.execute(sql.RUN_IDS_LIKE, (wanted,)).fetchall()]
    if len(found) > 1:
        raise UserError(f"{wanted} is the beginning of several runs, such as {', '.join(found)}; give more of it")
    return str(found[0]) if found else _unknown(reference)


def _unknown(reference: str) -> str:
    raise NotFoundError(f"there is no run {reference[:80]!r}; tocsin cron runs shows them")


async def _end(kept: Kept, name: str) -> Run:
    """End it here while nobody works on it; else ask who does, and wait until that has happened."""
    began = asked = kept.clock.monotonic()
    if _ended_here(kept, name):
        return find_run(kept, name)
    _ask(kept, name)
    while (run := find_run(kept, name)).status.open:
        now = kept.clock.monotonic()
        if now - began > PATIENCE:
            raise TocsinError(f"run {name} was asked to end and has not done so within {PATIENCE:g} s")
        if now - asked > ASK_AGAIN:
            asked = now
            if _ended_here(kept, name):
                continue
            _ask(kept, name)  # the run may have begun only after it was asked
        await kept.clock.sleep(LOOK_EVERY)
    return run


def _ended_here(kept: Kept, name: str) -> bool:
    """Whether it could be ended without asking: it waits, or whoever worked on it is gone."""
    abandoned = kept.holder() is None
    now = kept.clock.now()
    consequences = _consequences(kept, find_run(kept, name))

    def end(transaction: Transaction) -> bool:
        found = runs.job_of(transaction, name)
        if found is None or (found[0] is RunStatus.RUNNING and not abandoned):
            return False
        runs.finish(transaction, name, _ENDING, now=now)  # whoever comes to its turn finds it over
        if found[0].open and (run := runs.find(transaction, name)) is not None:
            for consequence in consequences:
                consequence.write(transaction, Ended(job=found[1], run=run, ending=_ENDING, now=now))
        return True

    return kept.write(end)


def _consequences(kept: Kept, run: Run) -> list[Consequence]:
    """What follows when it is cancelled; it has cost something only if it waits for another attempt."""
    if not run.input_tokens and not run.output_tokens:
        return [Published()]
    from gateway import config  # with the configuration comes much that takes long to load
    from gateway.parts import spend_of

    return [Published(), spend_of(config.load(kept.home.path).config)]


def _ask(kept: Kept, name: str) -> None:
    now = kept.clock.now()
    kept.write(lambda transaction: requests.ask_to_cancel(transaction, name, now=now))
