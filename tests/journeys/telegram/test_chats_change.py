"""Groups that move, bots that are thrown out and let in again: nothing is lost, nobody is asked in vain."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from cron import phrases
from gateway.agent.models.offline import OfflineModel
from gateway.agent.models.scripted import Line
from tests.journeys.telegram.story import (
    ANNA,
    BORIS,
    BOT,
    FORUM,
    GROUP,
    OLGA,
    Hurry,
    Opener,
    Town,
    calm,
    echo,
    hears,
    hurried,
    prompts,
    rows,
    said,
    states,
    stored_jobs,
)
from tests.servers.telegram import TelegramServer


class Patient:
    """A model that answers when it is let."""

    def __init__(self) -> None:
        self.free = asyncio.Event()

    async def __call__(self, prompt: Any) -> Line:
        await self.free.wait()
        return echo(prompt)


async def _asked(town: Town, count: int = 1) -> None:
    await town.telegram.wait_for(lambda: len(prompts(town)) >= count)


# -- a group becomes a supergroup --------------------------------------------------------------------------------


async def test_a_group_that_gets_another_id_is_the_same_conversation(
    open_town: Opener, telegram: TelegramServer
) -> None:
    async with open_town(echo) as town:
        telegram.say(f"{BOT} my cat is Mia", user=ANNA, chat=GROUP)
        await hears(town, 1, chat=GROUP)

        new = telegram.migrate(GROUP)
        telegram.say(f"{BOT} what is my cat called?", user=ANNA, chat=new)  # it is in the same batch
        heard = await hears(town, 1, chat=new)

        assert heard == ["heard what is my cat called?"]
        assert [item.text for item in prompts(town)[1].items][:2] == ["my cat is Mia", "heard my cat is Mia"]


async def test_a_group_that_has_moved_is_known_after_a_restart(
    open_town: Opener, telegram: TelegramServer
) -> None:
    async with open_town(echo) as town:
        telegram.say(f"{BOT} my cat is Mia", user=ANNA, chat=GROUP)
        await hears(town, 1, chat=GROUP)
        new = telegram.migrate(GROUP)
        await calm(town)

    async with open_town(echo) as town:  # the configuration still names the old id
        telegram.say(f"{BOT} what is my cat called?", user=ANNA, chat=new)
        await hears(town, 1, chat=new)

        assert next(item.text for item in prompts(town)[0].items) == "my cat is Mia"


@pytest.mark.parametrize("down", [False, True], ids=["while it runs", "while it is down"])
async def test_a_reminder_of_a_group_that_moves_comes_to_the_new_one(
    open_town: Opener, telegram: TelegramServer, down: bool
) -> None:
    clock = Hurry()
    async with open_town(model=OfflineModel(phrases.find), **hurried(telegram, clock)) as town:
        telegram.say(f"{BOT} remind me in 4 seconds to stretch", user=ANNA, chat=GROUP)
        await hears(town, 1, chat=GROUP)
        if not down:
            new = telegram.migrate(GROUP)
            await calm(town)
            moved = [(job["owner"], job["address"]) for job in stored_jobs(town)]
            await hears(town, 1, chat=new)
            assert [owner for owner, _ in moved] == [f"telegram:{new}"]
    if down:
        new = telegram.migrate(GROUP)
        await clock.sleep(timedelta(seconds=5))
        async with open_town(model=OfflineModel(phrases.find), **hurried(telegram, clock)) as town:
            await hears(town, 1, chat=new)
            await calm(town)

    assert telegram.texts(new) == ["stretch"]
    assert len(telegram.texts(GROUP)) == 1


@pytest.mark.parametrize("known", [True, False], ids=["that it hears of", "that it only notices"])
async def test_an_answer_that_is_on_its_way_arrives_after_a_move(
    open_town: Opener, telegram: TelegramServer, known: bool
) -> None:
    model = Patient()
    async with open_town(model, **hurried(telegram)) as town:
        telegram.say(f"{BOT} hello", user=ANNA, chat=GROUP)
        await _asked(town)
        if not known:
            telegram.fault("conflict", method="getUpdates", times=None)
        new = telegram.migrate(GROUP)
        if known:
            await calm_updates(town)
        model.free.set()
        heard = await hears(town, 1, chat=new)
        telegram.heal()
        await calm(town)

        assert heard == ["heard hello"]
        assert telegram.texts(GROUP) == []
        assert await states(town) == {"sent": 1}


async def calm_updates(town: Town) -> None:
    await town.telegram.wait_for(lambda: town.telegram.pending == 0)


async def test_a_sign_of_life_into_a_group_that_has_moved_disturbs_nobody(
    open_town: Opener, telegram: TelegramServer
) -> None:
    model = Patient()
    with capture_logs() as lines:
        async with open_town(model, **hurried(telegram)) as town:
            telegram.say(f"{BOT} hello", user=ANNA, chat=GROUP)
            await _asked(town)
            new = telegram.migrate(GROUP)
            await telegram.wait_for(lambda: telegram.calls["sendChatAction"], 4)
            await asyncio.sleep(0.05)
            model.free.set()
            await hears(town, 1, chat=new)

    assert [line for line in lines if line["log_level"] == "error"] == []


# -- the bot is thrown out, blocked, let in again ----------------------------------------------------------------


def _block(telegram: TelegramServer) -> None:
    telegram.block(ANNA)


def _vanish(telegram: TelegramServer) -> None:
    del telegram.chats[ANNA]


@pytest.mark.parametrize("leave", [_block, _vanish])
async def test_what_can_never_arrive_is_not_tried_again_and_the_owner_hears_of_it(
    open_town: Opener, telegram: TelegramServer, leave: Any
) -> None:
    model = Patient()
    async with open_town(model) as town:  # P-59
        telegram.say("hello", user=ANNA)
        await _asked(town)
        leave(telegram)
        model.free.set()
        (told,) = await hears(town, 1, chat=OLGA)
        await calm(town)

        assert "could not be delivered" in told
        assert telegram.calls["sendMessage"] == 2
        assert await states(town) == {"dead": 1, "sent": 1}
        kept = await rows(town, "SELECT error FROM outbox WHERE state = 'dead'")
        assert "Telegram" in kept[0][0]


async def test_a_group_that_throws_the_bot_out_gets_nothing_more_and_is_answered_when_it_is_back(
    open_town: Opener, telegram: TelegramServer
) -> None:
    model = Patient()
    async with open_town(model) as town:  # P-59
        telegram.say(f"{BOT} hello", user=ANNA, chat=GROUP)
        await _asked(town)
        telegram.kick(GROUP)
        model.free.set()
        await hears(town, 1, chat=OLGA)
        telegram.add(GROUP)
        telegram.say(f"{BOT} welcome back", user=ANNA, chat=GROUP)

        heard = await hears(town, 1, chat=GROUP)
        await calm(town)

        assert heard == ["heard welcome back"]
        assert await states(town) == {"dead": 1, "sent": 2}


async def test_somebody_who_blocks_and_unblocks_the_bot_is_answered_again(
    open_town: Opener, telegram: TelegramServer
) -> None:
    async with open_town(echo) as town:
        telegram.block(ANNA)
        await calm(town)
        telegram.unblock(ANNA)
        telegram.say("sorry", user=ANNA)

        assert await hears(town, 1, chat=ANNA) == ["heard sorry"]
        assert telegram.texts(OLGA) == []


async def test_a_topic_that_is_deleted_is_the_end_of_its_answer_only(
    open_town: Opener, telegram: TelegramServer
) -> None:
    topic = telegram.topic(FORUM, "News")
    model = Patient()
    async with open_town(model) as town:  # P-59
        telegram.say(f"{BOT} news?", user=ANNA, chat=FORUM, thread=topic)
        telegram.say(f"{BOT} hello", user=ANNA, chat=FORUM)
        await _asked(town, 2)
        telegram.delete_topic(FORUM, topic)
        model.free.set()
        await hears(town, 1, chat=FORUM)
        (told,) = await hears(town, 1, chat=OLGA)
        await calm(town)

        assert telegram.texts(FORUM) == ["heard hello"]
        assert "could not be delivered" in told
        assert telegram.calls["sendMessage"] == 3


async def test_an_answer_to_a_message_that_was_deleted_meanwhile_arrives(
    open_town: Opener, telegram: TelegramServer
) -> None:
    model = Patient()
    async with open_town(model) as town:
        telegram.say(f"{BOT} hello", user=ANNA, chat=GROUP)
        await _asked(town)
        telegram.delete(telegram.last_message(GROUP), chat=GROUP)
        model.free.set()

        assert await hears(town, 1, chat=GROUP) == ["heard hello"]


async def test_an_owner_who_cannot_be_told_either_causes_no_further_notice(
    open_town: Opener, telegram: TelegramServer
) -> None:
    model = Patient()
    async with open_town(model) as town:
        telegram.say("hello", user=ANNA)
        await _asked(town)
        telegram.block(ANNA)
        telegram.block(OLGA)
        model.free.set()
        await telegram.wait_for(lambda: telegram.calls["sendMessage"] == 2)
        await calm(town)
        telegram.say("hello", user=BORIS)
        await hears(town, 1, chat=BORIS)
        await calm(town)

        assert await states(town) == {"dead": 2, "sent": 1}
        assert [said(prompt) for prompt in prompts(town)] == ["hello", "hello"]
