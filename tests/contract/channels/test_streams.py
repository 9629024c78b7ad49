"""On every platform whose messages can be edited: an answer grows before its reader's eyes, and ends once."""

import asyncio
from datetime import timedelta

import pytest

from channels.base import Editing, Surroundings
from gateway.agent.model import Prompt
from gateway.agent.models.scripted import Growing, Line
from gateway.clock import SystemClock
from gateway.config import Config
from tests.contract.rigs.base import Rig, Who
from tests.contract.rigs.town import Hurry, Opener

ANNA = Who.ANNA
PIECES = [f"piece {n} of the answer, " for n in range(12)]
WHOLE = "".join(PIECES).strip()


async def _wait() -> None:
    await asyncio.sleep(0.02)


def _growing(_: Prompt) -> Line:
    return Growing(pieces=PIECES, wait=_wait)


async def test_a_streamed_answer_grows_and_stands_there_once_in_the_end(open_town: Opener, rig: Rig) -> None:
    place = rig.people.private(ANNA)
    async with open_town(_growing, clock=Hurry(), agent={"stream": True}) as town:
        rig.people.say("tell me", ANNA)
        (first,) = await town.hears(place, 1)
        await town.calm()

        assert rig.screen.texts(place) == [WHOLE]
        assert first == WHOLE or first.endswith("…")
        assert rig.screen.edits() > 0


async def test_without_streaming_an_answer_comes_whole_and_is_not_edited(open_town: Opener, rig: Rig) -> None:
    place = rig.people.private(ANNA)
    async with open_town(_growing, clock=Hurry()) as town:
        rig.people.say("tell me", ANNA)
        await town.hears(place, 1)
        await town.calm()

        assert rig.screen.texts(place) == [WHOLE]
        assert rig.screen.edits() == 0


async def test_a_streamed_answer_in_a_thread_stays_in_it(open_town: Opener, rig: Rig) -> None:
    place = rig.people.thread()
    async with open_town(_growing, clock=Hurry(), agent={"stream": True}) as town:
        rig.people.say("tell us", ANNA, place, mention=True)
        await town.hears(place, 1)
        await town.calm()

        assert rig.screen.texts(place) == [WHOLE]
        assert rig.screen.texts(rig.people.group) == []


@pytest.mark.parametrize("rig", ["telegram", "slack", "feishu"], indirect=True)
async def test_a_channel_says_how_often_it_can_edit(rig: Rig, open_town: Opener) -> None:
    async with open_town() as town:
        config = Config.layered(environment={}, file={"channels": {rig.name: rig.settings}})
        channel = rig.channel(config, SystemClock(), Surroundings(workspace=town.home.workspace))

        assert isinstance(channel, Editing)
        assert timedelta(milliseconds=100) <= channel.edits_every <= timedelta(seconds=5)
