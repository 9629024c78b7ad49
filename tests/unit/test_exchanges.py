"""How often other bots are answered."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.database.driver import Work
from gateway.database.writer import Database
from gateway.errors import StoreFullError
from gateway.exchanges import FRESH, MOST, Exchanges, Row, following
from gateway.messages import ChatAddress
from gateway.retention import Retention, forget
from tests.fakes import NOON, FakeClock
from tests.parts import open_database, rows

SECOND = timedelta(seconds=1)
GROUP = ChatAddress(channel="test", chat="-5", thread="9")
OTHER = ChatAddress(channel="test", chat="-6")


@pytest.mark.parametrize(
    ("row", "count"),
    [
        (None, 1),
        (Row(1, NOON), 2),
        (Row(MOST - 1, NOON), MOST),
        (Row(MOST, NOON), None),
        (Row(MOST, NOON - FRESH + SECOND), None),
        (Row(MOST, NOON - FRESH), 1),
    ],
)
def test_three_answers_in_a_row_and_then_none_for_an_hour(row: Row | None, count: int | None) -> None:
    found = following(row, NOON)

    assert (found.count if found else None) == count


@dataclass
class MoodyDatabase:
    """One that now and then cannot write."""

    database: Database
    full: bool = False

    async def write(self, work: Work[Any]) -> Any:
        if self.full:
            raise StoreFullError("the disk is full")
        return await self.database.write(work)


@asynccontextmanager
async def counting(path: Path, clock: FakeClock) -> AsyncIterator[tuple[Exchanges, Database]]:
    async with open_database(path / "gateway.db", clock) as database:
        exchanges = Exchanges(database, clock)
        await exchanges.start()
        yield exchanges, database


async def answered(exchanges: Exchanges, times: int, address: ChatAddress = GROUP) -> int:
    """A bot writes so many times; returns how often it is answered."""
    count = 0
    for _ in range(times):
        if exchanges.begin(address):
            count += 1
            await exchanges.kept(address)
    return count


async def test_each_chat_is_counted_by_itself_with_all_its_threads(tmp_path: Path) -> None:
    async with counting(tmp_path, FakeClock()) as (exchanges, _):
        thread = ChatAddress(channel="test", chat="-5", thread="10")

        counts = [await answered(exchanges, n, chat) for n, chat in ((2, GROUP), (9, thread), (9, OTHER))]

        assert counts == [2, 1, 3]


async def test_a_person_who_writes_lets_it_begin_anew(tmp_path: Path) -> None:
    async with counting(tmp_path, FakeClock()) as (exchanges, database):
        await answered(exchanges, 9)

        async with exchanges.interrupted(GROUP):
            pass

        assert await rows(database, "SELECT * FROM exchanges") == []
        assert await answered(exchanges, 9) == MOST


async def test_a_person_who_could_not_be_noted_lets_it_begin_anew_when_they_are_heard_again(
    tmp_path: Path,
) -> None:
    clock = FakeClock()
    async with counting(tmp_path, clock) as (_, database):
        moody = MoodyDatabase(database)
        exchanges = Exchanges(moody, clock)  # type: ignore[arg-type]
        await answered(exchanges, 9)

        moody.full = True
        with pytest.raises(StoreFullError):
            async with exchanges.interrupted(GROUP):
                pass
        moody.full = False
        async with exchanges.interrupted(GROUP):
            pass

    async with counting(tmp_path, clock) as (exchanges, _):
        assert await answered(exchanges, 9) == MOST


async def test_a_restart_goes_on_counting(tmp_path: Path) -> None:
    clock = FakeClock()
    async with counting(tmp_path, clock) as (exchanges, _):
        await answered(exchanges, 2)

    async with counting(tmp_path, clock) as (exchanges, _):
        assert await answered(exchanges, 9) == 1


async def test_what_came_twice_is_not_counted(tmp_path: Path) -> None:
    async with counting(tmp_path, FakeClock()) as (exchanges, _):
        for _ in range(9):
            assert exchanges.begin(GROUP)
            exchanges.taken_back(GROUP)

        assert await answered(exchanges, 9) == MOST


async def test_chats_that_are_silent_for_long_are_forgotten(tmp_path: Path) -> None:
    async with counting(tmp_path, FakeClock()) as (exchanges, database):
        await answered(exchanges, 3)

        await database.write(lambda t: forget(t, Retention(), now=NOON + timedelta(days=31)))

        assert await rows(database, "SELECT * FROM exchanges") == []
