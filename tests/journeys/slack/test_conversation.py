"""What a person writes on Slack is answered there, once, in its thread and in its order."""

import asyncio
import json

import pytest

from cron import phrases
from gateway.agent.model import Prompt
from gateway.agent.models.offline import OfflineModel
from gateway.agent.models.scripted import Growing, Line
from tests.journeys.slack.story import (
    ANNA,
    BORIS,
    FREE,
    GENERAL,
    MALLORY,
    OLGA,
    UNLISTED,
    Opener,
    echo,
    hears,
    prompts,
    settings_of,
)
from tests.servers.slack import SlackServer


async def calm(slack: SlackServer) -> None:
    """Long enough for an answer that should not come."""
    await asyncio.sleep(0.15)


async def test_a_question_in_private_gets_one_answer(open_town: Opener) -> None:
    """CARD-07"""
    async with open_town(["hello **Anna**"]) as town:
        town.slack.say("hello", user=ANNA)

        answers = await hears(town, 1, chat=town.slack.im(ANNA))
        await calm(town.slack)

        assert answers == ["hello Anna"]
        assert len(town.slack.sent) == 1
        assert prompts(town)[0].items[-1].note.count("Anna")  # type: ignore[union-attr]


async def test_a_mention_is_answered_in_a_thread_under_it_and_the_conversation_stays_there(
    open_town: Opener,
) -> None:
    async with open_town(echo) as town:
        ts = town.slack.say("hello", user=ANNA, channel=GENERAL, mention=True)
        await hears(town, 1, chat=GENERAL, thread=ts)
        town.slack.say("and now?", user=ANNA, channel=GENERAL, thread=ts, mention=True)
        await hears(town, 2, chat=GENERAL, thread=ts)
        await calm(town.slack)

        assert town.slack.texts(GENERAL, ts) == ["heard hello", "heard and now?"]
        assert town.slack.texts(GENERAL, "") == []
        assert [item.text for item in prompts(town)[1].items][:2] == ["hello", "heard hello"]


async def test_p46_a_message_and_its_mention_and_every_retry_are_one_turn(open_town: Opener) -> None:
    """P-43, P-46, P-49"""
    async with open_town(echo) as town:
        ts = town.slack.say("hello", user=ANNA, channel=GENERAL, mention=True)
        deliveries = town.slack.deliveries_of(ts)
        for delivery in deliveries:
            town.slack.redeliver(delivery)
            town.slack.replay(delivery)
        await hears(town, 1, chat=GENERAL, thread=ts)
        await town.slack.wait_for(lambda: town.slack.pending == 0)
    async with open_town(echo) as town:
        for delivery in deliveries:
            await town.slack.answered(town.slack.replay(delivery))
        await calm(town.slack)

        assert town.slack.texts(GENERAL, ts) == ["heard hello"]
        assert prompts(town) == []


@pytest.mark.parametrize("count", [1, pytest.param(20, marks=pytest.mark.nightly)])
async def test_p49_new_connections_repeat_nothing(open_town: Opener, count: int) -> None:
    """P-48, P-49"""
    async with open_town(echo) as town:
        slack, im = town.slack, town.slack.im(ANNA)
        for number in range(count):
            ts = slack.say(str(number), user=ANNA)
            before = slack.sockets.total
            await slack.sockets.disconnect("refresh_requested")
            await slack.wait_for(lambda before=before: slack.sockets.total > before and slack.sockets.open)
            for delivery in slack.deliveries_of(ts):
                slack.replay(delivery)
        await hears(town, count, chat=im)
        await slack.wait_for(lambda: slack.pending == 0)
        await calm(slack)

        assert sorted(slack.texts(im)) == sorted(f"heard {number}" for number in range(count))
        assert (slack.sockets.most, slack.violations) == (1, [])


@pytest.mark.nightly
async def test_p61_at_slack_s_own_pace_nothing_is_refused(open_town: Opener) -> None:
    # P-61
    text = "\n\n".join(f"{number}. {'word ' * 60}".strip() for number in range(40))
    async with open_town([text, text, text], settings={"rate": None}) as town:
        town.slack.limits()
        for person in (ANNA, BORIS, OLGA):
            town.slack.say("tell me", user=person)
        for person in (ANNA, BORIS, OLGA):
            await hears(town, 4, chat=town.slack.im(person), seconds=30)

        assert town.slack.stats().floods == 0


async def test_p52_in_a_group_nothing_is_said_unless_the_bot_is_meant(open_town: Opener) -> None:
    """P-51, P-52, P-64"""
    async with open_town(echo) as town:
        ts = town.slack.say("hello", user=ANNA, channel=GENERAL)
        town.slack.edit(ts, "<@U0TOCSIN> hello", channel=GENERAL)
        town.slack.say("<@U0TOCSIN2> hello", user=ANNA, channel=GENERAL)
        town.slack.say("hello", user=ANNA, channel=UNLISTED, mention=True)
        town.slack.say("hello", user=MALLORY, channel=GENERAL, mention=True)
        town.slack.say("hello", user=MALLORY)
        await town.slack.wait_for(lambda: town.slack.pending == 0)
        await calm(town.slack)

        assert town.slack.sent == []
        assert prompts(town) == []


async def test_a_channel_that_needs_no_mention_is_answered_at_its_top_level(open_town: Opener) -> None:
    async with open_town(echo) as town:
        town.slack.say("hello", user=BORIS, channel=FREE)

        assert await hears(town, 1, chat=FREE) == ["heard hello"]


async def test_commands_are_answered_without_a_model(open_town: Opener) -> None:
    """CARD-09"""
    async with open_town() as town:
        delivery = town.slack.slash("remind in 20 minutes to juggle", user=ANNA)
        await town.slack.answered(delivery)
        (made,) = await hears(town, 1, chat=town.slack.im(ANNA))
        ts = town.slack.say("/cron list", user=ANNA, channel=GENERAL, mention=True)
        (listed,) = await hears(town, 1, chat=GENERAL, thread=ts)

        assert "juggle" in made
        assert "juggle" not in listed
        assert prompts(town) == []


async def test_card08_reminders_come_back_to_the_channel_or_the_thread_that_they_were_made_in(
    open_town: Opener,
) -> None:
    """CARD-08, NOX-17, AB-58, AB-59"""
    async with open_town() as town:
        party = town.slack.say("party?", user=BORIS, channel=GENERAL)
        town.slack.say("/remind in 1s cake", user=ANNA, channel=GENERAL, thread=party, mention=True)
        town.slack.say("/remind in 1s tea", user=ANNA, channel=GENERAL, mention=True)
        (of_channel,) = await hears(town, 1, chat=GENERAL)
        _, of_thread = await hears(town, 2, chat=GENERAL, thread=party)

        assert "tea" in of_channel
        assert "cake" in of_thread
        jobs = json.loads((town.home.path / "cron.json").read_text())["jobs"]
        assert all(job["owner"] == f"slack:{GENERAL}" for job in jobs)


async def test_a_pressed_button_does_what_it_says(open_town: Opener) -> None:
    async with open_town() as town:
        im = town.slack.im(ANNA)
        town.slack.slash("remind in 1s tea", user=ANNA)
        await hears(town, 2, chat=im)
        await town.slack.wait_for(lambda: town.slack.sent[-1].buttons)
        reminder = town.slack.sent[-1]

        await town.slack.answered(town.slack.press(reminder.ts, "✓ Done", user=ANNA))
        await town.slack.wait_for(lambda: "✓" in town.slack.texts(im)[-1])

        assert len(town.slack.texts(im)) == 2


async def test_the_dialog_makes_a_reminder(open_town: Opener) -> None:
    async with open_town() as town:
        await town.slack.answered(town.slack.slash("add", user=ANNA))
        await town.slack.wait_for(lambda: town.slack.views)
        await town.slack.answered(town.slack.submit(user=ANNA, values={"what": "tea", "when": "in 20 minutes"}))

        (made,) = await hears(town, 1, chat=town.slack.im(ANNA))

        assert "tea" in made


async def test_jobs_of_one_chat_are_not_seen_in_another(open_town: Opener) -> None:
    """AB-61"""
    async with open_town() as town:
        town.slack.slash("remind in 20 minutes secret", user=ANNA)
        await hears(town, 1, chat=town.slack.im(ANNA))
        town.slack.slash("cron list", user=BORIS)

        (listed,) = await hears(town, 1, chat=town.slack.im(BORIS))

        assert "secret" not in listed


async def test_p45_slack_is_acknowledged_while_the_model_says_nothing(open_town: Opener) -> None:
    # P-45
    stalled = asyncio.Event()

    async def script(prompt: Prompt) -> Line:
        await stalled.wait()
        return echo(prompt)

    async with open_town(script) as town:
        for number in range(50):
            town.slack.say(str(number), user=ANNA if number % 2 else BORIS)
        await town.slack.wait_for(lambda: town.slack.acked == 50)

        assert town.slack.slowest < 0.5
        assert (town.slack.doubled, town.slack.sent) == (0, [])
        stalled.set()


async def test_p56_a_send_whose_answer_was_lost_is_found_and_not_repeated(open_town: Opener) -> None:
    # P-56
    async with open_town(echo) as town:
        town.slack.fault("lost", method="chat.postMessage")
        ts = town.slack.say("hello", user=ANNA, channel=GENERAL, mention=True)
        town.slack.say("more", user=ANNA, channel=GENERAL, thread=ts, mention=True)
        await hears(town, 2, chat=GENERAL, thread=ts, seconds=10)

        assert town.slack.texts(GENERAL, ts) == ["heard hello", "heard more"]


async def test_p56_without_a_history_it_is_repeated_once_and_marked(open_town: Opener) -> None:
    # P-56
    async with open_town(echo) as town:
        town.slack.revoke("im:history")
        town.slack.fault("lost", method="chat.postMessage")
        town.slack.slash("whoami", user=ANNA)
        first, second = await hears(town, 2, chat=town.slack.im(ANNA), seconds=10)

        assert second == f"↻ {first}"


async def test_a_long_answer_arrives_whole_in_its_thread(open_town: Opener) -> None:
    """P-57"""
    text = "\n\n".join(f"{number}. {'word ' * 60}".strip() for number in range(40))
    async with open_town([text]) as town:
        ts = town.slack.say("tell me", user=ANNA, channel=GENERAL, mention=True)
        await hears(town, 4, chat=GENERAL, thread=ts)
        await calm(town.slack)

        told = "".join(town.slack.texts(GENERAL, ts))
        assert told.count("word") == 40 * 60
        assert town.slack.texts(GENERAL, "") == []


async def test_an_answer_grows_in_one_message_and_is_whole_in_the_end(open_town: Opener) -> None:
    async def pause() -> None:
        await asyncio.sleep(0.4)

    line = Growing(pieces=["One ", "two ", "three ", "four."], wait=pause)
    async with open_town([line], agent={"stream": True}) as town:
        ts = town.slack.say("count", user=ANNA, channel=GENERAL, mention=True)
        await town.slack.wait_for(lambda: town.slack.texts(GENERAL, ts) == ["One two three four."])

        assert {one.ts for one in town.slack.sent} == {town.slack.sent[0].ts}
        assert town.slack.sent[0].text.endswith("…")
        assert len(town.slack.sent) > 1


async def test_a_gateway_that_was_off_answers_what_slack_kept(open_town: Opener) -> None:
    """P-42"""
    async with open_town(echo) as town:
        assert town.slack.sockets.open
    town.slack.say("hello", user=ANNA)
    async with open_town(echo) as town:
        assert await hears(town, 1, chat=town.slack.im(ANNA)) == ["heard hello"]


async def test_owners_see_more_and_others_do_not(open_town: Opener) -> None:
    async with open_town() as town:
        town.slack.slash("outbox", user=ANNA)
        town.slack.slash("outbox", user=OLGA)
        (anna,) = await hears(town, 1, chat=town.slack.im(ANNA))
        (olga,) = await hears(town, 1, chat=town.slack.im(OLGA))

        assert anna != olga


async def test_without_a_model_people_are_reminded(open_town: Opener) -> None:
    """CARD-07"""
    model = OfflineModel(lambda text, **more: phrases.find(text, languages=("en",), **more))
    async with open_town(model=model) as town:
        town.slack.say("remind me in 20 minutes to stretch", user=ANNA)

        (made,) = await hears(town, 1, chat=town.slack.im(ANNA))

        assert "stretch" in made


async def test_p87_no_token_is_written_anywhere(open_town: Opener, slack: SlackServer) -> None:
    # P-87
    async with open_town(echo) as town:
        slack.fault("drop", method="chat.postMessage")
        slack.say("hello", user=ANNA)
        await hears(town, 1, chat=slack.im(ANNA), seconds=10)
    secrets = [str(value) for key, value in settings_of(slack).items() if key.endswith(("token", "secret"))]

    written = [path.read_bytes() for path in town.home.path.rglob("*") if path.is_file()]

    assert len(secrets) == 3
    assert not any(secret.encode() in content for secret in secrets for content in written)


async def test_people_in_two_chats_do_not_wait_for_each_other(open_town: Opener) -> None:
    async with open_town(echo) as town:
        town.slack.fault("slow", method="chat.postMessage", channel=town.slack.im(ANNA), delay=0.5)
        town.slack.say("hello", user=ANNA)
        town.slack.say("hello", user=BORIS)

        assert await hears(town, 1, chat=town.slack.im(BORIS), seconds=0.45) == ["heard hello"]
