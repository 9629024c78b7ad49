"""A draft: what stands in a chat while a turn works, and what takes its place."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

from gateway.agent.draft import Draft, Drafts, Rhythm
from gateway.agent.journal import Claim
from gateway.database.driver import Work
from gateway.messages import Caller, ChatAddress, InboundMessage, OutboundMessage
from tests.fakes import NOON, FakeClock, settle

SECOND = timedelta(seconds=1)
HERE = ChatAddress(channel="test", chat="1")


def claim_of(turn: str, address: ChatAddress = HERE) -> Claim:
    message = InboundMessage(
        channel="test", sender_id="anna", dedupe_keys=(), address=address, text="hello", received_at=NOON
    )
    return Claim(seq=1, turn=turn, message=message)


def words(turn: str, text: str) -> OutboundMessage:
    return OutboundMessage(delivery_id=f"{turn}.2.0", address=HERE, caller=Caller.MODEL, text=text, turn=turn)


@dataclass
class Platform:
    """`Say` that keeps what is said, with room for it and free to go on, or not."""

    said: list[OutboundMessage] = field(default_factory=list)
    asked: int = 0
    room: bool = True
    error: Exception | None = None
    free: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, message: OutboundMessage, *, along: Work[None] | None = None) -> bool:
        self.asked += 1
        await self.free.wait()
        if self.error is not None:
            raise self.error
        if self.room:
            self.said.append(message)
        return self.room

    @property
    def texts(self) -> list[str]:
        return [message.text for message in self.said]


@asynccontextmanager
async def drafts_on(
    platform: Platform, clock: FakeClock, *, fits: Callable[[OutboundMessage], bool] = lambda _message: True
) -> AsyncIterator[Drafts]:
    platform.free.set()
    async with asyncio.TaskGroup() as tasks:
        rhythm = Rhythm(stream=True, progress=True, every=SECOND)
        drafts = Drafts(platform, clock, rhythm=lambda _address: rhythm, fits=fits, spawn=tasks.create_task)
        running = tasks.create_task(drafts.run())
        yield drafts
        running.cancel()


def hear(draft: Draft | None, text: str) -> None:
    assert draft is not None
    assert draft.hear is not None
    draft.hear(text)


async def passes(clock: FakeClock, seconds: float) -> None:
    """Let the time pass in the steps in which drafts are looked at."""
    for _ in range(int(seconds / 0.25)):
        await clock.advance(timedelta(seconds=0.25))
        await settle()


async def test_words_that_were_being_said_when_a_turn_was_stopped_are_not_written_over() -> None:
    platform, clock = Platform(), FakeClock()
    async with drafts_on(platform, clock) as drafts:
        with drafts.of(claim_of("t1")) as draft:
            assert draft is not None
            hear(draft, "Let me see")
            await passes(clock, 2)
            platform.free.clear()
            speaking = asyncio.create_task(drafts.say(words("t1", "One moment.")))
            await settle()

            speaking.cancel()
            await settle()
            platform.free.set()
            with suppress(asyncio.CancelledError):
                await speaking

            assert platform.texts == ["Let me see …", "One moment."]
            assert platform.said[1].edits == platform.said[0].delivery_id
            assert draft.last_words(stopped=True) == ""  # they stand where the draft stood


async def test_a_draft_that_fails_in_a_way_of_its_own_harms_nobody() -> None:
    platform, clock = Platform(error=ValueError("a defect")), FakeClock()
    async with drafts_on(platform, clock) as drafts:
        with drafts.of(claim_of("t1")) as draft:
            hear(draft, "Good")
            await passes(clock, 2)
            platform.error = None
            await passes(clock, 2)

    assert platform.texts == ["Good …"]


async def test_drafts_of_one_chat_share_its_room() -> None:
    platform, clock = Platform(), FakeClock()
    async with drafts_on(platform, clock) as drafts:
        one, two = claim_of("t1", replace(HERE, thread="1")), claim_of("t2", replace(HERE, thread="2"))
        with drafts.of(one) as first, drafts.of(two) as second:
            for n in range(10):
                hear(first, "1" * (n + 1))
                hear(second, "2" * (n + 1))
                await passes(clock, 1)
        together = len(platform.said)

        platform.said.clear()
        with drafts.of(one) as first:
            for n in range(10):
                hear(first, "1" * (n + 1))
                await passes(clock, 1)

    assert len(platform.said) >= 8
    assert together <= len(platform.said) + 2  # the two first messages; edits are no more than of one


async def test_the_beginning_of_a_long_answer_is_shown_even_if_there_was_no_room_at_first() -> None:
    platform, clock = Platform(), FakeClock()
    async with drafts_on(platform, clock, fits=lambda message: len(message.text) <= 100) as drafts:
        with drafts.of(claim_of("t1")) as draft:
            hear(draft, "a")
            await passes(clock, 2)
            platform.room = False
            hear(draft, "a" * 300)
            before = platform.asked
            await passes(clock, 4)
            refused = platform.asked - before
            platform.room = True
            await passes(clock, 3)
            asked = platform.asked
            hear(draft, "a" * 400)
            await passes(clock, 3)

    assert [len(text) > 30 for text in platform.texts] == [False, True]
    assert 6 <= refused <= 9  # in 4 s: to cut a long text costs more than to wait a moment
    assert platform.asked == asked  # no more of it fits: nothing is asked of the chat


async def test_nothing_appears_any_more_when_its_turn_is_over() -> None:
    platform, clock = Platform(), FakeClock()
    async with drafts_on(platform, clock) as drafts:
        with drafts.of(claim_of("t1")) as draft:
            assert draft is not None
            hear(draft, "Good")
            await clock.advance(0.9 * SECOND)
        await clock.advance(SECOND)
        await draft.grow()  # asked for before the end, and only now at work

    assert platform.said == []
