"""The poll loop when Telegram cannot be read: what is told apart, and that it goes on where it was."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from channels.telegram.polling import Poller
from gateway.errors import CredentialsRefusedError, ReadingError
from tests.fakes import until
from tests.servers.telegram import TOKEN, TelegramServer, serve_telegram
from tests.unit.channels.poll_inlet import ANNA, Inlet, poller_at, reading


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with serve_telegram() as server:
        server.person(ANNA, "Anna")
        yield server


@pytest.fixture
async def poller(server: TelegramServer) -> AsyncIterator[Poller]:
    async with poller_at(server.url) as poller:
        yield poller


async def _trouble(poller: Poller) -> ReadingError:
    with pytest.raises(ReadingError) as caught:
        await asyncio.wait_for(poller.run(Inlet()), 5)
    assert TOKEN not in repr(caught.value)
    assert "\n" not in str(caught.value)
    return caught.value


async def test_a_rival_is_named_and_given_five_seconds(server: TelegramServer, poller: Poller) -> None:
    server.fault("conflict", method="getUpdates")

    error = await _trouble(poller)

    assert str(error).startswith("another program polls this bot")  # P-47
    assert error.pause == timedelta(seconds=5)


async def test_a_webhook_is_told_from_a_rival(server: TelegramServer, poller: Poller) -> None:
    server.updates.hook("https://elsewhere.example/hook")

    error = await _trouble(poller)

    assert str(error).startswith("a webhook is set for this bot")


async def test_a_dead_network_is_one_sentence_without_the_token(server: TelegramServer, poller: Poller) -> None:
    await server.refuse()

    error = await _trouble(poller)

    assert str(error) == f"Telegram: cannot connect to 127.0.0.1:{server.port} (Connection refused)"  # P-87


async def test_a_poll_that_says_nothing_for_too_long_is_given_up(server: TelegramServer, poller: Poller) -> None:
    server.fault("hang", method="getUpdates", times=None)

    error = await _trouble(poller)

    assert str(error) == "Telegram: no answer within 0.2 s"  # P-48: the first poll waits for nothing itself


@pytest.mark.parametrize("kind", ["drop", "lost", "garbage", "truncated", "status", "flood", "unknown"])
async def test_trouble_with_one_poll_is_over_with_the_next(
    server: TelegramServer, poller: Poller, kind: Any
) -> None:
    server.say("hello", user=ANNA)
    server.fault(kind, method="getUpdates")
    await _trouble(poller)
    inlet = Inlet()

    async with reading(poller, inlet):
        await until(lambda: server.pending == 0)

    assert inlet.texts() == ["hello"]


async def test_a_wrong_token_is_said_at_once_and_is_no_passing_trouble(server: TelegramServer) -> None:
    async with poller_at(server.url, f"{TOKEN}x") as poller:
        with pytest.raises(CredentialsRefusedError, match="@BotFather"):
            await poller.run(Inlet())


async def test_a_token_that_is_revoked_between_two_polls_is_noticed(
    server: TelegramServer, poller: Poller
) -> None:
    inlet = Inlet()
    task = asyncio.create_task(poller.run(inlet))
    await until(lambda: inlet.lives)

    server.token = f"{TOKEN}x"
    server.say("hello", user=ANNA)  # ends the poll that waits

    with pytest.raises(CredentialsRefusedError):
        await asyncio.wait_for(task, 5)


async def test_what_was_confirmed_is_not_asked_for_again_after_trouble(
    server: TelegramServer, poller: Poller
) -> None:
    inlet = Inlet()
    async with reading(poller, inlet):
        number = server.say("one", user=ANNA)
        await until(lambda: server.confirmed > number)
    server.fault("drop", method="getUpdates")
    await _trouble(poller)

    async with reading(poller, inlet):
        server.say("two", user=ANNA)
        await until(lambda: len(inlet.received) == 2)

    assert inlet.texts() == ["one", "two"]
    assert server.stats().given == 2
