"""Which platforms there are, and in how many ways a bot is connected to each."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from tests.contract.rigs import feishu, pushed, slack, telegram
from tests.contract.rigs.base import Rig

PLATFORMS: dict[str, Callable[[], AbstractAsyncContextManager[Rig]]] = {
    "telegram": telegram.polling,
    "slack": slack.socket,
    "feishu": feishu.websocket,
    "telegram-webhook": telegram.webhook,
    "slack-http": slack.http,
    "feishu-webhook": feishu.webhook,
    "email": pushed.email,
    "wecom": pushed.wecom,
}

PUSHED = ("email", "wecom")

ALL = [name for name in PLATFORMS if name not in PUSHED]
"""Each platform in each way of being connected: for what depends on the way."""

FIRST = ("telegram", "slack", "feishu")

FILING = [*FIRST]
"""Where files come and go."""

CALLED = ("telegram-webhook", "slack-http", "feishu-webhook")
"""Those that call the bot."""

TOLD = [*FIRST, *PUSHED]
"""All that can be told something."""

USUAL = [pytest.param(name, marks=() if name in FIRST else pytest.mark.nightly) for name in ALL]
"""Each platform in one way; in the others too at night."""


def opener_of(name: str) -> AbstractAsyncContextManager[Rig]:
    return PLATFORMS[name]()
