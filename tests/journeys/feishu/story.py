"""Who is on Feishu in the journeys, and what a journey looks at."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from gateway.agent.model import ModelClient, Prompt, UserText
from gateway.agent.models.scripted import Line, ScriptedModel
from gateway.app import Gateway
from gateway.home import Home
from tests.servers.feishu import FeishuServer
from tests.servers.feishu_records import Sent

OLGA = "ou_olga"  # the owner
ANNA = "ou_anna"
BORIS = "ou_boris"
MALLORY = "ou_mallory"  # in no list

TEAM = "oc_team"
FORUM = "oc_forum"  # every message there is a topic
UNLISTED = "oc_unlisted"

UNLIMITED = {"per_second": 1e9, "per_chat": 1e9, "per_group_minute": 1e9}


@dataclass
class Town:
    """Feishu, and a gateway that is connected to it."""

    feishu: FeishuServer
    gateway: Gateway
    model: ModelClient
    home: Home


Opener = Callable[..., AbstractAsyncContextManager[Town]]


def move_in(feishu: FeishuServer) -> None:
    """Everybody moves in."""
    everybody = [OLGA, ANNA, BORIS, MALLORY]
    for person in everybody:
        feishu.person(person, person.removeprefix("ou_").capitalize())
    feishu.group(TEAM, "Team", members=everybody, owner=OLGA)
    feishu.group(FORUM, "Forum", members=everybody, topics=True)
    feishu.group(UNLISTED, "Elsewhere", members=everybody)


def settings_of(feishu: FeishuServer, **changes: Any) -> dict[str, Any]:
    """`[channels.feishu]` for this server, without limits of our own."""
    return {
        "app_id": feishu.app_id,
        "app_secret": feishu.app_secret,
        "api_base": feishu.url,
        "encrypt_key": feishu.encrypt_key,
        "verification_token": feishu.verification_token,
        "allow": [ANNA, BORIS],
        "owners": [OLGA],
        "groups": {TEAM: {}, FORUM: {}},
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


async def hears(town: Town, count: int, *, chat: str, root: str | None = None, seconds: float = 5.0) -> list[str]:
    """Wait until so many messages of the bot stand in a chat, under a root if one is named; returns them."""
    await town.feishu.wait_until(lambda: len(town.feishu.texts(chat, root)) >= count, f"{count} texts", seconds)
    return town.feishu.texts(chat, root)


def sent_to(town: Town, chat: str) -> list[Sent]:
    """What the bot said in a chat, the oldest first."""
    return town.feishu.messages(chat)
