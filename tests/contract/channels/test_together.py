"""All platforms in one gateway, and jobs of the command line that speak on each of them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from cron import phrases
from gateway.agent.model import Prompt, ToolResult
from gateway.agent.models.offline import OfflineModel
from gateway.agent.models.scripted import Line, calls
from gateway.cli import main
from gateway.errors import ErrorClass, ModelError
from tests.contract.rigs.base import Rig, Who
from tests.contract.rigs.platforms import FIRST, TOLD, opener_of
from tests.contract.rigs.town import Hurry, Opener, echo, opener_for, said
from tests.fakes import until
from tests.journeys import processes
from tests.journeys.test_operating import status

ANNA = Who.ANNA


@pytest.fixture
async def rigs() -> AsyncIterator[list[Rig]]:
    """Telegram, Slack and Feishu."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(opener_of(name)) for name in FIRST]


def toml(table: Mapping[str, Any], path: str = "") -> str:
    """A table as a configuration file has it; its texts, numbers and lists are those of JSON."""
    inner = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    lines = [f"{json.dumps(key)} = {json.dumps(value)}" for key, value in table.items() if key not in inner]
    head = [f"[{path}]"] if path else []
    tables = [toml(value, f"{path}.{json.dumps(key)}" if path else key) for key, value in inner.items()]
    return "\n".join([*head, *lines, *tables])


# -- one process -------------------------------------------------------------------------------------------------


async def test_three_platforms_talk_to_one_gateway_each_by_itself(rigs: list[Rig], tmp_path: Path) -> None:
    async with opener_for(rigs[0], tmp_path)(echo, also=rigs[1:]) as town:  # CARD-01, CARD-07
        for rig in rigs:
            rig.people.say(f"hello {rig.name}", ANNA)
        for rig in rigs:
            place = rig.people.private(ANNA)
            await until(lambda rig=rig, place=place: rig.screen.texts(place) == [f"heard hello {rig.name}"])
        channels = town.gateway.status().channels

        assert {name: channels[name].state for name in FIRST} == dict.fromkeys(FIRST, "running")
        assert sorted(said(prompt) for prompt in town.prompts) == [f"hello {name}" for name in sorted(FIRST)]


@pytest.mark.nightly  # the status is written every five seconds
async def test_one_process_connects_telegram_slack_and_feishu_to_one_assistant(
    rigs: list[Rig], tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text(toml({"channels": {rig.name: rig.settings for rig in rigs}}))
    with contextlib.ExitStack() as stack:  # CARD-01, CARD-07
        running = processes.gateway(home, errors=tmp_path / "errors")
        process = await asyncio.to_thread(stack.enter_context, running)
        for rig in rigs:
            rig.people.say("hello", ANNA)
        async with asyncio.timeout(20):
            while not all(rig.screen.texts(rig.people.private(ANNA)) for rig in rigs):
                await asyncio.sleep(0.01)
        told = await _status(home)
        process.terminate()
        code = await asyncio.to_thread(process.wait, 10)

    assert code == 0
    assert told["pid"] == process.pid
    assert set(told["channels"]) >= set(FIRST)


async def _status(home: Path) -> dict[str, Any]:
    """What `tocsin status` says once all three are connected."""
    async with asyncio.timeout(15):
        while True:
            told = await asyncio.to_thread(status, home)
            if all(told["channels"][name]["state"] == "running" for name in FIRST):
                return told
            await asyncio.sleep(0.5)


async def test_jobs_of_one_platform_are_not_there_on_another(rigs: list[Rig], tmp_path: Path) -> None:
    first, *others = rigs
    opener = opener_for(first, tmp_path)
    async with opener(model=OfflineModel(phrases.find), also=others) as town:  # AB-60, P-72
        first.people.say("remind me tomorrow at 9am to water the roses", ANNA)
        await town.hears(first.people.private(ANNA), 1)
        (job,) = town.gateway.store.load().values()
        for rig in others:
            for n, text in enumerate(("/cron", f"/cron remove {job.id}", "/cron remove ffffffff"), start=1):
                place = rig.people.command(text, ANNA)
                await until(lambda rig=rig, n=n, place=place: len(rig.screen.texts(place)) == n)
            listed, removed, unknown = rig.screen.texts(place)

            assert "roses" not in listed
            assert removed.replace(job.id, "ffffffff") == unknown
        assert len(town.gateway.store.load()) == 1


# -- jobs of the command line ------------------------------------------------------------------------------------


def _add(home: Path, rig: Rig, job: Mapping[str, Any]) -> None:
    """Write the configuration that the gateway has, and add a job as an operator does."""
    (home / "config.toml").write_text(toml({"cron": _CRON, "channels": {rig.name: rig.settings}}))
    path = home / "job.json"
    path.write_text(json.dumps(job))
    assert main.run(["--home", str(home), "cron", "add", "--job", str(path)]) == 0


_CRON = {"min_interval": "1s"}
_JOB = {
    "name": "report",
    "schedule": {"kind": "every", "everyMs": 4_000},
    "payload": {"kind": "agentTurn", "message": "Sum up the sales."},
}


def _reports(prompt: Prompt) -> Line:
    answered = isinstance(prompt.items[-1], ToolResult)
    return "done" if answered else calls(("message", {"text": "42 loaves"}))


@pytest.mark.parametrize("rig", TOLD, indirect=True)
async def test_the_result_of_a_job_goes_to_the_chat_of_its_delivery(
    open_town: Opener, rig: Rig, tmp_path: Path
) -> None:
    place = rig.people.private(ANNA)
    delivery = {"mode": "channel", "channel": rig.name, "to": place.chat}
    async with open_town(_reports, clock=Hurry(), cron=_CRON) as town:  # NOX-13
        _add(tmp_path / "home", rig, {**_JOB, "delivery": delivery})
        heard = await town.hears(place, 1)
        callers = await town.rows("SELECT DISTINCT caller FROM outbox")

    assert heard[0] == "42 loaves"
    assert callers == [("model",)]


@pytest.mark.parametrize("rig", TOLD, indirect=True)
async def test_a_job_that_fails_alerts_the_chat_that_it_names(open_town: Opener, rig: Rig, tmp_path: Path) -> None:
    def script(prompt: Prompt) -> Line:
        return ModelError("the model is ill", ErrorClass.PERMANENT)

    place = rig.people.private(ANNA)
    alert = {"channel": rig.name, "to": place.chat, "after": 1}
    async with open_town(script, clock=Hurry(), cron=_CRON) as town:  # OC-08
        _add(tmp_path / "home", rig, {**_JOB, "failureAlert": alert})
        heard = await town.hears(place, 1)
        callers = await town.rows("SELECT DISTINCT caller FROM outbox")

    assert "report" in heard[0]
    assert callers == [("alert",)]


@pytest.mark.parametrize("rig", FIRST, indirect=True)
async def test_a_job_of_the_command_line_is_not_shown_in_chats(
    open_town: Opener, rig: Rig, tmp_path: Path
) -> None:
    async with open_town(_reports) as town:  # AB-64
        _add(tmp_path / "home", rig, {**_JOB, "schedule": {"kind": "cron", "expr": "0 9 * * *"}})
        place = rig.people.command("/cron", ANNA)
        (listed,) = await town.hears(place, 1)

        assert "report" not in listed


_STATEFUL = {**_JOB, "payload": {"kind": "agentTurn", "message": "Count."}}


@pytest.mark.parametrize("rig", FIRST, indirect=True)
async def test_a_scheduled_turn_sets_the_state_of_its_own_job_only(
    open_town: Opener, rig: Rig, tmp_path: Path
) -> None:
    results: list[str] = []

    def script(prompt: Prompt) -> Line:
        results[:] = [item.text for item in prompt.items if isinstance(item, ToolResult)]
        if results:
            return "done"
        own = next(job for job in town.gateway.store.load().values() if job.name == "report")
        wanted = [{"action": "set_state", "job_id": job.id, "state": {"n": 1}} for job in (own, other)]
        return calls(*(("cron", one) for one in wanted))

    async with open_town(script, clock=Hurry(), cron=_CRON) as town:  # AB-63
        await town.hears(rig.people.command("/remind tomorrow at 9am stretch", ANNA), 1)
        (other,) = town.gateway.store.load().values()
        _add(tmp_path / "home", rig, _STATEFUL)
        async with asyncio.timeout(8):
            while len(results) < 2:
                await asyncio.sleep(0.01)
        jobs = {job.name: job for job in town.gateway.store.load().values()}

        assert jobs["report"].state == {"n": 1}
        assert not jobs[other.name].state
