"""Who is on Slack in the journeys, and what a journey looks at."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from gateway.agent.model import ModelClient, Prompt, UserText
from gateway.agent.models.scripted import Line, ScriptedModel
from gateway.app import Gateway
from gateway.home import Home
from tests.servers.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SlackServer

OLGA = "U0OLGA"  # the owner
ANNA = "U0ANNA"
BORIS = "U0BORIS"
MALLORY = "U0MALLORY"  # in no list

GENERAL = "C0GENERAL"
FREE = "C0FREE"  # answered without a mention
UNLISTED = "C0UNLISTED"

UNLIMITED = {"per_second": 1e9, "per_chat": 1e9, "per_group_minute": 1e9}


@dataclass
class Town:
    """Slack, and a gateway that is connected to it."""

    slack: SlackServer
    gateway: Gateway
    model: ModelClient
    home: Home


Opener = Callable[..., AbstractAsyncContextManager[Town]]


def move_in(slack: SlackServer) -> None:
    """Everybody moves in."""
    for person, name in ((OLGA, "Olga"), (ANNA, "Anna"), (BORIS, "Boris"), (MALLORY, "Mallory")):
        slack.person(person, name)
    for channel in (GENERAL, FREE, UNLISTED):
        slack.channel(channel, channel.removeprefix("C0").lower(), members=[OLGA, ANNA, BORIS, MALLORY])


def settings_of(slack: SlackServer, **changes: Any) -> dict[str, Any]:
    """`[channels.slack]` for this server, without limits of our own."""
    return {
        "bot_token": BOT_TOKEN,
        "app_token": APP_TOKEN,
        "signing_secret": SIGNING_SECRET,
        "api_base": slack.api_base,
        "allow": [ANNA, BORIS],
        "owners": [OLGA],
        "groups": {GENERAL: {}, FREE: {"mention": False}},
        "pairing": False,
        "rate": UNLIMITED,
        **changes,
    }


def said(prompt: Prompt) -> str:
    """The words that are to be answered."""
    return next(item.text for item in reversed(prompt.items) if isinstance(item, UserText))


def echo(prompt: Prompt) -> Line:
    return f"heard {said(prompt)}"


def prompts(town: Town) -> list[Prompt]:
    """What the scripted model was asked."""
    assert isinstance(town.model, ScriptedModel)
    return town.model.prompts


async def hears(town: Town, count: int, *, chat: str, thread: str = "", seconds: float = 5.0) -> list[str]:
    """Wait until the bot has said so much in a chat, at its top level or in a thread."""
    await town.slack.wait_for(lambda: len(town.slack.texts(chat, thread)) >= count, seconds)
    return town.slack.texts(chat, thread)
