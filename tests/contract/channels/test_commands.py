"""On every platform: commands and buttons are answered at once, without a model, to whom they belong."""

import asyncio

from cron import phrases
from gateway.agent.model import Prompt
from gateway.agent.models.offline import OfflineModel
from gateway.agent.models.scripted import Line
from tests.contract.rigs.base import Place, Rig, Who
from tests.contract.rigs.town import Hurry, Opener, Town, echo

ANNA, BORIS, OLGA, MALLORY = Who.ANNA, Who.BORIS, Who.OLGA, Who.MALLORY
COMMANDS = ("/help", "/cron", "/status", "/whoami", "/timezone", "/usage", "/model", "/schedule")


async def test_commands_are_answered_while_every_turn_hangs_in_the_model(open_town: Opener, rig: Rig) -> None:
    free = asyncio.Event()

    async def script(_: Prompt) -> Line:
        await free.wait()
        return "at last"

    async with open_town(script, agent={"max_turns": 1}) as town:  # CARD-09
        rig.people.say("hello", ANNA)
        for n, text in enumerate(COMMANDS, start=1):
            await town.hears(rig.people.command(text, BORIS), n)

        assert len(town.prompts) <= 1
        callers = await town.rows("SELECT caller, count(*) FROM outbox GROUP BY caller")
        assert callers == [("command", len(COMMANDS))]
        free.set()


async def test_a_command_in_a_group_is_answered_there_without_a_model(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town:  # CARD-09
        place = rig.people.command("/whoami", ANNA, rig.people.group)
        heard = await town.hears(place, 1)
        await town.calm()

        assert rig.people.ids[ANNA] in heard[0]
        assert town.prompts == []


async def test_an_unknown_command_is_no_question_for_the_model_of_a_group(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town:  # P-52
        rig.people.say("/help@another_bot", ANNA, rig.people.group)
        await town.calm()

        assert town.prompts == []
        assert rig.screen.texts(rig.people.group) == []


async def test_strangers_are_not_answered_commands(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo, settings={"pairing": False}) as town:  # P-64
        places = [rig.people.command(text, MALLORY) for text in COMMANDS]
        await town.calm()

        assert [rig.screen.texts(place) for place in places] == [[]] * len(COMMANDS)


async def test_stop_ends_a_turn_that_hangs(open_town: Opener, rig: Rig) -> None:
    free = asyncio.Event()

    async def script(_: Prompt) -> Line:
        await free.wait()
        return "too late"

    async with open_town(script) as town:
        rig.people.say("hello", ANNA)
        while not town.prompts:
            await asyncio.sleep(0.002)
        await town.hears(rig.people.command("/stop", ANNA), 1)
        await town.calm()
        free.set()

        assert "too late" not in rig.screen.texts(rig.people.private(ANNA))


# -- buttons -----------------------------------------------------------------------------------------------------


async def _listed(town: Town) -> Place:
    """Anna makes a reminder in the group and has the list shown, with its buttons; where that stands."""
    rig = town.rig
    await town.hears(rig.people.command("/remind tomorrow at 9am stretch", ANNA, rig.people.group), 1)
    place = rig.people.command("/cron", ANNA, rig.people.group)
    await town.hears(place, 2 if place == rig.people.group else 1)
    return place


async def test_a_button_counts_only_for_who_has_asked(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town:
        place = await _listed(town)
        before = rig.screen.texts(place)

        rig.people.press(place, "1", BORIS)
        await town.calm()
        by_boris = rig.screen.texts(place)
        rig.people.press(place, "1", ANNA)
        await town.calm()

        assert by_boris == before
        assert "stretch" in rig.screen.texts(place)[-1]
        assert rig.screen.texts(place) != before
        assert town.prompts == []  # CARD-09


async def test_a_press_that_is_brought_twice_counts_once(open_town: Opener, rig: Rig) -> None:
    async with open_town(model=OfflineModel(phrases.find), clock=Hurry()) as town:  # P-43
        place = rig.people.private(ANNA)
        rig.people.say("remind me in 4 seconds to stretch", ANNA)
        await town.hears(place, 2)
        await town.calm()

        rig.people.press(place, "⏰ 10 min", ANNA)
        rig.people.press_again()
        await town.calm()
        rig.people.press_again()
        await town.calm()

        assert len(town.gateway.store.load()) == 1
        assert len(rig.screen.texts(place)) == 2  # the reminder says itself when it comes again


async def test_done_under_a_reminder_marks_it_and_takes_its_buttons(open_town: Opener, rig: Rig) -> None:
    async with open_town(model=OfflineModel(phrases.find), clock=Hurry()) as town:
        place = rig.people.private(ANNA)
        rig.people.say("remind me in 4 seconds to stretch", ANNA)
        await town.hears(place, 2)
        await town.calm()

        rig.people.press(place, "✓ Done", ANNA)
        await town.calm()

        assert rig.screen.texts(place)[1] == "✓ stretch"
        assert len(rig.screen.texts(place)) == 2
