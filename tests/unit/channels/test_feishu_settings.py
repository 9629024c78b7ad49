"""What the configuration of the Feishu channel must have, and what `tocsin check` finds."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from channels.base import Administered, Closing, Editing, Fetching, Hooked, Reacting, Surroundings
from channels.feishu import Settings, create, examine
from channels.feishu.client import Identity
from channels.feishu.examine import judge
from channels.skew import skew
from gateway.clock import SystemClock
from gateway.config import Config
from gateway.errors import ConfigError
from gateway.outbox.port import Paced, Probing
from tests.configuration import refusal
from tests.servers.feishu import FeishuServer, serve_feishu

Json = Any
GOOD = {"app_id": "cli_a1", "app_secret": "s"}
KEYS = {"encrypt_key": "k", "verification_token": "v"}


def config(**own: Json) -> Config:
    return Config.layered(environment={}, file={"channels": {"feishu": {**GOOD, **own}}})


def made(tmp_path: Path, **own: Json) -> Any:
    return create("feishu", config(**own), SystemClock(), Surroundings(workspace=tmp_path))


@pytest.mark.parametrize(
    ("own", "words"),
    [
        ({"app_id": ""}, r"feishu\.app_id: missing"),
        ({"app_id": "a1"}, r"feishu\.app_id: is no app id"),
        ({"app_secret": ""}, r"feishu\.app_secret: missing"),
        ({"mode": "webhook"}, r"feishu\.encrypt_key: missing"),
        ({"mode": "webhook", "encrypt_key": "k"}, r"feishu\.verification_token: missing"),
        ({"mode": "webhook", "verification_token": "v"}, r"feishu\.encrypt_key: missing"),
        ({"mode": "polling"}, "mode"),
        ({"api_base": "open.feishu.cn"}, "api_base"),
        ({"api_base": "https://open.feishu.cn/open-apis"}, "without a path"),
        ({"apibase": "https://open.feishu.cn"}, "api_base"),
    ],
)
def test_what_is_missing_is_said_with_its_cure(tmp_path: Path, own: Json, words: str) -> None:  # P-79
    with pytest.raises(ConfigError, match=words):
        made(tmp_path, **own)


@pytest.mark.parametrize("key", ["allow", "owners"])
def test_people_are_named_by_the_id_that_events_have(tmp_path: Path, key: str) -> None:
    """P-65: a union id (on_…) is in no event that we read, so whoever is listed by one would be nobody."""
    assert "an open id such as ou_" in refusal(tmp_path, f'[channels.feishu]\n{key} = ["on_7dba11ff"]')


def test_no_secret_is_shown(tmp_path: Path) -> None:
    settings = Settings(
        app_id="cli_a1", app_secret="hush", mode="webhook", encrypt_key="key", verification_token="tok"
    )

    assert not any(secret in repr(settings) for secret in ("hush", "'key'", "'tok'"))
    assert "hush" not in repr(vars(made(tmp_path, app_secret="hush")))


@pytest.mark.parametrize("own", [{}, {"mode": "webhook", **KEYS}, {"api_base": "https://open.larksuite.com/"}])
def test_it_is_all_that_a_channel_can_be(tmp_path: Path, own: Json) -> None:
    channel = made(tmp_path, **own)

    for port in (Administered, Closing, Editing, Fetching, Hooked, Reacting, Paced, Probing):
        assert isinstance(channel, port)
    assert channel.hooked == (own.get("mode") == "webhook")


def test_a_deaf_long_connection_is_noticed_after_150_seconds(tmp_path: Path) -> None:
    assert made(tmp_path).heard_every == timedelta(seconds=150)
    assert made(tmp_path, mode="webhook", **KEYS).heard_every is None


@pytest.fixture
async def server() -> AsyncIterator[FeishuServer]:
    async with serve_feishu() as server:
        yield server


async def found(server: FeishuServer, **own: Json) -> list[tuple[str, str]]:
    given = {"app_id": server.app_id, "app_secret": server.app_secret, "api_base": server.url, **own}
    return await examine("feishu", config(**given), SystemClock())


async def test_a_good_app_is_well(server: FeishuServer) -> None:
    assert await found(server) == [
        ("ok", "the app is that of the bot Tocsin"),
        ("ok", "the long connection is open to it"),
    ]


async def test_a_webhook_needs_no_long_connection(server: FeishuServer) -> None:
    assert [level for level, _ in await found(server, mode="webhook", **KEYS)] == ["ok"]
    assert server.stats().calls.get("endpoint", 0) == 0


async def test_a_wrong_secret_is_an_error_that_names_both_domains(server: FeishuServer) -> None:
    ((level, words),) = await found(server, app_secret="wrong")

    assert level == "error"
    assert "open.feishu.cn or open.larksuite.com" in words


async def test_missing_scopes_are_named(server: FeishuServer) -> None:
    server.scopes.clear()

    levels = [level for level, _ in await found(server)]
    words = " ".join(text for _, text in await found(server))

    assert levels == ["ok", "error", "warning", "ok"]
    assert "im:message" in words
    assert "im:chat" in words


async def test_an_app_without_a_long_connection_is_an_error(server: FeishuServer) -> None:
    server.fault("code", call="endpoint", code=403, status=200)

    assert (await found(server))[-1][0] == "error"


async def test_a_platform_that_does_not_answer_is_a_warning(server: FeishuServer) -> None:
    await server.refuse()

    ((level, words),) = await found(server)

    assert level == "warning"
    assert "could not be asked" in words


def test_a_bot_that_is_not_published_is_an_error() -> None:
    levels = [level for level, _ in judge(Identity(id="ou_1", name="", app="cli_a1", active=False))]

    assert levels == ["ok", "error"]


@pytest.mark.parametrize(("seconds", "count"), [(0, 0), (30, 0), (31, 1), (-31, 1)])
def test_a_clock_that_is_wrong_is_an_error(seconds: int, count: int) -> None:
    assert len(list(skew(timedelta(seconds=seconds), "Feishu"))) == count
