"""On every platform: a person asks and is answered, once, in order, whatever the platform brings twice."""

import asyncio
import threading
from pathlib import Path

import pytest

from gateway.agent.model import Prompt
from gateway.agent.models.scripted import Line
from gateway.database.sqlite import SqliteDriver
from tests.contract.rigs.base import Rig, Who
from tests.contract.rigs.platforms import ALL
from tests.contract.rigs.town import Opener, echo, said
from tests.fakes import until

everywhere = pytest.mark.parametrize("rig", ALL, indirect=True)
ANNA, BORIS = Who.ANNA, Who.BORIS


@everywhere
async def test_a_person_is_answered_in_their_private_chat_and_nowhere_else(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town:  # CARD-07
        rig.people.say("hello", ANNA)

        assert await town.hears(rig.people.private(ANNA), 1) == ["heard hello"]
        await town.calm()

        assert rig.screen.texts(rig.people.private(BORIS)) == []
        assert rig.screen.misuse() == []


async def test_messages_of_one_chat_are_answered_in_their_order(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo, agent={"steer": False}) as town:  # P-50
        for n in range(20):
            rig.people.say(f"{n}", ANNA)

        heard = await town.hears(rig.people.private(ANNA), 20)

    assert heard == [f"heard {n}" for n in range(20)]


async def test_a_chat_whose_turn_hangs_holds_up_no_other(open_town: Opener, rig: Rig) -> None:
    free = asyncio.Event()

    async def script(prompt: Prompt) -> Line:
        if said(prompt) == "hang":
            await free.wait()
        return echo(prompt)

    async with open_town(script) as town:  # P-50
        rig.people.say("hang", ANNA)
        rig.people.say("hello", BORIS)

        assert await town.hears(rig.people.private(BORIS), 1) == ["heard hello"]
        free.set()


async def test_the_platform_is_told_in_time_while_every_turn_hangs(open_town: Opener, rig: Rig) -> None:
    free = asyncio.Event()

    async def script(_: Prompt) -> Line:
        await free.wait()
        return "at last"

    async with open_town(script, agent={"max_turns": 1}) as town:  # P-45
        asked = [rig.people.say(f"{n}", who) for n in range(10) for who in (ANNA, BORIS)]
        for _ in range(400):
            if all(map(rig.screen.taken, asked)):
                break
            await asyncio.sleep(0.005)

        assert all(map(rig.screen.taken, asked))
        assert rig.screen.slowest() < 0.5
        await until(lambda: len(town.prompts) == 1)
        free.set()


class Stalled(SqliteDriver):
    """A database whose commits wait for a gate."""

    def __init__(self, path: Path, gate: threading.Event) -> None:
        self._gate = gate
        super().__init__(path)

    def commit(self) -> None:
        self._gate.wait(10)
        super().commit()


@everywhere
async def test_nothing_is_acknowledged_before_it_is_in_the_inbox(open_town: Opener, rig: Rig) -> None:
    gate = threading.Event()
    gate.set()
    async with open_town(echo, driver=lambda path: Stalled(path, gate)) as town:  # P-42
        await town.becomes("running")
        gate.clear()
        asked = rig.people.say("hello", ANNA)
        await asyncio.sleep(0.15)
        before = rig.screen.taken(asked)
        gate.set()
        heard = await town.hears(rig.people.private(ANNA), 1)
        await town.calm()

        assert not before
        assert rig.screen.taken(asked)
        assert heard == ["heard hello"]


# -- what comes twice --------------------------------------------------------------------------------------------


@everywhere
async def test_what_is_brought_ten_times_is_one_turn(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town:  # P-43, P-46
        asked = rig.people.say("hello", ANNA)
        for _ in range(9):
            rig.people.again(asked)
        await town.hears(rig.people.private(ANNA), 1)
        await town.calm()

        assert rig.screen.texts(rig.people.private(ANNA)) == ["heard hello"]
        assert len(town.prompts) == 1


async def test_a_copy_that_comes_while_the_first_is_being_taken_is_dropped(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town:  # P-44
        for n in range(5):
            asked = rig.people.say(f"{n}", ANNA)
            await asyncio.sleep(0.013)
            rig.people.again(asked)
        await town.hears(rig.people.private(ANNA), 5)
        await town.calm()

        assert rig.screen.texts(rig.people.private(ANNA)) == [f"heard {n}" for n in range(5)]
        assert len(town.prompts) == 5


async def test_what_is_brought_again_after_a_restart_is_no_new_turn(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town:
        asked = rig.people.say("hello", ANNA)
        await town.hears(rig.people.private(ANNA), 1)
        await town.calm()

    async with open_town(echo) as town:  # P-43
        await town.becomes("running")
        rig.people.again(asked)
        rig.people.say("new", ANNA)
        await town.hears(rig.people.private(ANNA), 2)
        await town.calm()

        assert rig.screen.texts(rig.people.private(ANNA)) == ["heard hello", "heard new"]
        assert len(town.prompts) == 1


async def test_what_is_brought_again_under_other_ids_is_no_new_turn(open_town: Opener, rig: Rig) -> None:
    if not rig.nature.renumbers:
        pytest.skip("this platform has one id for an event, and brings it again under that")
    async with open_town(echo) as town:  # P-49
        asked = rig.people.say("hello", ANNA)
        await town.hears(rig.people.private(ANNA), 1)
        for _ in range(3):
            rig.people.anew(asked)
        await town.calm()

        assert rig.screen.texts(rig.people.private(ANNA)) == ["heard hello"]
        assert len(town.prompts) == 1


async def test_the_same_words_said_twice_are_two_turns(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo, agent={"steer": False}) as town:  # P-49
        rig.people.say("ok", ANNA)
        await asyncio.sleep(0.003)  # platforms count in thousandths of a second
        rig.people.say("ok", ANNA)

        assert await town.hears(rig.people.private(ANNA), 2) == ["heard ok", "heard ok"]


async def test_an_edited_message_and_the_bots_own_start_nothing(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town:  # P-51
        asked = rig.people.say("hello", ANNA)
        await town.hears(rig.people.private(ANNA), 1)

        rig.people.change(asked, "goodbye")
        await asyncio.sleep(0.05)
        await town.calm()

        assert rig.screen.texts(rig.people.private(ANNA)) == ["heard hello"]
        assert len(town.prompts) == 1


# -- restarts ----------------------------------------------------------------------------------------------------


@everywhere
async def test_what_is_written_while_the_gateway_is_away_is_answered_when_it_is_back(
    open_town: Opener, rig: Rig
) -> None:
    async with open_town(echo) as town:
        await town.becomes("running")
    rig.people.say("are you there?", ANNA)
    async with open_town(echo) as town:  # P-42
        assert await town.hears(rig.people.private(ANNA), 1) == ["heard are you there?"]


async def test_a_turn_that_was_cut_off_is_answered_after_the_restart_once(open_town: Opener, rig: Rig) -> None:
    cut = asyncio.Event()

    async def script(_: Prompt) -> Line:
        await cut.wait()
        raise asyncio.CancelledError

    async with open_town(script) as town:
        asked = rig.people.say("hello", ANNA)
        await until(lambda: town.prompts and rig.screen.taken(asked))
        cut.set()

    async with open_town(echo) as town:  # P-27, P-42
        await town.hears(rig.people.private(ANNA), 1)
        await town.calm()

        assert rig.screen.texts(rig.people.private(ANNA)) == ["heard hello"]
