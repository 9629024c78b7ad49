"""A group becomes a supergroup in the middle of something: nothing is left behind, reordered or said too soon."""

import asyncio
from typing import Any

from cron import phrases
from cron.book import OPERATOR
from gateway.agent.models.offline import OfflineModel
from tests.fakes import until
from tests.journeys.telegram.story import (
    ANNA,
    BOT,
    GROUP,
    Opener,
    calm,
    echo,
    hears,
    prompts,
    rows,
    states,
    stored_jobs,
)
from tests.servers.telegram import TelegramServer


async def test_jobs_that_a_crash_left_behind_follow_at_the_next_start(
    open_town: Opener, telegram: TelegramServer
) -> None:
    async with open_town(model=OfflineModel(phrases.find)) as town:
        telegram.say(f"{BOT} remind me tomorrow at 9 to stretch", user=ANNA, chat=GROUP)
        await hears(town, 1, chat=GROUP)
        new = telegram.migrate(GROUP)
        await calm(town)
        # as if the process had ended between the move of the chat and that of its jobs
        (job,) = town.gateway.scheduling.book.list(OPERATOR)
        town.gateway.scheduling.book.move("telegram", str(new), str(GROUP))
        assert [stored["owner"] for stored in stored_jobs(town)] == [f"telegram:{GROUP}"]

    async with open_town(model=OfflineModel(phrases.find)) as town:
        await until(lambda: [stored["owner"] for stored in stored_jobs(town)] == [f"telegram:{new}"])

        assert [stored["id"] for stored in stored_jobs(town)] == [job.id]


async def test_a_silence_that_the_group_asked_for_holds_after_its_move_and_the_order_is_kept(
    open_town: Opener, telegram: TelegramServer
) -> None:
    async with open_town(echo) as town:  # P-60, P-50
        telegram.fault("flood", method="sendmessage", chat=GROUP, retry_after=2)
        telegram.say(f"{BOT} first", user=ANNA, chat=GROUP)
        await telegram.wait_for(lambda: telegram.statuses[429])
        silent_until = telegram.now() + 2
        new = telegram.migrate(GROUP)
        telegram.say(f"{BOT} second", user=ANNA, chat=new)

        heard = await hears(town, 2, chat=new)
        await calm(town)

        assert heard == ["heard first", "heard second"]
        assert min(sent.at for sent in telegram.sent if sent.chat == new) >= silent_until - 0.1
        assert await states(town) == {"sent": 2}


async def test_what_was_written_for_the_old_id_by_somebody_else_arrives_in_the_new_one(
    open_town: Opener, telegram: TelegramServer
) -> None:
    async with open_town(echo) as town:
        telegram.say(f"{BOT} hello", user=ANNA, chat=GROUP)
        await hears(town, 1, chat=GROUP)
        new = telegram.migrate(GROUP)
        await calm(town)
        await town.gateway.database.write(
            lambda t: (
                t.execute("UPDATE outbox SET state = 'open', chat = ? WHERE state = 'sent'", (str(GROUP),))
                and t.execute("UPDATE parts SET state = 'pending'")
                and None
            )
        )
        await town.gateway.outbox.refresh()

        assert await hears(town, 1, chat=new) == ["heard hello"]
        await calm(town)
        assert await rows(town, "SELECT chat, state FROM outbox") == [(str(new), "sent")]


async def test_a_chat_that_asked_for_silence_is_shown_no_typing_either(
    open_town: Opener, telegram: TelegramServer
) -> None:
    free = asyncio.Event()

    async def slow(prompt: Any) -> str:
        if len(prompts(town)) > 1:
            await free.wait()
        return echo(prompt)

    async with open_town(slow) as town:  # P-60
        telegram.fault("flood", method="sendmessage", chat=ANNA, retry_after=2)
        telegram.say("first", user=ANNA)
        await telegram.wait_for(lambda: telegram.statuses[429])
        telegram.say("second", user=ANNA)
        await asyncio.sleep(1.3)  # "typing" would be shown after a second
        early = telegram.calls["sendChatAction"]
        free.set()

        assert await hears(town, 2, chat=ANNA) == ["heard first", "heard second"]
        assert early == 0


async def test_a_silence_that_telegram_asks_of_the_reading_is_kept(
    open_town: Opener, telegram: TelegramServer
) -> None:
    telegram.fault("flood", method="getupdates", retry_after=2, times=1)
    async with open_town(echo) as town:
        await telegram.wait_for(lambda: telegram.statuses[429])
        polls, asked = telegram.calls["getUpdates"], telegram.now()
        telegram.say("hello", user=ANNA)
        heard = await hears(town, 1, chat=ANNA)

        assert polls == 1
        assert heard == ["heard hello"]
        assert telegram.now() - asked >= 1.9
