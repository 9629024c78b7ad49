"""A chat is shown that it is being answered, when that takes longer than a moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from gateway.errors import TransientDeliveryError
from gateway.messages import ChatAddress
from gateway.presence import Presence
from tests.fakes import FakeClock

SECOND = timedelta(seconds=1)
HERE = ChatAddress(channel="telegram", chat="1", thread="7")


THERE = ChatAddress(channel="slow", chat="1")


class Signs:
    """What was shown, and when."""

    def __init__(self, clock: FakeClock) -> None:
        self.shown: list[float] = []
        self.fault: Exception | None = None
        self._clock = clock

    async def __call__(self, address: ChatAddress) -> None:
        if address == THERE:
            await asyncio.Event().wait()
        assert address == HERE
        self.shown.append(self._clock.monotonic() - 1_000)
        if self.fault:
            raise self.fault


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[Presence, Signs, FakeClock]]:
    clock = FakeClock()
    signs = Signs(clock)
    presence = Presence(signs, clock)
    task = asyncio.create_task(presence.run())
    yield presence, signs, clock
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_an_answer_within_a_moment_needs_no_sign() -> None:
    async with opened() as (presence, signs, clock):
        with presence.working("t1", HERE):
            await clock.advance(0.5 * SECOND)
        await clock.advance(10 * SECOND)

        assert signs.shown == []


async def test_a_long_turn_is_shown_again_and_again_until_it_ends() -> None:
    async with opened() as (presence, signs, clock):
        with presence.working("t1", HERE):
            await clock.advance(10 * SECOND)
        await clock.advance(10 * SECOND)

        assert signs.shown == [1, 5, 9]


async def test_two_turns_in_one_chat_are_one_sign() -> None:
    async with opened() as (presence, signs, clock):
        with presence.working("t1", HERE), presence.working("t2", HERE):
            await clock.advance(1.5 * SECOND)

        assert signs.shown == [1]


async def test_a_sign_that_cannot_be_shown_harms_nobody() -> None:
    async with opened() as (presence, signs, clock):
        signs.fault = TransientDeliveryError("no route")
        with presence.working("t1", HERE):
            await clock.advance(5 * SECOND)

        assert signs.shown == [1, 5]


async def test_a_sign_that_hangs_keeps_no_other_from_being_shown() -> None:
    async with opened() as (presence, signs, clock):
        with presence.working("t1", THERE), presence.working("t2", HERE):
            await clock.advance(10 * SECOND)

        assert len(signs.shown) >= 2
