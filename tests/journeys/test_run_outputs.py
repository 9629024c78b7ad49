"""What a run has to come to: the form of its final text, what it may spend, and what its record says."""

import json
from datetime import timedelta

import pytest

from cron.run import RunStatus
from gateway.agent.model import ToolResult, Usage, UserText
from gateway.agent.models.scripted import Line, calls, says
from gateway.agent.prompt import BAD_OUTPUT
from gateway.errors import ErrorClass
from tests.fakes import NOON
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import add_job, callers, go_to, history, jobs, runs_that_ended

HOUR = timedelta(hours=1)
SCHEMA = {"type": "object", "required": ["total"], "properties": {"total": {"type": "number"}}}


async def fire(world: World) -> None:
    await go_to(world, NOON + HOUR)
    await runs_that_ended(world, 1)


async def test_a_final_text_that_is_no_json_gets_one_turn_to_be_mended(open_world: Opener) -> None:
    """HP-33"""
    async with open_world(["The total is 3.", '{"total": 3}']) as world:
        await add_job(world, prompt="sum", every="3600", output_format="json")

        await fire(world)

        (run,) = await history(world)
        note = world.model.prompts[1].items[-1]
        assert isinstance(note, UserText)
        assert note.text.startswith(BAD_OUTPUT)
        assert "it is not JSON" in note.text
        assert (run.status, run.output) == (RunStatus.SUCCEEDED, '{"total": 3}')


@pytest.mark.parametrize(
    ("settings", "answer", "fault"),
    [
        ({"output_format": "json"}, "The total is 3.", "it is not JSON"),  # HP-33
        (
            {"output_format": "structured", "output_schema": SCHEMA},
            '{"sum": 3}',
            "'total' is a required property",
        ),  # HP-34
    ],
)
async def test_a_run_whose_output_stays_wrong_fails_as_bad_output_and_is_not_tried_again(
    open_world: Opener, settings: dict[str, object], answer: str, fault: str
) -> None:
    """HP-33, HP-34"""
    async with open_world([answer, answer]) as world:
        await add_job(world, prompt="sum", every="3600", **settings)

        await fire(world)

        (run,) = await history(world)
        assert (run.status, run.error_class, run.output) == (RunStatus.FAILED, ErrorClass.BAD_OUTPUT, answer)
        assert run.error.startswith("the final text is not what the job asks for: ")
        assert fault in run.error
        assert len(world.model.prompts) == 2
        assert await callers(world) == {}


async def test_plain_text_is_taken_as_it_is(open_world: Opener) -> None:
    """HP-32"""
    async with open_world(["The total is 3."]) as world:
        await add_job(world, prompt="sum", every="3600")

        await fire(world)

        (run,) = await history(world)
        assert (run.status, run.output) == (RunStatus.SUCCEEDED, "The total is 3.")


async def test_a_run_that_has_spent_its_tokens_is_stopped_with_a_sentence_that_names_the_cap(
    open_world: Opener,
) -> None:
    def script(prompt: object) -> Line:
        return calls(("cron", {"action": "list"}), usage=Usage(input_tokens=400, output_tokens=100))

    async with open_world(script) as world:
        await add_job(world, prompt="sum", every="3600", spend={"tokens_per_run": 1_200})

        await fire(world)

        (run,) = await history(world)
        assert (run.status, run.error_class) == (RunStatus.FAILED, ErrorClass.PERMISSION)
        assert run.error == "stopped: it has used 1500 tokens, and may use 1200 (its spend cap)"
        assert len(world.model.prompts) == 3


async def test_a_run_that_ends_below_its_cap_succeeds(open_world: Opener) -> None:
    async with open_world([says("done", usage=Usage(input_tokens=400, output_tokens=100))]) as world:
        await add_job(world, prompt="sum", every="3600", spend={"tokens_per_run": 500})

        await fire(world)

        (run,) = await history(world)
        assert run.status is RunStatus.SUCCEEDED


async def test_a_run_asks_the_model_that_its_job_names_with_the_tools_that_it_allows(open_world: Opener) -> None:
    async with open_world(["done"]) as world:
        await add_job(world, prompt="sum", every="3600", model="small-1", tools=[])

        await fire(world)

        (prompt,) = world.model.prompts
        assert prompt.model == "small-1"
        assert {tool.name for tool in prompt.tools} == {"cron", "message"}


# -- states ------------------------------------------------------------------------------------------------------


async def test_a_run_merges_into_its_state_and_the_next_prompt_tells_what_has_changed(open_world: Opener) -> None:
    """C-20, AB-18, AB-25"""
    job = ""

    def script(prompt: object) -> Line:
        turn = len(world.model.prompts)
        states = [{"a": 1, "b": 1}, {"b": 2}, {"a": None, "c": 3}, {}]
        if turn % 2 == 0:
            return "kept"
        save = {"action": "set_state", "job_id": job, "state": states[turn // 2], "merge": True}
        return calls(("cron", save))

    async with open_world(script) as world:
        job = (await add_job(world, prompt="look", every="3600")).id
        for n in (1, 2, 3, 4):
            await go_to(world, NOON + n * HOUR)
            await runs_that_ended(world, n)

        prompts = [
            prompt.items[-1].text for prompt in world.model.prompts[::2] if isinstance(prompt.items[-1], UserText)
        ]
        (kept,) = jobs(world)
        warned = [item.text for item in world.model.prompts[5].items if isinstance(item, ToolResult)]
        assert kept.state == {"b": 2, "c": 3}
        assert "<changes>" not in prompts[1]
        assert "<changes>\nb: 1 → 2\n</changes>" in prompts[2]
        assert "<changes>\nc: (new) → 3\na: 1 → (gone)\n</changes>\nIt has kept other keys" in prompts[3]
        assert warned[0].startswith("kept for the next run. Note: the state has other keys")
        assert (kept.state_change.unchanged, kept.state_change.key_changes) == (1, 1)
        stored = json.loads((world.home.path / "cron.json").read_text())
        assert stored["jobs"][0]["state"] == {"b": 2, "c": 3}
