"""On every platform: a group hears nothing from a bot that nobody speaks to, and what is for it stays there."""

import pytest

from cron.job import JobStatus
from tests.contract.rigs.base import Place, Rig, Who
from tests.contract.rigs.town import Opener, echo
from tests.fakes import until

ANNA, BORIS, OLGA, MALLORY = Who.ANNA, Who.BORIS, Who.OLGA, Who.MALLORY


def everything(rig: Rig) -> list[str]:
    """All that the bot says outside threads, in any chat."""
    places = [rig.people.group, rig.people.elsewhere, *map(rig.people.private, Who)]
    return [text for place in places for text in rig.screen.texts(place)]


async def test_a_group_hears_nothing_from_a_bot_that_nobody_speaks_to(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town:  # P-52
        count = rig.people.chatter(ANNA)
        await town.calm()

        assert count > 3
        assert town.prompts == []
        assert everything(rig) == []


async def test_a_mention_is_answered_where_the_platform_puts_answers(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town:  # P-52
        asked = rig.people.say("hello", ANNA, rig.people.group, mention=True)

        assert await town.hears(asked.answers, 1) == ["heard hello"]
        await town.calm()

        assert (asked.answers.thread != "") == rig.nature.threads_open
        assert len(town.prompts) == 1  # once, in how many events it may come


async def test_an_answer_to_the_bots_own_message_counts_as_a_mention(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town:  # P-52
        await town.tell("the news", rig.people.group)
        await town.hears(rig.people.group, 1)
        news = rig.screen.last(rig.people.group)
        anna = rig.people.say("what do you think, Boris?", ANNA, rig.people.group)

        rig.people.say("nothing", BORIS, rig.people.group, reply_to=anna.ref)
        asked = rig.people.say("tell me more", BORIS, rig.people.group, reply_to=news)
        heard = await town.hears(asked.answers, 2 if asked.answers == rig.people.group else 1)
        await town.calm()

        assert heard[-1] == "heard tell me more"
        assert len(town.prompts) == 1


async def test_a_group_that_wants_every_word_answered_is_answered_without_a_mention(
    open_town: Opener, rig: Rig
) -> None:
    settings = {"groups": {rig.people.group.chat: {"mention": False}}}
    async with open_town(echo, settings=settings) as town:  # P-52
        asked = rig.people.say("hello", ANNA, rig.people.group)
        await town.calm()
        where = [asked.answers, rig.people.group]

        assert [text for place in dict.fromkeys(where) for text in rig.screen.texts(place)] == ["heard hello"]


async def test_a_group_that_is_not_listed_is_not_answered_whoever_speaks_there(
    open_town: Opener, rig: Rig
) -> None:
    async with open_town(echo) as town:  # P-64
        asked = [rig.people.say("hello", who, rig.people.elsewhere, mention=True) for who in (ANNA, OLGA)]
        await town.calm()

        assert town.prompts == []
        assert [rig.screen.texts(one.answers) for one in asked] == [[], []]


@pytest.mark.parametrize("threaded", [True, False], ids=["in a thread", "at the top level"])
async def test_what_was_not_for_the_bot_is_seen_at_its_next_turn_if_the_group_wants_that(
    open_town: Opener, rig: Rig, threaded: bool
) -> None:
    settings = {"groups": {rig.people.group.chat: {"context": 5}}}
    place = rig.people.thread() if threaded else rig.people.group
    async with open_town(echo, settings=settings) as town:
        await town.calm()
        rig.people.say("my cat is called Mia", BORIS, place)
        await town.calm()
        assert town.prompts == []
        asked = rig.people.say("what is the cat called?", ANNA, place, mention=True)
        await town.hears(asked.answers, 1)

        (prompt,) = town.prompts
        assert "my cat is called Mia" in "".join(str(item) for item in prompt.items)


async def test_what_was_not_for_the_bot_is_not_seen_otherwise(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town:
        rig.people.say("my cat is called Mia", BORIS, rig.people.group)
        asked = rig.people.say("what is the cat called?", ANNA, rig.people.group, mention=True)
        await town.hears(asked.answers, 1)

        assert "Mia" not in "".join(str(item) for item in town.prompts[0].items)


# -- other bots --------------------------------------------------------------------------------------------------


def _answers(rig: Rig, places: list[Place]) -> list[str]:
    return [text for place in dict.fromkeys(places) for text in rig.screen.texts(place)]


async def test_two_bots_end_after_three_exchanges_until_a_person_speaks(open_town: Opener, rig: Rig) -> None:
    allowed = {rig.people.group.chat: {"allow": [rig.people.other_bot, rig.people.ids[ANNA]]}}
    async with open_town(echo, settings={"groups": allowed}) as town:  # P-51
        said = []
        for n in range(6):
            said.append(rig.people.bot_says(f"and {n}?").answers)
            await town.calm()
        first = _answers(rig, said)
        said.append(rig.people.say("enough?", ANNA, rig.people.group, mention=True).answers)
        await town.calm()
        said.append(rig.people.bot_says("and now?").answers)
        await town.calm()

        assert first == ["heard and 0?", "heard and 1?", "heard and 2?"]
        assert _answers(rig, said) == [*first, "heard enough?", "heard and now?"]


async def test_a_bot_that_is_not_listed_is_not_answered_at_all(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town:  # P-51, P-64
        asked = rig.people.bot_says("hello")
        await town.calm()

        assert town.prompts == []
        assert rig.screen.texts(asked.answers) == []


# -- whose a job is ----------------------------------------------------------------------------------------------


async def test_a_job_of_a_group_is_changed_by_who_made_it_or_manages_the_group(
    open_town: Opener, rig: Rig
) -> None:
    groups = {rig.people.group.chat: {"allow": [rig.people.ids[who] for who in (ANNA, BORIS, MALLORY)]}}
    async with open_town(echo, settings={"groups": groups}) as town:
        made = rig.people.command("/remind tomorrow at 9am stretch", ANNA, rig.people.group)
        await town.hears(made, 1)
        (job,) = town.gateway.store.load().values()

        rig.people.command(f"/cron remove {job.id}", BORIS, rig.people.group)
        await town.calm()
        by_a_member = len(town.gateway.store.load())
        rig.people.promote(MALLORY)
        rig.people.command(f"/cron pause {job.id}", MALLORY, rig.people.group)
        await town.calm()

        assert by_a_member == 1
        assert [one.status for one in town.gateway.store.load().values()] == [JobStatus.DISABLED]


async def test_a_message_is_acknowledged_by_a_sign_where_that_is_wished(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo, settings={"react": True}) as town:
        asked = rig.people.say("hello", ANNA)
        await town.hears(rig.people.private(ANNA), 1)
        await until(lambda: rig.screen.reactions(asked) == 1)
    async with open_town(echo) as town:
        asked = rig.people.say("hello again", ANNA)
        await town.hears(rig.people.private(ANNA), 2)
        await town.calm()

        assert rig.screen.reactions(asked) == 0


# -- nothing leaks -----------------------------------------------------------------------------------------------


async def test_a_conversation_of_a_group_is_not_seen_in_a_private_chat(open_town: Opener, rig: Rig) -> None:
    async with open_town(echo) as town:  # P-66
        asked = rig.people.say("the code is 4711", ANNA, rig.people.group, mention=True)
        await town.hears(asked.answers, 1)
        rig.people.say("what is the code?", ANNA)
        await town.hears(rig.people.private(ANNA), 1)

        assert "4711" not in "".join(str(item) for item in town.prompts[1].items)
