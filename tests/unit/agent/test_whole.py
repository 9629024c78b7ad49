"""Doing something to its end, also when who waits for it is told to stop."""

import asyncio

import pytest

from gateway.agent.whole import whole


async def test_what_is_cancelled_meanwhile_is_done_all_the_same() -> None:
    done: list[str] = []
    goes_on = asyncio.Event()

    async def work() -> None:
        await goes_on.wait()
        done.append("it")

    waiting = asyncio.ensure_future(whole(work()))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    goes_on.set()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert done == ["it"]


async def test_its_outcome_and_its_error_are_those_of_the_work() -> None:
    async def answer() -> int:
        return 7

    async def fail() -> int:
        raise KeyError("no")

    assert await whole(answer()) == 7
    with pytest.raises(KeyError):
        await whole(fail())


async def test_an_error_after_a_cancellation_is_not_missed_by_anybody() -> None:
    goes_on = asyncio.Event()

    async def fail() -> None:
        await goes_on.wait()
        raise KeyError("no")

    waiting = asyncio.ensure_future(whole(fail()))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.sleep(0)
    goes_on.set()

    with pytest.raises(asyncio.CancelledError):
        await waiting
