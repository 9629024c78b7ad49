"""/whoami and /timezone."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.chats import Chats
from gateway.commands.here import TimezoneCommand, WhoAmICommand, named
from gateway.errors import UserError
from gateway.messages import ChatAddress
from tests.fakes import FakeClock
from tests.parts import open_database
from tests.unit.commands.asking import HERE, ask


@pytest.fixture
async def chats(tmp_path: Path) -> AsyncIterator[Chats]:
    async with open_database(tmp_path / "gateway.db", FakeClock()) as database:
        yield Chats(database)


async def test_whoami_tells_the_ids_that_a_configuration_needs() -> None:
    address = ChatAddress(channel="telegram", chat="-100200", thread="7")

    answer = await WhoAmICommand().answer(ask(address=address, sender_id="123", group=True))

    assert answer.text.splitlines() == [
        "- You: `123` (a user)",
        "- Chat: `-100200` (a group)",
        "- Topic: `7`",
        "- Channel: `telegram`",
        "- Time zone: Europe/Berlin",
    ]


async def test_whoami_says_who_is_an_owner() -> None:
    assert "- You: `anna` (an owner)" in (await WhoAmICommand().answer(ask(owner=True))).text


async def test_the_zone_of_a_chat_is_shown_with_its_time(chats: Chats) -> None:
    answer = await TimezoneCommand(chats, lambda _: "UTC").answer(ask())

    assert "Europe/Berlin, where it is Monday 2026-03-02 13:00" in answer.text
    assert chats.zone(HERE) == ""


async def test_a_zone_is_chosen_and_given_back(chats: Chats) -> None:
    command = TimezoneCommand(chats, lambda _: "UTC")

    chosen = await command.answer(ask("asia/tokyo"))
    tokyo = chats.zone(HERE)
    default = await command.answer(ask("Default"))

    assert tokyo == "Asia/Tokyo"
    assert "Asia/Tokyo, where it is Monday 2026-03-02 21:00" in chosen.text
    assert "Jobs that exist already keep their zone" in chosen.text
    assert "UTC, where it is Monday 2026-03-02 12:00" in default.text
    assert chats.zone(HERE) == ""


@pytest.mark.parametrize(
    ("words", "zone"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("america/new york", "America/New_York"),
        ("utc", "UTC"),
        ("Paris", "Europe/Paris"),
        ("new york", "America/New_York"),
    ],
)
def test_a_zone_is_known_by_its_name_or_its_only_place(words: str, zone: str) -> None:
    assert named(words) == zone


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("Berlim", "did you mean Europe/Berlin?"),
        ("Louisville", "Louisville"),
        ("Europe/Berlim", "did you mean Europe/Berlin?"),
        ("x", "IANA"),
    ],
)
async def test_an_unknown_zone_is_refused_with_the_nearest_one(chats: Chats, words: str, hint: str) -> None:
    with pytest.raises(UserError) as error:
        await TimezoneCommand(chats, lambda _: "UTC").answer(ask(words))

    assert hint in str(error.value)
    assert chats.zone(HERE) == ""
