"""What else the channel can do: reactions, who manages a group, and how it says what it is."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from channels.base import Administered, Closing, Editing, Fetching, Hooked, Reacting, Signing, Surroundings
from channels.telegram import TelegramChannel, create
from gateway.clock import SystemClock
from gateway.config import Config
from gateway.errors import ConfigError, DeliveryError, PermanentDeliveryError, TransientDeliveryError
from gateway.messages import ChatAddress
from tests.servers.telegram import TOKEN, TelegramServer, serve_telegram

ANNA, BORIS, CLEO = 7, 8, 9
GROUP = -5
HERE = ChatAddress(channel="telegram", chat=str(GROUP))
WEBHOOK = {
    "mode": "webhook",
    "webhook_secret": "s3cret-of-the_hook",
    "webhook_url": "https://bot.example.org/webhooks/telegram",
}


@pytest.fixture
async def server() -> AsyncIterator[TelegramServer]:
    async with serve_telegram() as server:
        server.person(ANNA, "Anna")
        server.group(GROUP, "Friends", supergroup=False, members=[ANNA], admins=[BORIS, CLEO])
        yield server


def made(api_base: str = "https://api.telegram.org", **settings: Any) -> TelegramChannel:
    section = {"token": TOKEN, "api_base": api_base, **settings}
    config = Config.layered(environment={}, file={"channels": {"telegram": section}})
    return create("telegram", config, SystemClock(), Surroundings(workspace=Path("workspace")))


@pytest.fixture
async def channel(server: TelegramServer) -> AsyncIterator[TelegramChannel]:
    channel = made(server.url)
    yield channel
    await channel.close()


async def test_it_says_what_it_can_do(channel: TelegramChannel) -> None:
    for port in (Signing, Editing, Reacting, Administered, Fetching, Hooked, Closing):
        assert isinstance(channel, port)


async def test_it_is_called_only_in_webhook_mode_and_then_may_be_silent() -> None:
    polled, called = made(), made(**WEBHOOK)

    assert (polled.hooked, called.hooked) == (False, True)
    assert polled.heard_every is not None
    assert called.heard_every is None
    await polled.close()
    await called.close()


@pytest.mark.parametrize("missing", ["webhook_secret", "webhook_url"])
def test_webhook_mode_that_is_not_complete_is_refused_with_the_key(missing: str) -> None:
    with pytest.raises(ConfigError, match=rf"channels\.telegram\.{missing}: missing"):
        made(**{key: value for key, value in WEBHOOK.items() if key != missing})


async def test_a_message_is_acknowledged_by_a_sign_under_it(
    server: TelegramServer, channel: TelegramChannel
) -> None:
    server.say("/help", user=ANNA, chat=GROUP)
    message = server.last_message(GROUP)

    await channel.react(HERE, str(message))

    assert server.reactions == {(GROUP, message): ["👀"]}


async def test_a_message_that_is_gone_cannot_be_acknowledged(
    server: TelegramServer, channel: TelegramChannel
) -> None:
    with pytest.raises(PermanentDeliveryError):
        await channel.react(HERE, "4711")


@pytest.mark.parametrize(
    ("user", "manages"),
    [
        (str(BORIS), True),  # made the group
        (str(CLEO), True),
        (str(ANNA), False),
        (str(GROUP), True),  # writes in its name
        ("-6", False),  # writes in the name of another
        ("cron:1", False),
        ("", False),
    ],
)
async def test_who_manages_a_group_is_known_from_telegram(
    server: TelegramServer, channel: TelegramChannel, user: str, manages: bool
) -> None:
    assert await channel.is_admin(HERE, user) is manages


async def test_who_manages_a_group_that_has_moved_is_asked_there(
    server: TelegramServer, channel: TelegramChannel
) -> None:
    server.migrate(GROUP)

    assert await channel.is_admin(HERE, str(CLEO))


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"kind": "flood"}, TransientDeliveryError),
        ({"kind": "drop"}, DeliveryError),
        ({"kind": "refused", "description": "Bad Request: member list is inaccessible"}, PermanentDeliveryError),
    ],
    ids=["flood", "drop", "refused"],
)
async def test_what_telegram_does_not_say_is_not_guessed(
    server: TelegramServer, channel: TelegramChannel, fault: dict[str, Any], kind: type[DeliveryError]
) -> None:
    server.fault(method="getChatMember", **fault)

    with pytest.raises(kind):
        await channel.is_admin(HERE, str(CLEO))
