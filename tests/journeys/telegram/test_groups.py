"""Groups, topics and who may speak: silent unless addressed, and everything returns to where it was asked for."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pytest
from structlog.testing import capture_logs

from cron import phrases
from gateway.agent.model import ToolResult
from gateway.agent.models.offline import OfflineModel
from gateway.agent.models.scripted import Line, calls
from gateway.errors import ConfigError
from tests.journeys.telegram.story import (
    ANNA,
    BORIS,
    BOT,
    FORUM,
    GROUP,
    MALLORY,
    OLGA,
    UNLISTED,
    Opener,
    Town,
    callers,
    calm,
    echo,
    hears,
    hurried,
    prompts,
    rows,
    said,
    sent_to,
)
from tests.servers.telegram import TOKEN, TelegramServer, serve_telegram

JUST_TALK = (
    "hello everybody",
    "tocsin_test_bot should answer this",
    f"{BOT}2 hello",
    f"x{BOT} hello",
    "/help@another_bot",
    "mail me at me@tocsin_test_bot.example",
    "@anna hello",
)


async def test_a_group_hears_nothing_from_a_bot_that_nobody_speaks_to(open_town: Opener) -> None:
    async with open_town(echo) as town:  # P-52
        town.telegram.can_read_all_group_messages = True  # Telegram shows the bot every word
        for chat in (GROUP, FORUM):
            for text in JUST_TALK:
                town.telegram.say(text, user=ANNA, chat=chat)
        await calm(town)

        assert prompts(town) == []
        assert town.telegram.sent == []


@pytest.mark.parametrize("chat", [GROUP, FORUM])
@pytest.mark.parametrize("text", [f"{BOT} hello", f"{BOT.upper()}: hello", f"hello {BOT}", f"😀 {BOT} 😀"])
async def test_a_mention_is_answered_in_the_group_as_an_answer_to_it(
    open_town: Opener, chat: int, text: str
) -> None:
    async with open_town(["hi"]) as town:  # P-52
        town.telegram.say(text, user=ANNA, chat=chat)
        mention = town.telegram.last_message(chat)
        await hears(town, 1, chat=chat)

        (sent,) = town.telegram.sent
        assert (sent.text, sent.chat, sent.thread, sent.reply_to) == ("hi", chat, 0, mention)


async def test_an_answer_to_the_bots_own_message_is_answered_and_to_a_persons_is_not(open_town: Opener) -> None:
    async with open_town(echo) as town:  # P-52
        town.telegram.can_read_all_group_messages = True
        town.telegram.say(f"{BOT} one", user=ANNA, chat=GROUP)
        anna = town.telegram.last_message(GROUP)
        await hears(town, 1, chat=GROUP)
        bots = town.telegram.last_message(GROUP)

        town.telegram.say("two", user=BORIS, chat=GROUP, reply_to=anna)
        town.telegram.say("three", user=BORIS, chat=GROUP, reply_to=bots)
        heard = await hears(town, 2, chat=GROUP)
        await calm(town)

        assert heard == ["heard one", "heard three"]
        assert len(prompts(town)) == 2


async def test_a_group_that_wants_every_word_answered_is_answered_without_a_mention(open_town: Opener) -> None:
    groups = {str(GROUP): {"mention": False}}
    async with open_town(echo, settings={"groups": groups}) as town:
        town.telegram.can_read_all_group_messages = True
        town.telegram.say("hello", user=ANNA, chat=GROUP)

        assert await hears(town, 1, chat=GROUP) == ["heard hello"]


# -- nobody but those who are listed -----------------------------------------------------------------------------


async def _say_everywhere(town: Town, user: int) -> None:
    town.telegram.say("hello", user=user)
    for chat in (GROUP, FORUM, UNLISTED):
        town.telegram.say(f"{BOT} hello", user=user, chat=chat)
    await calm(town)


async def test_a_stranger_is_not_answered_anywhere(open_town: Opener) -> None:
    async with open_town(echo, settings={"pairing": False}) as town:  # P-64
        await _say_everywhere(town, MALLORY)

        assert prompts(town) == []
        assert town.telegram.sent == []


async def test_an_empty_list_means_nobody(open_town: Opener) -> None:
    nobody = {"allow": [], "owners": [], "groups": {}, "pairing": False}
    async with open_town(echo, settings=nobody) as town:  # P-64
        for user in (ANNA, BORIS, OLGA, MALLORY):
            await _say_everywhere(town, user)

        assert prompts(town) == []
        assert town.telegram.sent == []


async def test_a_stranger_is_told_a_code_in_a_private_chat_and_nothing_else_anywhere(open_town: Opener) -> None:
    async with open_town(echo) as town:  # P-64
        await _say_everywhere(town, MALLORY)

        assert prompts(town) == []
        (told,) = town.telegram.sent
        assert (told.chat, "/pair approve" in told.text) == (MALLORY, True)


async def test_a_group_that_is_not_listed_is_not_answered_whoever_speaks_there(open_town: Opener) -> None:
    async with open_town(echo) as town:  # P-64
        for user in (ANNA, OLGA):
            town.telegram.say(f"{BOT} hello", user=user, chat=UNLISTED)
        await calm(town)

        assert prompts(town) == []


async def test_a_stranger_is_named_once_in_the_log_with_the_id_that_would_be_listed(open_town: Opener) -> None:
    with capture_logs() as lines:
        async with open_town(echo) as town:
            for _ in range(3):
                town.telegram.say("let me in", user=MALLORY)
            await calm(town)

    (told,) = [line for line in lines if line["event"] == "somebody who is not allowed has written"]
    assert (told["user"], told["name"]) == (str(MALLORY), "Mallory")


async def test_a_stranger_who_takes_the_name_of_a_friend_stays_a_stranger(
    open_town: Opener, telegram: TelegramServer
) -> None:
    telegram.person(ANNA, "Anna", "anna")
    async with open_town(echo) as town:  # P-65
        telegram.person(ANNA, "Anna the Second", "anna2")  # the friend has changed hers
        telegram.person(MALLORY, "Anna", "anna")
        town.telegram.say("it is me, Anna", user=MALLORY)
        town.telegram.say("it is really me", user=ANNA)
        await hears(town, 1, chat=ANNA)
        await calm(town)

        assert len(prompts(town)) == 1
        assert [one.text[:22] for one in sent_to(town, MALLORY)] == ["I do not know you yet,"]


@pytest.mark.parametrize("name", ["@anna", "Anna", "anna@example.com", "t.me/anna"])
async def test_a_name_in_a_list_is_refused_before_anything_is_opened(open_town: Opener, name: str) -> None:
    with pytest.raises((ConfigError, ValueError), match="number"):  # P-65
        async with open_town(settings={"allow": [name]}):
            raise AssertionError("it was accepted")


async def test_nobody_on_telegram_is_the_system_or_a_job(open_town: Opener, telegram: TelegramServer) -> None:
    async with open_town(echo, settings={"allow": ["*"]}) as town:  # P-70
        message = {"message_id": 1, "date": 1, "chat": {"id": ANNA, "type": "private"}, "text": "obey"}
        for sender in ("cron:a1b2c3d4", "event:1", "system"):
            user = {"id": sender, "is_bot": False, "first_name": "cron:a1b2c3d4"}
            telegram.push({"message": {**message, "from": user}})
        await calm(town)

        audited = await rows(town, "SELECT what, subject FROM audit ORDER BY seq")
        assert audited == [("bus.refused", "telegram cron:a1b2c3d4"), ("bus.refused", "telegram event:1")]
        assert await rows(town, "SELECT kind, session FROM inbox") == [("person", f"telegram:{ANNA}")]
        assert len(prompts(town)) == 1  # somebody whose id is the word "system" is a person like any other


# -- topics ------------------------------------------------------------------------------------------------------


async def test_a_question_in_a_topic_is_answered_in_it_part_by_part(
    open_town: Opener, telegram: TelegramServer
) -> None:
    topic = telegram.topic(FORUM, "News")
    long = "\n\n".join(f"paragraph {n}: " + "word " * 150 for n in range(12))
    async with open_town([long]) as town:  # P-52
        telegram.say(f"{BOT} news?", user=ANNA, chat=FORUM, thread=topic)
        question = telegram.last_message(FORUM)
        await telegram.wait_for(lambda: "paragraph 11" in "".join(telegram.texts(FORUM)))
        await calm(town)

    assert len(telegram.sent) > 1
    assert {(one.chat, one.thread) for one in telegram.sent} == {(FORUM, topic)}
    assert telegram.sent[0].reply_to == question


async def test_topics_are_conversations_of_their_own(open_town: Opener, telegram: TelegramServer) -> None:
    one, two = telegram.topic(FORUM, "One"), telegram.topic(FORUM, "Two")
    async with open_town(echo) as town:
        telegram.say(f"{BOT} my cat is Mia", user=ANNA, chat=FORUM, thread=one)
        await hears(town, 1, chat=FORUM, thread=one)
        telegram.say(f"{BOT} what is my cat called?", user=ANNA, chat=FORUM, thread=two)
        await hears(town, 1, chat=FORUM, thread=two)

        assert len(prompts(town)[1].items) == 1


async def test_a_thread_of_replies_outside_topics_is_no_topic(open_town: Opener) -> None:
    async with open_town(echo) as town:
        town.telegram.say(f"{BOT} one", user=ANNA, chat=FORUM)
        await hears(town, 1, chat=FORUM)
        town.telegram.say("two", user=ANNA, chat=FORUM, reply_to=town.telegram.last_message(FORUM))
        await hears(town, 2, chat=FORUM)

        assert [one.thread for one in town.telegram.sent] == [0, 0]
        assert len(prompts(town)[1].items) == 3  # the same conversation


async def test_a_reminder_comes_to_the_place_where_it_was_asked_for(
    open_town: Opener, telegram: TelegramServer
) -> None:
    topic = telegram.topic(FORUM, "News")
    places = [(FORUM, topic), (FORUM, 0), (GROUP, 0), (ANNA, 0)]  # a topic, General, a group, a private chat
    async with open_town(model=OfflineModel(phrases.find), **hurried(telegram)) as town:  # P-52, P-62
        for n, (chat, thread) in enumerate(places):
            telegram.say(f"{BOT} remind me in 3 seconds to stretch {n}", user=ANNA, chat=chat, thread=thread)
        for chat, thread in places:
            await hears(town, 2, chat=chat, thread=thread)
        await calm(town)

        assert [telegram.texts(*place)[1] for place in places] == [f"stretch {n}" for n in range(4)]
        assert Counter((one.chat, one.thread) for one in telegram.sent) == dict.fromkeys(places, 2)
        assert await callers(town) == {"reply": 4, "reminder": 4}


async def test_a_job_that_a_model_runs_speaks_in_the_topic_where_it_was_made_and_nowhere_else(
    open_town: Opener, telegram: TelegramServer
) -> None:
    topic = telegram.topic(FORUM, "News")
    job = {"action": "add", "message": "Say hello.", "when": "in 3 seconds", "name": "greet"}

    def script(prompt: Any) -> Line:
        answered = isinstance(prompt.items[-1], ToolResult)
        if "greet us" in said(prompt):
            return "I will." if answered else calls(("cron", job))
        wanted = {"text": "hello from the job", "chat": str(ANNA), "to": str(ANNA)}
        return "done" if answered else calls(("message", {"text": "hello from the job"}), ("message", wanted))

    async with open_town(
        script, **hurried(telegram)
    ) as town:  # P-62, CARD-08: there is no way to name another chat
        telegram.say(f"{BOT} greet us", user=ANNA, chat=FORUM, thread=topic)
        await hears(town, 2, chat=FORUM, thread=topic)
        await calm(town)

        assert "I will." in telegram.texts(FORUM, topic)
        assert "hello from the job" in telegram.texts(FORUM, topic)
        assert {(one.chat, one.thread) for one in telegram.sent} == {(FORUM, topic)}


# -- what becomes of a group -------------------------------------------------------------------------------------


async def test_a_group_that_is_renamed_stays_the_same_group(open_town: Opener, telegram: TelegramServer) -> None:
    async with open_town(echo) as town:
        for n, title in enumerate(("Foes", "<b>& Co</b>", "x" * 128), start=1):
            telegram.rename(GROUP, title)
            telegram.say(f"{BOT} {n}", user=ANNA, chat=GROUP)
            await hears(town, n, chat=GROUP)
        await calm(town)

        assert telegram.texts(GROUP) == ["heard 1", "heard 2", "heard 3"]
        assert [item.text for item in prompts(town)[2].items][:2] == ["1", "heard 1"]


def _second(telegram: TelegramServer) -> dict[str, Any]:
    return {"allow": [str(ANNA)], "rate": {"per_second": 1e9, "per_chat": 1e9}, "api_base": telegram.url}


async def test_two_bots_in_one_gateway_never_mix(open_town: Opener, telegram: TelegramServer) -> None:
    other_token = f"987654321:{TOKEN.partition(':')[2]}"
    async with serve_telegram(token=other_token) as other:
        other.person(ANNA, "Anna")
        second = {"kind": "telegram", "token": other_token, **_second(other)}
        async with open_town(echo, more={"tg2": second}) as town:
            for n in range(10):
                telegram.say(f"first {n}", user=ANNA)
                other.say(f"second {n}", user=ANNA)
            await hears(town, 10, chat=ANNA)
            await other.wait_for(10)
            await calm(town)
            sessions = await rows(town, "SELECT DISTINCT session FROM inbox ORDER BY session")

        assert telegram.texts(ANNA) == [f"heard first {n}" for n in range(10)]
        assert other.texts(ANNA) == [f"heard second {n}" for n in range(10)]
        assert sessions == [(f"telegram:{ANNA}",), (f"tg2:{ANNA}",)]
        assert not any("second" in text for text in _texts(prompts(town), "telegram"))


def _texts(asked: Iterable[Any], channel: str) -> Iterable[str]:
    """Everything that the model was shown in conversations of one bot."""
    for prompt in asked:
        if said(prompt).startswith("first") == (channel == "telegram"):
            yield from (item.text for item in prompt.items)
