"""What a person writes on Telegram is answered there, once and in its order; jobs speak where they were made."""

import asyncio
import json
from datetime import timedelta

from cron import phrases
from cron.run import RunStatus
from gateway.agent.model import Prompt, ToolResult, UserText
from gateway.agent.models.offline import OfflineModel
from gateway.agent.models.scripted import Line, calls
from tests.journeys.telegram.story import (
    ANNA,
    BORIS,
    BOT,
    FORUM,
    OLGA,
    Hurry,
    Opener,
    callers,
    calm,
    echo,
    hears,
    hurried,
    prompts,
    runs_of,
    said,
    sent_to,
    stored_jobs,
)
from tests.servers.telegram import TelegramServer


async def test_a_question_gets_one_answer_in_its_chat(open_town: Opener) -> None:
    async with open_town(["hello **Anna**"]) as town:
        town.telegram.say("hello", user=ANNA)

        answers = await hears(town, 1, chat=ANNA)
        await calm(town)

        (sent,) = town.telegram.sent
        assert answers == ["hello Anna"]
        assert (sent.chat, sent.parse_mode) == (ANNA, "HTML")
        assert [entity["type"] for entity in sent.entities] == ["bold"]
        assert await callers(town) == {"reply": 1}


async def test_an_owner_needs_no_place_in_the_list_of_the_allowed(open_town: Opener) -> None:
    async with open_town(echo) as town:
        town.telegram.say("hello", user=OLGA)

        assert await hears(town, 1, chat=OLGA) == ["heard hello"]


async def test_a_caption_is_read_like_a_text(open_town: Opener) -> None:
    async with open_town(echo) as town:
        town.telegram.caption("what is this?", user=ANNA)
        await hears(town, 1, chat=ANNA)

        assert "what is this?" in [item.text for item in prompts(town)[0].items]


async def test_the_model_knows_who_wrote_and_what_was_said_before(open_town: Opener) -> None:
    async with open_town(echo) as town:
        for n, text in enumerate(("my cat is Mia", "what is my cat called?"), start=1):
            town.telegram.say(text, user=ANNA)
            await hears(town, n, chat=ANNA)

        first, second = prompts(town)
        words = first.items[-1]
        assert isinstance(words, UserText)
        assert "Anna" in words.note
        assert [item.text for item in second.items] == [
            "my cat is Mia",
            "heard my cat is Mia",
            "what is my cat called?",
        ]


async def test_a_conversation_goes_on_after_a_restart(open_town: Opener) -> None:
    async with open_town(echo) as town:
        town.telegram.say("my cat is Mia", user=ANNA)
        await hears(town, 1, chat=ANNA)

    async with open_town(echo) as town:
        town.telegram.say("what is my cat called?", user=ANNA)
        await hears(town, 2, chat=ANNA)

        assert next(item.text for item in prompts(town)[0].items) == "my cat is Mia"


async def test_a_newcomer_is_reminded_without_a_model(open_town: Opener) -> None:
    async with open_town(model=OfflineModel(phrases.find)) as town:
        town.telegram.say("remind me in 1 second to stretch", user=ANNA)
        echoed = (await hears(town, 1, chat=ANNA))[0]

        reminded = await hears(town, 2, chat=ANNA)
        await calm(town)

        assert "stretch" in echoed
        assert "UTC" in echoed
        assert reminded[1] == "stretch"
        assert await callers(town) == {"reply": 1, "reminder": 1}
        assert stored_jobs(town) == []  # it was said


async def test_a_reminder_that_is_due_while_the_gateway_is_down_comes_after_its_start(
    open_town: Opener, telegram: TelegramServer
) -> None:
    clock = Hurry()
    async with open_town(model=OfflineModel(phrases.find), **hurried(telegram, clock)) as town:
        telegram.say("remind me in 4 seconds to stretch", user=ANNA)
        await hears(town, 1, chat=ANNA)
    await clock.sleep(timedelta(seconds=5))

    async with open_town(model=OfflineModel(phrases.find), **hurried(telegram, clock)) as town:
        heard = await hears(town, 2, chat=ANNA)
        await calm(town)

    assert heard[1] == "stretch"
    assert len(sent_to(town, ANNA)) == 2


class Watcher:
    """A model that makes a job of its own, and in its runs says the steps of the day if they have changed."""

    def __init__(self, *steps: int) -> None:
        self._steps = list(steps)

    def __call__(self, prompt: Prompt) -> Line:
        task, answered = said(prompt), isinstance(prompt.items[-1], ToolResult)
        if "watch my steps" in task:
            job = {
                "action": "add",
                "message": "Notify if the steps changed.",
                "every_seconds": 1,
                "name": "garmin",
            }
            return "I watch them." if answered else calls(("cron", job))
        if answered:
            return f"The number of steps was {self._steps.pop(0) if self._steps else 'unknown'}."
        return self._run(task)

    def _run(self, task: str) -> Line:
        if not self._steps:
            return "The watch is out of battery."
        state = {"step_count": self._steps[0]}
        kept = "cron", {"action": "set_state", "job_id": "garmin", "state": state}
        if f"<state>\n{json.dumps(state, separators=(',', ':'))}\n</state>" in task:
            return calls(kept)
        return calls(("message", {"text": f"You have walked {self._steps[0]} steps."}), kept)


async def test_a_watching_job_speaks_at_first_is_silent_without_a_change_and_speaks_after_one(
    open_town: Opener, telegram: TelegramServer
) -> None:
    quick = {"min_interval": "1s"}
    async with open_town(Watcher(3000, 3000, 5000), cron=quick, **hurried(telegram)) as town:
        telegram.say("watch my steps", user=ANNA)

        heard = await hears(town, 3, chat=ANNA)
        await calm(town)

        assert heard == ["I watch them.", "You have walked 3000 steps.", "You have walked 5000 steps."]
        first, second, third = (await runs_of(town))[:3]
        assert [run.messages_sent for run in (first, second)] == [1, 0]
        assert {run.status for run in (first, second)} == {RunStatus.SUCCEEDED}
        assert third.messages_sent == 1
        assert set(await callers(town)) == {"reply", "model"}


async def test_what_is_written_quickly_one_after_the_other_is_answered_in_that_order(open_town: Opener) -> None:
    async with open_town(echo) as town:  # P-50
        for n in range(30):
            for user in (ANNA, BORIS):
                town.telegram.say(f"{n}", user=user)

        expected = [f"heard {n}" for n in range(30)]
        assert await hears(town, 30, chat=ANNA) == expected
        assert await hears(town, 30, chat=BORIS) == expected


async def test_one_chat_that_waits_for_its_model_holds_up_no_other(open_town: Opener) -> None:
    free = asyncio.Event()

    async def slow_for_anna(prompt: Prompt) -> Line:
        if said(prompt) == "slow":
            await free.wait()
        return echo(prompt)

    async with open_town(slow_for_anna) as town:  # P-50
        town.telegram.say("slow", user=ANNA)
        town.telegram.say("quick", user=BORIS)
        heard = await hears(town, 1, chat=BORIS)
        meanwhile = town.telegram.texts(ANNA)
        free.set()
        await hears(town, 1, chat=ANNA)

    assert heard == ["heard quick"]
    assert meanwhile == []


async def test_an_edit_of_a_message_starts_nothing(open_town: Opener) -> None:
    async with open_town(echo) as town:  # P-51
        town.telegram.say("hello", user=ANNA)
        await hears(town, 1, chat=ANNA)
        asked = town.telegram.chats[ANNA].messages
        mine = next(one.id for one in asked.values() if one.sender)

        town.telegram.edit(mine, "hello there", user=ANNA)
        town.telegram.updates.add_raw(  # as a server that does not know what is wanted
            {"edited_message": town.telegram.as_json(asked[mine])}
        )
        await calm(town)

        assert len(prompts(town)) == 1
        assert town.telegram.texts(ANNA) == ["heard hello"]


async def test_a_job_that_belongs_to_no_chat_speaks_to_the_default_target_and_to_nobody_else(
    open_town: Opener, telegram: TelegramServer
) -> None:
    task = {"name": "tea", "schedule": "every 5s", "action": "say", "text": "Tea is ready."}
    section = {"default_target": f"telegram:{BORIS}", "min_interval": "1s", "tasks": [task]}
    async with open_town(echo, cron=section, **hurried(telegram)) as town:  # P-62
        heard = await hears(town, 1, chat=BORIS)

        assert heard[0] == "Tea is ready."
        assert {one.chat for one in telegram.sent} == {BORIS}
        assert set(await callers(town)) == {"reminder"}


# -- a sign of life ----------------------------------------------------------------------------------------------


async def test_a_chat_that_waits_for_longer_than_a_second_sees_that_it_is_answered(
    open_town: Opener, telegram: TelegramServer
) -> None:
    free = asyncio.Event()

    async def slow(prompt: Prompt) -> Line:
        await free.wait()
        return echo(prompt)

    topic = telegram.topic(FORUM, "News")
    async with open_town(slow, **hurried(telegram)) as town:
        telegram.say("hello", user=ANNA)
        telegram.say(f"{BOT} hello", user=ANNA, chat=FORUM, thread=topic)
        await telegram.wait_for(lambda: len(telegram.actions) >= 2)
        free.set()
        await hears(town, 1, chat=ANNA)
        await hears(town, 1, chat=FORUM)

    shown = {(action.chat, action.thread, action.action) for action in telegram.actions}
    assert shown == {(ANNA, 0, "typing"), (FORUM, topic, "typing")}


async def test_a_quick_answer_needs_no_sign(open_town: Opener, telegram: TelegramServer) -> None:
    clock = Hurry(4)
    async with open_town(echo, **hurried(telegram, clock)) as town:
        for n in range(5):
            telegram.say("hello", user=ANNA)
            await hears(town, n + 1, chat=ANNA)
        await clock.sleep(timedelta(seconds=2))

    assert telegram.actions == []
