"""Jobs that watch something: full turns with a memory, which speak only when it matters."""

import json
from datetime import timedelta
from typing import Any

import pytest

from cron.job import JobStatus
from cron.run import RunStatus
from gateway.agent.model import ModelReply, Prompt, ToolResult, UserText
from gateway.agent.models.scripted import HANG, Line, calls
from gateway.agent.prompt import NOBODY_IS_HERE, NOTHING_WAS_SAID
from gateway.errors import ErrorClass
from tests.fakes import NOON, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import add_job, callers, go_to, hears, history, jobs, rows, runs_that_ended

HOUR = timedelta(hours=1)
GARMIN = "Fetch today's steps with the garmin tool. Notify if the number has changed."


def asked(prompt: Prompt) -> str:
    """The words that a scheduled turn was given."""
    return next(
        item.text for item in reversed(prompt.items) if isinstance(item, UserText) and "Rules" in item.text
    )


def results(prompt: Prompt) -> list[str]:
    """What the tools have answered in the prompt, in order."""
    return [item.text for item in prompt.items if isinstance(item, ToolResult)]


def save(job: str, state: Any) -> tuple[str, Any]:
    return "cron", {"action": "set_state", "job_id": job, "state": state}


class Watcher:
    """A model that compares the steps of the day with those in its prompt, as the rules tell it to."""

    def __init__(self, *steps: int) -> None:
        self.steps = list(steps)
        self.job = ""

    def __call__(self, prompt: Prompt) -> Line:
        if isinstance(prompt.items[-1], ToolResult):
            return f"The number of steps was {json.dumps(self.steps.pop(0))}."
        state = json.dumps({"step_count": self.steps[0]}, separators=(",", ":"))
        kept = save(self.job, json.loads(state))
        if f"<state>\n{state}\n</state>" in asked(prompt):
            return calls(kept)
        return calls(("message", {"text": f"You have walked {self.steps[0]} steps."}), kept)


async def test_a_watching_job_speaks_at_first_is_silent_without_a_change_and_speaks_after_one(
    open_world: Opener,
) -> None:
    watcher = Watcher(3000, 3000, 5000)
    async with open_world(watcher) as world:  # AB-02, AB-14, AB-18, AB-65, AB-66, AB-67, AB-68
        job = await add_job(world, prompt=GARMIN, every="3600", name="garmin")
        watcher.job = job.id

        for n in (1, 2, 3):
            await go_to(world, NOON + n * HOUR)
            await runs_that_ended(world, n)

        third, second, first = await history(world, job)
        assert await hears(world, 2) == ["You have walked 3000 steps.", "You have walked 5000 steps."]
        assert [run.messages_sent for run in (first, second, third)] == [1, 0, 1]
        assert {run.status for run in (first, second, third)} == {RunStatus.SUCCEEDED}
        assert third.output == "The number of steps was 5000."
        assert await callers(world) == {"model": 2}
        (kept,) = jobs(world)
        assert (kept.state, kept.state_revision, kept.revision) == ({"step_count": 5000}, 3, job.revision)


async def test_the_prompt_of_a_run_holds_its_task_its_state_and_its_rules(open_world: Opener) -> None:
    watcher = Watcher(4976, 4976)
    async with open_world(watcher) as world:  # AB-12, AB-19, AB-20, AB-21, AB-24
        job = await add_job(world, prompt=GARMIN, every="3600", name="garmin")
        watcher.job = job.id

        for n in (1, 2):
            await go_to(world, NOON + n * HOUR)
            await runs_that_ended(world, n)

        first, second = asked(world.model.prompts[0]), asked(world.model.prompts[2])
        assert f"<prompt>\n{GARMIN}\n</prompt>" in first
        assert "no previous state" in first
        assert f"<prompt>\n{GARMIN}\n</prompt>" in second
        assert '<state>\n{"step_count":4976}\n</state>' in second
        assert "compare what you find with the previous state, and stay silent when nothing that matters" in second
        assert "no previous state" not in second
        assert f'job_id "{job.id}"' in second
        assert "set_state" in second
        assert "2026-03-02 14:00 Mon" in second


async def test_a_state_outlives_the_gateway(open_world: Opener) -> None:
    watcher = Watcher(1, 1)
    async with open_world(watcher) as world:  # AB-26, AB-27
        job = await add_job(world, prompt=GARMIN, every="3600")
        watcher.job = job.id
        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 1)
    async with open_world(watcher, clock=world.clock) as later:
        stored = json.loads((later.home.path / "cron.json").read_text())
        await go_to(later, NOON + 2 * HOUR)
        await runs_that_ended(later, 2)

    assert stored["jobs"][0]["state"] == {"step_count": 1}
    assert '{"step_count":1}' in asked(later.model.prompts[0])
    assert later.channel.sent == []


async def test_the_final_text_of_a_scheduled_turn_reaches_nobody(open_world: Opener) -> None:
    async with open_world(["hello"]) as world:  # CARD-03, AB-16, P-55
        await add_job(world, prompt="greet", every="3600")

        await go_to(world, NOON + HOUR)
        (run,) = await runs_that_ended(world, 1)

        assert run.output == "hello"
        assert await callers(world) == {}
        assert world.channel.tried == []


async def test_a_due_job_comes_as_a_system_message_of_its_own_chat(open_world: Opener) -> None:
    async with open_world([""]) as world:  # CARD-02, AB-10, AB-11, P-14
        heard = []
        world.gateway.bus.subscribe(heard.append)
        job = await add_job(world, prompt="look", every="3600")

        await go_to(world, NOON + HOUR)

        (message,) = heard
        (run,) = await runs_that_ended(world, 1)
        assert (message.channel, message.sender_id) == ("system", f"cron:{job.id}")
        assert message.address == job.address
        assert message.occasion.run == run.id
        assert message.occasion.scheduled_for == NOON + HOUR


async def test_a_scheduled_turn_has_the_tools_of_a_persons_turn(open_world: Opener) -> None:
    async with open_world(["hi", ""]) as world:  # AB-01
        await world.channel.say("hello")
        await hears(world, 1)
        await add_job(world, prompt="look", every="3600")

        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 1)

        person, scheduled = world.model.prompts
        assert scheduled.tools == [tool for tool in person.tools if tool.name not in {"schedule", "reminder"}]
        assert scheduled.context.scheduled
        assert not person.context.scheduled


# -- what a scheduled turn may not do --------------------------------------------------------------------------


async def test_a_scheduled_turn_cannot_make_change_or_start_jobs(open_world: Opener) -> None:
    refused = [
        ("cron", {"action": "add", "message": "more", "every_seconds": 60}),
        ("cron", {"action": "update", "job_id": "watch", "message": "else"}),
        ("cron", {"action": "run", "job_id": "watch"}),
        ("cron", {"action": "enable", "job_id": "watch"}),
    ]
    async with open_world([calls(*refused), "done"]) as world:  # C-19
        job = await add_job(world, prompt="look", every="3600", name="watch")

        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 1)

        answers = results(world.model.prompts[1])
        assert len(answers) == 4
        assert all(answer.startswith("a scheduled run may not") for answer in answers)
        assert jobs(world) == [job]


@pytest.mark.parametrize("action", ["remove", "disable"])
async def test_a_scheduled_turn_can_end_its_own_job_and_no_other(open_world: Opener, action: str) -> None:
    async with open_world() as world:  # C-19
        other = await add_job(world, say="hi", every="7200", name="other")
        own = await add_job(world, prompt="look", every="3600", name="own")
        plan = iter([calls(*[("cron", {"action": action, "job_id": j.id}) for j in (other, own)]), "done"])
        world.model._script = lambda _: next(plan)

        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 1)

        refused, done = results(world.model.prompts[1])
        left = {job.name: job.status for job in jobs(world)}
        assert refused.startswith(f"a scheduled run may {action} its own job only")
        assert done.startswith(("Removed", "Disabled"))
        assert left.pop("other") is JobStatus.ENABLED
        assert left == ({} if action == "remove" else {"own": JobStatus.DISABLED})


async def test_a_job_that_is_named_like_anothers_id_cannot_end_that_one(open_world: Opener) -> None:
    async with open_world() as world:  # C-19
        other = await add_job(world, say="hi", every="7200", name="other")
        await add_job(world, prompt="look", every="3600", name=other.id)
        plan = iter([calls(("cron", {"action": "remove", "job_id": other.id})), "done"])
        world.model._script = lambda _: next(plan)

        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 1)

        assert "other" in [job.name for job in jobs(world)]


async def test_a_scheduled_turn_can_set_the_state_of_its_own_job_only(open_world: Opener) -> None:
    async with open_world() as world:  # AB-28, AB-63
        other = await add_job(world, prompt="other", every="7200", name="other")
        own = await add_job(world, prompt="look", every="3600", name="own")
        plan = iter([calls(save(other.id, 1), save("ffffffff", 1), save(own.id, 1)), "done"])
        world.model._script = lambda _: next(plan)

        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 1)

        foreign, unknown, kept = results(world.model.prompts[1])
        assert foreign == unknown
        assert kept == "kept for the next run"
        assert {job.name: job.state for job in jobs(world)} == {"other": None, "own": 1}


async def test_a_scheduled_turn_that_asks_is_told_once_that_nobody_is_there(open_world: Opener) -> None:
    async with open_world(["Shall I go on?", "Shall I really?"]) as world:
        await add_job(world, prompt="look", every="3600")

        await go_to(world, NOON + HOUR)
        (run,) = await runs_that_ended(world, 1)

        assert world.model.prompts[1].items[-1] == UserText(NOBODY_IS_HERE)
        assert len(world.model.prompts) == 2
        assert (run.status, run.output) == (RunStatus.SUCCEEDED, "Shall I really?")


# -- notify, overlap, time limits ------------------------------------------------------------------------------


async def test_a_job_that_notifies_always_is_reminded_once_to_speak(open_world: Opener) -> None:
    async with open_world(["all is well", calls(("message", {"text": "All is well."})), "said"]) as world:
        await add_job(world, prompt="look", every="3600", notify="always")

        await go_to(world, NOON + HOUR)
        (run,) = await runs_that_ended(world, 1)

        assert world.model.prompts[1].items[-1] == UserText(NOTHING_WAS_SAID)
        assert await hears(world, 1) == ["All is well."]
        assert run.status is RunStatus.SUCCEEDED


async def test_a_run_that_had_to_speak_and_did_not_fails_as_undelivered(open_world: Opener) -> None:
    async with open_world(["all is well", "all is well"]) as world:
        await add_job(world, prompt="look", every="3600", notify="always")

        await go_to(world, NOON + HOUR)
        (run,) = await runs_that_ended(world, 1)

        assert (run.status, run.error_class) == (RunStatus.FAILED, ErrorClass.UNDELIVERED)
        assert run.output == "all is well"
        assert world.channel.tried == []


async def test_a_job_that_never_notifies_has_no_way_to_speak(open_world: Opener) -> None:
    async with open_world([calls(("message", {"text": "psst"})), "tried"]) as world:  # HP-37, C-01
        await add_job(world, prompt="look", every="3600", notify="never")

        await go_to(world, NOON + HOUR)
        (run,) = await runs_that_ended(world, 1)

        assert "message" not in [tool.name for tool in world.model.prompts[0].tools]
        assert results(world.model.prompts[1]) == ["there is no tool 'message' here; there are: cron, web_fetch"]
        assert await callers(world) == {}
        assert run.status is RunStatus.SUCCEEDED


async def test_an_occurrence_while_the_last_run_still_works_is_skipped_with_the_reason(open_world: Opener) -> None:
    async with open_world([HANG]) as world:
        await add_job(world, prompt="look", every="60")

        await go_to(world, NOON + timedelta(minutes=1))
        await world.model.asked(1)
        await go_to(world, NOON + timedelta(minutes=2))
        skipped, running = await _two_runs(world)

        assert (running.status, running.scheduled_at) == (RunStatus.RUNNING, NOON + timedelta(minutes=1))
        assert (skipped.status, skipped.scheduled_at) == (RunStatus.SKIPPED, NOON + timedelta(minutes=2))
        assert skipped.error == f"run {running.id} of this job is not over"
        world.gateway.loop.cancel(running.id)


async def _two_runs(world: World) -> list[Any]:
    while len(found := await history(world)) < 2:
        await world.clock.advance(timedelta())
    return found


async def test_a_run_is_stopped_at_its_time_limit_and_not_before(open_world: Opener) -> None:
    async with open_world([HANG]) as world:  # P-28
        await add_job(world, prompt="look", cron="0 13 * * *", timeout="20s", retry={"attempts": 1})
        await go_to(world, NOON + HOUR)
        await world.model.asked(1)

        await world.clock.advance(timedelta(seconds=19))
        (before,) = await history(world)
        await world.clock.advance(timedelta(seconds=1))
        (run,) = await runs_that_ended(world, 1)

        assert before.status is RunStatus.RUNNING
        assert (run.status, run.error_class) == (RunStatus.TIMED_OUT, ErrorClass.TIMEOUT)
        assert run.error == "stopped after 20 s (the time limit of a turn)"


async def test_a_run_that_is_cancelled_ends_as_cancelled_and_the_job_goes_on(open_world: Opener) -> None:
    async with open_world([HANG, "fine"]) as world:
        await add_job(world, prompt="look", every="3600")
        await go_to(world, NOON + HOUR)
        await world.model.asked(1)
        (running,) = await history(world)

        cancelled = world.gateway.loop.cancel(running.id)
        await runs_that_ended(world, 1)
        await go_to(world, NOON + 2 * HOUR)
        second, first = await runs_that_ended(world, 2)

        assert cancelled
        assert (first.status, second.status) == (RunStatus.CANCELLED, RunStatus.SUCCEEDED)


# -- sessions ----------------------------------------------------------------------------------------------------


async def test_a_job_of_the_main_session_knows_what_was_said_there(open_world: Opener) -> None:
    async with open_world(["Noted.", "done"]) as world:  # OC-14
        await world.channel.say("my cat is called Mia")
        await hears(world, 1)
        await add_job(world, prompt="look", every="3600", session="main")

        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 1)

        said, answered, _ = world.model.prompts[1].items
        assert isinstance(said, UserText)
        assert said.text == "my cat is called Mia"
        assert answered == ModelReply(text="Noted.")


async def test_isolated_runs_know_nothing_of_each_other_and_are_forgotten(open_world: Opener) -> None:
    async with open_world(["first", "second"]) as world:  # OC-15
        await add_job(world, prompt="look", every="3600")
        for n in (1, 2):
            await go_to(world, NOON + n * HOUR)
            await runs_that_ended(world, n)
        kept = await rows(world, "SELECT session FROM turns")
        world.clock.set(NOON + timedelta(hours=27))
        await world.clock.advance(HOUR / 60)

    assert len(world.model.prompts[1].items) == 1
    assert len({session for (session,) in kept}) == 2
    async with open_world([], clock=world.clock, cron={"enabled": False}) as later:
        await until_forgotten(later)


async def until_forgotten(world: World) -> None:
    while await rows(world, "SELECT 1 FROM turns WHERE finished_at < ?", "2026-03-02T15"):
        await world.clock.advance(timedelta())


async def test_runs_of_a_named_session_remember_each_other(open_world: Opener) -> None:
    async with open_world(["first", "second"]) as world:  # OC-16
        await add_job(world, prompt="look", every="3600", session="session:diary")

        for n in (1, 2):
            await go_to(world, NOON + n * HOUR)
            await runs_that_ended(world, n)

        before = world.model.prompts[1].items
        assert len(before) == 3
        assert before[1] == ModelReply(text="first")


# -- running by hand ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "call",
    [("cron", {"action": "run", "job_id": "watch"}), ("cron_run", {"name": "watch"})],
    ids=["cron", "cron_run"],
)
async def test_a_job_that_is_run_by_hand_keeps_its_schedule(
    open_world: Opener, call: tuple[str, dict[str, str]]
) -> None:
    by_hand = calls(call)
    async with open_world([by_hand, "started", "looked", "looked"]) as world:  # C-15, P-31, PRX-33
        job = await add_job(world, prompt="look", every="3600", name="watch")
        before = world.gateway.cron.next_fire

        await world.channel.say("run the watch now")
        (run,) = await runs_that_ended(world, 1)

        assert (run.trigger, run.scheduled_at) == ("manual", NOON)
        assert world.gateway.cron.next_fire == before == NOON + HOUR
        await go_to(world, NOON + HOUR)
        second, _ = await runs_that_ended(world, 2)
        assert (second.job_uid, second.trigger) == (job.uid, "schedule")


async def test_a_disabled_job_is_not_run_by_hand(open_world: Opener) -> None:
    by_hand = calls(("cron", {"action": "run", "job_id": "watch"}))
    stop = calls(("cron", {"action": "disable", "job_id": "watch"}))
    async with open_world([stop, "stopped", by_hand, "no"]) as world:  # C-15, P-31
        await add_job(world, prompt="look", every="3600", name="watch")

        await world.channel.say("stop watching")
        await world.channel.say("run the watch now")
        await hears(world, 2)

        (answer,) = results(world.model.prompts[3])[1:]
        assert "disabled" in answer
        assert await history(world) == []


async def test_a_call_that_is_replayed_makes_one_job_and_keeps_one_state(open_world: Opener) -> None:
    add = calls(("cron", {"action": "add", "say": "hi", "every_seconds": 3600}))
    async with open_world([add, HANG]) as world:
        await world.channel.say("greet me every hour")
        await world.model.asked(2)
        (first,) = jobs(world)
        steps = await rows(world, "SELECT count(*) FROM steps WHERE kind = 'result'")
        await world.gateway.lanes.stop(grace=timedelta())

    async with open_world(["done"], clock=world.clock) as later:  # the result of the call was not written
        await hears(later, 1)

        assert steps == [(0,)]
        assert [job.uid for job in jobs(later)] == [first.uid]
        assert "Scheduled" in results(later.model.prompts[0])[0]


async def test_a_job_that_fails_again_and_again_goes_on(open_world: Opener) -> None:
    async with open_world([]) as world:
        await add_job(world, prompt="look", every="3600")

        for n in (1, 2):
            await go_to(world, NOON + n * HOUR)
            await runs_that_ended(world, n)

        assert [run.status for run in await history(world)] == [RunStatus.FAILED] * 2
        assert [job.status for job in jobs(world)] == [JobStatus.ENABLED]
        await until(lambda: world.gateway.cron.next_fire == NOON + 3 * HOUR)
