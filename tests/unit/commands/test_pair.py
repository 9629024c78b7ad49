"""/pair: an owner lets people in."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.commands.pair import PairCommand
from gateway.database.writer import Database
from gateway.errors import NotFoundError, UserError
from gateway.messages import ChatAddress
from gateway.pairing import codes, ledger
from gateway.pairing.codes import WRONG, Code
from tests.fakes import NOON, FakeClock
from tests.parts import open_database, rows
from tests.unit.commands.asking import HERE, ask

MINUTE = timedelta(minutes=1)
CONSOLE = ChatAddress(channel="console", chat="terminal")
MALLORY = Code(
    channel="test",
    user="7",
    name="Mallory *bold*",
    chat="d7",
    code="ABCD2345",
    until=NOON + codes.GOOD_FOR,
    told=1,
    told_at=NOON,
)


@dataclass
class Porter:
    """A door with people before it."""

    database: Database
    lists: dict[str, list[str]] = field(default_factory=dict)
    changes: int = 0
    command: PairCommand = field(init=False)

    def __post_init__(self) -> None:
        self.command = PairCommand(self.database, self._changed, lambda _channel, user: self.lists.get(user, []))

    async def _changed(self) -> None:
        self.changes += 1

    async def asked(self, *waiting: Code) -> None:
        for code in waiting:
            await self.database.write(lambda t, code=code: ledger.keep(t, code))  # type: ignore[misc]

    async def __call__(self, words: str, **changes: object) -> str:
        return (await self.command.answer(ask(words, owner=True, **changes))).text


@asynccontextmanager
async def porter(path: Path) -> AsyncIterator[Porter]:
    async with open_database(path / "gateway.db", FakeClock()) as database:
        yield Porter(database)


def test_it_is_for_owners() -> None:
    assert PairCommand.info.owners_only


async def test_who_asks_is_listed_with_the_code_and_a_button_that_approves_it(tmp_path: Path) -> None:
    async with porter(tmp_path) as pair:
        await pair.asked(MALLORY)

        answer = await pair.command.answer(ask("", owner=True))

        assert r"- `ABCD2345`: Mallory \*bold\* (`7`) on `test`, for 10 min more" in answer.text
        assert [button.data for row in answer.buttons for button in row] == ["/pair approve ABCD2345"]


async def test_an_approved_person_is_listed_until_they_are_revoked(tmp_path: Path) -> None:
    async with porter(tmp_path) as pair:
        await pair.asked(MALLORY)

        approved = await pair("approve abcd-2345")
        listed = await pair("list")
        revoked = await pair("revoke 7")
        empty = await pair("")

        assert approved == r"Mallory \*bold\* (`7`) may talk to me now, in private chats on `test`."
        assert r"- Mallory \*bold\* (`7`) on `test`, since 2026-03-02" in listed
        assert revoked == r"Mallory \*bold\* (`7`) may not talk to me any more."
        assert empty == "Nobody asks to be let in."
        assert pair.changes == 2
        who = await rows(pair.database, "SELECT who, what FROM audit ORDER BY seq")
        assert who == [("test:anna", "pair.approve"), ("test:anna", "pair.revoke")]


async def test_a_long_list_of_people_comes_in_pages(tmp_path: Path) -> None:
    async with porter(tmp_path) as pair:
        for n in range(12):
            code = replace(MALLORY, user=f"u{n:02}", code=f"CODE{n:04}")
            await pair.asked(code)
            await pair(f"approve {code.code}")

        answer = await pair.command.answer(ask("2", owner=True))

        assert "`u11`" in answer.text
        assert "`u09`" not in answer.text
        assert [button.data for row in answer.buttons for button in row] == ["/pair 1"]


async def test_an_owner_of_one_channel_lets_nobody_in_on_another_and_the_console_everywhere(
    tmp_path: Path,
) -> None:
    async with porter(tmp_path) as pair:
        await pair.asked(replace(MALLORY, channel="tg2"))

        with pytest.raises(NotFoundError):
            await pair("approve ABCD2345")
        listed = await pair("")
        approved = await pair("approve ABCD2345", address=CONSOLE)
        with pytest.raises(NotFoundError):
            await pair("revoke 7")

        assert "ABCD2345" not in listed
        assert "may talk to me now" in approved
        assert "may not talk" in await pair("revoke 7", address=CONSOLE)


async def test_after_ten_wrong_codes_in_a_minute_not_even_a_right_one_is_taken(tmp_path: Path) -> None:
    async with porter(tmp_path) as pair:
        await pair.asked(MALLORY)
        for n in range(WRONG):
            with pytest.raises(NotFoundError):
                await pair(f"approve WRONG{n}")

        with pytest.raises(UserError, match="in a minute"):
            await pair("approve ABCD2345")
        by_another = await pair("list", sender_id="olga")

        assert "ABCD2345" in by_another
        assert "may talk to me now" in await pair("approve ABCD2345", now=NOON + MINUTE)


async def test_a_code_that_is_over_is_not_listed_and_not_taken(tmp_path: Path) -> None:
    async with porter(tmp_path) as pair:
        await pair.asked(MALLORY)
        late = NOON + codes.GOOD_FOR

        with pytest.raises(NotFoundError, match="still good; /pair lists"):
            await pair("approve ABCD2345", now=late)

        assert await pair("", now=late) == "Nobody asks to be let in."


async def test_who_is_in_the_configuration_is_not_revoked_here_and_the_keys_are_named(tmp_path: Path) -> None:
    async with porter(tmp_path) as pair:
        pair.lists["5"] = ["channels.test.allow", "channels.test.owners"]

        with pytest.raises(
            NotFoundError, match=r"channels\.test\.allow and channels\.test\.owners: take them out"
        ):
            await pair("revoke 5")
        with pytest.raises(NotFoundError, match=r"'6' was let in by a code\.$"):
            await pair("revoke 6")


async def test_who_was_let_in_and_is_listed_too_is_said_to_stay(tmp_path: Path) -> None:
    async with porter(tmp_path) as pair:
        await pair.asked(MALLORY)
        await pair("approve ABCD2345")
        pair.lists["7"] = ["channels.test.allow"]

        assert (await pair("revoke 7")).endswith("But the configuration lists them in channels.test.allow.")


@pytest.mark.parametrize("words", ["approve ABCD2345", "revoke 7"])
async def test_a_command_that_is_repeated_after_a_crash_says_that_it_is_done(tmp_path: Path, words: str) -> None:
    async with porter(tmp_path) as pair:
        assert (await pair(words, replayed=True)).startswith("It is done")


@pytest.mark.parametrize("words", ["approve", "revoke  ", "open sesame"])
async def test_what_is_not_meant_is_answered_with_a_right_example(tmp_path: Path, words: str) -> None:
    async with porter(tmp_path) as pair:
        with pytest.raises(UserError, match="/pair approve ABCD2345"):
            await pair(words)


async def test_an_approved_person_is_told_in_the_chat_in_which_they_wrote(tmp_path: Path) -> None:
    async with porter(tmp_path) as pair:
        await pair.asked(MALLORY)

        await pair("approve ABCD2345", address=replace(HERE, thread="3"))

        told = await rows(pair.database, "SELECT channel, chat, thread, caller FROM outbox")
        assert told == [("test", "d7", "", "command")]
