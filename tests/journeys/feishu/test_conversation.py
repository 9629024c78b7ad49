"""What a person writes on Feishu is answered there, once, in its thread and in its order."""

import asyncio

import pytest

from gateway.agent.models.scripted import Growing, Script
from tests.journeys.feishu.story import (
    ANNA,
    BORIS,
    FORUM,
    MALLORY,
    TEAM,
    UNLISTED,
    Opener,
    echo,
    hears,
    prompts,
    sent_to,
)
from tests.servers.feishu import BOT_ID
from tests.servers.feishu_hooks import CHALLENGE

US = [BOT_ID]
ECHO: Script = echo


async def calm() -> None:
    """Long enough for an answer that should not come."""
    await asyncio.sleep(0.15)


async def test_a_question_in_private_gets_one_answer(open_town: Opener) -> None:
    """CARD-01, CARD-07"""
    async with open_town(["hello **Anna**"]) as town:
        private = town.feishu.private(ANNA)
        town.feishu.say("hello", user=ANNA)
        answers = await hears(town, 1, chat=private)
        await calm()

        assert answers == ["hello **Anna**"]
        assert [one.kind for one in sent_to(town, private)] == ["interactive"]
        assert town.feishu.stats().slowest_ack < 0.5


async def test_a_quotation_in_private_goes_on_with_the_same_conversation(open_town: Opener) -> None:
    async with open_town(ECHO) as town:
        private = town.feishu.private(ANNA)
        town.feishu.say("one", user=ANNA)
        await hears(town, 1, chat=private)
        town.feishu.say("two", user=ANNA, parent=sent_to(town, private)[0].id)
        await hears(town, 2, chat=private)

        assert [item.text for item in prompts(town)[1].items][:2] == ["one", "heard one"]


async def test_a_mention_is_answered_in_a_chain_which_has_a_memory_of_its_own(open_town: Opener) -> None:
    """CARD-08, P-52"""
    async with open_town(ECHO) as town:
        first = town.feishu.say("hello", user=ANNA, chat=TEAM, mention=US)
        await hears(town, 1, chat=TEAM, root=first)
        answer = sent_to(town, TEAM)[0]
        town.feishu.say("and now?", user=BORIS, chat=TEAM, parent=answer.id)  # to the bot: needs no mention
        await hears(town, 2, chat=TEAM, root=first)
        other = town.feishu.say("something else", user=ANNA, chat=TEAM, mention=US)
        await hears(town, 1, chat=TEAM, root=other)

        assert [item.text for item in prompts(town)[1].items][:2] == ["hello", "heard hello"]
        assert [item.text for item in prompts(town)[2].items] == ["something else"]
        assert town.feishu.texts(TEAM, "") == []


async def test_topics_are_conversations_of_their_own(open_town: Opener) -> None:
    async with open_town(ECHO) as town:
        one = town.feishu.say("one", user=ANNA, chat=FORUM, mention=US)
        two = town.feishu.say("two", user=BORIS, chat=FORUM, mention=US)
        await hears(town, 1, chat=FORUM, root=one)
        await hears(town, 1, chat=FORUM, root=two)
        town.feishu.say("more", user=ANNA, chat=FORUM, parent=one, mention=US)
        await hears(town, 2, chat=FORUM, root=one)

        threads = {message.root: message.thread for message in sent_to(town, FORUM)}
        assert [item.text for item in prompts(town)[2].items] == ["one", "heard one", "more"]
        assert all(thread.startswith("omt_") for thread in threads.values())
        assert set(threads) == {one, two}


async def test_p52_in_a_group_nothing_is_said_unless_the_bot_is_meant(open_town: Opener) -> None:
    """P-51, P-52, P-64, CARD-09"""
    async with open_town(ECHO) as town:
        town.feishu.person("ou_robot", "Robot", bot=True)
        town.feishu.say("hello", user=ANNA, chat=TEAM)
        town.feishu.say("hello @Tocsin", user=ANNA, chat=TEAM)
        town.feishu.say("hello", user=ANNA, chat=TEAM, mention=[BORIS])
        town.feishu.say("@_all hello", user=ANNA, chat=TEAM)
        town.feishu.say("hello", user=ANNA, chat=UNLISTED, mention=US)
        town.feishu.say("hello", user=MALLORY, chat=TEAM, mention=US)
        town.feishu.say("hello", user="ou_robot", chat=TEAM, mention=US)
        town.feishu.say("hello", user=MALLORY)
        await town.feishu.wait_acked(8)
        await calm()

        assert town.feishu.texts() == []
        assert prompts(town) == []


async def test_p43_a_message_that_comes_again_is_answered_once_also_under_new_ids_and_after_a_restart(
    open_town: Opener,
) -> None:
    """P-43, P-44, P-49"""
    async with open_town(ECHO) as town:
        private = town.feishu.private(ANNA)
        message = town.feishu.say("hello", user=ANNA)
        for new_event, new_message in ((False, False), (True, False), (True, True)):
            town.feishu.redeliver(message, new_event=new_event, new_message=new_message)
        await hears(town, 1, chat=private)
        await town.feishu.wait_acked(3)
    async with open_town(ECHO) as town:
        town.feishu.redeliver(message)
        town.feishu.redeliver(message, new_event=True, new_message=True)
        await town.feishu.wait_acked(4)
        await calm()

        assert town.feishu.texts(private) == ["heard hello"]
        assert prompts(town) == []


@pytest.mark.parametrize("drops", [1, pytest.param(20, marks=pytest.mark.nightly)])
async def test_p49_drops_repeat_nothing_and_lose_nothing(open_town: Opener, drops: int) -> None:
    """P-48, P-49"""
    async with open_town(ECHO) as town:
        private = town.feishu.private(ANNA)
        for number in range(drops):
            message = town.feishu.say(f"{number}", user=ANNA)
            await town.feishu.wait_acked(2 * number + 1)
            town.feishu.drop()
            await town.feishu.wait_until(lambda n=number: town.feishu.sockets.connects > n + 1, "connection")
            town.feishu.redeliver(message, new_event=True, new_message=number % 2 == 0)
            await town.feishu.wait_acked(2 * number + 2)
        await hears(town, drops, chat=private, seconds=20)
        await calm()

        assert sorted(town.feishu.texts(private)) == sorted(f"heard {number}" for number in range(drops))
        assert town.feishu.stats().max_live == 1


async def test_card08_reminders_come_back_to_the_group_or_the_topic_that_they_were_made_in(
    open_town: Opener,
) -> None:
    """CARD-08, NOX-17, AB-58, AB-59"""
    async with open_town() as town:
        topic = town.feishu.say("party?", user=BORIS, chat=FORUM)
        town.feishu.say("/remind in 1s cake", user=ANNA, chat=FORUM, parent=topic, mention=US)
        town.feishu.say("/remind in 1s tea", user=ANNA, chat=TEAM, mention=US)
        (of_group,) = await hears(town, 1, chat=TEAM, root="")
        _, of_topic = await hears(town, 2, chat=FORUM, root=topic)

        assert "tea" in of_group
        assert "cake" in of_topic


async def test_a_pressed_button_does_what_it_says_and_changes_its_card(open_town: Opener) -> None:
    """CARD-09"""
    async with open_town() as town:
        private = town.feishu.private(ANNA)
        town.feishu.say("/remind in 1s tea", user=ANNA)
        await hears(town, 2, chat=private)
        reminder = sent_to(town, private)[-1]

        town.feishu.press(reminder.id, "✓ Done", user=ANNA)
        await town.feishu.wait_until(lambda: "✓" in town.feishu.texts(private)[-1], "sign")

        assert len(town.feishu.texts(private)) == 2
        assert town.feishu.buttons(reminder.id) == []


async def test_commands_and_the_menu_are_answered_without_a_model(open_town: Opener) -> None:
    """CARD-09"""
    async with open_town() as town:
        private = town.feishu.private(ANNA)
        town.feishu.say("/help", user=ANNA)
        await hears(town, 1, chat=private)
        town.feishu.menu("cron list", user=ANNA)
        await hears(town, 2, chat=private)

        assert prompts(town) == []


async def test_an_answer_grows_before_its_readers_eyes_and_stands_there_once(open_town: Opener) -> None:
    async def pause() -> None:
        await asyncio.sleep(0.35)

    line = Growing(pieces=["First this. ", "Then that. ", "Now the end."], wait=pause)
    async with open_town([line], agent={"stream": True}) as town:
        private = town.feishu.private(ANNA)
        town.feishu.say("tell me", user=ANNA)
        await town.feishu.wait_until(
            lambda: town.feishu.texts(private)[-1:] == ["First this. Then that. Now the end."], "end", 10
        )
        await calm()

        (answer,) = sent_to(town, private)
        assert answer.edits >= 1


async def test_p56_an_answer_whose_confirmation_was_lost_stands_there_once(open_town: Opener) -> None:
    # P-56
    async with open_town(ECHO) as town:
        private = town.feishu.private(ANNA)
        town.feishu.fault("lost", call="send")
        town.feishu.say("hello", user=ANNA)
        await town.feishu.wait_until(lambda: town.feishu.calls["send"] >= 2, "second try", 10)
        await calm()

        assert town.feishu.texts(private) == ["heard hello"]


async def test_files_come_and_go(open_town: Opener) -> None:
    async with open_town(ECHO) as town:
        private = town.feishu.private(ANNA)
        town.feishu.file("notes.txt", b"buy milk", user=ANNA)
        await hears(town, 1, chat=private)

        kept = [one for one in town.home.workspace.rglob("*notes.txt") if one.is_file()]
        assert [one.read_bytes() for one in kept] == [b"buy milk"]


async def test_p82_messages_and_buttons_come_by_signed_webhooks(open_town: Opener) -> None:
    """P-82, CARD-07"""
    async with open_town(ECHO, settings={"mode": "webhook"}, web={"port": 0}) as town:
        private = town.feishu.private(ANNA)
        assert town.gateway.listener is not None
        url = f"{town.gateway.listener.address}/webhooks/feishu"
        challenge = await town.feishu.verify_url(url)
        town.feishu.say("hello", user=ANNA)
        answers = await hears(town, 1, chat=private)
        event = list(town.feishu.events)[-1]
        forged = [
            (await town.feishu.post_event(url, event, **how)).status
            for how in ({"key": "wrong"}, {"signed": False}, {"age": 1_000}, {"encrypted": False})
        ]
        again = await town.feishu.post_event(url, event)
        await calm()

        assert challenge.json() == {"challenge": CHALLENGE}
        assert answers == town.feishu.texts(private) == ["heard hello"]
        assert forged == [401] * 4
        assert again.status == 200
        assert town.feishu.stats().connects == 0
