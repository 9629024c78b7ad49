"""Telegram calls a whole gateway through its listener: everything comes once, whatever happens in between."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from gateway.agent.models.scripted import Growing
from gateway.messages import Json
from tests.fakes import until
from tests.journeys.telegram.mutants import mutated, recorded
from tests.journeys.telegram.story import (
    ANNA,
    BORIS,
    BOT,
    GROUP,
    OLGA,
    Hurry,
    Opener,
    Town,
    becomes,
    calm,
    echo,
    hears,
    rows,
    state_of,
)
from tests.journeys.test_slow_commits import Mood, MoodyDriver
from tests.servers.telegram import TelegramServer

PUBLIC = "https://bot.example.org"
SECRET = "a-secret_of-the-webhook-0123456789"
HOOKED = {"mode": "webhook", "webhook_secret": SECRET, "webhook_url": f"{PUBLIC}/webhooks/telegram"}
HEADER = "X-Telegram-Bot-Api-Secret-Token"


@asynccontextmanager
async def called_town(open_town: Opener, script: Any = echo, **more: Any) -> AsyncIterator[Town]:
    """A gateway that Telegram can call, as through a proxy."""
    settings = {**HOOKED, **more.pop("settings", {})}
    async with open_town(script, settings=settings, web={"port": 0}, **more) as town:
        town.telegram.hooks.route(PUBLIC, address_of(town))
        await until(lambda: town.telegram.updates.webhook)
        yield town


def address_of(town: Town) -> str:
    assert town.gateway.listener is not None
    return town.gateway.listener.address


def message(telegram: TelegramServer, number: int, text: str, user: int = ANNA) -> Json:
    person = telegram.people[user]
    chat = {"id": user, "type": "private", "first_name": person.name}
    said = {"message_id": number, "date": 1_700_000_000, "chat": chat, "from": person.as_json(), "text": text}
    return {"update_id": number, "message": said}


async def call(town: Town, body: Any, secret: str | None = SECRET) -> int:
    """Somebody calls the webhook; the status of the answer."""
    headers = {} if secret is None else {HEADER: secret}
    url = f"{address_of(town)}/webhooks/telegram"
    async with aiohttp.ClientSession() as http, http.post(url, json=body, headers=headers) as answer:
        return answer.status


async def test_what_people_write_comes_by_calls_and_is_answered(open_town: Opener) -> None:
    async with called_town(open_town) as town:
        telegram = town.telegram
        telegram.say("hello", user=ANNA)
        telegram.say(f"{BOT} and here", user=BORIS, chat=GROUP)
        private, group = await hears(town, 1, chat=ANNA), await hears(town, 1, chat=GROUP)
        await calm(town)

        assert (private, group) == (["heard hello"], ["heard and here"])
        assert state_of(town) == ("running", "")
        assert telegram.calls["getUpdates"] == 0
        assert {one.status for one in telegram.hooks.calls} == {200}


async def test_many_messages_keep_their_order_in_each_chat(open_town: Opener) -> None:
    async with called_town(open_town) as town:
        for n in range(30):
            for user in (ANNA, BORIS, OLGA):
                town.telegram.say(f"{n}", user=user)
        for user in (ANNA, BORIS, OLGA):
            assert await hears(town, 30, chat=user) == [f"heard {n}" for n in range(30)]


async def test_a_command_and_a_button_work_by_calls(open_town: Opener) -> None:
    async with called_town(open_town) as town:
        town.telegram.say("/start pair-K7QXM2PD", user=OLGA)
        asked = await hears(town, 1, chat=OLGA)
        query = town.telegram.press(town.telegram.sent[-1].message_id, "Let them in (K7QXM2PD)", user=OLGA)
        await town.telegram.wait_for(lambda: town.telegram.queries[query].answers)
        await town.telegram.wait_for(2)

        assert "Shall the person with the code K7QXM2PD be let in?" in asked[0]
        assert town.telegram.texts(OLGA)[0].startswith("There is no code 'K7QXM2PD'")


async def test_who_does_not_know_the_secret_says_nothing(open_town: Opener) -> None:
    async with called_town(open_town) as town:
        wrong = [
            await call(town, message(town.telegram, n, "hello"), secret)
            for n, secret in enumerate((None, "", "wrong", f"{SECRET}x", "\xe9"))
        ]
        right = await call(town, message(town.telegram, 9, "it is me"))
        await hears(town, 1, chat=ANNA)
        await calm(town)

        assert (wrong, right) == ([401] * 5, 200)
        assert town.telegram.texts(ANNA) == ["heard it is me"]


async def test_an_answer_that_is_lost_repeats_nothing(open_town: Opener) -> None:
    async with called_town(open_town) as town:  # P-43
        town.telegram.hooks.lose = 3
        for n in range(5):
            town.telegram.say(f"{n}", user=ANNA)
        heard = await hears(town, 5, chat=ANNA)
        await calm(town)

        assert heard == [f"heard {n}" for n in range(5)]
        assert len(town.telegram.hooks.calls) == 8


async def test_copies_at_the_same_time_are_taken_once(open_town: Opener) -> None:
    async with called_town(open_town) as town:  # P-44
        statuses = await asyncio.gather(*(call(town, message(town.telegram, 7, "hello")) for _ in range(10)))
        await hears(town, 1, chat=ANNA)
        await calm(town)

        assert statuses == [200] * 10
        assert town.telegram.texts(ANNA) == ["heard hello"]


async def test_what_is_written_between_two_lives_comes_afterwards_and_once(open_town: Opener) -> None:
    async with called_town(open_town) as town:
        telegram = town.telegram
        telegram.say("one", user=ANNA)
        await hears(town, 1, chat=ANNA)
    telegram.say("two", user=ANNA)
    await until(lambda: telegram.hooks.error)

    async with called_town(open_town) as town:
        heard = await hears(town, 2, chat=ANNA)
        await calm(town)

        assert heard == ["heard one", "heard two"]
        assert (telegram.calls["setWebhook"], telegram.calls["deleteWebhook"]) == (2, 0)


async def test_a_change_of_the_mode_neither_loses_nor_repeats_anything(open_town: Opener) -> None:
    async with open_town(echo) as town:
        telegram = town.telegram
        telegram.push(message(telegram, 20_000, "one"))
        await hears(town, 1, chat=ANNA)

    async with called_town(open_town) as town:
        telegram.push(message(telegram, 20_000, "one"))  # it was not confirmed, as after a crash
        telegram.push(message(telegram, 20_001, "two"))
        await hears(town, 2, chat=ANNA)
        await calm(town)
    telegram.webhook("")  # by hand, as the guide says

    async with open_town(echo) as town:
        telegram.push(message(telegram, 20_001, "two"))
        telegram.push(message(telegram, 20_002, "three"))
        heard = await hears(town, 3, chat=ANNA)
        await calm(town)

    assert heard == ["heard one", "heard two", "heard three"]


async def test_while_nothing_can_be_kept_telegram_is_told_so_and_brings_it_again(
    open_town: Opener, telegram: TelegramServer, tmp_path: Path
) -> None:
    mood = Mood()
    async with called_town(
        open_town, connect=lambda: MoodyDriver(tmp_path / "home" / "gateway.db", mood)
    ) as town:  # P-42
        mood.fails = True
        telegram.say("hello", user=ANNA)
        await telegram.wait_for(lambda: len(telegram.hooks.calls) >= 2)
        refused = {one.status for one in telegram.hooks.calls}
        mood.fails = False
        heard = await hears(town, 1, chat=ANNA)
        await calm(town)

        assert refused == {503}
        assert heard == ["heard hello"]
        assert await rows(town, "SELECT count(*) FROM inbox") == [(1,)]


async def test_a_call_is_answered_at_once_while_the_model_hangs(open_town: Opener) -> None:
    answers = asyncio.Event()

    async def wait() -> None:
        await answers.wait()

    async with called_town(open_town, lambda _: Growing(pieces=("late",), wait=wait)) as town:  # P-45
        for n in range(20):
            town.telegram.say(f"{n}", user=ANNA)
        await town.telegram.wait_for(lambda: not town.telegram.pending)

        assert max(one.seconds for one in town.telegram.hooks.calls) < 0.5
        assert town.telegram.sent == []
        answers.set()


async def test_that_telegram_cannot_get_through_is_seen_in_the_status(
    open_town: Opener, telegram: TelegramServer
) -> None:
    clock = Hurry()
    telegram.hooks.now = lambda: clock.now().timestamp()
    telegram.hooks.route(PUBLIC, "http://127.0.0.1:9")
    async with open_town(echo, settings=HOOKED, web={"port": 0}, clock=clock) as town:
        await becomes(town, "running")
        telegram.say("hello", user=ANNA)
        reason = await becomes(town, "retrying")
        telegram.hooks.route(PUBLIC, address_of(town))
        heard = await hears(town, 1, chat=ANNA)
        await becomes(town, "running")

    assert reason == "Telegram cannot call the webhook (1 updates wait): Connection refused"
    assert heard == ["heard hello"]


async def _mutants(open_town: Opener, telegram: TelegramServer, count: int, **settings: Any) -> None:
    seen, chance = recorded(telegram), random.Random(12)
    updates = [{"update_id": 50_000 + n, **mutated(chance.choice(seen), chance)} for n in range(count)]
    async with called_town(open_town, settings=settings) as town:
        statuses: Counter[int] = Counter()
        async with aiohttp.ClientSession(headers={HEADER: SECRET}) as http:

            async def post(update: Json) -> None:
                async with http.post(f"{address_of(town)}/webhooks/telegram", json=update) as answer:
                    statuses[answer.status] += 1

            for together in _batches(updates, 25):
                await asyncio.gather(*map(post, together))
        telegram.say("still here?", user=OLGA)
        await telegram.wait_for(lambda: "heard still here?" in telegram.texts(OLGA), 30)

    assert statuses == {200: count}


def _batches(updates: list[Json], size: int) -> Iterator[list[Json]]:
    for start in range(0, len(updates), size):
        yield updates[start : start + size]


async def test_calls_that_make_no_sense_break_nothing(open_town: Opener, telegram: TelegramServer) -> None:
    await _mutants(open_town, telegram, 150)


@pytest.mark.nightly
@pytest.mark.timeout(300)
async def test_ten_thousand_calls_that_make_no_sense_break_nothing(
    open_town: Opener, telegram: TelegramServer
) -> None:
    # Nobody is answered, so that it is the calls that take the time and not the turns.
    await _mutants(open_town, telegram, 10_000, allow=[], groups={}, pairing=False)
