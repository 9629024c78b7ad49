"""A reminder with `nag` is said again until somebody answers it: over restarts, never twice, never after Done."""

from datetime import timedelta

from cron.reminders import reminding
from gateway.errors import TransientDeliveryError
from tests.fakes import NOON, FakeClock, RecordingChannel, settle, until
from tests.journeys.asking import Buttons, answer
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import go_to, history, jobs, jump_to, rows

MINUTE = timedelta(minutes=1)
PILLS = "/remind in 30 minutes to take my pills | nag 10m"
DUE = NOON + 30 * MINUTE


async def _said(world: World) -> int:
    """How often the words were said."""
    await world.clock.advance(timedelta())
    return sum(text.startswith("take my pills") for text in world.channel.texts())


async def _pass(world: World, duration: timedelta) -> None:
    """So much later; what is due to be said again then is said."""
    world.clock.set(world.clock.now() + duration)
    await world.gateway.scheduling.nagger.step(world.clock.now())
    await settle()


async def _nagging(world: World, times: int) -> None:
    """The reminder was said, and so many times again."""
    await answer(world, PILLS)
    await go_to(world, DUE)
    await until(lambda: len(world.channel.sent) == 2)
    for n in range(times):
        await _pass(world, 10 * MINUTE)
        await until(lambda n=n: len(world.channel.sent) == 3 + n)  # type: ignore[misc]


async def test_it_is_said_again_on_time_by_itself(open_world: Opener) -> None:
    async with open_world() as world:
        await answer(world, "/remind in 5 seconds take my pills | nag 1m")
        await world.clock.advance(timedelta(seconds=6))
        await until(lambda: len(world.channel.sent) == 2)

        await world.clock.advance(timedelta(seconds=60))
        await until(lambda: len(world.channel.sent) == 3)

        assert await _said(world) == 2


async def test_a_reminder_is_said_again_until_it_is_done(open_world: Opener) -> None:
    async with open_world() as world:  # PEERS: nag until done
        await _nagging(world, 3)
        said = await _said(world)
        done = await answer(world, "/done")

        await _pass(world, timedelta(hours=3))

        assert (said, done) == (4, "✓ take my pills")
        assert await _said(world) == 4  # never after Done
        (run,) = await history(world)
        assert run.messages_sent == 4
        assert jobs(world) == []  # the job itself is over after its one run


async def test_what_is_said_again_has_the_same_buttons(open_world: Opener) -> None:
    async with open_world() as world:
        await _nagging(world, 1)

        found = await rows(world, "SELECT message FROM outbox WHERE caller = 'reminder' ORDER BY seq")
        (run,) = await history(world)

        assert len(found) == 2
        assert all(f"/done {run.id}" in text for (text,) in found)


async def test_nagging_goes_on_after_a_restart_and_makes_up_for_nothing(open_world: Opener) -> None:
    clock, channel = FakeClock(), RecordingChannel()
    async with open_world(clock=clock, channel=channel) as world:
        await _nagging(world, 1)
    clock.set(DUE + 60 * MINUTE)
    channel = RecordingChannel()
    async with open_world(clock=clock, channel=channel) as world:
        await until(lambda: channel.texts() == ["take my pills"])
        await _pass(world, 10 * MINUTE)
        await until(lambda: len(channel.sent) == 2)
        await answer(world, "/done", key="after the restart")
        await _pass(world, 60 * MINUTE)

        assert await _said(world) == 2


async def test_done_before_a_restart_is_known_after_it(open_world: Opener) -> None:
    clock = FakeClock()
    async with open_world(clock=clock) as world:
        await _nagging(world, 1)
        await answer(world, "/done")
    channel = RecordingChannel()
    async with open_world(clock=clock, channel=channel) as world:
        await _pass(world, 60 * MINUTE)

        assert await _said(world) == 0


async def test_a_snooze_pauses_it(open_world: Opener) -> None:
    async with open_world() as world:
        await _nagging(world, 1)
        snoozed = await answer(world, "/snooze 1h")
        await _pass(world, 59 * MINUTE)
        quiet = await _said(world)
        (later,) = jobs(world)

        await go_to(world, DUE + 70 * MINUTE)
        await until(lambda: len(world.channel.sent) == 5)
        await _pass(world, 10 * MINUTE)
        await until(lambda: len(world.channel.sent) == 6)

        assert "Again 2026-03-02 13:40 Mon" in snoozed
        assert quiet == 2
        assert later.nag == 10 * MINUTE
        assert await _said(world) == 4


async def test_it_ends_after_so_many_times_with_one_note(open_world: Opener) -> None:
    async with open_world() as world:
        await _nagging(world, 0)
        for _ in range(reminding.MOST_NAGS + 3):
            await _pass(world, 10 * MINUTE)
            await world.clock.advance(timedelta())

        notes = [text for text in world.channel.texts() if "I stop now" in text]
        assert notes == ["take my pills\n\nI have said this every 10m and nobody has answered: I stop now."]
        assert await _said(world) == 1 + reminding.MOST_NAGS + 1
        assert await rows(world, "SELECT 1 FROM reminders WHERE next_at IS NOT NULL") == []


async def test_words_that_have_not_arrived_are_not_piled_up(open_world: Opener) -> None:
    async with open_world() as world:
        await _nagging(world, 0)
        world.channel.gate.clear()  # the platform hangs
        for _ in range(6):
            await _pass(world, 10 * MINUTE)
        waiting = await rows(world, "SELECT 1 FROM outbox WHERE state = 'open'")
        world.channel.gate.set()

        assert len(waiting) == 1


async def test_a_repeating_reminder_that_is_removed_nags_no_more(open_world: Opener) -> None:
    async with open_world() as world:
        await answer(world, "/remind every day at 12:30 take my pills | nag 10m")
        await go_to(world, DUE)
        await until(lambda: len(world.channel.sent) == 2)
        (job,) = jobs(world)
        await answer(world, f"/cron remove {job.id}")

        await _pass(world, 60 * MINUTE)

        assert await _said(world) == 1


async def test_the_next_day_takes_the_place_of_the_day_before(open_world: Opener) -> None:
    async with open_world() as world:
        await answer(world, "/remind every day at 12:30 take my pills | nag 4h")
        await go_to(world, DUE)
        await until(lambda: len(world.channel.sent) == 2)
        await jump_to(world, DUE + timedelta(days=1))
        await settle()

        assert len(await rows(world, "SELECT 1 FROM reminders WHERE next_at IS NOT NULL")) == 1


async def test_a_press_on_a_button_stops_it(open_world: Opener) -> None:
    channel = Buttons()
    async with open_world(channel=channel) as world:
        await _nagging(world, 1)
        (run,) = await history(world)

        await channel.press(f"/done {run.id}", message_id="m2")
        await until(lambda: len(channel.sent) == 4)
        await _pass(world, 60 * MINUTE)

        assert channel.sent[-1].edits == "m2"
        assert len(channel.sent) == 4


async def test_the_reminder_of_another_chat_is_not_known(open_world: Opener) -> None:
    async with open_world() as world:  # P-72
        await _nagging(world, 0)
        (run,) = await history(world)

        foreign = [await answer(world, f"/{verb} {run.id}", chat="2") for verb in ("done", "snooze 1h")]
        unknown = [await answer(world, f"/{verb} {'0' * 16}", chat="2") for verb in ("done", "snooze 1h")]

        assert foreign == unknown == ["This reminder is not known here any more."] * 2
        assert await rows(world, "SELECT state FROM reminders") == [("open",)]


async def test_a_platform_that_refuses_for_a_while_gets_the_words_once(open_world: Opener) -> None:
    async with open_world() as world:
        await _nagging(world, 0)
        world.channel.faults = [TransientDeliveryError("busy")]
        await _pass(world, 10 * MINUTE)
        await world.clock.advance(timedelta(seconds=3))

        assert await _said(world) == 2
