"""/new and /stop."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.chats import Chats
from gateway.commands.conversation import NewCommand, StopCommand, Turns
from tests.fakes import FakeClock
from tests.parts import open_database
from tests.unit.commands.asking import HERE, ask


@pytest.fixture
async def chats(tmp_path: Path) -> AsyncIterator[Chats]:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        yield Chats(database)


def turns(running: str = "", waiting: int = 0, *, ends: bool = True, ended: list[str] | None = None) -> Turns:
    def cancel(turn: str) -> bool:
        if ended is not None:
            ended.append(turn)
        return ends

    return Turns(running_in=lambda _: running, waiting_in=lambda _: waiting, cancel=cancel)


async def test_a_conversation_begins_after_the_message_that_asked_for_it(chats: Chats) -> None:
    answer = await NewCommand(chats, turns()).answer(ask(seq=7))

    assert chats.begins(HERE.session) == 7
    assert (await NewCommand(chats, turns()).answer(ask(seq=7))).text == answer.text  # replayed
    assert "jobs and reminders stay" in answer.text


async def test_who_begins_anew_is_told_of_the_turn_that_is_under_way(chats: Chats) -> None:
    answer = await NewCommand(chats, turns("t1")).answer(ask())

    assert "/stop ends it" in answer.text


async def test_a_turn_is_stopped() -> None:
    ended: list[str] = []

    answer = await StopCommand(turns("t1", ended=ended)).answer(ask())

    assert ended == ["t1"]
    assert answer.text == "Stopped. What was done already stays done."


@pytest.mark.parametrize(
    ("present", "said"),
    [
        (turns(), "I am not working on anything here."),
        (turns("t1", ends=False), "It is ending just now."),
        (turns("t1", 1), "1 message that waits is answered next"),
        (turns("t1", 3), "3 messages that wait are answered next"),
    ],
)
async def test_stop_says_what_it_has_done(present: Turns, said: str) -> None:
    assert said in (await StopCommand(present).answer(ask())).text
