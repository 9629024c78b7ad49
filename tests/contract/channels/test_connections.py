"""On every platform: connections break, go deaf and come back; nothing is lost and nothing is heard twice."""

import asyncio

import pytest

from tests.contract.rigs.base import Rig, Who
from tests.contract.rigs.platforms import FIRST
from tests.contract.rigs.town import Hurry, Opener, echo

ANNA, BORIS = Who.ANNA, Who.BORIS
pytestmark = pytest.mark.parametrize("rig", FIRST, indirect=True)


async def test_connections_that_break_repeat_and_lose_nothing(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo, clock=Hurry(50), agent={"steer": False}) as town:  # P-49
        for n in range(3):
            rig.trouble.drop()
            rig.people.say(f"{n}", ANNA)
            if n % 2:
                await asyncio.sleep(0.005)
                rig.trouble.drop()
            await town.hears(rig.people.private(ANNA), n + 1)
        await town.calm()

        assert rig.screen.texts(rig.people.private(ANNA)) == [f"heard {n}" for n in range(3)]
        assert len(town.prompts) == 3


async def test_a_platform_that_is_away_for_a_while_is_found_again(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo, clock=Hurry()) as town:  # P-49
        await rig.trouble.vanish(0.3)
        rig.people.say("hello", ANNA)

        assert await town.hears(rig.people.private(ANNA), 1) == ["heard hello"]
        await town.becomes("running")


async def test_a_connection_that_is_half_open_is_noticed_and_replaced(open_town: Opener, rig: Rig) -> None:
    rig.impatient = True
    async with open_town(echo, clock=Hurry(40)) as town:  # P-48
        rig.people.say("one", ANNA)
        await town.hears(rig.people.private(ANNA), 1)
        rig.trouble.freeze()
        rig.people.say("two", ANNA)
        heard = await town.hears(rig.people.private(ANNA), 2, seconds=10)
        await town.calm()

        assert heard == ["heard one", "heard two"]
        assert rig.screen.most_connections() <= 2


@pytest.mark.nightly
async def test_an_outage_in_both_directions_loses_and_doubles_nothing(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo, clock=Hurry(), agent={"steer": False}) as town:  # P-42, P-49, P-56
        for n in range(3):
            rig.people.say(f"{n}", ANNA)
            rig.people.say(f"{n}", BORIS)
            await town.hears(rig.people.private(ANNA), n)
            await rig.trouble.vanish(0.1)
            await asyncio.sleep(0.15)
        await town.hears(rig.people.private(ANNA), 3)
        await town.calm()

        for who in (ANNA, BORIS):
            heard = rig.screen.texts(rig.people.private(who))
            assert {text.removeprefix("↻ ") for text in heard} == {f"heard {n}" for n in range(3)}
            assert len(set(heard)) == len(heard)
