"""What is wrong with the settings of a Slack app, said before anything is started."""

from pathlib import Path
from typing import Any

import pytest

from channels.base import Surroundings
from channels.slack import create
from gateway.clock import SystemClock
from gateway.config import Config
from gateway.errors import ConfigError
from tests.servers.slack import APP_TOKEN, BOT_TOKEN, SIGNING_SECRET

SOCKET = {"bot_token": BOT_TOKEN, "app_token": APP_TOKEN}
HTTP = {"bot_token": BOT_TOKEN, "signing_secret": SIGNING_SECRET, "mode": "http"}


def made(**table: Any) -> Any:
    config = Config.layered(environment={}, file={"channels": {"slack": table}})
    return create("slack", config, SystemClock(), Surroundings(workspace=Path("/nowhere")))


def fault(**table: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        made(**table)
    told = str(caught.value)
    assert not any(
        str(value) in told for key, value in table.items() if key.endswith(("token", "secret")) and value
    )
    return told


def test_both_modes_need_no_more_than_their_own_keys() -> None:
    socket, http = made(**SOCKET), made(**HTTP)

    assert (socket.hooked, http.hooked) == (False, True)
    assert socket.heard_every is not None
    assert http.heard_every is None


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "channels.slack.bot_token: missing; copy the Bot User OAuth Token"),
        ({"bot_token": "xoxp-1-2"}, "bot_token: this is a user's token"),
        ({"bot_token": APP_TOKEN}, "bot_token: this is an app-level token"),
        ({"bot_token": "xoxe.xoxb-1-2"}, "token rotation"),
        ({"bot_token": "hunter22hunter22"}, "bot_token: this is no token of Slack's"),
        ({"bot_token": "xoxb-1 2"}, "bot_token: has characters"),
        ({"app_token": ""}, "channels.slack.app_token: missing; copy the App-Level Token"),
        ({"app_token": BOT_TOKEN}, "app_token: this is a bot's token"),
        ({"api_base": "slack.com"}, "api_base"),
        ({"mode": "carrier pigeon"}, "mode"),
        ({"bot_tokem": "x"}, "bot_tokem"),
    ],
)
def test_what_is_wrong_is_said_with_its_cure(table: dict[str, str], words: str) -> None:
    assert words in fault(**(table if not table else {**SOCKET, **table}))


@pytest.mark.parametrize("secret", ["", BOT_TOKEN, APP_TOKEN, "two words", "ünicode"])
def test_p79_over_http_it_does_not_start_without_its_secret(secret: str) -> None:
    # P-79
    assert "Signing Secret of Basic Information" in fault(**{**HTTP, "signing_secret": secret})


def test_the_pace_is_slack_s_unless_it_is_configured() -> None:
    usual, lifted = made(**SOCKET), made(**SOCKET, rate={"per_chat": 1e9, "per_second": 1e9})

    assert [(one.count, one.seconds) for one in usual.paces.chat] == [(1, 1.0)]
    assert [(one.count, one.seconds) for one in usual.paces.account] == [(5, 1.0)]
    assert not lifted.paces.limited
