"""Buttons under a reminder on Telegram: what a press does, who may press, and what a restart changes."""

import pytest

from cron import phrases
from gateway.agent.models.offline import OfflineModel
from tests.journeys.telegram.story import (
    ANNA,
    BORIS,
    GROUP,
    MALLORY,
    Hurry,
    Opener,
    Town,
    calm,
    echo,
    hears,
    hurried,
    prompts,
    rows,
    stored_jobs,
)
from tests.servers.telegram import TelegramServer
from tests.servers.telegram_records import buttons


async def _reminded(
    town: Town, text: str = "/remind in 4 seconds to stretch", *, user: int = ANNA, chat: int | None = None
) -> int:
    """Make a reminder and wait for it; returns the id of its message."""
    where = user if chat is None else chat
    before = len(town.telegram.texts(where))
    town.telegram.say(text, user=user, chat=chat)
    await hears(town, before + 2, chat=where)
    return town.telegram.last_message(where)


def _labels(town: Town, message: int, *, chat: int = ANNA) -> list[str]:
    markup = town.telegram.chats[chat].messages[message].markup
    return [label for row in buttons(markup) for label, _ in row]


def _text(town: Town, message: int, *, chat: int = ANNA) -> str:
    return town.telegram.chats[chat].messages[message].text


async def _press(town: Town, message: int, label: str, *, user: int = ANNA, chat: int | None = None) -> None:
    town.telegram.press(message, label, user=user, chat=chat)
    await calm(town)


@pytest.fixture
def quick(telegram: TelegramServer) -> dict[str, object]:
    return hurried(telegram, Hurry())


async def test_a_reminder_has_buttons_and_done_marks_it(
    open_town: Opener, telegram: TelegramServer, quick: dict[str, object]
) -> None:
    async with open_town(**quick) as town:  # PEERS: reminder buttons
        message = await _reminded(town)
        offered = _labels(town, message)

        await _press(town, message, "✓ Done")

        assert offered == ["✓ Done", "⏰ 10 min", "⏰ 1 h", "⏰ Tomorrow"]
        assert (_text(town, message), _labels(town, message)) == ("✓ stretch", [])
        assert len(telegram.texts(ANNA)) == 2  # nothing new was said
        assert prompts(town) == []  # CARD-09


@pytest.mark.parametrize("label", ["⏰ 10 min", "⏰ 1 h", "⏰ Tomorrow"])
async def test_a_snooze_makes_one_job_of_the_same_words_and_says_when(
    open_town: Opener, telegram: TelegramServer, quick: dict[str, object], label: str
) -> None:
    async with open_town(**quick) as town:
        message = await _reminded(town)

        await _press(town, message, label)

        (job,) = stored_jobs(town)
        assert job["payload"] == {"kind": "say", "text": "stretch"}
        assert job["address"]["chat"] == str(ANNA)
        assert "⏰ stretch\n\nAgain 20" in _text(town, message)
        assert f"(UTC), as {job['name']}" in _text(town, message)
        assert _labels(town, message) == ["✓ Done"]


async def test_two_presses_of_a_snooze_make_one_job(
    open_town: Opener, telegram: TelegramServer, quick: dict[str, object]
) -> None:
    async with open_town(**quick) as town:
        message = await _reminded(town)
        telegram.press(message, "⏰ 10 min", user=ANNA)
        telegram.press(message, "⏰ 1 h", user=ANNA)

        await calm(town)

        assert len(stored_jobs(town)) == 1


async def test_done_after_a_snooze_takes_the_later_reminder_back(
    open_town: Opener, telegram: TelegramServer, quick: dict[str, object]
) -> None:
    async with open_town(**quick) as town:
        message = await _reminded(town)
        await _press(town, message, "⏰ 10 min")

        await _press(town, message, "✓ Done")

        assert stored_jobs(town) == []
        assert _text(town, message) == "✓ stretch"


async def test_a_second_press_says_that_it_is_done_already(
    open_town: Opener, telegram: TelegramServer, quick: dict[str, object]
) -> None:
    async with open_town(**quick) as town:
        message = await _reminded(town)
        telegram.press(message, "✓ Done", user=ANNA)
        telegram.press(message, "⏰ 1 h", user=ANNA)

        await calm(town)

        assert _text(town, message) == "✓ stretch (done already)"
        assert stored_jobs(town) == []


async def test_a_stranger_cannot_press(
    open_town: Opener, telegram: TelegramServer, quick: dict[str, object]
) -> None:
    async with open_town(**quick) as town:
        message = await _reminded(town, chat=GROUP)

        await _press(town, message, "✓ Done", user=MALLORY, chat=GROUP)

        assert _text(town, message, chat=GROUP) == "stretch"
        assert await rows(town, "SELECT 1 FROM reminders") == []


async def test_anybody_in_a_group_who_may_speak_to_the_bot_may_press(
    open_town: Opener, telegram: TelegramServer, quick: dict[str, object]
) -> None:
    async with open_town(**quick) as town:
        message = await _reminded(town, chat=GROUP)

        await _press(town, message, "✓ Done", user=BORIS, chat=GROUP)

        assert _text(town, message, chat=GROUP) == "✓ stretch"


async def test_buttons_work_after_a_restart(open_town: Opener, telegram: TelegramServer) -> None:
    clock = Hurry()
    async with open_town(**hurried(telegram, clock)) as town:
        message = await _reminded(town)
    async with open_town(**hurried(telegram, clock)) as town:
        await _press(town, message, "⏰ 10 min")

        assert len(stored_jobs(town)) == 1
        assert "Again" in _text(town, message)


async def test_words_answer_the_last_reminder_too(
    open_town: Opener, telegram: TelegramServer, quick: dict[str, object]
) -> None:
    async with open_town(**quick) as town:
        await _reminded(town)
        telegram.say("/snooze 1h", user=ANNA)
        await hears(town, 3, chat=ANNA)
        telegram.say("/done", user=ANNA)
        await hears(town, 4, chat=ANNA)

        snoozed, done = telegram.texts(ANNA)[2:]
        assert snoozed.startswith("⏰ stretch\n\nAgain ")
        assert done == "✓ stretch"
        assert stored_jobs(town) == []  # what was put off is not said again


async def test_an_announcement_that_comes_again_has_no_buttons(
    open_town: Opener, telegram: TelegramServer, quick: dict[str, object]
) -> None:
    async with open_town(model=OfflineModel(phrases.find), **quick) as town:
        telegram.say("/remind every 1m to breathe", user=ANNA)
        await hears(town, 2, chat=ANNA)

        assert _labels(town, telegram.last_message(ANNA)) == []


async def test_a_reminder_of_a_message_answers_that_message(
    open_town: Opener, telegram: TelegramServer, quick: dict[str, object]
) -> None:
    async with open_town(echo, **quick) as town:
        telegram.say("The invoice is due.", user=ANNA)
        invoice = telegram.last_message(ANNA)
        await calm(town)
        before = len(telegram.texts(ANNA))
        telegram.say("/remind in 4 seconds", user=ANNA, reply_to=invoice)
        await hears(town, before + 2, chat=ANNA)
        reminder = telegram.chats[ANNA].messages[telegram.last_message(ANNA)]

        assert reminder.text == "The invoice is due."
        assert reminder.reply_to is not None
        assert reminder.reply_to.id == invoice
