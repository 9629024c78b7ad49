"""Drafts: messages that show a turn while it works, until its words take their place."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import structlog

from gateway.agent import growing
from gateway.agent.growing import Growth
from gateway.agent.journal import Claim
from gateway.agent.model import Hear
from gateway.agent.whole import whole
from gateway.clock import Clock
from gateway.database.driver import Work
from gateway.errors import TocsinError
from gateway.messages import Caller, ChatAddress, OutboundMessage
from gateway.tools.message import Say

logger = structlog.get_logger()

TICK = timedelta(milliseconds=250)  # how often is looked at what grows
REFUSED = 0.5  # seconds until it is tried again where there was no room: to cut a long text to size takes a while


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """What a channel that can edit is shown of a turn."""

    stream: bool  # its text, while it is written
    progress: bool  # that it works, when it has not said a word for long
    every: timedelta  # the least pause between two edits


class Draft:
    """Of one turn. It is one message at a time: when words have taken its place, the next begins below them."""

    def __init__(
        self, claim: Claim, rhythm: Rhythm, say: Say, clock: Clock, fits: Callable[[OutboundMessage], bool]
    ) -> None:
        """`fits`: whether a message has only one part."""
        self._claim = claim
        self._say = say
        self._clock = clock
        self._fits = fits
        self._every = rhythm.every.total_seconds()
        self._stream = rhythm.stream
        self._growth = Growth(stream=rhythm.stream, progress=rhythm.progress, began=clock.monotonic())
        self._lock = asyncio.Lock()  # words that take its place and its own appearing exclude each other
        self._id = ""  # the delivery id of what stands in the chat; empty: nothing does
        self._count = 0  # messages so far
        self._edits = 0
        self._next = 0.0  # when it may be touched again
        self._shown = ""
        self._full = ""  # the beginning of a text that one message has no more room for
        self._over = False

    # -- told by the turn ---------------------------------------------------------------------------------

    def restore(self, said: Sequence[OutboundMessage]) -> None:
        """Go on with what an earlier life has left standing; `said`: all messages of the turn so far."""
        replaced = {message.edits for message in said}
        drafts = [message for message in said if message.passing]
        self._count = len(drafts)
        for message in drafts:
            if message.delivery_id not in replaced:
                self._id, self._shown = message.delivery_id, message.text

    def _heard(self, text: str) -> None:
        self._growth.heard(text, self._clock.monotonic())

    def calls(self, tool: str) -> None:
        """A tool begins."""
        self._growth.tool = tool

    def close(self) -> None:
        """Nothing grows any more; what stands waits for the last words."""
        self._over = True

    @property
    def chat(self) -> tuple[str, str]:
        """Channel and chat: whose room it shares with all other drafts there, of whatever thread."""
        return self._claim.message.address.channel, self._claim.message.address.chat

    @property
    def hear(self) -> Hear | None:
        """For the model; None where nobody is shown its text."""
        return self._heard if self._stream else None

    def last_words(self, *, stopped: bool) -> str:
        """What takes the place of what stands where the turn says nothing else; empty if nothing stands."""
        if not self._id:
            return ""
        return growing.stopped(self._growth.text) if stopped else growing.DONE

    # -- words --------------------------------------------------------------------------------------------

    async def speak(self, message: OutboundMessage, along: Work[None] | None) -> bool:
        """Say it, in the place of what stands if it is for the same chat."""
        async with self._lock:
            fits = message.address == self._claim.message.address and not message.attachments
            if fits and self._id and not message.edits:
                message = replace(message, edits=self._id)
            # Whole: that words have taken its place must be known, also by who is told to stop meanwhile.
            return await whole(self._spoken(message, along, here=fits))

    async def _spoken(self, message: OutboundMessage, along: Work[None] | None, *, here: bool) -> bool:
        said = await self._say(message, along=along)
        if here and said:
            self._growth.spoke(self._clock.monotonic())
            if message.edits == self._id:
                self._id = self._shown = ""
        return said

    # -- growing ------------------------------------------------------------------------------------------

    def due(self) -> bool:
        """Whether it should grow now."""
        now = self._clock.monotonic()
        if self._over or now < self._next or self._lock.locked():
            return False
        text = self._growth.view(now, standing=bool(self._id))
        return bool(text) and text != self._shown

    async def grow(self, crowd: int = 1) -> None:
        """Show what there is to show, if the chat has room for it at this moment.

        `crowd`: how many drafts share the room of the chat.
        """
        async with self._lock:
            now = self._clock.monotonic()
            text = self._growth.view(now, standing=bool(self._id))
            if self._over or not text:
                return
            following = now + self._every * crowd
            if self._full and self._id and text.startswith(self._full):
                self._next = following
                return
            message, full = self._cut(text)
            self._next = now + REFUSED
            if await self._say(message):
                self._shown, self._full, self._next = message.text, full, following
                if message.edits:
                    self._edits += 1
                else:
                    self._id, self._count = message.delivery_id, self._count + 1

    def _cut(self, text: str) -> tuple[OutboundMessage, str]:
        """What of it is one part; and, where that is not all, its words."""
        message = self._message(text)
        if self._fits(message):
            return message, ""
        full = growing.longest(text, lambda piece: self._fits(self._message(piece)))
        return self._message(full + growing.MORE), full

    def _message(self, text: str) -> OutboundMessage:
        inbound = self._claim.message
        own = f"{self._claim.turn}.draft" + (f".{self._count + 1}" if self._count else "")
        return OutboundMessage(
            delivery_id=f"{self._id}.{self._claim.claims}.{self._edits}" if self._id else own,
            address=inbound.address,
            caller=Caller.REPLY,
            text=text,
            turn=self._claim.turn,
            reply_to=inbound.message_id,
            edits=self._id,
            passing=True,
            trace_id=inbound.trace_id,
        )


class Drafts:
    """The drafts of all turns, and `Say` for whoever speaks in a turn."""

    def __init__(
        self,
        say: Say,
        clock: Clock,
        *,
        rhythm: Callable[[ChatAddress], Rhythm | None],
        fits: Callable[[OutboundMessage], bool],
        spawn: Callable[[Coroutine[None, None, None]], asyncio.Task[None]],
    ) -> None:
        """`rhythm`: None for a chat whose channel cannot edit well: nothing is done for it."""
        self._say = say
        self._clock = clock
        self._rhythm = rhythm
        self._fits = fits
        self._spawn = spawn
        self._drafts: dict[str, Draft] = {}
        self._growing: set[Draft] = set()
        self._some = asyncio.Event()

    @contextmanager
    def of(self, claim: Claim) -> Iterator[Draft | None]:
        """Inside, the turn is shown."""
        rhythm = self._rhythm(claim.message.address)
        if rhythm is None:
            yield None
            return
        draft = Draft(claim, rhythm, self._say, self._clock, self._fits)
        self._drafts[claim.turn] = draft
        self._some.set()
        try:
            yield draft
        finally:
            draft.close()
            del self._drafts[claim.turn]

    async def say(self, message: OutboundMessage, *, along: Work[None] | None = None) -> bool:
        """Say it; what its turn has standing in the same chat makes room."""
        draft = self._drafts.get(message.turn)
        if draft is None:
            return await self._say(message, along=along)
        return await draft.speak(message, along)

    async def run(self) -> None:
        """Let them grow, for ever; nothing happens while nobody works."""
        while True:
            await self._some.wait()
            await self._clock.sleep(TICK)
            crowds = Counter(draft.chat for draft in self._drafts.values())
            for draft in list(self._drafts.values()):
                if draft not in self._growing and draft.due():
                    self._growing.add(draft)
                    self._spawn(self._grow(draft, crowds[draft.chat]))
            if not self._drafts:
                self._some.clear()

    async def _grow(self, draft: Draft, crowd: int) -> None:
        try:
            await draft.grow(crowd)
        except TocsinError as error:
            logger.debug("a growing answer could not be shown", error=str(error))
        except Exception:
            # It is decoration: whatever is wrong with it, the answer itself comes.
            logger.exception("a growing answer failed in the gateway itself")
        finally:
            self._growing.discard(draft)
