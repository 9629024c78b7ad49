"""Strangers who knock, and owners who let them in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from gateway import audit
from gateway.clock import to_text
from gateway.database.driver import Work
from gateway.database.writer import Database
from gateway.errors import NotFoundError, StoreError, UserError
from gateway.messages import Caller, ChatAddress, InboundMessage, OutboundMessage
from gateway.pairing import ledger
from gateway.pairing.codes import OPEN, Paired
from gateway.pairing.door import Door
from gateway.tools import message as messages
from tests.fakes import NOON, FakeClock, settle
from tests.parts import open_database, rows

MINUTE = timedelta(minutes=1)


def hello(user: str = "7", channel: str = "test") -> InboundMessage:
    return InboundMessage(
        channel=channel,
        sender_id=user,
        sender_name=f"Person {user}",
        dedupe_keys=(),
        address=ChatAddress(channel=channel, chat=f"d{user}"),
        text="hello",
        received_at=NOON,
        message_id="m1",
    )


@dataclass
class House:
    """A door, and what was said at it."""

    database: Database
    clock: FakeClock
    said: list[OutboundMessage] = field(default_factory=list)
    broken: bool = False
    door: Door = field(init=False)

    def __post_init__(self) -> None:
        self.door = Door(self.database, self.clock, self.say)

    async def say(self, message: OutboundMessage, *, along: Work[None] | None = None) -> bool:
        if self.broken:
            raise StoreError("the disk is full")
        at = to_text(self.clock.now())
        await self.database.write(lambda t: messages.leave(t, message, at=at))
        if along is not None:
            await self.database.write(along)
        self.said.append(message)
        return True

    async def code_of(self, user: str, channel: str = "test") -> str:
        """Somebody knocks and is told a code."""
        count = len(self.said)
        await self.door.knock(hello(user, channel))
        assert len(self.said) == count + 1
        return self.said[-1].text.split("`")[1]

    async def approve(self, code: str, *, channel: str = "", after: timedelta = timedelta()) -> Paired:
        now = self.clock.now() + after
        return await self.database.write(lambda t: ledger.approve(t, code, channel=channel, by="test:9", now=now))

    async def revoke(self, user: str, channel: str = "") -> Paired:
        now = self.clock.now()
        return await self.database.write(
            lambda t: ledger.revoke(t, user, channel=channel, by="operator:x", now=now)
        )


class SlowReader:
    """A database whose answers come late."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.has_read, self.go_on = asyncio.Event(), asyncio.Event()

    async def read(self, work: Work[Any]) -> Any:
        found = await self._database.read(work)
        self.has_read.set()
        await self.go_on.wait()
        return found


@asynccontextmanager
async def open_house(path: Path) -> AsyncIterator[House]:
    clock = FakeClock()
    async with open_database(path / "gateway.db", clock) as database:
        yield House(database, clock)


async def test_who_knocks_is_told_a_code_under_what_they_wrote_in_the_private_chat(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        code = await house.code_of("7")

        (said,) = house.said
        assert (said.address, said.caller, said.reply_to) == (hello("7").address, Caller.COMMAND, "m1")
        assert len(code) == 8
        assert not house.door.paired("test", "7")  # a code alone is no right


async def test_knocking_on_is_answered_once_a_minute_and_three_times_in_all(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        for _ in range(9):
            await house.door.knock(hello())
            await house.door.knock(hello())
            await house.clock.advance(MINUTE)

        assert len(house.said) == 3
        assert len({said.text for said in house.said}) == 1
        assert len({said.delivery_id for said in house.said}) == 3


async def test_two_messages_at_once_are_told_one_code(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await asyncio.gather(*(house.door.knock(hello()) for _ in range(5)))

        assert len(house.said) == 1


async def test_a_restart_remembers_who_was_told(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        code = await house.code_of("7")
        house.door = Door(house.database, house.clock, house.say)
        await house.door.refresh()

        await house.door.knock(hello("7"))
        await house.clock.advance(MINUTE)

        assert len(house.said) == 1
        assert await house.code_of("7") == code


async def test_beyond_twenty_open_codes_of_a_channel_the_door_is_silent_and_the_log_says_so_once(
    tmp_path: Path,
) -> None:
    structlog.reset_defaults()
    with capture_logs() as lines:
        async with open_house(tmp_path) as house:
            for n in range(OPEN + 5):
                await house.door.knock(hello(f"{n}"))
            elsewhere = await house.code_of("1", "tg2")
            await house.clock.advance(10 * MINUTE)
            later = await house.code_of("24")

            assert len(house.said) == OPEN + 2
            assert elsewhere != later
    assert len([line for line in lines if "too many strangers" in line["event"]]) == 1


async def test_when_it_is_full_once_more_the_log_says_so_once_more(tmp_path: Path) -> None:
    structlog.reset_defaults()
    with capture_logs() as lines:
        async with open_house(tmp_path) as house:
            for _ in range(2):
                for n in range(OPEN + 2):
                    await house.door.knock(hello(f"{n}"))
                await house.clock.advance(10 * MINUTE)

    assert len([line for line in lines if "too many strangers" in line["event"]]) == 2


async def test_codes_that_are_over_do_not_stay_in_the_tables(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        for n in range(5):
            await house.code_of(f"{n}")
        await house.clock.advance(10 * MINUTE)
        await house.code_of("9")

        assert await rows(house.database, "SELECT person FROM pairing_codes") == [("9",)]


async def test_a_code_that_is_told_while_others_are_read_is_remembered(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        slow = SlowReader(house.database)
        house.door = Door(slow, house.clock, house.say)  # type: ignore[arg-type]

        reading = asyncio.ensure_future(house.door.refresh())
        await slow.has_read.wait()
        knocking = asyncio.ensure_future(house.door.knock(hello()))
        await settle()
        slow.go_on.set()
        await asyncio.gather(reading, knocking)
        await house.clock.advance(MINUTE)
        await house.door.knock(hello())

        assert len({said.text for said in house.said}) == 1


async def test_a_database_that_refuses_keeps_nobody_else_from_being_heard(tmp_path: Path) -> None:
    structlog.reset_defaults()
    with capture_logs() as lines:
        async with open_house(tmp_path) as house:
            house.broken = True
            await house.door.knock(hello())
            house.broken = False

            await house.code_of("7")  # it was not told, so it is told now
    assert [line["log_level"] for line in lines] == ["error"]


async def test_an_approved_person_is_let_in_told_so_and_the_approval_is_audited(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        code = await house.code_of("7")

        paired = await house.approve(code.lower())
        await house.door.refresh()

        assert (paired.user, paired.chat, paired.by) == ("7", "d7", "test:9")
        assert house.door.paired("test", "7")
        assert not house.door.paired("tg2", "7")
        assert await rows(house.database, "SELECT chat, caller FROM outbox ORDER BY seq") == [
            ("d7", "command"),
            ("d7", "command"),
        ]
        (row,) = await house.database.read(lambda t: audit.newest(t, limit=9))
        assert (row.entry.who, row.entry.what, row.entry.subject) == ("test:9", "pair.approve", "test 7")


@pytest.mark.parametrize("written", ["", "AAAAAAAA", "ABCD", "'; DROP TABLE paired"])
async def test_a_code_that_nobody_has_lets_nobody_in(tmp_path: Path, written: str) -> None:
    async with open_house(tmp_path) as house:
        await house.code_of("7")

        with pytest.raises(NotFoundError):
            await house.approve(written)

        assert await rows(house.database, "SELECT * FROM paired") == []


async def test_a_code_is_good_once_for_ten_minutes_and_on_its_own_channel(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        code = await house.code_of("7")

        for options in ({"channel": "tg2"}, {"after": 10 * MINUTE}):
            with pytest.raises(NotFoundError):
                await house.approve(code, **options)  # type: ignore[arg-type]
        await house.approve(code, channel="test", after=10 * MINUTE - timedelta(seconds=1))
        with pytest.raises(NotFoundError):
            await house.approve(code)


async def test_who_is_revoked_is_a_stranger_again(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        await house.approve(await house.code_of("7"))

        gone = await house.revoke("7")
        await house.door.refresh()

        assert gone.user == "7"
        assert not house.door.paired("test", "7")
        entries = await house.database.read(lambda t: audit.newest(t, limit=9))
        assert [row.entry.what for row in entries] == ["pair.revoke", "pair.approve"]
        with pytest.raises(NotFoundError):
            await house.revoke("7")


async def test_who_was_let_in_on_two_channels_is_revoked_on_the_one_that_is_named(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:
        for channel in ("test", "tg2"):
            await house.approve(await house.code_of("7", channel))

        with pytest.raises(UserError, match=r"several channels \(test, tg2\)"):
            await house.revoke("7")
        gone = await house.revoke("7", "tg2")
        await house.door.refresh()

        assert gone.channel == "tg2"
        assert (house.door.paired("test", "7"), house.door.paired("tg2", "7")) == ("d7", "")


async def test_somebody_who_changes_their_name_keeps_what_they_have_by_their_id(tmp_path: Path) -> None:
    async with open_house(tmp_path) as house:  # P-65
        await house.approve(await house.code_of("7"))
        await house.door.refresh()

        imposter = replace(hello("8"), sender_name="Person 7")

        assert not house.door.paired("test", imposter.sender_id)
        assert house.door.paired("test", "7")
