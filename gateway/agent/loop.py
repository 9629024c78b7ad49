"""AgentLoop: what becomes of one claimed message: a person's turn, a due run, and how each of them ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog
from structlog.contextvars import bound_contextvars

from gateway.agent import journal as steps
from gateway.agent.due import Assignment, DueHandler, Ending, EndStatus, Script
from gateway.agent.guard import Guard
from gateway.agent.journal import Claim, Journal, TurnState
from gateway.agent.model import PromptItem, UserText
from gateway.agent.outcome import STATES, acted, given_up
from gateway.agent.person import PersonTurns, Surroundings
from gateway.agent.purse import Free, Purse
from gateway.agent.retelling import retelling, told
from gateway.agent.review import Review
from gateway.agent.sessions import Sessions, job_of
from gateway.agent.toolbox import Kit, Toolbox
from gateway.agent.turn import Task, TurnEngine
from gateway.clock import Clock
from gateway.database import statements as sql
from gateway.database.driver import Work, both
from gateway.database.writer import Database
from gateway.errors import RunOverError
from gateway.messages import Caller, ChatAddress, Due, InboundMessage, OutboundMessage
from gateway.outbox.records import decode_message
from gateway.tools.base import Turn
from gateway.tools.message import Say

logger = structlog.get_logger()


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
        toolbox: Toolbox,
        due: DueHandler,
        zone_of: Callable[[ChatAddress], str],
        words: Callable[[InboundMessage], UserText],
        limits: Limits,
        around: Surroundings,
        purse: Purse | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._engine = engine
        self._sessions = sessions
        self._say = say
        self.toolbox = toolbox
        self._due = due
        self._zone_of = zone_of
        self._words = words
        self._guard = Guard(clock)
        self._people = PersonTurns(
            clock=clock,
            engine=engine,
            sessions=sessions,
            guard=self._guard,
            words=words,
            task=lambda claim, past: self._task(claim, past, self.toolbox.for_person()),
            said=self._messages,
            timeout=limits.timeout,
            purse=purse or Free(),
            around=around,
        )

    def cancel(self, name: str) -> bool:
        """End the turn or run of this id that is being worked on; False if there is none."""
        return self._guard.cancel(name)

    async def work(self, claim: Claim) -> None:
        """Work the claim through to its recorded end."""
        occasion = claim.message.occasion
        run = occasion.run if isinstance(occasion, Due) else ""
        with bound_contextvars(turn=claim.turn, trace_id=claim.message.trace_id, **({"run": run} if run else {})):
            if isinstance(occasion, Due):
                await self._work_due(claim, occasion)
            else:
                await self._people.work(claim)

    async def _messages(self, claim: Claim) -> list[OutboundMessage]:
        """What was said in this turn so far, besides its end."""
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
        ending = None if due.exact else given_up(claim)
        if ending is None:
            plan = await self._due.plan(claim.message, due)
            starting = self._due.starting(due, now=self._clock.now())
            match plan:
                case None:
                    raise RunOverError(f"run {due.run} is over")
                case Script():
                    return await self._recite(claim, journal, due, plan, starting)
                case Assignment():
                    await self._engine.write(starting)
                    ending = await self._perform(claim, journal, due, plan)
                case Ending():
                    await self._engine.write(starting)
                    ending = plan
        said = await self._messages(claim)
        done = acted(journal.steps, self.toolbox.tools)
        ending = replace(ending, usage=journal.usage, acted=bool(said) or done)
        await self._engine.write(self._due_end(claim, journal, due, ending, said))
        self._heard(claim, said)
        return ending

    async def _recite(
        self, claim: Claim, journal: Journal, due: Due, script: Script, starting: Work[None]
    ) -> Ending:
        reminder = OutboundMessage(
            delivery_id=f"{claim.turn}.say",
            address=claim.message.address,
            caller=Caller.REMINDER,
            text=script.text,
            turn=claim.turn,
            run=due.run,
            buttons=script.buttons,
            hint=script.hint,
            reply_to=script.reply_to,
            trace_id=claim.message.trace_id,
        )
        ending = Ending(status=EndStatus.SUCCEEDED, output=script.text, acted=True)
        await self._speak(reminder, both(starting, self._due_end(claim, journal, due, ending, [reminder])))
        self._heard(claim, [reminder])
        return ending

    async def _perform(self, claim: Claim, journal: Journal, due: Due, plan: Assignment) -> Ending:
        session = claim.message.session_key

        async def has_spoken() -> bool:
            return bool(await self._messages(claim))

        review = Review(plan=plan, journal=journal, has_spoken=has_spoken)

        async def work() -> str:
            past = [*await self._sessions.before_run(session, claim.seq), *await self._context(claim, plan)]
            kit = self.toolbox.for_run(only=plan.tools, silent=plan.silent)
            task = self._task(claim, [*past, UserText(plan.prompt)], kit, due=due, job=plan.job)
            task = replace(task, review=review.note, tokens=plan.tokens, model=plan.model)
            return await self._engine.run(task, journal)

        ending = await self._guard.run(claim, work, plan.timeout, claim.turn, due.run)
        items = [self._words(claim.message), *steps.items(journal.steps)]
        self._sessions.add(session, claim.seq, items, by=job_of(claim.message))
        return await review.verdict(ending)

    async def _context(self, claim: Claim, plan: Assignment) -> Sequence[PromptItem]:
        """The last messages of the chat, for a run that has a session of its own and asks for them."""
        chat = claim.message.address.session
        if not plan.context_messages or chat == claim.message.session_key:
            return ()
        return await self._sessions.last_messages(chat, claim.seq, plan.context_messages)

    def _due_end(
        self, claim: Claim, journal: Journal, due: Due, ending: Ending, said: Sequence[OutboundMessage]
    ) -> Work[None]:
        now = self._clock.now()
        state = STATES[ending.status]
        finishing = journal.finishing(state, now=now, error=ending.error, error_class=ending.error_class)
        retold = retelling(claim.message, claim.turn, said, now=now)
        return both(both(finishing, retold), self._due.ending(due, ending, now=now))

    def _heard(self, claim: Claim, said: Sequence[OutboundMessage]) -> None:
        for session in told(claim.message, said):
            self._sessions.forget(session)

    # -- both ---------------------------------------------------------------------------------------------

    def _task(
        self,
        claim: Claim,
        past: Sequence[PromptItem],
        kit: Kit,
        *,
        due: Due | None = None,
        job: str = "",
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
            reply_to=message.reply_to,
            opens_thread=message.home != message.address,
        )
        return Task(turn=turn, past=past, tools=kit.tools, specs=kit.specs, review=_accept)

    async def _speak(self, message: OutboundMessage, along: Work[None]) -> None:
        """Say it; a database that refuses is asked again."""
        await self._engine.until_written(lambda: self._say(message, along=along))


async def _accept(_text: str) -> str | None:
    return None
