"""Who may do what on Telegram: codes for strangers, admins of groups, other bots; and answers that grow."""

import asyncio
import re

from gateway.agent.models.scripted import Growing
from tests.journeys.telegram.story import (
    ANNA,
    BORIS,
    BOT,
    GROUP,
    MALLORY,
    OLGA,
    Opener,
    calm,
    echo,
    hears,
    prompts,
    sent_to,
    stored_jobs,
)
from tests.servers.telegram import TelegramServer

OTHER_BOT = 424_242
CODE = re.compile(r"Your code is ([A-Z0-9]{8})")


# -- codes -------------------------------------------------------------------------------------------------------


async def test_a_stranger_is_let_in_by_an_owner_who_follows_a_link(open_town: Opener) -> None:
    async with open_town(echo) as town:
        telegram = town.telegram
        telegram.say("hello?", user=MALLORY)
        told = await hears(town, 1, chat=MALLORY)
        found = CODE.search(told[0])
        assert found is not None
        telegram.say(f"/start pair-{found[1]}", user=OLGA)
        await hears(town, 1, chat=OLGA)
        telegram.press(telegram.last_message(OLGA), f"Let them in ({found[1]})", user=OLGA)
        welcome = await hears(town, 2, chat=MALLORY)
        telegram.say("hello again", user=MALLORY)
        heard = await hears(town, 3, chat=MALLORY)
        telegram.say(f"{BOT} hello", user=MALLORY, chat=GROUP)
        await calm(town)

        assert "may talk to me now" in welcome[1]
        assert heard[2] == "heard hello again"
        assert (len(prompts(town)), sent_to(town, GROUP)) == (1, [])  # P-66: nothing is granted in groups


async def test_a_link_with_a_code_opens_nothing_for_who_is_no_owner(open_town: Opener) -> None:
    async with open_town(echo) as town:
        town.telegram.say("hello?", user=MALLORY)
        told = await hears(town, 1, chat=MALLORY)
        found = CODE.search(told[0])
        assert found is not None
        town.telegram.say(f"/start pair-{found[1]}", user=ANNA)
        answer = await hears(town, 1, chat=ANNA)

        assert answer[0].startswith("I am Tocsin.")
        assert town.telegram.sent[-1].buttons == []


# -- groups ------------------------------------------------------------------------------------------------------


async def test_what_another_has_scheduled_is_changed_by_nobody_who_does_not_manage_the_group_and_is_admitted(
    open_town: Opener,
) -> None:
    async with open_town(echo) as town:
        telegram = town.telegram
        telegram.say(f"/remind{BOT} in 20 minutes to stretch", user=ANNA, chat=GROUP)
        await hears(town, 1, chat=GROUP)
        job = stored_jobs(town)[0]["id"]
        telegram.say(f"/cron{BOT} remove {job}", user=BORIS, chat=GROUP)
        refused = await hears(town, 2, chat=GROUP)
        telegram.promote(MALLORY, GROUP)
        telegram.say(f"/cron{BOT} remove {job}", user=MALLORY, chat=GROUP)  # manages it, and is not admitted
        telegram.say_as_group(f"/cron{BOT} remove {job}", user=OLGA, chat=GROUP)
        await calm(town)

        assert len(stored_jobs(town)) == 1
        assert "removed" not in refused[1].lower()
        assert len(sent_to(town, GROUP)) == 2


async def test_an_admin_of_the_group_whom_it_admits_changes_the_job_of_another(open_town: Opener) -> None:
    async with open_town(echo) as town:
        telegram = town.telegram
        telegram.promote(BORIS, GROUP)
        telegram.say(f"/remind{BOT} in 20 minutes to stretch", user=ANNA, chat=GROUP)
        await hears(town, 1, chat=GROUP)
        job = stored_jobs(town)[0]["id"]
        telegram.say(f"/cron{BOT} remove {job}", user=BORIS, chat=GROUP)
        await hears(town, 2, chat=GROUP)
        await calm(town)

        assert stored_jobs(town) == []
        assert telegram.calls["getChatMember"] == 1


async def test_an_anonymous_admin_manages_the_group_in_whose_name_they_write(open_town: Opener) -> None:
    groups = {str(GROUP): {"allow": [str(ANNA), str(GROUP)]}}
    async with open_town(echo, settings={"groups": groups}) as town:
        telegram = town.telegram
        telegram.say(f"/remind{BOT} in 20 minutes to stretch", user=ANNA, chat=GROUP)
        await hears(town, 1, chat=GROUP)
        job = stored_jobs(town)[0]["id"]
        telegram.say_as_group(f"/cron{BOT} remove {job}", user=OLGA, chat=GROUP)
        await hears(town, 2, chat=GROUP)
        await calm(town)

        assert (stored_jobs(town), telegram.calls["getChatMember"]) == ([], 0)


async def test_two_bots_end_after_three_exchanges(open_town: Opener, telegram: TelegramServer) -> None:
    telegram.can_read_all_group_messages = True
    telegram.person(OTHER_BOT, "Other", "other_bot", is_bot=True)
    groups = {str(GROUP): {"allow": [str(ANNA), str(OTHER_BOT)]}}
    async with open_town(echo, settings={"groups": groups}) as town:  # P-51
        for n in range(6):
            telegram.say(f"{BOT} {n}", user=OTHER_BOT, chat=GROUP)
            await calm(town)
        bots = telegram.texts(GROUP)
        telegram.say(f"{BOT} enough", user=ANNA, chat=GROUP)
        await calm(town)
        telegram.say(f"{BOT} again", user=OTHER_BOT, chat=GROUP)
        telegram.say(f"/status{BOT}", user=OTHER_BOT, chat=GROUP)
        await calm(town)

        assert bots == ["heard 0", "heard 1", "heard 2"]
        assert telegram.texts(GROUP)[3:] == ["heard enough", "heard again"]


# -- answers that grow -------------------------------------------------------------------------------------------


async def test_an_answer_grows_by_edits_and_stands_there_once_at_the_end(open_town: Opener) -> None:
    pieces = asyncio.Semaphore(0)

    async def wait() -> None:
        await pieces.acquire()

    growing = Growing(pieces=("Good", " morning", ", **Anna**."), wait=wait)
    async with open_town([growing], agent={"stream": True}) as town:
        telegram = town.telegram
        telegram.say("hello", user=ANNA)
        await hears(town, 1, chat=ANNA)
        first = telegram.texts(ANNA)
        pieces.release()
        await telegram.wait_for(lambda: telegram.texts(ANNA) == ["Good morning …"], 8)
        for _ in range(3):
            pieces.release()
        await telegram.wait_for(lambda: telegram.texts(ANNA) == ["Good morning, Anna."], 8)
        await calm(town)

        assert first == ["Good …"]
        assert [one.method for one in telegram.sent[1:]] == ["editMessageText"] * (len(telegram.sent) - 1)
        assert telegram.sent[-1].entities == [{"type": "bold", "offset": 14, "length": 4}]
