"""Jobs of the configuration file, in a gateway that is started again and again."""

import tomllib
from datetime import timedelta

import pytest

from cron.job import Job, JobStatus
from cron.run import RunStatus
from gateway.agent.model import UserText
from tests.command_line import CommandLine
from tests.configuration import SEED_TOML
from tests.fakes import NOON, FakeClock
from tests.journeys.conftest import Opener, World
from tests.journeys.steps import go_to, history, jobs, runs_that_ended

SEED = tomllib.loads(SEED_TOML)
WITHOUT = {"cron": {"enabled": True, "tasks": SEED["cron"]["tasks"][1:]}}


def job_named(world: World, name: str) -> Job:
    (job,) = [job for job in jobs(world) if job.name == name]
    return job


async def test_the_tasks_of_the_configuration_are_listed_once_after_every_start(
    open_world: Opener, tocsin: CommandLine
) -> None:
    clock = FakeClock()
    for _ in range(3):
        async with open_world([], clock=clock, **SEED):
            clock.set(clock.now() + timedelta(minutes=1))

    listed = tocsin("cron", "list", "--json").document["jobs"]  # PRX-06

    assert sorted(job["name"] for job in listed) == ["daily-report", "memory-cleanup", "repo-check"]


@pytest.mark.parametrize(
    ("name", "expression", "payload"),
    [
        ("daily-report", "0 9 * * *", {"kind": "agent", "prompt": "Write the daily report."}),  # PRX-08, PRX-10
        ("memory-cleanup", "0 3 * * *", {"kind": "agent", "prompt": "Tidy up."}),  # PRX-11
        ("repo-check", "*/30 * * * *", {"kind": "shell", "command": "echo hi"}),  # PRX-12
    ],
)
async def test_each_task_of_the_configuration_is_shown_by_its_name(
    open_world: Opener, tocsin: CommandLine, name: str, expression: str, payload: dict[str, str]
) -> None:
    async with open_world([], **SEED) as world:
        declared = job_named(world, name)

    job, printed = tocsin.job(name), tocsin("cron", "show", name)

    assert (job["uid"], declared.declared) == (declared.uid, True)
    assert (job["schedule"], job["payload"]) == ({"kind": "cron", "expr": expression}, payload)
    assert (job["tz"], job["status"]) == ("UTC", "enabled")
    assert expression in printed.out


async def test_a_task_of_the_configuration_is_a_turn_of_a_model_at_its_time(open_world: Opener) -> None:
    async with open_world(lambda _: "the report", **SEED) as world:  # PRX-08
        await go_to(world, NOON + timedelta(hours=21))
        await world.model.asked(1)
        while (await history(world, job_named(world, "daily-report")))[0].status.open:
            await world.clock.advance(timedelta())

        asked = world.model.prompts[0].items[-1]
        assert isinstance(asked, UserText)
        assert "<prompt>\nWrite the daily report.\n</prompt>" in asked.text
        (run,) = await history(world, job_named(world, "daily-report"))
        assert (run.status, run.output) == (RunStatus.SUCCEEDED, "the report")
        assert run.scheduled_at == NOON + timedelta(hours=21)


async def test_a_task_that_is_taken_out_of_the_configuration_is_disabled_and_keeps_its_history(
    open_world: Opener, tocsin: CommandLine
) -> None:
    async with open_world(["the report"], **SEED) as world:  # PRX-07
        before = job_named(world, "daily-report")
        await world.gateway.cron.run_now(before)
        (run,) = await runs_that_ended(world, 1)
    async with open_world([], clock=world.clock, **WITHOUT) as later:
        gone = job_named(later, "daily-report")

    listed, everything = tocsin("cron", "list"), tocsin("cron", "list", "--all", "--json").document["jobs"]
    kept = tocsin("cron", "runs", "daily-report", "--json").document["runs"]
    async with open_world([], clock=world.clock, **SEED) as again:
        back = job_named(again, "daily-report")

    assert "daily-report" not in listed.out
    assert {job["name"]: job["status"] for job in everything} == {
        "daily-report": "disabled",
        "memory-cleanup": "enabled",
        "repo-check": "enabled",
    }
    assert [one["id"] for one in kept] == [run.id]
    assert (gone.uid, gone.status) == (before.uid, JobStatus.DISABLED)
    assert (back.uid, back.status) == (before.uid, JobStatus.ENABLED)
