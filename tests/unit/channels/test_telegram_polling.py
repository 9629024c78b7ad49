"""The poll loop against a server: what is confirmed and when, and what it does with what it reads."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from channels.telegram.client import Client
from channels.telegram.parse import NOT_YOURS
from channels.telegram.polling import Poller
from gateway.commands.base import CommandInfo
from gateway.errors import ReadingError, StoreFullError
from gateway.messages import ChatAddress, Press
from tests.fakes import until
from tests.servers.telegram import TOKEN, TelegramServer, serve_telegram
from tests.unit.channels.poll_inlet import ANNA, BORIS, GROUP, Inlet, poller_at, reading


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with serve_telegram() as server:
        server.person(ANNA, "Anna")
        server.person(BORIS, "Boris")
        server.group(GROUP, "Friends", supergroup=False, members=[ANNA, BORIS])
        yield server


@pytest.fixture
async def poller(server: TelegramServer) -> AsyncIterator[Poller]:
    async with poller_at(server.url) as poller:
        yield poller


# -- what is confirmed -------------------------------------------------------------------------------------------


async def test_an_update_is_confirmed_only_when_it_is_written(
    server: TelegramServer, poller: Poller
) -> None:  # P-42
    inlet = Inlet()
    inlet.open.clear()
    async with reading(poller, inlet):
        number = server.say("hello", user=ANNA)
        await until(lambda: inlet.received)
        await asyncio.sleep(0.05)
        early = server.confirmed

        inlet.open.set()
        await until(lambda: server.confirmed > number)

    assert early <= number
    assert server.pending == 0


async def test_what_could_not_be_written_is_not_confirmed_and_comes_again(
    server: TelegramServer, poller: Poller
) -> None:  # P-42, P-35
    number = server.say("hello", user=ANNA)
    full = Inlet(refusing=lambda _: StoreFullError("the disk is full"))
    with pytest.raises(ReadingError, match="cannot be kept: the disk is full") as caught:
        await poller.run(full)
    confirmed = server.confirmed

    inlet = Inlet()
    async with reading(poller, inlet):
        await until(lambda: server.confirmed > number)

    assert confirmed <= number
    assert caught.value.pause > timedelta()
    assert inlet.texts() == ["hello"]


async def test_one_that_could_not_be_written_brings_its_whole_batch_again(
    server: TelegramServer, poller: Poller
) -> None:
    for text in ("one", "two", "three"):
        server.say(text, user=ANNA)
    inlet = Inlet(refusing=lambda message: StoreFullError("full") if message.text == "two" else None)
    with pytest.raises(ReadingError):
        await poller.run(inlet)
    first, inlet.received = inlet.received, []

    inlet.refusing = lambda _: None
    async with reading(poller, inlet):
        await until(lambda: server.pending == 0)

    assert [message.text for message in first] == ["one", "three"]
    assert inlet.texts() == ["one", "two", "three"]
    assert {message.dedupe_keys for message in first} < {message.dedupe_keys for message in inlet.received}


async def test_a_fault_of_ours_in_one_update_is_logged_and_holds_up_no_other(
    server: TelegramServer, poller: Poller
) -> None:
    for text in ("one", "two", "three"):
        server.say(text, user=ANNA)
    inlet = Inlet(refusing=lambda message: ZeroDivisionError("a bug") if message.text == "two" else None)

    with capture_logs() as lines:
        async with reading(poller, inlet):
            await until(lambda: server.pending == 0)

    assert inlet.texts() == ["one", "three"]
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["an update cannot be taken"]


async def test_many_batches_come_in_their_order(server: TelegramServer, poller: Poller) -> None:  # P-50
    said = [f"{n}" for n in range(350)]
    server.say_many({"text": text, "user": ANNA} for text in said)
    inlet = Inlet()

    async with reading(poller, inlet):
        await until(lambda: server.pending == 0)

    assert inlet.texts() == said
    assert len({message.dedupe_keys for message in inlet.received}) == len(said)


async def test_nothing_is_asked_for_while_there_is_no_room(server: TelegramServer, poller: Poller) -> None:
    inlet = Inlet()
    inlet.spacious.clear()  # P-54
    server.say("hello", user=ANNA)

    async with reading(poller, inlet):
        await until(lambda: server.calls["getMe"])
        await asyncio.sleep(0.05)
        asked = server.calls["getUpdates"]
        inlet.spacious.set()
        await until(lambda: inlet.received)

    assert asked == 0


async def test_what_follows_a_move_in_the_same_batch_is_read_after_it(
    server: TelegramServer, poller: Poller
) -> None:
    inlet = Inlet()
    moved_before: list[bool] = []
    inlet.refusing = lambda message: moved_before.append(bool(inlet.moves))
    server.say("before @tocsin_test_bot", user=ANNA, chat=GROUP)
    new = server.migrate(GROUP)
    server.say("after @tocsin_test_bot", user=ANNA, chat=new)

    async with reading(poller, inlet):
        await until(lambda: server.pending == 0)

    assert inlet.moves == [(str(GROUP), str(new))]
    assert [message.address.chat for message in inlet.received] == [str(GROUP), str(new)]
    assert moved_before == [False, True]


# -- what cannot be read -----------------------------------------------------------------------------------------

POISON: list[dict[str, Any]] = [
    {"message": None},
    {"message": []},
    {"message": "hello"},
    {"message": {"message_id": "eleven", "date": "yesterday", "chat": 7}},
    {
        "message": {
            "message_id": 1,
            "date": 1,
            "chat": {"id": 7, "type": "private"},
            "from": {"id": 7},
            "text": "x",
        }
    },
    {"message": {"message_id": 1, "date": 10**18, "chat": {"id": 7, "type": "private"}, "text": "x"}},
    {
        "message": {
            "message_id": 1,
            "date": 1,
            "chat": {"id": 7, "type": "private"},
            "from": {"id": 7, "is_bot": False, "first_name": "Anna"},
            "text": "of an odd album",
            "media_group_id": {"id": 1},
        }
    },
    {"callback_query": {"id": "1"}},
    {"callback_query": None},
    {"my_chat_member": {"chat": {}}},
    {"something_new": {"deep": [[[[[]]]]]}},
    {},
]


async def test_updates_that_nobody_can_read_hide_no_other(server: TelegramServer, poller: Poller) -> None:
    for n, poison in enumerate(POISON):
        server.push(dict(poison))
        server.say(f"{n}", user=ANNA)
    inlet = Inlet()

    async with reading(poller, inlet):  # P-53
        await until(lambda: server.pending == 0)
        server.say("last", user=ANNA)
        await until(lambda: inlet.texts()[-1:] == ["last"])

    assert inlet.texts() == [*(f"{n}" for n in range(len(POISON))), "last"]


async def test_an_edit_is_not_even_asked_for(server: TelegramServer, poller: Poller) -> None:
    inlet = Inlet()
    async with reading(poller, inlet):  # P-51
        server.say("hello", user=ANNA)
        await until(lambda: inlet.received)

        edited = server.edit(server.last_message(ANNA), "hello!", user=ANNA)
        server.say("next", user=ANNA)
        await until(lambda: len(inlet.received) == 2)

    assert edited == 0
    assert inlet.texts() == ["hello", "next"]


# -- presses -----------------------------------------------------------------------------------------------------


async def _offer(server: TelegramServer, chat: int, data: str) -> int:
    """A message with a button, as the bot sends it."""
    client = Client(TOKEN, api_base=server.url)
    address = ChatAddress(channel="telegram", chat=str(chat))
    sent_as = await client.send(address, {"text": "Sure?", "buttons": [[["Yes", data]]]})
    await client.close()
    return int(sent_as)


async def test_a_press_is_handed_in_and_answered(server: TelegramServer, poller: Poller) -> None:
    message_id = await _offer(server, ANNA, f"{ANNA}|/cron page 2")
    inlet = Inlet()
    async with reading(poller, inlet):
        query = server.press(message_id, "Yes", user=ANNA)
        await until(lambda: server.queries[query].answers)

    (received,) = inlet.received
    assert (received.text, received.sender_id) == ("/cron page 2", str(ANNA))
    assert received.occasion == Press(message_id=str(message_id))
    assert (server.queries[query].answers, server.queries[query].text) == (1, "")


async def test_a_press_of_somebody_elses_button_is_answered_and_starts_nothing(
    server: TelegramServer, poller: Poller
) -> None:
    message_id = await _offer(server, GROUP, f"{ANNA}|/cron page 2")
    inlet = Inlet()
    async with reading(poller, inlet):
        query = server.press(message_id, "Yes", user=BORIS, chat=GROUP)
        await until(lambda: server.queries[query].answers)

    assert inlet.received == []
    assert server.queries[query].text == NOT_YOURS


async def test_a_press_that_could_not_be_written_is_not_answered_yet(
    server: TelegramServer, poller: Poller
) -> None:
    message_id = await _offer(server, ANNA, f"{ANNA}|go")
    query = server.press(message_id, "Yes", user=ANNA)
    with pytest.raises(ReadingError):
        await poller.run(Inlet(refusing=lambda _: StoreFullError("full")))
    early = server.queries[query].answers

    async with reading(poller, Inlet()):
        await until(lambda: server.queries[query].answers)

    assert early == 0


async def test_a_press_that_is_too_old_to_be_answered_is_a_small_thing(
    server: TelegramServer, poller: Poller
) -> None:
    message_id = await _offer(server, ANNA, f"{ANNA}|go")
    server.query_timeout = 0
    inlet = Inlet()

    async with reading(poller, inlet):
        server.press(message_id, "Yes", user=ANNA)
        await until(lambda: inlet.received and server.statuses[400])
        server.say("hello", user=ANNA)
        await until(lambda: len(inlet.received) == 2)

    assert inlet.texts() == ["go", "hello"]


# -- menus -------------------------------------------------------------------------------------------------------


async def test_the_menus_are_told_once_and_without_what_is_the_owners(
    server: TelegramServer, poller: Poller
) -> None:
    inlet = Inlet(
        commands=(
            CommandInfo(name="help", summary="what I can do"),
            CommandInfo(name="outbox", summary="what waits", owners_only=True),
            CommandInfo(name="cron", summary="x" * 300),
        ),
        owners=(str(ANNA), "404"),  # the second has never written to the bot
    )
    async with reading(poller, inlet):
        await until(lambda: server.calls["setMyCommands"] == 4)
    async with reading(poller, inlet):
        await until(lambda: server.calls["getMe"] == 2 and server.updates.polled)

    assert server.commands["all_private_chats", ""] == {"help": "what I can do", "cron": "x" * 256}
    assert server.commands["all_group_chats", ""] == server.commands["all_private_chats", ""]
    assert [set(menu) for (scope, _), menu in server.commands.items() if scope.startswith("chat")] == [
        {"help", "outbox", "cron"}
    ]
    assert server.calls["setMyCommands"] == 4


async def test_menus_that_cannot_be_told_keep_nobody_from_writing(server: TelegramServer, poller: Poller) -> None:
    server.fault("flood", method="setMyCommands", times=None)
    inlet = Inlet(commands=(CommandInfo(name="help", summary="what I can do"),))

    async with reading(poller, inlet):
        server.say("hello", user=ANNA)
        await until(lambda: inlet.received and server.statuses[429])

    assert inlet.texts() == ["hello"]
