"""A person's turn: what joins it, what is shown of it, and how it ends."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from gateway.agent import journal as steps
from gateway.agent.draft import Draft, Drafts
from gateway.agent.due import Ending, EndStatus
from gateway.agent.guard import Guard
from gateway.agent.joining import Joining
from gateway.agent.journal import Claim, Journal
from gateway.agent.model import PromptItem, UserText
from gateway.agent.outcome import STATES, apology
from gateway.agent.purse import Purse
from gateway.agent.sessions import Sessions
from gateway.agent.toolbox import MESSAGE_TOOL
from gateway.agent.turn import Task, TurnEngine
from gateway.clock import Clock
from gateway.database.driver import Work, both
from gateway.messages import Caller, ChatAddress, InboundMessage, OutboundMessage
from gateway.tools.message import Say

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a person's turn has around it, besides what all turns have."""

    joining: Joining
    drafts: Drafts
    model_of: Callable[[ChatAddress], str] = lambda _address: ""  # what a chat has chosen; empty: as configured


class PersonTurns:
    """Works them through."""

    def __init__(
        self,
        *,
        clock: Clock,
        engine: TurnEngine,
        sessions: Sessions,
        guard: Guard,
        words: Callable[[InboundMessage], UserText],
        task: Callable[[Claim, Sequence[PromptItem]], Task],
        said: Callable[[Claim], Awaitable[Sequence[OutboundMessage]]],
        timeout: timedelta,
        purse: Purse,
        around: Surroundings,
    ) -> None:
        """`said`: what was said in the turn so far, what only grows included."""
        self._clock = clock
        self._engine = engine
        self._sessions = sessions
        self._guard = guard
        self._words = words
        self._task = task
        self._said = said
        self._timeout = timeout
        self._purse = purse
        self._around = around
        self._say: Say = around.drafts.say

    async def work(self, claim: Claim) -> None:
        """Work the claim through to its recorded end."""
        journal = Journal(claim)
        began = self._clock.monotonic()
        said = self._words(claim.message)
        with self._around.drafts.of(claim) as draft:
            if draft is not None and claim.again:
                draft.restore(await self._said(claim))
            ending = await self._guard.run(
                claim, lambda: self._text(claim, journal, said, draft), self._timeout, claim.turn
            )
            if draft is not None:
                draft.close()
            await self._end(claim, journal, ending, draft)
        self._sessions.add(claim.message.session_key, claim.seq, [said, *steps.items(journal.steps)])
        logger.info(
            "turn ends",
            session=claim.message.session_key,
            status=ending.status.value,
            ms=round((self._clock.monotonic() - began) * 1000),
            tokens=[journal.usage.input_tokens, journal.usage.output_tokens],
        )

    async def _text(self, claim: Claim, journal: Journal, said: UserText, draft: Draft | None) -> str:
        await self._around.joining.begin(claim, journal)
        past = await self._sessions.before(claim.message.session_key, claim.seq)
        address = claim.message.address
        tokens = await self._purse.room(address.owner)
        task = replace(
            self._task(claim, [*past, said]),
            tokens=tokens,
            model=self._around.model_of(address),
            meanwhile=lambda journal: self._around.joining.meanwhile(claim, journal),
        )
        if draft is not None:
            task = replace(task, hear=draft.hear, calls=draft.calls)
        return await self._engine.run(task, journal)

    async def _end(self, claim: Claim, journal: Journal, ending: Ending, draft: Draft | None) -> None:
        finishing = journal.finishing(
            STATES[ending.status], now=self._clock.now(), error=ending.error, error_class=ending.error_class
        )
        finishing = both(finishing, self._purse.paying(claim.message.address.owner, journal.usage))
        if ending.status is EndStatus.SUCCEEDED:
            caller, text = Caller.REPLY, ending.output.strip()
            if text and await self._said_already(claim, journal, text):
                text = ""
        else:
            caller, text = Caller.NOTICE, apology(ending)
        if not text and draft is not None:
            text = draft.last_words(stopped=ending.status is EndStatus.CANCELLED)
        if not text:
            await self._engine.write(finishing)
            return
        await self._reply(claim, caller, text, finishing)

    async def _reply(self, claim: Claim, caller: Caller, text: str, along: Work[None]) -> None:
        """Say it; a database that refuses is asked again."""
        reply = OutboundMessage(
            delivery_id=f"{claim.turn}.final",
            address=claim.message.address,
            caller=caller,
            text=text,
            turn=claim.turn,
            reply_to=claim.message.message_id,
            trace_id=claim.message.trace_id,
        )
        await self._engine.until_written(lambda: self._say(reply, along=along))

    async def _said_already(self, claim: Claim, journal: Journal, text: str) -> bool:
        """Whether the model has said just this here, by the message tool, in this turn."""
        if not any(isinstance(step, steps.Result) and step.result.name == MESSAGE_TOOL for step in journal.steps):
            return False
        before = [one for one in await self._said(claim) if not one.passing]
        return any(_plain(one.text) == _plain(text) for one in before if one.address == claim.message.address)


def _plain(text: str) -> str:
    return " ".join(text.split())
