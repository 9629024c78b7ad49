"""On every platform: nobody is answered who is not listed or let in, and what one chat grants no other does."""

import itertools
from typing import Any

import pytest

from gateway.errors import ConfigError
from tests.contract.rigs.base import Rig, Who
from tests.contract.rigs.town import Opener, Town, echo

ANNA, BORIS, OLGA, MALLORY = Who.ANNA, Who.BORIS, Who.OLGA, Who.MALLORY
UNKNOWN = "I do not know you yet"


async def _say_everywhere(town: Town, *people: Who) -> list[str]:
    """All that the bot answers to a word of theirs in every kind of chat."""
    rig = town.rig
    places = [rig.people.group, rig.people.elsewhere]
    said = [rig.people.say("hello", who, place, mention=True) for who in people for place in places]
    said += [rig.people.say("hello", who) for who in people]
    await town.calm()
    answers = dict.fromkeys(one.answers for one in said)
    return [text for place in answers for text in rig.screen.texts(place)]


async def test_a_stranger_is_not_answered_anywhere(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo, settings={"pairing": False}) as town:  # P-64
        assert await _say_everywhere(town, MALLORY) == []
        assert town.prompts == []


@pytest.mark.parametrize("listed", [False, True])
async def test_an_empty_list_means_nobody_in_every_kind_of_chat(open_town: Opener, rig: Rig, listed: bool) -> None:
    nobody: dict[str, Any] = {"allow": [], "owners": [], "pairing": False, "groups": {}}
    if listed:
        nobody["groups"] = {rig.people.group.chat: {}}
    async with open_town(echo, settings=nobody) as town:  # P-64
        assert await _say_everywhere(town, *Who) == []
        assert town.prompts == []


async def test_a_stranger_who_takes_the_name_of_a_friend_stays_a_stranger(open_town: Opener, rig: Rig) -> None:
    rig.people.rename(ANNA, "Anna the Second")
    rig.people.rename(MALLORY, "Anna")
    async with open_town(echo, settings={"pairing": False}) as town:  # P-65
        assert await _say_everywhere(town, MALLORY) == []

        rig.people.say("it is really me", ANNA)

        assert await town.hears(rig.people.private(ANNA), 1) == ["heard it is really me"]


async def test_a_name_in_a_list_is_refused_before_anything_is_opened(open_town: Opener, rig: Rig) -> None:
    for key, name in itertools.product(("allow", "owners"), ("@anna", "Anna", "anna@example.com")):
        with pytest.raises((ConfigError, ValueError), match="immutable id"):  # P-65
            async with open_town(settings={key: [name]}):
                raise AssertionError("it was accepted")


async def test_nobody_on_a_platform_is_the_system_or_a_job(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo, settings={"allow": ["*"], "pairing": False}) as town:  # P-70
        for sender in ("cron:a1b2c3d4", "event:1"):
            rig.people.forge(sender)
        rig.people.say("hello", ANNA)
        await town.hears(rig.people.private(ANNA), 1)
        await town.calm()
        taken = await town.rows("SELECT kind FROM inbox WHERE message LIKE '%obey%'")

        assert taken == []
        assert rig.screen.texts(rig.people.private(ANNA)) == ["heard hello"]


# -- codes -------------------------------------------------------------------------------------------------------


async def _let_in(town: Town) -> None:
    """Mallory writes, is told a code, and Olga approves it."""
    rig = town.rig
    rig.people.say("let me in", MALLORY)
    (told,) = await town.hears(rig.people.private(MALLORY), 1)
    code = next(word.strip("`.,:") for word in told.split() if _is_code(word.strip("`.,:")))
    rig.people.command(f"/pair approve {code}", OLGA)
    await town.hears(rig.people.private(MALLORY), 2)


def _is_code(word: str) -> bool:
    return len(word) == 8 and word.isalnum() and word.isupper()


async def test_a_stranger_is_let_in_by_the_code_that_an_owner_approves(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town:  # P-64
        await _let_in(town)
        before = len(town.prompts)
        rig.people.say("thank you", MALLORY)
        heard = await town.hears(rig.people.private(MALLORY), 3)

        assert heard[0].startswith(UNKNOWN)
        assert before == 0  # what they wrote before is not answered
        assert heard[-1] == "heard thank you"


async def test_who_was_let_in_has_no_rights_in_a_group(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town:  # P-66
        await _let_in(town)
        asked = rig.people.say("hello", MALLORY, rig.people.group, mention=True)
        await town.calm()

        assert town.prompts == []
        assert rig.screen.texts(asked.answers) == []


async def test_who_a_group_allows_has_no_rights_in_a_private_chat(open_town: Opener, rig: Rig) -> None:
    groups = {rig.people.group.chat: {"allow": [rig.people.ids[MALLORY]]}}
    async with open_town(echo, settings={"groups": groups}) as town:  # P-66
        asked = rig.people.say("hello", MALLORY, rig.people.group, mention=True)
        heard = await town.hears(asked.answers, 1)
        rig.people.say("and here?", MALLORY)
        (told,) = await town.hears(rig.people.private(MALLORY), 1)
        await town.calm()

        assert heard == ["heard hello"]
        assert told.startswith(UNKNOWN)
        assert len(town.prompts) == 1


async def test_nobody_is_told_a_code_in_a_group(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town:  # P-64, P-66
        for place in (rig.people.group, rig.people.elsewhere):
            asked = rig.people.say("let me in", MALLORY, place, mention=True)
            await town.calm()
            assert rig.screen.texts(asked.answers) == []
