"""How journeys use commands: they ask, press buttons, and keep the agent busy meanwhile."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from gateway.agent.model import Prompt
from gateway.agent.models.scripted import HANG, Line
from gateway.messages import InboundMessage, Press
from tests.fakes import NOON, RecordingChannel, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import HERE


class Buttons(RecordingChannel):
    """A platform with buttons."""

    async def press(self, data: str, *, message_id: str = "m1", sender: str = "anna") -> None:
        await self._started.wait()
        assert self._inlet is not None
        self._count = getattr(self, "_count", 0) + 1
        await self._inlet.receive(
            InboundMessage(
                channel=self.name,
                sender_id=sender,
                dedupe_keys=(f"{self.name}:{self._count}",),
                address=HERE,
                text=data,
                received_at=NOON,
                occasion=Press(message_id=message_id),
            )
        )


async def answer(world: World, text: str, **who: str) -> str:
    """Say something that is answered with one message, in the chat that it was said in."""
    count = len(world.channel.sent)
    await world.channel.say(text, **who)
    await until(lambda: len(world.channel.sent) == count + 1)
    return world.channel.texts()[-1]


def hanging(prompt: Prompt) -> Line:
    return HANG


@asynccontextmanager
async def busy(open_world: Opener, **settings: Any) -> AsyncIterator[World]:
    """A gateway whose only slot hangs in the model with a question of chat 1."""
    script: Callable[[Prompt], Line] = hanging
    async with open_world(script, agent={"max_turns": 1}, **settings) as world:
        await world.channel.say("hello")
        await world.model.asked(1)
        yield world
        for turn in list(world.gateway.lanes.running.values()):
            world.gateway.loop.cancel(turn)
