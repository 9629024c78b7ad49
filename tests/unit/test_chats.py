"""What is kept of chats outlives the process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.chats import Chats
from gateway.messages import ChatAddress
from tests.fakes import FakeClock
from tests.parts import open_database

CHAT = ChatAddress(channel="telegram", chat="-5")
MOVED = ChatAddress(channel="telegram", chat="-1005")


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Chats]:
    async with open_database(path / "gateway.db", FakeClock()) as database:
        chats = Chats(database)
        await chats.start()
        yield chats


async def test_a_zone_is_chosen_for_the_whole_chat_and_kept(tmp_path: Path) -> None:
    async with opened(tmp_path) as chats:
        await chats.choose_zone(CHAT, "Europe/Berlin")

    async with opened(tmp_path) as chats:
        assert chats.zone(ChatAddress(channel="telegram", chat="-5", thread="9")) == "Europe/Berlin"
        assert chats.zone(ChatAddress(channel="tg2", chat="-5")) == ""


async def test_a_conversation_begins_anew_where_it_was_said_and_never_earlier(tmp_path: Path) -> None:
    async with opened(tmp_path) as chats:
        await chats.begin_anew(CHAT.session, 17)
        await chats.begin_anew(CHAT.session, 3)

    async with opened(tmp_path) as chats:
        assert chats.begins(CHAT.session) == 17
        assert chats.begins("telegram:1") == 0


async def test_a_chat_that_moves_takes_its_zone_and_its_conversation_along(tmp_path: Path) -> None:
    async with opened(tmp_path) as chats:
        await chats.choose_zone(CHAT, "Europe/Berlin")
        await chats.begin_anew(CHAT.session, 17)

        first = await chats.move("telegram", "-5", "-1005")
        again = await chats.move("telegram", "-5", "-1005")

    async with opened(tmp_path) as chats:
        assert (first, again) == (True, False)
        assert chats.present("telegram", "-5") == "-1005"
        assert chats.present("telegram", "-1005") == "-1005"
        assert chats.zone(MOVED) == "Europe/Berlin"
        assert chats.begins(MOVED.session) == 17


async def test_a_chat_is_addressed_by_the_id_that_it_has_now(tmp_path: Path) -> None:
    async with opened(tmp_path) as chats:
        await chats.move("telegram", "-5", "-1005")

        assert chats.address(CHAT) == MOVED
        assert chats.address(MOVED) == MOVED
        assert list(chats.moves()) == [("telegram", "-5", "-1005")]
