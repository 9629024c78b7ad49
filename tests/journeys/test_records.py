"""What an operator can see and prove: who changed what, one trace for each occurrence, and numbers."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any, ClassVar

import orjson
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import BaseModel
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from cron.job import JobStatus
from gateway import audit
from gateway.agent.model import Prompt, ToolResult
from gateway.agent.models.scripted import Line, calls
from gateway.audit import Row
from gateway.metrics import Metrics
from gateway.tools.base import Effect, Turn
from gateway.tracing import Traces
from tests.fakes import NOON
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import add_job, go_to, hears, jobs, runs_that_ended

HOUR = timedelta(hours=1)


class LookArguments(BaseModel):
    """Look at something."""


class LookTool:
    """Remembers for which trace it was called."""

    name: ClassVar[str] = "look"
    arguments: ClassVar[type[BaseModel]] = LookArguments
    effect: ClassVar[Effect] = Effect.REPEATABLE
    example: ClassVar[str] = "{}"

    def __init__(self) -> None:
        self.traces: list[str] = []

    async def call(self, arguments: LookArguments, turn: Turn) -> str:
        self.traces.append(turn.trace_id)
        return "nothing new"


async def rows(world: World) -> list[Row]:
    """The audit, oldest first; it is unbroken."""
    found, verdict = await world.gateway.database.read(lambda t: (audit.newest(t, limit=100), audit.verify(t)))
    assert verdict.breaks == ()
    return found[::-1]


async def written(world: World, count: int) -> None:
    """Wait until the audit has so many rows."""
    async with asyncio.timeout(5):
        while len(await rows(world)) < count:
            await asyncio.sleep(0.005)


def told(row: Row) -> tuple[str, str]:
    return row.entry.who, row.entry.what


async def test_what_people_do_by_command_and_through_the_model_is_audited(open_world: Opener) -> None:
    add = calls(("cron", {"action": "add", "say": "tea", "every_seconds": 3600, "name": "tea"}))
    async with open_world([add, "Done."]) as world:
        await world.channel.say("remind me of tea every hour", sender="anna")
        await hears(world, 1)
        (job,) = jobs(world)
        for n, words in enumerate(("pause tea", "resume tea", "run tea", "remove tea"), start=2):
            await world.channel.say(f"/cron {words}", sender="anna")
            await written(world, n)

        found = await rows(world)

        assert [told(row) for row in found] == [
            ("agent:test:anna", "cron.add"),
            ("test:anna", "cron.disable"),
            ("test:anna", "cron.enable"),
            ("test:anna", "cron.run"),
            ("test:anna", "cron.remove"),
        ]  # NOX-53, PRX-80, PRX-82, PRX-83
        assert {row.entry.subject for row in found} == {f"{job.id} {job.uid}"}
        assert orjson.loads(found[1].entry.after or "") == {"status": "disabled"}


async def test_what_the_gateway_itself_and_the_configuration_do_is_audited(open_world: Opener) -> None:
    task = {"name": "stand-up", "schedule": "0 9 * * *", "action": "say", "text": "Stand-up!"}
    async with open_world(cron={"tasks": [task]}) as world:
        await add_job(world, name="once", say="tea", at="2026-03-02T13:00:00Z")

        await go_to(world, NOON + HOUR)
        await hears(world, 1)
        await written(world, 2)

        assert [told(row) for row in await rows(world)] == [
            ("configuration", "cron.add"),
            ("gateway", "cron.remove"),
        ]


async def test_a_run_that_disables_its_own_job_is_named_as_the_one_who_did_it(open_world: Opener) -> None:
    mine: list[str] = []

    def answer(prompt: Prompt) -> Line:
        disable = calls(("cron", {"action": "disable", "job_id": mine[0]}))
        return "done" if any(isinstance(item, ToolResult) for item in prompt.items) else disable

    async with open_world(answer) as world:
        job = await add_job(world, name="watch", prompt="look", every="1h")
        mine.append(job.id)

        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 1)

        assert jobs(world)[0].status is JobStatus.DISABLED
        assert [told(row) for row in await rows(world)] == [(f"agent:cron:{job.id}", "cron.disable")]


async def test_one_trace_id_goes_from_the_claim_to_the_delivery(open_world: Opener) -> None:
    exporter, provider, tool = InMemorySpanExporter(), TracerProvider(), LookTool()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    script = [calls(("look", {})), calls(("message", {"text": "nothing new"})), "done"]
    parts = {"tracer": Traces(provider), "tools": [tool]}
    async with open_world(script, parts=parts) as world:
        await add_job(world, name="watch", prompt="look", every="1h")
        with capture_logs(processors=[merge_contextvars]) as logs:
            await go_to(world, NOON + HOUR)
            (run,) = await runs_that_ended(world, 1)
            await hears(world, 1)

        spans = exporter.get_finished_spans()

        assert Counter(span.name for span in spans) == {
            "claim": 1,
            "turn": 1,
            "model": 3,
            "tool": 2,
            "delivery": 1,
        }
        assert {trace_of(span) for span in spans} == {run.trace_id}
        assert tool.traces == [run.trace_id]  # NOX-54
        about = [line for line in logs if line.get("run") == run.id]
        assert {line["event"] for line in about} >= {"Cron: executing job", "Cron: run ends"}  # OC-32, AB-79
        assert {line["trace_id"] for line in about} == {run.trace_id}


def trace_of(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


async def test_the_numbers_of_a_gateway_are_in_what_it_tells(open_world: Opener) -> None:
    async with open_world(["done"], parts={"meter": Metrics()}) as world:
        await add_job(world, name="look", prompt="look", every="1h")
        await add_job(world, name="tea", say="tea", every="1h")

        await go_to(world, NOON + HOUR)
        await runs_that_ended(world, 2)
        await hears(world, 1)
        metrics: Any = world.gateway.status().metrics

        assert metrics["tocsin_claims"] == {"schedule": 2}
        assert metrics["tocsin_claim_lateness_seconds"]["count"] == 2
        assert metrics["tocsin_claim_lateness_seconds"]["buckets"]["0.1"] == 2
        assert metrics["tocsin_runs"] == {"succeeded": 2}
        assert metrics["tocsin_turns"] == {"due": 1, "reminder": 1}
        assert metrics["tocsin_messages"] == {"sent": 1}
        assert (metrics["tocsin_jobs"], metrics["tocsin_runs_waiting"]) == (2, 0)
