"""Reminders in plain words, without a model: answered, nagging, about a message; and a page that is watched."""

from datetime import timedelta
from functools import partial

from channels.console import ConsoleChannel
from cron import phrases
from cron.reminders import reminding
from gateway.agent.models.offline import OfflineModel
from gateway.messages import Caller, ChatAddress, OutboundMessage
from tests.fakes import NOON, FakeClock, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import go_to, hears, history, jobs, rows, runs_that_ended
from tests.journeys.test_fetching import http
from tests.servers.machine import Answer, in_turn, machine

BERLIN = {"timezone": "Europe/Berlin"}
MINUTE = timedelta(minutes=1)
OFFLINE = OfflineModel(partial(phrases.find, languages=("en", "zh"))).ask


async def answer(world: World, text: str) -> str:
    """Say something and wait for the one reply to it."""
    before = len(world.channel.sent)
    await world.channel.say(text)
    await until(lambda: len(world.channel.sent) > before)
    await until(lambda: not world.gateway.lanes.running)
    return world.channel.texts()[-1]


async def _said(world: World, count: int) -> None:
    await until(lambda: len(world.channel.sent) == count)
    await until(lambda: not world.gateway.lanes.running)


async def test_a_time_alone_puts_off_the_reminder_that_was_just_said(open_world: Opener) -> None:
    async with open_world(OFFLINE, **BERLIN) as world:
        await answer(world, "remind me in 20 minutes to stretch")
        await go_to(world, NOON + 20 * MINUTE)
        await _said(world, 2)

        put_off = await answer(world, "tomorrow")

        assert "stretch" in put_off
        assert "2026-03-03 13:20 Tue (Europe/Berlin)" in put_off
        (later,) = jobs(world)
        assert later.created_by == "anna"


async def test_done_in_words_ends_the_nagging(open_world: Opener) -> None:
    async with open_world(OFFLINE, **BERLIN) as world:
        made = await answer(
            world, "remind me in 20 minutes to take my pills and nag me every 5 minutes until done"
        )
        await go_to(world, NOON + 20 * MINUTE)
        await _said(world, 2)
        done = await answer(world, "done")
        world.clock.set(NOON + 60 * MINUTE)
        await world.gateway.scheduling.nagger.step(world.clock.now())

        assert "again every 5m until it is done" in made
        assert done == "✓ take my pills"
        assert len(world.channel.sent) == 3
        assert await rows(world, "SELECT state FROM reminders") == [("done",)]


async def test_what_is_answered_is_said_once_by_a_snooze_and_not_known_to_other_chats(open_world: Opener) -> None:
    async with open_world(OFFLINE, **BERLIN) as world:
        await answer(world, "提醒我20分钟后伸展")
        await go_to(world, NOON + 20 * MINUTE)
        await _said(world, 2)
        await world.channel.say("done", chat="2")
        await _said(world, 3)
        other = world.channel.texts("2")
        snoozed = await answer(world, "10分钟后再提醒我")
        await go_to(world, NOON + 30 * MINUTE)
        await _said(world, 5)

        assert other == ["No reminder waits for an answer here."]  # P-72
        assert "伸展" in snoozed
        assert world.channel.texts()[-1] == "伸展"
        assert [run.job_name for run in await history(world)] == ["伸展", "伸展"]


async def test_a_page_is_watched_without_a_model(open_world: Opener) -> None:
    async with (
        machine(
            in_turn(
                _page("2.50"), _page("2.50"), _page("2.50"), _page("2.70"), Answer(status=503), Answer(status=503)
            )
        ) as there,
        open_world(OFFLINE, http=http(there), **BERLIN) as world,
    ):
        made = await answer(world, f"watch {there.url()} every 5 minutes and tell me when it changes")

        for n in range(1, 6):
            await go_to(world, NOON + 5 * n * MINUTE)
            await runs_that_ended(world, n)

        heard = (await hears(world, 3))[1:]
        assert made.startswith("Scheduled ")
        assert heard[0] == f"{there.url()} has changed:\n```diff\n+ Bread 2.70\n- Bread 2.50\n```"
        assert heard[1].startswith(f"I cannot read {there.url()} any more")
        assert len(heard) == 2
        assert made.endswith("I can read the page now; I speak when it changes.")
        assert there.connections == 6


def _page(price: str) -> Answer:
    return Answer(headers={"Content-Type": "text/plain"}, body=f"Bread {price}\nMilk 1.20".encode())


def test_a_terminal_shows_words_in_the_place_of_buttons() -> None:
    message = OutboundMessage(
        delivery_id="d",
        address=ChatAddress(channel="console", chat="1"),
        caller=Caller.REMINDER,
        text="stretch",
        buttons=reminding.buttons("0" * 16),
        hint=reminding.HINT,
    )

    (part,) = ConsoleChannel("console", FakeClock()).render(message)

    assert part.payload["text"] == "stretch\n(/done · /snooze 10m · /snooze 1h · /snooze tomorrow)"


def test_what_a_button_carries_fits_anywhere() -> None:
    data = [button.data for row in reminding.buttons("f" * 16) for button in row]

    assert max(len(one.encode()) for one in data) <= 32
