"""What the agent says arrives whole and once, whatever happens to the requests; limits and silences are kept."""

import asyncio
import random
import re
from collections import Counter
from typing import Any

import pytest

from channels.telegram import TelegramChannel
from channels.telegram.client import Client
from gateway.clock import SystemClock
from gateway.messages import OutboundMessage, Part
from gateway.outbox.pace import Paces
from tests.journeys.telegram.story import (
    ANNA,
    BORIS,
    BOT,
    GROUP,
    Opener,
    calm,
    echo,
    hears,
    hurried,
    rows,
    sent_to,
    states,
)
from tests.servers.telegram import TOKEN, TelegramServer
from tests.servers.telegram_text import units

LONGEST = 4_096


# -- answers that are lost ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "arrived"),
    [
        ({"kind": "lost"}, True),
        ({"kind": "truncated"}, True),
        ({"kind": "hang"}, False),
        ({"kind": "hang", "acts": True}, True),
        ({"kind": "status", "status": 502}, False),
        ({"kind": "status", "status": 500, "acts": True}, True),
        ({"kind": "garbage"}, False),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
async def test_an_answer_that_is_lost_costs_one_marked_repeat_at_most(
    open_town: Opener, telegram: TelegramServer, fault: dict[str, Any], arrived: bool
) -> None:
    telegram.fault(method="sendMessage", **fault)
    async with open_town(echo, **hurried(telegram)) as town:  # P-56
        telegram.say("hello", user=ANNA)
        await telegram.wait_for(lambda: "↻ heard hello" in telegram.texts(ANNA))
        await calm(town)

        assert telegram.texts(ANNA) == [*(["heard hello"] if arrived else []), "↻ heard hello"]
        assert await states(town) == {"sent": 1}


async def test_a_message_whose_answers_are_all_lost_is_not_said_a_third_time(
    open_town: Opener, telegram: TelegramServer
) -> None:
    telegram.fault("lost", method="sendMessage", times=None)
    async with open_town(echo, **hurried(telegram)) as town:  # P-56
        telegram.say("hello", user=ANNA)
        await telegram.wait_for(lambda: len(telegram.texts(ANNA)) == 2)
        await calm(town)

        assert telegram.texts(ANNA) == ["heard hello", "↻ heard hello"]
        assert await states(town) == {"unknown": 1}


async def test_what_found_no_connection_is_repeated_without_a_mark(
    open_town: Opener, telegram: TelegramServer
) -> None:
    free = asyncio.Event()

    async def slow(prompt: Any) -> str:
        await free.wait()
        return str(echo(prompt))

    async with open_town(slow, **hurried(telegram)) as town:
        telegram.say("hello", user=ANNA)
        await telegram.wait_for(lambda: telegram.pending == 0)
        await telegram.refuse(seconds=0.2)
        free.set()
        heard = await hears(town, 1, chat=ANNA)
        await calm(town)

    assert heard == ["heard hello"]


async def test_under_random_faults_nothing_is_lost_and_every_repeat_is_marked(
    open_town: Opener, telegram: TelegramServer
) -> None:
    await _random_faults(open_town, telegram, messages=40)


@pytest.mark.nightly
async def test_under_random_faults_nothing_is_lost_and_every_repeat_is_marked_in_five_hundred(
    open_town: Opener, telegram: TelegramServer
) -> None:
    await _random_faults(open_town, telegram, messages=500)


async def _random_faults(open_town: Opener, telegram: TelegramServer, *, messages: int) -> None:
    """Half of the faults hit reading, half sending; each fault is one call."""
    chance = random.Random(7)  # the same every time
    kinds: list[Any] = ["lost", "drop", "truncated", "garbage", "status"]
    people = [9_000 + n for n in range(10)]
    for user in people:
        telegram.person(user)
    settings = {"allow": [str(user) for user in people]}
    async with open_town(echo, **hurried(telegram), settings=settings) as town:  # P-49, P-56
        for n in range(messages):
            telegram.say(f"{n}", user=people[n % len(people)])
            if chance.random() < 0.25:
                telegram.fault(chance.choice(kinds), method=chance.choice(["sendMessage", "getUpdates"]))
            await asyncio.sleep(0.005)
        telegram.heal()
        await calm(town, seconds=60)
        ended = await states(town)

    heard = [text for user in people for text in telegram.texts(user)]
    told = Counter(text.removeprefix("↻ ") for text in heard)
    assert max(Counter(heard).values()) == 1  # every repeat is marked, and there is one at most
    assert set(told) <= (everything := {f"heard {n}" for n in range(messages)})
    assert len(everything - set(told)) <= ended["unknown"]  # lost only where even the repeat met a fault
    assert set(ended) <= {"sent", "unknown"}


# -- long and awkward texts --------------------------------------------------------------------------------------


async def _arrives(open_town: Opener, text: str) -> list[str]:
    """Let the model say it; the messages in which it arrives, each within Telegram's limit."""
    async with open_town([text]) as town:
        town.telegram.say("go on", user=ANNA)
        await hears(town, 1, chat=ANNA)
        await calm(town, seconds=30)
        found = town.telegram.texts(ANNA)

        assert all(units(one) <= LONGEST for one in found)
        assert await states(town) == {"sent": 1}
        assert town.telegram.statuses[400] == 0
        return found


async def test_emoji_arrive_all_and_none_is_cut(open_town: Opener) -> None:
    text = "".join(chr(0x1F600 + n % 60) for n in range(3_999))

    found = await _arrives(open_town, text)  # P-57

    assert "".join(found) == text
    assert len(found) == 2


async def test_families_and_flags_are_not_torn_apart(open_town: Opener) -> None:
    family, flag = "👨‍👩‍👧‍👦", "🇳🇴"

    found = await _arrives(open_town, f"{family}{flag}" * 800)  # P-57

    assert len(found) > 1
    assert "".join(found) == f"{family}{flag}" * 800
    assert all(re.fullmatch(f"(?:{family}|{flag})+", one) for one in found)


async def test_a_hundred_thousand_characters_arrive_whole_and_in_order(open_town: Opener) -> None:
    words = [f"w{n}" for n in range(15_000)]
    text = " ".join(words)[:100_000].rpartition(" ")[0]

    found = await _arrives(open_town, text)  # P-57

    assert " ".join(found).split() == text.split()
    assert len(found) == -(-len(text) // LONGEST)  # no message was wasted


NASTY = (
    "a < b && c > d",
    "<b>not bold",
    "</i></b>",
    "&amp; &lt; &#60; &nosuch;",
    "**open",
    "_ ` [ ](",
    "~~half",
    "<script>alert(1)</script>",
    "![](x)",
    "[a](javascript:x)",
    "||",
    "\\",
)


async def test_text_full_of_marks_arrives_whole_and_as_text(open_town: Opener) -> None:
    chance = random.Random(3)
    lines = [" ".join(chance.choice(NASTY) if n % 2 else f"w{k}x{n}" for n in range(9)) for k in range(300)]

    found = await _arrives(open_town, "\n".join(lines))  # P-57

    text = "\n".join(found)
    assert re.findall(r"w\d+x\d+", text) == re.findall(r"w\d+x\d+", "\n".join(lines))
    assert len(found) > 1


@pytest.mark.parametrize("text", NASTY)
async def test_each_awkward_text_arrives_at_the_first_try(open_town: Opener, text: str) -> None:
    found = await _arrives(open_town, f"before {text} after")  # P-58

    assert len(found) == 1
    assert found[0].startswith("before ")
    assert found[0].endswith(" after")


class Clumsy(TelegramChannel):
    """Renders what Telegram cannot read."""

    def render(self, message: OutboundMessage) -> list[Part]:
        return [
            Part(payload={"text": f"<b>{message.text}", "format": "html"}, plain={"text": f"{message.text} {n}"})
            for n in (1, 2)
        ]


async def test_formatting_that_is_refused_costs_the_formatting_only(
    open_town: Opener, telegram: TelegramServer
) -> None:
    channel = Clumsy("telegram", Client(TOKEN, api_base=telegram.url), SystemClock(), paces=Paces())
    async with open_town(echo, channels={"telegram": channel}) as town:  # P-58
        telegram.say("hello", user=ANNA)
        heard = await hears(town, 2, chat=ANNA)
        await calm(town)

        assert heard == ["heard hello 1", "heard hello 2"]
        assert telegram.calls["sendMessage"] == 4
        assert await states(town) == {"sent": 1}


# -- silences and limits -----------------------------------------------------------------------------------------


async def test_parts_that_have_arrived_before_a_silence_are_not_sent_again_after_it(
    open_town: Opener, telegram: TelegramServer
) -> None:
    words = [f"w{n}" for n in range(2_000)]
    async with open_town([" ".join(words)]) as town:  # P-59, P-60
        telegram.say("go on", user=ANNA)
        await telegram.wait_for(lambda: len(telegram.texts(ANNA)) == 1)
        telegram.fault("flood", method="sendMessage", retry_after=1)
        silent = telegram.now()
        await calm(town)

    assert " ".join(telegram.texts(ANNA)).split() == words
    assert len(telegram.sent) == 3
    assert telegram.sent[1].at - silent >= 1
    assert telegram.flood.violations == 0


async def _silence(open_town: Opener, telegram: TelegramServer, seconds: int) -> None:
    """One chat is asked to be left alone; nothing is sent there before, and everything after."""
    telegram.fault("flood", method="sendMessage", chat=ANNA, retry_after=seconds)
    async with open_town(echo) as town:  # P-60
        began = telegram.now()
        for n in range(3):
            telegram.say(f"{n}", user=ANNA)
        telegram.say("meanwhile", user=BORIS)
        await hears(town, 1, chat=BORIS)
        others = telegram.now() - began
        await hears(town, 3, chat=ANNA, seconds=seconds + 10)

        assert telegram.texts(ANNA) == ["heard 0", "heard 1", "heard 2"]
        assert sent_to(town, ANNA)[0].at - began >= seconds
        assert others < seconds
        assert (telegram.flood.violations, telegram.flood.refused) == (0, 1)


@pytest.mark.nightly
@pytest.mark.timeout(200)
async def test_a_silence_of_two_minutes_is_kept(open_town: Opener, telegram: TelegramServer) -> None:
    await _silence(open_town, telegram, 120)


async def test_a_silence_is_kept_by_a_gateway_that_is_started_in_it(
    open_town: Opener, telegram: TelegramServer
) -> None:
    telegram.fault("flood", method="sendMessage", chat=ANNA, retry_after=1)
    async with open_town(echo) as town:  # P-60
        telegram.say("one", user=ANNA)
        telegram.say("meanwhile", user=BORIS)
        await hears(town, 1, chat=BORIS)
        while not await rows(town, "SELECT 1 FROM outbox WHERE not_before IS NOT NULL"):
            await asyncio.sleep(0.005)

    async with open_town(echo) as town:
        telegram.say("two", user=ANNA)
        heard = await hears(town, 2, chat=ANNA)

    assert heard == ["heard one", "heard two"]
    assert telegram.flood.violations == 0


async def _full_load(open_town: Opener, telegram: TelegramServer, *, seconds: float) -> None:
    """As much as Telegram takes, in many chats and a group; it enforces its limits and has to refuse nothing."""
    telegram.limits()
    people = [9_000 + n for n in range(60)]
    for user in people:
        telegram.person(user)
    settings = {"allow": [str(user) for user in [*people, ANNA, BORIS]], "rate": None}
    async with open_town(echo, settings=settings) as town:  # P-61
        for k in range(2):  # a burst in one chat
            telegram.say(f"{k}", user=BORIS)
        end, n = telegram.now() + seconds, 0
        while telegram.now() < end:
            for _ in range(7):
                telegram.say(f"{n}", user=people[n % len(people)])
                n += 1
            if n % 70 == 0:
                telegram.say(f"{BOT} {n}", user=ANNA, chat=GROUP)
            await asyncio.sleep(0.25)
        await calm(town, seconds=seconds + 90)

    assert telegram.statuses[429] == 0
    assert telegram.texts(BORIS) == ["heard 0", "heard 1"]
    assert sum(len(telegram.texts(user)) for user in people) == n


async def test_a_burst_into_many_chats_makes_telegram_refuse_nothing(
    open_town: Opener, telegram: TelegramServer
) -> None:
    await _full_load(open_town, telegram, seconds=1)


@pytest.mark.nightly
@pytest.mark.timeout(400)
async def test_two_minutes_at_full_load_make_telegram_refuse_nothing(
    open_town: Opener, telegram: TelegramServer
) -> None:
    await _full_load(open_town, telegram, seconds=120)
