"""What `tocsin check` finds about a Slack app."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from channels.slack import examine, modal
from channels.slack.examine import FOR_GROUPS, NEEDED, USEFUL
from gateway.clock import SystemClock
from gateway.config import Config
from tests.servers.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET, SlackServer, serve_slack
from tests.unit.channels.slack_at import ANNA, GENERAL


@pytest.fixture
async def slack() -> AsyncIterator[SlackServer]:
    async with serve_slack() as server:
        server.channel(GENERAL, "general", members=[ANNA])
        server.channel("C0SECRET", "secret", bot=False)
        server.channel("C0OLD", "old", archived=True)
        yield server


async def found(slack: SlackServer, *groups: str, **details: Any) -> list[tuple[str, str]]:
    table = {"bot_token": BOT_TOKEN, "app_token": APP_TOKEN, "api_base": slack.api_base, **details}
    section = {**table, "groups": {group: {} for group in groups}}
    config = Config.layered(environment={}, file={"channels": {"slack": section}})
    return await examine("slack", config, SystemClock())


async def test_an_app_that_is_set_up_well_is_well(slack: SlackServer) -> None:
    slack.grant("reactions:write", "groups:read", "im:write", "mpim:read")

    told = await found(slack, GENERAL)

    assert [level for level, _ in told] == ["ok", "ok"]
    assert "opens a connection" in told[1][1]


async def test_over_http_no_connection_is_opened(slack: SlackServer) -> None:
    told = await found(slack, mode="http", app_token="", signing_secret=SIGNING_SECRET)

    assert len(told) == 1
    assert slack.counts["apps.connections.open"] == 0


async def test_a_scope_that_is_missing_is_named_with_its_use(slack: SlackServer) -> None:
    slack.revoke("im:history", "files:read", "channels:history")

    levels = dict(await found(slack, GENERAL))

    assert "im:history (to be written to in private)" in levels["error"]
    assert "channels:history (to hear" in levels["error"]
    assert "files:read (for files that people send)" in levels["warning"]


@pytest.mark.parametrize(
    ("group", "words"),
    [("C0SECRET", "not in #secret: write /invite"), ("C0OLD", "archived"), ("C0NOWHERE", "channel_not_found")],
)
async def test_a_group_that_the_bot_cannot_serve_is_named(slack: SlackServer, group: str, words: str) -> None:
    level, told = (await found(slack, group))[-1]

    assert level == "warning"
    assert group in told
    assert words in told


@pytest.mark.parametrize(
    ("tokens", "words"),
    [({"bot_token": "xoxb-0-wrong"}, "OAuth & Permissions"), ({"app_token": "xapp-0-wrong"}, "Basic Information")],
)
async def test_a_wrong_token_is_an_error(slack: SlackServer, tokens: dict[str, str], words: str) -> None:
    level, told = (await found(slack, **tokens))[-1]

    assert level == "error"
    assert words in told


async def test_socket_mode_that_is_off_is_an_error(slack: SlackServer) -> None:
    slack.fault("error", method="apps.connections.open", error="not_allowed_token_type")

    assert (await found(slack))[-1][0] == "error"


async def test_a_clock_that_is_off_is_an_error(slack: SlackServer) -> None:
    slack.skew = 3_600

    assert any(level == "error" and "behind Slack's" in told for level, told in await found(slack))


async def test_slack_that_cannot_be_asked_is_a_warning(slack: SlackServer) -> None:
    slack.fault("drop", method="auth.test")

    ((level, told),) = await found(slack)

    assert level == "warning"
    assert "could not be asked" in told


def test_the_manifest_has_every_scope_event_and_shortcut_that_is_used() -> None:
    path = Path(__file__).parents[3] / "deploy" / "slack" / "manifest.yaml"
    manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
    features, settings = manifest["features"], manifest["settings"]

    assert NEEDED.keys() | FOR_GROUPS.keys() | USEFUL.keys() == set(manifest["oauth_config"]["scopes"]["bot"])
    assert {"app_mention", "message.im", "message.channels"} <= set(settings["event_subscriptions"]["bot_events"])
    assert {one["callback_id"] for one in features["shortcuts"]} == {modal.CALLBACK, modal.FROM_MESSAGE}
    assert features["slash_commands"][0]["should_escape"]
    assert settings["socket_mode_enabled"]
    assert not settings["token_rotation_enabled"]
