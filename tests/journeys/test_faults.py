"""A model that fails in every way: one sentence for the person, nothing half, nothing twice, the chat goes on."""

from datetime import timedelta

import pytest

from gateway.agent.model import Prompt, ToolResult
from gateway.agent.models.scripted import HANG, Line, calls
from gateway.agent.prompt import NOBODY_IS_HERE
from gateway.errors import ErrorClass, ModelError
from gateway.messages import Caller
from tests.fakes import until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import add_job, callers, hears, jump_to, rows, runs_that_ended

TRANSIENT = [kind for kind in ErrorClass if kind.transient]
LASTING = [kind for kind in ErrorClass if not kind.transient]


async def _pass_retries(world: World) -> None:
    """Let the pauses pass that are between the questions of one turn."""
    for asked in range(2, 5):
        await world.clock.advance(timedelta(seconds=10))
        await world.model.asked(asked)


@pytest.mark.parametrize("kind", LASTING)
async def test_a_lasting_model_error_is_told_in_one_message_and_the_next_turn_works(
    open_world: Opener, kind: ErrorClass
) -> None:
    async with open_world([ModelError("the provider says no", kind), "better now"]) as world:
        await world.channel.say("first")
        await until(lambda: world.channel.sent)
        await world.channel.say("second")

        heard = await hears(world, 2)

        assert heard == ["I could not finish this: the provider says no.", "better now"]
        assert await callers(world) == {Caller.NOTICE: 1, Caller.REPLY: 1}
        assert await rows(world, "SELECT state, error_class FROM turns") == [
            ("failed", kind.value),
            ("done", None),
        ]


@pytest.mark.parametrize("kind", TRANSIENT)
async def test_a_passing_model_error_is_asked_again_and_not_told(open_world: Opener, kind: ErrorClass) -> None:
    error = ModelError("busy", kind)
    async with open_world([error, error, error, "there I am"]) as world:
        await world.channel.say("hello")
        await world.model.asked(1)

        await _pass_retries(world)

        assert await hears(world, 1) == ["there I am"]


async def test_a_model_that_stays_unreachable_is_told_after_four_questions(open_world: Opener) -> None:
    async with open_world(lambda _: ModelError("no connection", ErrorClass.NETWORK_ERROR)) as world:
        await world.channel.say("hello")
        await world.model.asked(1)

        await _pass_retries(world)

        assert await hears(world, 1) == ["I could not finish this: no connection."]
        assert len(world.model.prompts) == 4


async def test_a_model_that_hangs_is_stopped_and_the_queue_moves_on(open_world: Opener) -> None:
    async with open_world([HANG, "second answer"], agent={"timeout": "2m"}) as world:
        await world.channel.say("first")
        await world.channel.say("second")
        await world.model.asked(1)

        await world.clock.advance(timedelta(seconds=119))
        early = world.channel.texts()
        await world.clock.advance(timedelta(seconds=2))

        assert early == []
        assert await hears(world, 2) == [
            "I could not finish this: stopped after 120 s (the time limit of a turn).",
            "second answer",
        ]


async def test_a_model_that_hangs_in_one_chat_keeps_no_other_chat_waiting(open_world: Opener) -> None:
    def script(prompt: Prompt) -> Line:
        return HANG if "stuck" in str(prompt.items) else "at once"

    async with open_world(script) as world:
        await world.channel.say("stuck", chat="1")
        await world.model.asked(1)
        await world.channel.say("hello", chat="2")

        heard = await hears(world, 1)
        world.gateway.loop.cancel(world.gateway.lanes.running["test:1"])
        await until(lambda: not world.gateway.lanes.running)

        assert heard == ["at once"]
        assert world.channel.sent[0].address.chat == "2"


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("launch_rocket", "{}", "there is no tool 'launch_rocket' here"),
        ("message", "{not json", "message was not run"),
        ("message", '{"text": 7}', "message was not run"),
        ("message", "[]", "message was not run"),
        ("message", '{"text": ""}', "message was not run"),
        ("cron", '{"action": "explode"}', "cron was not run"),
        ("cron", "\ud800", "cron was not run"),
        ("", "", "there is no tool '' here"),
    ],
)
async def test_a_wrong_tool_call_is_explained_to_the_model_and_does_nothing(
    open_world: Opener, name: str, arguments: str, answer: str
) -> None:
    async with open_world([calls((name, arguments)), "sorry"]) as world:
        await world.channel.say("hello")

        heard = await hears(world, 1)

        (result,) = [item for item in world.model.prompts[1].items if isinstance(item, ToolResult)]
        assert heard == ["sorry"]
        assert result.text.startswith(answer)


async def test_call_ids_that_repeat_run_every_call_once(open_world: Opener) -> None:
    same = calls(("message", {"text": "one"}), ("message", {"text": "two"}))
    async with open_world([same, same, "done"]) as world:
        await world.channel.say("hello")

        heard = await hears(world, 5)

        assert heard == ["one", "two", "one", "two", "done"]
        ids = [item.call_id for item in world.model.prompts[2].items if isinstance(item, ToolResult)]
        assert len(set(ids)) == 4


async def test_endless_tool_calls_end_at_the_limit_of_steps(open_world: Opener) -> None:
    async with open_world(lambda _: calls(("cron", {"action": "list"})), agent={"max_steps": 5}) as world:
        await world.channel.say("hello")

        heard = await hears(world, 1)

        assert heard == ["I could not finish this: stopped after 5 steps (agent.max_steps)."]
        assert len(world.model.prompts) == 5


async def test_a_reply_of_ten_mebibytes_arrives_whole(open_world: Opener) -> None:
    long = "0123456789abcdef" * (10 * 1024 * 64)
    async with open_world([long]) as world:
        world.channel.longest = 1_000_000
        await world.channel.say("write a long book")

        await until(lambda: len(world.channel.sent) == 11, seconds=10)

        assert "".join(world.channel.texts()) == long
        assert await callers(world) == {Caller.REPLY: 1}


async def test_an_answer_that_is_no_text_at_all_is_silence(open_world: Opener) -> None:
    async with open_world(["  \n ", "second"]) as world:
        await world.channel.say("first")
        await until(lambda: world.model.prompts)
        await world.channel.say("second")

        heard = await hears(world, 1)

        assert heard == ["second"]
        assert await rows(world, "SELECT state FROM turns") == [("done",), ("done",)]


async def test_a_script_that_raises_its_own_error_is_contained(open_world: Opener) -> None:
    async with open_world([ZeroDivisionError("oops"), "fine"]) as world:
        await world.channel.say("first")
        await until(lambda: world.channel.sent)
        await world.channel.say("second")

        heard = await hears(world, 2)

        assert heard[0].startswith("I could not finish this: an error inside the gateway (ZeroDivisionError)")
        assert heard[1] == "fine"


# -- scheduled turns --------------------------------------------------------------------------------------------


async def test_a_scheduled_turn_that_ends_with_a_question_is_told_once_that_nobody_is_here(
    open_world: Opener,
) -> None:
    async with open_world(["Shall I go on?", "Shall I really?"]) as world:
        job = await add_job(world, prompt="look", when="in 1 minute")
        await jump_to(world, world.clock.now() + timedelta(minutes=1))

        (run,) = await runs_that_ended(world, 1)

        assert run.job_uid == job.uid
        assert (run.status, run.output) == ("succeeded", "Shall I really?")
        assert NOBODY_IS_HERE in str(world.model.prompts[1].items)
        assert await callers(world) == {}  # P-55


async def test_a_scheduled_turn_that_hangs_ends_at_its_timeout_and_frees_its_job(open_world: Opener) -> None:
    async with open_world([HANG, "fine"]) as world:
        await add_job(world, prompt="look", every="1h", timeout="90s", retry={"attempts": 1})
        await jump_to(world, world.clock.now() + timedelta(hours=1))
        await world.model.asked(1)
        await world.clock.advance(timedelta(seconds=91))
        await runs_that_ended(world, 1)
        await jump_to(world, world.clock.now() + timedelta(hours=1))

        last, first = await runs_that_ended(world, 2)

        assert (first.status, first.error_class) == ("timed_out", ErrorClass.TIMEOUT)  # P-26, P-28
        assert last.status == "succeeded"


async def test_a_one_shot_whose_model_fails_alerts_once_and_is_disabled(open_world: Opener) -> None:
    async with open_world([ModelError("bad key", ErrorClass.PERMISSION)]) as world:
        await add_job(world, prompt="look", when="in 1 minute", name="look")
        await jump_to(world, world.clock.now() + timedelta(minutes=1))

        (run,) = await runs_that_ended(world, 1)

        (heard,) = await hears(world, 1)
        assert (run.status, run.error) == ("failed", "bad key")
        assert 'The job "look"' in heard
        assert await callers(world) == {Caller.ALERT: 1}
        (job,) = world.gateway.store.load().values()
        assert job.status == "disabled"
