"""/outbox: what was not sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.clock import to_text
from gateway.commands.outbox import OutboxCommand
from gateway.database.writer import Database
from gateway.errors import NotFoundError, UserError
from gateway.messages import Caller, ChatAddress, OutboundMessage
from gateway.tools import message as messages
from tests.fakes import NOON, FakeClock
from tests.parts import open_database, rows
from tests.unit.commands.asking import THERE, ask

CONSOLE = ChatAddress(channel="console", chat="terminal")


@dataclass
class Post:
    """An outbox with messages in it."""

    database: Database
    woken: list[bool] = field(default_factory=list)

    @property
    def command(self) -> OutboxCommand:
        return OutboxCommand(self.database, lambda: self.woken.append(True))

    async def left(self, name: str, state: str = "open", *, to: ChatAddress = THERE, error: str = "") -> None:
        message = OutboundMessage(delivery_id=name, address=to, caller=Caller.MODEL, text="a secret")
        at = to_text(NOON - timedelta(minutes=5))
        await self.database.write(lambda t: messages.leave(t, message, at=at))
        change = "UPDATE outbox SET state = ?, error = ? WHERE id = ?"
        await self.database.write(lambda t: t.execute(change, (state, error, name)).rowcount)

    async def states(self) -> dict[str, str]:
        return dict(await rows(self.database, "SELECT id, state FROM outbox"))


@asynccontextmanager
async def post(path: Path) -> AsyncIterator[Post]:
    async with open_database(path / "gateway.db", FakeClock()) as database:
        yield Post(database)


async def test_where_everything_was_sent_that_is_said(tmp_path: Path) -> None:
    async with post(tmp_path) as office:
        assert (await office.command.answer(ask(owner=True))).text == "Everything was sent."


async def test_a_list_shows_where_since_when_and_why_but_not_what(tmp_path: Path) -> None:
    async with post(tmp_path) as office:
        await office.left("d1", "dead", error="403 *bot was blocked*")
        await office.left("d2")

        text = (await office.command.answer(ask(owner=True))).text

        assert text.splitlines()[:2] == [
            "- `d2` to `test:2`, open, 5 min old",
            r"- `d1` to `test:2`, dead, 5 min old: 403 \*bot was blocked\*",
        ]
        assert "secret" not in text


async def test_a_long_list_comes_in_pages(tmp_path: Path) -> None:
    async with post(tmp_path) as office:
        for n in range(12):
            await office.left(f"d{n:02}")

        first, second = [await office.command.answer(ask(words, owner=True)) for words in ("", "2")]

        assert [button.data for row in first.buttons for button in row] == ["/outbox 2"]
        assert [button.label for row in second.buttons for button in row] == ["‹ 1/2"]
        assert second.text.splitlines()[1].startswith("- `d00`")


async def test_an_owner_of_one_channel_does_not_see_another(tmp_path: Path) -> None:
    async with post(tmp_path) as office:  # P-72
        await office.left("d1", to=ChatAddress(channel="other", chat="5"))

        assert (await office.command.answer(ask(owner=True))).text == "Everything was sent."
        with pytest.raises(NotFoundError) as foreign:
            await office.command.answer(ask("drop d1", owner=True))
        with pytest.raises(NotFoundError) as unknown:
            await office.command.answer(ask("drop d9", owner=True))
        assert str(foreign.value).replace("d1", "d9") == str(unknown.value)
        assert "`d1`" in (await office.command.answer(ask(owner=True, address=CONSOLE))).text


async def test_a_message_is_sent_once_more(tmp_path: Path) -> None:
    async with post(tmp_path) as office:
        await office.left("d1abc", "dead")

        answer = await office.command.answer(ask("retry d1", owner=True))
        again = await office.command.answer(ask("retry d1", owner=True))  # replayed

        assert answer == again
        assert "`d1abc` is sent once more" in answer.text
        assert await office.states() == {"d1abc": "open"}
        assert office.woken


async def test_a_message_is_given_up(tmp_path: Path) -> None:
    async with post(tmp_path) as office:
        await office.left("d1")

        answer = await office.command.answer(ask("drop d1", owner=True))

        assert "`d1` was given up" in answer.text
        assert await office.states() == {"d1": "dead"}
        assert (await office.command.answer(ask(owner=True))).text == "Everything was sent."


@pytest.mark.parametrize("verb", ["retry", "drop"])
async def test_what_is_asked_for_again_after_a_crash_and_is_over_by_now_is_not_an_error(
    tmp_path: Path, verb: str
) -> None:
    async with post(tmp_path) as office:
        await office.left("d1", "sent")

        again = await office.command.answer(ask(f"{verb} d1", owner=True, replayed=True))

        assert again.text == "It is done: there is no unsent message `d1` any more."
        with pytest.raises(NotFoundError):
            await office.command.answer(ask(f"{verb} d1", owner=True))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("retry", "Which one?"),
        ("drop", "Which one?"),
        ("frob d1", "'frob' is none of list, retry, drop"),
        ("retry d", "beginning of several ids"),
        ("list x", "not the number of a page"),
    ],
)
async def test_what_cannot_be_done_is_said_with_a_right_example(tmp_path: Path, words: str, why: str) -> None:
    async with post(tmp_path) as office:
        await office.left("d1")
        await office.left("d2")

        with pytest.raises(UserError, match=why):
            await office.command.answer(ask(words, owner=True))
