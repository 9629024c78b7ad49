"""Results and ends of runs as machines hear of them; people hear nothing."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from cron import runs
from cron.job import Job
from cron.making.rules import Bounds
from cron.policy import DeliveryMode
from cron.run import DeliveryStatus, Run, RunStatus
from gateway.agent.model import UserText
from gateway.agent.models.scripted import HANG, calls
from gateway.callbacks import ledger, signing
from gateway.callbacks.policy import CallbackState
from gateway.callbacks.secret import kept_secret
from gateway.cli import main
from gateway.outgoing.addresses import Allowed
from tests.command_line import CommandLine
from tests.fakes import NOON, until
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import add_job, callers, go_to, history, jobs, runs_that_ended
from tests.servers.machine import Answer, Machine, Received, in_turn, machine

HOUR = timedelta(hours=1)


async def called(world: World, there: Machine, count: int) -> None:
    """Wait until it was called so often and each call's record is kept."""
    await until(lambda: len(there.received) >= count)
    async with asyncio.timeout(5):
        while await world.gateway.database.read(ledger.waiting):
            await asyncio.sleep(0.005)


def http(*places: Machine) -> dict[str, Any]:
    return {"allow_private": [there.place for there in places]}


async def add(world: World, there: Machine, **wanted: Any) -> Job:
    """A job that looks at something every hour, made where this machine may be called."""
    bounds = Bounds(private=Allowed.parse([there.place]))
    return await add_job(world, **({"prompt": "look", "every": "3600", "bounds": bounds} | wanted))


async def run_once(world: World, *, hours: int = 1) -> Run:
    await go_to(world, NOON + hours * HOUR)
    return (await runs_that_ended(world, hours))[0]


def example(url: str) -> str:
    """A daily report to somebody's own API, as it is written for OpenClaw."""
    return json.dumps(
        {
            "name": "Daily sales report",
            "schedule": {"kind": "cron", "expr": "0 9 * * *", "tz": "UTC"},
            "sessionTarget": "isolated",
            "payload": {"kind": "agentTurn", "message": "Sum up yesterday's sales."},
            "delivery": {"mode": "webhook", "to": url},
        }
    )


async def test_a_daily_report_goes_to_its_api_and_to_nobody_else(
    open_world: Opener, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:  # OC-03, OC-06, OC-22, OC-25, NOX-14
    home, file = tmp_path / "home", tmp_path / "daily-sales.json"
    async with machine() as there:
        (home / "config.toml").write_text(f'[http]\nallow_private = ["{there.place}"]\n')
        file.write_text(example(there.url("/reports")))
        assert main.run(["--home", str(home), "cron", "add", "--job", str(file)]) == 0
        async with open_world(["42 loaves, 126 euros."], http=http(there)) as world:
            (job,) = jobs(world)

            await go_to(world, NOON + 21 * HOUR)
            (run,) = await runs_that_ended(world, 1)
            await called(world, there, 1)

            (request,) = there.received
            assert (request.method, request.path) == ("POST", "/reports")
            assert request.headers["content-type"] == "application/json"
            body: Any = request.json
            assert (body["job_id"], body["name"], body["run_id"]) == (job.id, "Daily sales report", run.id)
            assert (body["status"], body["result"]) == ("succeeded", "42 loaves, 126 euros.")
            assert body["scheduled_at"].startswith("2026-03-03T09:00:00")
            asked = world.model.prompts[0].items[-1]
            assert isinstance(asked, UserText)
            assert "<prompt>\nSum up yesterday's sales.\n</prompt>" in asked.text
            assert body["finished_at"] >= body["started_at"] >= body["scheduled_at"]
            assert await callers(world) == {}
            assert world.channel.sent == []
            (kept,) = await history(world)
            assert (kept.status, kept.delivery_status) == (RunStatus.SUCCEEDED, DeliveryStatus.SENT)
            assert kept.messages_sent == 0
            assert job.delivery.mode is DeliveryMode.WEBHOOK


async def test_a_callback_is_signed_with_the_secret_of_the_home(open_world: Opener) -> None:  # P-83
    async with machine() as there, open_world(["done"], http=http(there)) as world:
        await add(world, there, delivery={"mode": "webhook", "to": there.url()})

        run = await run_once(world)
        await called(world, there, 1)

        (request,) = there.received
        proof = signing.headers(kept_secret(world.home.path), id=run.id, at=world.clock.now(), body=request.body)
        assert {name: request.headers[name] for name in proof} == proof


async def test_a_trace_id_goes_from_the_run_to_the_log_and_the_webhook(open_world: Opener) -> None:  # NOX-54
    async with machine() as there, open_world(["done"], http=http(there)) as world:
        hook = {"mode": "webhook", "to": there.url()}
        await add(world, there, delivery=hook)

        with capture_logs() as logs:
            run = await run_once(world)
            await called(world, there, 1)

        (request,) = there.received
        assert len(run.trace_id) == 32
        assert request.headers["traceparent"].split("-")[1] == run.trace_id
        assert request.json["trace_id"] == run.trace_id  # type: ignore[index, call-overload]
        (line,) = [line for line in logs if line["event"] == "a webhook was called"]
        assert (line["trace_id"], line["run"]) == (run.trace_id, run.id)


async def test_a_run_that_succeeded_stays_so_when_its_webhook_fails(open_world: Opener) -> None:  # OC-33
    async with machine(in_turn(Answer(status=500))) as there, open_world(["done"], http=http(there)) as world:
        hook = {"mode": "webhook", "to": there.url(), "retries": 1}
        await add(world, there, every="86400", delivery=hook)
        await go_to(world, NOON + 24 * HOUR)
        await runs_that_ended(world, 1)
        await until(lambda: there.received)
        while (await _callbacks(world))[0].attempts == 0:
            await asyncio.sleep(0.005)

        (before,) = await history(world)
        await world.clock.advance(timedelta(seconds=5))
        await called(world, there, 2)

        (after,) = await history(world)
        assert (before.status, before.delivery_status) == (RunStatus.SUCCEEDED, DeliveryStatus.QUEUED)
        assert (after.status, after.delivery_status) == (RunStatus.SUCCEEDED, DeliveryStatus.FAILED)
        assert "it answered 500 (tried 2 times)" in after.delivery_error


async def _callbacks(world: World) -> list[ledger.Record]:
    def read(transaction: Any) -> list[ledger.Record]:
        (run,) = runs.recent(transaction, limit=1)
        return ledger.of_run(transaction, run.id)

    return await world.gateway.database.read(read)


async def test_a_refused_address_stands_in_the_record_of_the_run(open_world: Opener) -> None:  # P-83, P-84
    async with machine() as there:
        async with open_world(["one"], http=http(there)) as world:
            await add(world, there, delivery={"mode": "webhook", "to": there.url("/s3cret")})
        async with open_world(["one"], clock=world.clock) as later:  # it is not listed any more
            await run_once(later)
            await called(later, there, 0)

            (run,) = await history(later)
            assert (run.status, run.delivery_status) == (RunStatus.SUCCEEDED, DeliveryStatus.FAILED)
            assert "is this machine, which is not called from here" in run.delivery_error
            assert "s3cret" not in run.delivery_error
            assert there.connections == 0


async def test_the_record_of_a_run_goes_to_its_callbacks(open_world: Opener) -> None:  # HP-11, HP-12, HP-48, HP-49
    async with machine() as there, open_world(["good"], http=http(there)) as world:
        good, bad = {"url": there.url("/good"), "token": "t0ken"}, there.url("/bad")
        job = await add(world, there, on_complete=good, on_fail=bad, retry={"attempts": 1})

        first = await run_once(world)
        await called(world, there, 1)
        second = await run_once(world, hours=2)  # the script of the model is over: it fails
        await called(world, there, 2)

        complete, fail = there.received
        assert (complete.path, fail.path) == ("/good", "/bad")
        assert complete.headers["authorization"] == "Bearer t0ken"
        assert "authorization" not in fail.headers
        told: Any = complete.json
        failed: Any = fail.json
        assert (told["type"], told["id"], told["job_id"], told["output"]) == (
            "run.completed",
            first.id,
            job.id,
            "good",
        )
        assert (failed["type"], failed["id"], failed["status"]) == ("run.failed", second.id, "failed")
        assert failed["error"] == second.error != ""
        assert await callers(world) == {}


async def test_with_delivery_log_the_result_is_a_line_of_the_log(open_world: Opener) -> None:  # NOX-15
    async with machine() as there, open_world(["12 degrees"], http=http(there)) as world:
        await add(world, there, delivery={"mode": "log"})

        with capture_logs() as logs:
            run = await run_once(world)

        (line,) = [line for line in logs if line["event"] == "Cron: result"]
        assert (line["output"], line["run"], line["trace_id"]) == ("12 degrees", run.id, run.trace_id)
        assert (run.output, run.delivery_status) == ("12 degrees", DeliveryStatus.NONE)
        assert (there.connections, world.channel.sent, await callers(world)) == (0, [], {})


async def test_the_model_may_still_speak_in_a_job_with_a_webhook(open_world: Opener) -> None:  # OC-03
    said = calls(("message", {"text": "Sales are down."}))
    async with machine() as there, open_world([said, "done"], http=http(there)) as world:
        await add(world, there, delivery={"mode": "webhook", "to": there.url()})

        await run_once(world)
        await called(world, there, 1)
        await until(lambda: world.channel.sent)

        assert world.channel.texts() == ["Sales are down."]
        assert await callers(world) == {"model": 1}


async def test_a_token_goes_to_its_machine_and_appears_nowhere_else(
    open_world: Opener, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:  # HP-82
    async with machine() as there, open_world(["good"], http=http(there)) as world:
        tocsin = CommandLine(tmp_path / "home", capsys, monkeypatch)
        job = await add(world, there, on_complete={"url": there.url(), "token": "hush-hush"})
        with capture_logs() as logs:
            await run_once(world)
            await called(world, there, 1)

        commands = [("show", job.id), ("list", "--json"), ("show", job.id, "--json"), ("runs", job.id, "--json")]
        printed = [tocsin("cron", *words) for words in commands]

        (request,) = there.received
        assert request.headers["authorization"] == "Bearer hush-hush"
        assert {one.status for one in printed} == {0}
        assert "hush" not in f"{printed} {logs}"


async def test_a_webhook_that_hangs_delays_neither_a_chat_nor_other_webhooks(open_world: Opener) -> None:  # HP-83
    def answering(request: Received) -> Answer:
        return Answer(fault="hang" if request.path == "/slow" else "")

    async with machine(answering) as slow, machine() as quick:
        script = ["one", "two", "hello"]
        async with open_world(script, http=http(slow, quick)) as world:
            slow_hook = {"mode": "webhook", "to": slow.url("/slow"), "timeout": "3s", "retries": 0}
            await add(world, slow, delivery=slow_hook)
            await add(world, quick, delivery={"mode": "webhook", "to": quick.url()})
            await go_to(world, NOON + HOUR)
            await runs_that_ended(world, 2)

            await until(lambda: slow.received and quick.received)
            await world.channel.say("hello?")
            await until(lambda: world.channel.sent)
            await world.clock.advance(timedelta(seconds=3))
            await called(world, slow, 1)

            statuses = sorted(run.delivery_status for run in await history(world))
            assert statuses == [DeliveryStatus.FAILED, DeliveryStatus.SENT]


async def test_a_reminder_with_a_webhook_is_said_in_its_chat_and_posted(open_world: Opener) -> None:
    async with machine() as there, open_world([], http=http(there)) as world:
        await add(world, there, prompt=None, say="Stretch.", delivery={"mode": "webhook", "to": there.url()})

        run = await run_once(world)
        await called(world, there, 1)
        await until(lambda: world.channel.sent)

        (request,) = there.received
        body: Any = request.json
        assert (body["status"], body["result"], body["run_id"]) == ("succeeded", "Stretch.", run.id)
        assert await callers(world) == {"reminder": 1}
        assert len(world.channel.sent) == 1


async def test_a_webhook_is_called_after_a_restart_if_it_was_not_answered_before(open_world: Opener) -> None:
    async with machine(in_turn(Answer(fault="hang"), Answer())) as there:
        async with open_world(["done"], http=http(there)) as world:
            await add(world, there, delivery={"mode": "webhook", "to": there.url()})
            await go_to(world, NOON + HOUR)
            await runs_that_ended(world, 1)
            await until(lambda: there.received)
            stopping = asyncio.create_task(world.clock.advance(timedelta(seconds=6)))  # the grace of a stop
        await stopping
        async with open_world([HANG], clock=world.clock, http=http(there)) as later:
            await called(later, there, 2)

            (record,) = await _callbacks(later)
            assert record.state is CallbackState.SENT
            assert len({request.headers["webhook-id"] for request in there.received}) == 1
