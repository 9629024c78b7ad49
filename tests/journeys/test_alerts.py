"""Jobs that fail: who hears of it, and what becomes of them; no model is asked for that."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from cron.book import OPERATOR
from cron.job import Job, JobStatus
from cron.policy import FailureAlert, Lifecycle
from cron.run import Run, RunStatus
from gateway.agent.model import Prompt
from gateway.agent.models.scripted import HANG, Line, ScriptedModel, calls
from gateway.app import running
from gateway.config import Config
from gateway.errors import ErrorClass, ModelError, PermanentDeliveryError
from gateway.events import Happened
from gateway.home import Home, prepare
from gateway.messages import ChatAddress
from gateway.outbox import unsent
from gateway.setup import Setup
from tests.fakes import NOON, FakeClock, RecordingChannel, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import add_job, callers, go_to, hears, history, jobs, runs_that_ended

HOUR = timedelta(hours=1)


class Provider:
    """A model that can be down."""

    def __init__(self) -> None:
        self.down = True

    def __call__(self, prompt: Prompt) -> Line:
        return ModelError("the key is refused", ErrorClass.PERMISSION) if self.down else "Nothing new."


async def end_runs(world: World, count: int, *, at: datetime = NOON) -> None:
    """Let so many hourly runs take place from `at` on, one after the other."""
    before = len(await history(world))
    for n in range(1, count + 1):
        await go_to(world, at + n * HOUR)
        await runs_that_ended(world, before + n)


async def test_three_failures_are_one_alert_and_the_next_success_is_one_note(open_world: Opener) -> None:
    provider = Provider()
    async with open_world(provider) as world:  # P-30, OC-13, C-01
        await add_job(world, name="news", prompt="What is new?", every="1h")

        await end_runs(world, 5)
        failed = await hears(world, 1)
        provider.down = False
        await end_runs(world, 2, at=NOON + 5 * HOUR)

        assert failed[0].startswith('The job "news"')
        assert "has failed 3 times in a row: the key is refused." in failed[0]
        (_, recovered) = await hears(world, 2)
        assert recovered.endswith("has succeeded again.")
        assert await callers(world) == {"alert": 2}


async def test_a_job_that_keeps_failing_is_paused_and_runs_again_when_it_is_resumed(open_world: Opener) -> None:
    provider = Provider()
    async with open_world(provider) as world:  # P-30
        job = await add_job(world, name="news", prompt="What is new?", every="1h")

        await end_runs(world, 10)
        await until(lambda: jobs(world)[0].status is JobStatus.PAUSED)
        await go_to(world, NOON + 13 * HOUR)
        (_, last) = await hears(world, 2)
        paused, asked = jobs(world)[0], len(world.model.prompts)
        world.gateway.scheduling.book.enable(job.id, OPERATOR, world.clock.now())
        await world.gateway.cron.reload()
        await end_runs(world, 1, at=NOON + 13 * HOUR)

        assert "has failed 10 times in a row" in last
        assert "It is paused; resume it when the cause is gone." in last
        assert (paused.status_reason, asked) == ("it has failed 10 times in a row", 10)
        assert jobs(world)[0].status is JobStatus.ENABLED
        assert len(world.channel.sent) == 2


async def test_a_critical_job_alerts_the_chat_that_it_names_at_the_first_failure(open_world: Opener) -> None:
    broken = calls(("backup", {}))  # a tool that does not work: the model asks for it until its steps are over
    other = ChatAddress(channel="test", chat="347207938")
    async with open_world(lambda _: broken, agent={"max_steps": 3}) as world:  # OC-07, OC-26, OC-34
        await change(
            world,
            await add_job(world, name="backup", event="Check the backup.", every="1h"),
            failure_alert=FailureAlert(after=1, address=other),
        )

        await end_runs(world, 2)
        await hears(world, 1)

        (alert,) = world.channel.texts("347207938")
        assert 'The job "backup"' in alert
        assert "stopped after 3 steps" in alert


async def change(world: World, job: Job, **fields: object) -> Job:
    """The job with other fields, as the scheduler knows it from now on."""
    changed = world.gateway.store.put(replace(job, **fields))  # type: ignore[arg-type]
    await world.gateway.cron.reload()
    return changed


async def test_an_alert_that_cannot_be_delivered_is_counted_for_the_status(open_world: Opener) -> None:
    async with open_world(Provider()) as world:  # P-30
        world.channel.faults = [PermanentDeliveryError("the chat is gone")]
        await add_job(world, name="news", prompt="What is new?", at="2026-03-02T12:10")

        await go_to(world, NOON + timedelta(minutes=10))
        await runs_that_ended(world, 1)
        await until(lambda: world.channel.tried)
        await world.clock.advance(timedelta())

        assert await world.gateway.database.read(unsent.dead_alerts) == 1


# -- ends as events ----------------------------------------------------------------------------------------------


async def test_a_run_that_is_cancelled_is_an_event_that_this_process_hears_of(open_world: Opener) -> None:
    async with open_world(lambda _: HANG) as world:  # HP-41, C-23
        heard: list[Happened] = []
        world.gateway.bus.listen(heard.append)
        job = await add_job(world, name="news", prompt="What is new?", every="1h")
        await change(world, job, notify_on=(Lifecycle.CANCELLED,))
        await go_to(world, NOON + HOUR)
        await world.model.asked(1)

        (running,) = await history(world)
        world.gateway.loop.cancel(running.id)
        (run,) = await runs_that_ended(world, 1)
        await until(lambda: heard)

        assert run.status is RunStatus.CANCELLED
        assert [(event.kind, event.subject) for event in heard] == [("run.cancelled", run.id)]


class Hook:
    """Hears of runs, and fails at it."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def on_complete(self, run: Run) -> None:
        self.heard.append(("complete", run.id))
        raise ValueError("a bug in the hook")

    def on_fail(self, run: Run) -> None:
        self.heard.append(("fail", run.id))
        raise ValueError("a bug in the hook")


async def test_a_hook_of_the_same_process_is_given_each_run_and_its_bugs_harm_none(tmp_path: Path) -> None:
    provider, hook, clock, channel = Provider(), Hook(), FakeClock(), RecordingChannel()
    home = Home(tmp_path / "home")  # HP-17, HP-18
    prepare(home)
    setup = Setup(
        home=home,
        config=Config.layered(environment={}, file={}),
        clock=clock,
        model=ScriptedModel(provider),
        channels={channel.name: channel},
        listeners=[hook],
    )
    async with running(setup) as gateway:
        world = World(gateway, channel, clock, ScriptedModel(), home)
        await add_job(world, name="news", prompt="What is new?", every="1h")

        await end_runs(world, 1)
        provider.down = False
        await end_runs(world, 1, at=NOON + HOUR)
        succeeded, failed = await history(world)

        assert hook.heard == [("fail", failed.id), ("complete", succeeded.id)]
        assert (failed.status, succeeded.status) == (RunStatus.FAILED, RunStatus.SUCCEEDED)
