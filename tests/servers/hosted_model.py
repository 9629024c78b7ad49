"""A hosted model with the local server that it asks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from gateway.agent.model import ModelAnswer, Prompt, PromptItem, ToolSpec, TurnContext, UserText
from gateway.agent.models.hosted import HostedSettings, create
from gateway.agent.models.hosted.client import HostedModel
from gateway.errors import ModelError
from tests.servers.openai_server import KEY, OpenAIServer, Reply, openai_server, says

SHORT = timedelta(seconds=0.1)  # the idle timeout of tests that wait for it
MESSAGE = ToolSpec(
    name="message",
    description="Send a message.",
    schema={"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]},
)


def settings(
    url: str,
    *,
    name: str = "local",
    idle: timedelta = timedelta(seconds=20),
    limit: int = 10 * 1024 * 1024,
) -> HostedSettings:
    return HostedSettings(
        provider="openai",
        name=name,
        base_url=url,
        api_key=SecretStr(KEY),
        idle_timeout=idle,
        max_answer_bytes=limit,
    )


def prompt(
    *items: PromptItem, turn: str = "t1", step: int = 1, tools: tuple[ToolSpec, ...] = (MESSAGE,)
) -> Prompt:
    return Prompt(
        instructions="You are Tocsin.",
        items=items or (UserText("hello"),),
        tools=tools,
        context=TurnContext(turn=turn, step=step),
    )


class Hosted:
    """A client and the server that it asks, kept for a whole file: starting them takes longer than asking."""

    def __init__(self, local: OpenAIServer) -> None:
        self.local = local
        self.model = create(settings(local.url))

    @classmethod
    @asynccontextmanager
    async def started(cls) -> AsyncIterator["Hosted"]:
        async with openai_server(says("")) as local:
            both = cls(local)
            yield both
            await both.model.close()

    async def answer(self, *replies: Reply) -> ModelAnswer:
        self.local.answer_with(*replies)
        return await self.model.ask(prompt())

    async def fault(self, *replies: Reply) -> ModelError:
        self.local.answer_with(*replies)
        with pytest.raises(ModelError) as caught:
            await self.model.ask(prompt())
        return caught.value

    @asynccontextmanager
    async def changed(self, *replies: Reply, **changes: Any) -> AsyncIterator[HostedModel]:
        """A client with other settings."""
        self.local.answer_with(*replies)
        model = create(settings(self.local.url, **changes))
        try:
            yield model
        finally:
            await model.close()
