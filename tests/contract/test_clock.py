"""What every clock keeps to, the machine's and the one that tests move."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from gateway.clock import Clock, SystemClock, from_text, to_text
from tests.fakes import NOON, FakeClock

SHORT = timedelta(milliseconds=20)


async def pass_real(_clock: Clock, duration: timedelta) -> None:
    await asyncio.sleep(duration.total_seconds() + 0.01)


async def pass_fake(clock: Clock, duration: timedelta) -> None:
    assert isinstance(clock, FakeClock)
    await clock.advance(duration)


Passing = Callable[[Clock, timedelta], Awaitable[None]]
CLOCKS: dict[str, tuple[Callable[[], Clock], Passing]] = {
    "system": (SystemClock, pass_real),
    "fake": (FakeClock, pass_fake),
}


@pytest.fixture(params=CLOCKS)
def made(request: pytest.FixtureRequest) -> tuple[Clock, Passing]:
    make, passing = CLOCKS[request.param]
    return make(), passing


def test_the_wall_time_is_aware_and_in_utc(made: tuple[Clock, Passing]) -> None:
    clock, _ = made

    assert clock.now().tzinfo is UTC


async def test_time_passes_on_both_hands(made: tuple[Clock, Passing]) -> None:
    clock, let_pass = made
    wall, monotonic = clock.now(), clock.monotonic()

    await let_pass(clock, SHORT)

    assert clock.now() >= wall + SHORT
    assert clock.monotonic() >= monotonic + SHORT.total_seconds()


async def test_a_sleeper_wakes_after_its_time_and_not_before(made: tuple[Clock, Passing]) -> None:
    clock, let_pass = made
    began = clock.monotonic()

    async def sleep() -> float:
        await clock.sleep(SHORT)
        return clock.monotonic() - began

    sleeper = asyncio.create_task(sleep())
    await let_pass(clock, SHORT)

    assert await sleeper >= SHORT.total_seconds() - 0.001


async def test_a_sleep_of_zero_gives_way_once_and_ends(made: tuple[Clock, Passing]) -> None:
    clock, _ = made
    seen: list[str] = []
    other = asyncio.create_task(_note(seen))

    await clock.sleep(timedelta())

    assert seen == ["other"]
    await other


async def _note(seen: list[str]) -> None:
    seen.append("other")


async def test_what_takes_longer_than_its_limit_is_stopped(made: tuple[Clock, Passing]) -> None:
    clock, let_pass = made

    async def work() -> None:
        async with clock.timeout(SHORT):
            await asyncio.Event().wait()

    worker = asyncio.create_task(work())
    await let_pass(clock, SHORT)

    with pytest.raises(TimeoutError):
        await worker


async def test_what_ends_within_its_limit_is_left_alone(made: tuple[Clock, Passing]) -> None:
    clock, let_pass = made

    async with clock.timeout(SHORT):
        done = True
    await let_pass(clock, 2 * SHORT)

    assert done


async def test_a_cancelled_task_is_cancelled_and_not_timed_out(made: tuple[Clock, Passing]) -> None:
    clock, _ = made

    async def work() -> None:
        async with clock.timeout(timedelta(hours=1)):
            await asyncio.Event().wait()

    worker = asyncio.create_task(work())
    await asyncio.sleep(0)
    worker.cancel()

    with pytest.raises(asyncio.CancelledError):
        await worker


async def test_sleepers_of_the_fake_clock_wake_in_the_order_of_their_time() -> None:
    clock, woken = FakeClock(), []

    async def sleep(seconds: int) -> None:
        await clock.sleep(timedelta(seconds=seconds))
        woken.append((seconds, clock.now() - NOON))

    tasks = [asyncio.create_task(sleep(seconds)) for seconds in (3, 1, 2)]
    await clock.advance(timedelta(seconds=5))
    await asyncio.gather(*tasks)

    assert woken == [(n, timedelta(seconds=n)) for n in (1, 2, 3)]


async def test_setting_the_wall_of_the_fake_clock_wakes_nobody() -> None:
    clock = FakeClock()
    sleeper = asyncio.create_task(clock.sleep(timedelta(minutes=1)))
    await asyncio.sleep(0)

    clock.set(NOON + timedelta(days=1))
    await clock.advance(timedelta(seconds=59))
    early = sleeper.done()
    await clock.advance(timedelta(seconds=1))

    assert not early
    assert sleeper.done()


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON, "2026-03-02T12:00:00.000000Z"),
        (datetime(2026, 3, 2, 12, 0, 0, 5, tzinfo=UTC), "2026-03-02T12:00:00.000005Z"),
        (datetime(2026, 3, 2, 14, tzinfo=UTC).astimezone(), "2026-03-02T14:00:00.000000Z"),
    ],
)
def test_instants_as_text_come_back_as_they_were(moment: datetime, text: str) -> None:
    assert to_text(moment) == text
    assert from_text(text) == moment


def test_instants_as_text_sort_in_the_order_of_time() -> None:
    moments = [NOON + timedelta(microseconds=n * 333_333) for n in range(10)]

    assert sorted(to_text(moment) for moment in moments) == [to_text(moment) for moment in moments]
