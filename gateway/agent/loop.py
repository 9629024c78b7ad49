"""AgentLoop: what becomes of one claimed message: a person's turn, a due run, and how each of them ends."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import structlog
from structlog.contextvars import bound_contextvars

from gateway.agent import journal as steps
from gateway.agent.due import Assignment, DueHandler, Ending, EndStatus, Script
from gateway.agent.journal import Claim, Journal, Steer, TurnState
from gateway.agent.model import PromptItem, ToolSpec, UserText
from gateway.agent.prompt import NOBODY_IS_HERE, NOTHING_WAS_SAID
from gateway.agent.sessions import Sessions
from gateway.agent.turn import StepLimitError, Task, TurnEngine, spec_of
from gateway.clock import Clock
from gateway.database import statements as sql
from gateway.database.driver import Transaction, Work
from gateway.database.writer import Database
from gateway.errors import ErrorClass, ModelError, RunOverError
from gateway.messages import Caller, ChatAddress, Due, InboundMessage, OutboundMessage
from gateway.outbox.records import decode_message
from gateway.tools.base import Tool, Turn
from gateway.tools.message import Say

logger = structlog.get_logger()

CRASH_BUDGET = 3  # claims without a new step: the turn ends the process, or never gets anywhere
MESSAGE_TOOL = "message"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one turn of a person may take."""

    timeout: timedelta = timedelta(minutes=10)


class AgentLoop:
    """Works claims off. One instance for all sessions; it keeps nothing about a turn but who can cancel it."""

    def __init__(
        self,
        *,
        database: Database,
        clock: Clock,
        engine: TurnEngine,
        sessions: Sessions,
        say: Say,
        tools: Sequence[Tool],
        due: DueHandler,
        zone_of: Callable[[ChatAddress], str],
        words: Callable[[InboundMessage], UserText],
        limits: Limits,
    ) -> None:
        self._database = database
        self._clock = clock
        self._engine = engine
        self._sessions = sessions
        self._say = say
        self._tools = {tool.name: tool for tool in tools}
        self._specs = {tool.name: spec_of(tool) for tool in tools}
        self._due = due
        self._zone_of = zone_of
        self._words = words
        self._limits = limits
        self._tasks: dict[str, asyncio.Task[None]] = {}  # by turn, and by run
        self._cancelled: set[str] = set()

    def cancel(self, name: str) -> bool:
        """End the turn or run of this id that is being worked on; False if there is none."""
        task = self._tasks.get(name)
        if task is None:
            return False
        self._cancelled.add(name)
        task.cancel()
        return True

    async def work(self, claim: Claim) -> None:
        """Work the claim through to its recorded end."""
        occasion = claim.message.occasion
        run = occasion.run if isinstance(occasion, Due) else ""
        with bound_contextvars(turn=claim.turn, trace_id=claim.message.trace_id, **({"run": run} if run else {})):
            if isinstance(occasion, Due):
                await self._work_due(claim, occasion)
            else:
                await self._work_person(claim)

    # -- a person's turn ----------------------------------------------------------------------------------

    async def _work_person(self, claim: Claim) -> None:
        journal = Journal(claim)
        began = self._clock.monotonic()
        said = self._words(claim.message)

        async def work() -> str:
            past = await self._sessions.before(claim.message.session_key, claim.seq)
            return await self._engine.run(self._task(claim, [*past, said]), journal)

        ending = await self._guarded(claim, work, self._limits.timeout, claim.turn)
        await self._end_person(claim, journal, ending)
        self._sessions.add(claim.message.session_key, claim.seq, [said, *steps.items(journal.steps)])
        logger.info(
            "turn ends",
            session=claim.message.session_key,
            status=ending.status.value,
            ms=round((self._clock.monotonic() - began) * 1000),
            tokens=[journal.usage.input_tokens, journal.usage.output_tokens],
        )

    async def _end_person(self, claim: Claim, journal: Journal, ending: Ending) -> None:
        finishing = journal.finishing(
            _STATES[ending.status], now=self._clock.now(), error=ending.error, error_class=ending.error_class
        )
        if ending.status is EndStatus.SUCCEEDED:
            caller, text = Caller.REPLY, ending.output.strip()
            if text and await self._said_already(claim, journal, text):
                text = ""
        else:
            caller, text = Caller.NOTICE, _apology(ending)
        if not text:
            await self._engine.write(finishing)
            return
        reply = OutboundMessage(
            delivery_id=f"{claim.turn}.final",
            address=claim.message.address,
            caller=caller,
            text=text,
            turn=claim.turn,
            reply_to=claim.message.message_id,
        )
        await self._speak(reply, finishing)

    async def _said_already(self, claim: Claim, journal: Journal, text: str) -> bool:
        """Whether the model has said just this here, by the message tool, in this turn."""
        if not any(isinstance(step, steps.Result) and step.result.name == MESSAGE_TOOL for step in journal.steps):
            return False
        before = await self._messages(claim)
        return any(_plain(one.text) == _plain(text) for one in before if one.address == claim.message.address)

    async def _messages(self, claim: Claim) -> list[OutboundMessage]:
        """What was said in this turn so far."""
        rows = await self._database.read(
            lambda t: t.execute(sql.SAID_BY_TURN, (claim.turn, f"{claim.turn}.final")).fetchall()
        )
        return [decode_message(row[0]) for row in rows]

    # -- a due run ----------------------------------------------------------------------------------------

    async def _work_due(self, claim: Claim, due: Due) -> None:
        journal = Journal(claim)
        try:
            ending = await self._run(claim, journal, due)
        except RunOverError:
            ending = Ending(status=EndStatus.CANCELLED)
            await self._engine.write(journal.finishing(TurnState.CANCELLED, now=self._clock.now()))
        await self._due.ended(due, ending)

    async def _run(self, claim: Claim, journal: Journal, due: Due) -> Ending:
        """Work the run through to its record; RunOverError if it was ended before it began."""
        # A reminder of exact words cannot end the process: it is said, however often that was killed.
        ending = None if due.exact else _given_up(claim)
        if ending is None:
            plan = await self._due.plan(claim.message, due)
            starting = self._due.starting(due, now=self._clock.now())
            match plan:
                case None:
                    raise RunOverError(f"run {due.run} is over")
                case Script(text=text):
                    ending = Ending(status=EndStatus.SUCCEEDED, output=text)
                    await self._recite(claim, due, text, _both(starting, self._due_end(journal, due, ending)))
                    return ending
                case Assignment():
                    await self._engine.write(starting)
                    ending = await self._perform(claim, journal, due, plan)
        await self._engine.write(self._due_end(journal, due, ending))
        return ending

    async def _recite(self, claim: Claim, due: Due, text: str, along: Work[None]) -> None:
        reminder = OutboundMessage(
            delivery_id=f"{claim.turn}.say",
            address=claim.message.address,
            caller=Caller.REMINDER,
            text=text,
            turn=claim.turn,
            run=due.run,
        )
        await self._speak(reminder, along)

    async def _perform(self, claim: Claim, journal: Journal, due: Due, plan: Assignment) -> Ending:
        said = UserText(plan.prompt)
        session = claim.message.session_key

        async def review(text: str) -> str | None:
            return await self._review(claim, journal, plan, text)

        async def work() -> str:
            past = await self._sessions.before(session, claim.seq)
            tools = {MESSAGE_TOOL} if plan.silent else set()
            task = self._task(claim, [*past, said], without=tools, due=due, job=plan.job, review=review)
            return await self._engine.run(task, journal)

        ending = await self._guarded(claim, work, plan.timeout, claim.turn, due.run)
        self._sessions.add(session, claim.seq, [self._words(claim.message), *steps.items(journal.steps)])
        if ending.status is EndStatus.SUCCEEDED and plan.must_speak and not await self._messages(claim):
            return Ending(
                status=EndStatus.FAILED,
                output=ending.output,
                error="the turn ended without a message, and the job is to notify always",
                error_class=ErrorClass.UNDELIVERED,
            )
        return ending

    async def _review(self, claim: Claim, journal: Journal, plan: Assignment, text: str) -> str | None:
        """What to answer a final text that cannot be the end, once each."""
        notes = {step.text for step in journal.steps if isinstance(step, Steer)}
        if text.rstrip().endswith(("?", "？")) and NOBODY_IS_HERE not in notes:
            return NOBODY_IS_HERE
        if plan.must_speak and NOTHING_WAS_SAID not in notes and not await self._messages(claim):
            return NOTHING_WAS_SAID
        return None

    def _due_end(self, journal: Journal, due: Due, ending: Ending) -> Work[None]:
        now = self._clock.now()
        state = _STATES[ending.status]
        finishing = journal.finishing(state, now=now, error=ending.error, error_class=ending.error_class)
        return _both(finishing, self._due.ending(due, ending, now=now))

    # -- both ---------------------------------------------------------------------------------------------

    def _task(
        self,
        claim: Claim,
        past: Sequence[PromptItem],
        *,
        without: AbstractSet[str] = frozenset(),
        due: Due | None = None,
        job: str = "",
        review: Callable[[str], Awaitable[str | None]] | None = None,
    ) -> Task:
        message = claim.message
        turn = Turn(
            id=claim.turn,
            call_id="",
            session=message.session_key,
            address=message.address,
            sender_id=message.sender_id,
            occasion=message.occasion,
            zone=self._zone_of(message.address),
            now=self._clock.now(),
            trace_id=message.trace_id,
            run=due.run if due else "",
            job=job,
        )
        tools = {name: tool for name, tool in self._tools.items() if name not in without}
        specs: list[ToolSpec] = [self._specs[name] for name in tools]
        return Task(turn=turn, past=past, tools=tools, specs=specs, review=review or _accept)

    async def _guarded(
        self, claim: Claim, work: Callable[[], Awaitable[str]], timeout: timedelta, *names: str
    ) -> Ending:
        """Run the work; every way in which it can end is an Ending, except the end of the process."""
        if (given_up := _given_up(claim)) is not None:
            return given_up
        with self._cancellable(names) as cancelled:
            try:
                async with self._clock.timeout(timeout):
                    return Ending(status=EndStatus.SUCCEEDED, output=await work())
            except asyncio.CancelledError:
                if not cancelled():
                    raise
                return Ending(status=EndStatus.CANCELLED, error="cancelled")
            except Exception as error:  # noqa: BLE001 - logged there: one turn must not stop the others
                return _failure(error, timeout)

    @contextmanager
    def _cancellable(self, names: Sequence[str]) -> Iterator[Callable[[], bool]]:
        """Inside, `cancel` reaches this task; what it gives tells whether it did, and takes the blow."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a turn is worked on in a task")
        self._tasks.update(dict.fromkeys(names, task))

        def cancelled() -> bool:
            if self._cancelled.isdisjoint(names):
                return False
            task.uncancel()
            return True

        try:
            yield cancelled
        finally:
            for name in names:
                self._tasks.pop(name, None)
                self._cancelled.discard(name)

    async def _speak(self, message: OutboundMessage, along: Work[None]) -> None:
        """Say it; a database that refuses is asked again."""
        await self._engine.until_written(lambda: self._say(message, along=along))


_STATES = {
    EndStatus.SUCCEEDED: TurnState.DONE,
    EndStatus.FAILED: TurnState.FAILED,
    EndStatus.TIMED_OUT: TurnState.FAILED,
    EndStatus.CANCELLED: TurnState.CANCELLED,
    EndStatus.ABANDONED: TurnState.ABANDONED,
}


def _given_up(claim: Claim) -> Ending | None:
    """The end of what has ended the process, or failed in it, too often without getting any further."""
    if claim.claims <= CRASH_BUDGET:
        return None
    return Ending(
        status=EndStatus.ABANDONED,
        error=f"given up: the gateway ended {CRASH_BUDGET} times while working on this",
        error_class=ErrorClass.PERMANENT,
    )


def _failure(error: Exception, timeout: timedelta) -> Ending:
    """What to say of an error that ended a turn."""
    match error:
        case TimeoutError():
            text = f"stopped after {timeout.total_seconds():g} s (the time limit of a turn)"
            return Ending(status=EndStatus.TIMED_OUT, error=text, error_class=ErrorClass.TIMEOUT)
        case ModelError():
            return Ending(status=EndStatus.FAILED, error=str(error), error_class=error.kind)
        case StepLimitError():
            return Ending(status=EndStatus.FAILED, error=str(error), error_class=ErrorClass.PERMANENT)
        case _:
            logger.error("a turn failed in the gateway itself", exc_info=error)
            text = f"an error inside the gateway ({type(error).__name__}); the log has it"
            return Ending(status=EndStatus.FAILED, error=text, error_class=ErrorClass.PERMANENT)


async def _accept(_text: str) -> str | None:
    return None


def _apology(ending: Ending) -> str:
    """One sentence for the person; nothing for a turn that they themselves have stopped."""
    if ending.status is EndStatus.CANCELLED:
        return ""
    return f"I could not finish this: {ending.error}."


def _plain(text: str) -> str:
    return " ".join(text.split())


def _both(first: Work[None], second: Work[None]) -> Work[None]:
    def write(transaction: Transaction) -> None:
        first(transaction)
        second(transaction)

    return write
