"""The conversation of a newcomer: no account, no key, no network; words in, reminders out."""

from datetime import UTC, datetime, timedelta

from cron import phrases
from cron.job import Say
from cron.schedule import Cron
from gateway.agent.models.offline import OfflineModel
from gateway.messages import ChatAddress
from tests.fakes import NOON, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import callers, go_to, jobs

BERLIN = {"timezone": "Europe/Berlin"}


async def answer(world: World, text: str) -> str:
    """Say something and wait for the one reply to it."""
    before = len(world.channel.sent)
    await world.channel.say(text, key=text)
    await until(lambda: len(world.channel.sent) > before)
    await until(lambda: not world.gateway.lanes.running)
    assert len(world.channel.sent) == before + 1
    return world.channel.texts()[-1]


async def test_a_newcomer_makes_lists_changes_and_stops_jobs_in_plain_words(open_world: Opener) -> None:
    async with open_world(OfflineModel(phrases.find).ask, **BERLIN) as world:
        stretch = await answer(world, "remind me in 20 seconds to stretch")
        report = await answer(world, "every weekday at 9 tell me to write my report")
        listed = await answer(world, "what is scheduled?")
        changed = await answer(world, "make it 8 instead")
        by_name = {job.name: job for job in jobs(world)}
        stopped = await answer(world, "stop the report")

        assert "2026-03-02 13:00:20" in stretch
        assert "Europe/Berlin" in stretch
        assert "stretch" in stretch
        assert "2026-03-03 09:00" in report
        assert "Europe/Berlin" in report
        assert '"stretch"' in listed
        assert '"write my report"' in listed
        assert "2026-03-03 08:00" in changed
        assert by_name["write my report"].schedule == Cron("0 8 * * 1-5", "Europe/Berlin")
        assert by_name["write my report"].payload == Say(text="write my report")
        assert "write my report" in stopped
        assert [job.name for job in jobs(world)] == ["stretch"]


async def test_a_reminder_of_a_newcomer_comes_after_the_time_they_said(open_world: Opener) -> None:
    async with open_world(OfflineModel(phrases.find).ask, **BERLIN) as world:
        await answer(world, "remind me in 20 seconds to stretch")

        await world.clock.advance(timedelta(seconds=19))
        before = len(world.channel.sent)
        await world.clock.advance(timedelta(seconds=1))
        await until(lambda: len(world.channel.sent) == 2)

        assert before == 1
        assert world.channel.texts()[1] == "stretch"
        assert len(world.model.prompts) == 2  # those of the first sentence
        assert await callers(world) == {"reply": 1, "reminder": 1}


async def test_a_weekday_reminder_is_not_said_on_a_sunday(open_world: Opener) -> None:
    async with open_world(OfflineModel(phrases.find).ask, **BERLIN) as world:
        await answer(world, "every weekday at 9 tell me to write my report")
        monday = datetime(2026, 3, 9, 8, tzinfo=UTC)

        world.clock.set(datetime(2026, 3, 7, 23, tzinfo=UTC))
        await go_to(world, datetime(2026, 3, 8, 8, tzinfo=UTC))
        on_sunday = world.channel.texts()[1:]
        await go_to(world, monday)
        await until(lambda: "write my report" in world.channel.texts())

        assert all("I was away" in text for text in on_sunday)


async def test_help_is_answered_without_a_network(open_world: Opener) -> None:
    async with open_world(OfflineModel(phrases.find).ask) as world:
        text = await answer(world, "help")

        assert "remind me" in text.lower()


async def test_a_chat_of_the_terminal_keeps_its_jobs_over_a_restart(open_world: Opener) -> None:
    async with open_world(OfflineModel(phrases.find).ask, **BERLIN) as world:
        await answer(world, "remind me in 20 seconds to stretch")

    async with open_world(OfflineModel(phrases.find).ask, clock=world.clock, **BERLIN) as later:
        listed = await answer(later, "what is scheduled?")
        await go_to(later, NOON + timedelta(seconds=20))
        await until(lambda: len(later.channel.sent) == 2)

    assert '"stretch"' in listed
    assert later.channel.texts()[1] == "stretch"
    assert later.channel.sent[1].address == ChatAddress(channel="test", chat="1")
