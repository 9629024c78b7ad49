"""What the command line shows of a gateway's work, and what the examples of other programs become in it."""

import json
from datetime import datetime, timedelta

from structlog.testing import capture_logs

from channels.telegram.render import render
from cron.run import RunStatus
from gateway.agent.model import UserText
from gateway.agent.models.scripted import HANG, calls
from gateway.errors import ErrorClass, ModelError
from gateway.messages import Caller, OutboundMessage
from tests.command_line import CommandLine
from tests.fakes import NOON, FakeClock
from tests.journeys.asking import answer
from tests.journeys.conftest import Opener
from tests.journeys.steps import HERE, SECOND, add_job, callers, go_to, hears, runs_that_ended

HOUR = timedelta(hours=1)
BACKUP = r"""{
  "name": "Daily Backup",
  "schedule": {"kind": "every", "everyMs": 86400000},
  "sessionTarget": "isolated",
  "payload": {"kind": "systemEvent", "text": "Back up C:\\Important\\ now."},
  "failureAlert": {"channel": "test", "to": "347207938", "after": 1} // at the first failure
}"""


async def test_each_run_is_a_line_of_the_log_and_a_record(open_world: Opener, tocsin: CommandLine) -> None:
    async with open_world(["one", "two"]) as world:
        job = await add_job(world, prompt="look", every="3600")
        with capture_logs() as logs:
            for n in (1, 2):
                await go_to(world, NOON + n * HOUR)
                await runs_that_ended(world, n)

    shown = tocsin("cron", "runs", job.id, "--json").document["runs"]  # OC-32

    assert [run["output"] for run in shown] == ["two", "one"]
    for event in ("Cron: executing job", "Cron: run ends"):
        lines = [line for line in logs if line["event"] == event]
        assert [line["run"] for line in lines] == [run["id"] for run in reversed(shown)]
        assert {line["job"] for line in lines} == {job.id}
    assert all(run["id"][:6] in tocsin("cron", "runs", job.id).out for run in shown)


async def test_status_duration_output_and_error_of_each_run_are_shown(
    open_world: Opener, tocsin: CommandLine
) -> None:
    broken = ModelError("bad key", ErrorClass.PERMISSION)
    async with open_world(["é" * 1_000_000, broken, HANG]) as world:
        job = await add_job(world, prompt="look", every="3600", timeout="20s", retry={"attempts": 1})
        for n in (1, 2):
            await go_to(world, NOON + n * HOUR)
            await runs_that_ended(world, n)
        await go_to(world, NOON + 3 * HOUR)
        await world.model.asked(3)
        await world.clock.advance(20 * SECOND)
        await runs_that_ended(world, 3)

    slow, failed, fine = tocsin("cron", "runs", job.id, "--json").document["runs"]

    assert [run["status"] for run in (fine, failed, slow)] == ["succeeded", "failed", "timed_out"]  # NOX-49
    assert 20_000 <= slow["duration_ms"] < 21_000  # NOX-50
    kept, mark = fine["output"].split("\n")
    assert set(kept) == {"é"}  # NOX-51
    assert mark == f"[cut: {1_000_000 - len(kept)} more characters]"
    assert (fine["error"], failed["error"]) == (None, "bad key")  # NOX-52
    assert (fine["error_class"], failed["error_class"], slow["error_class"]) == (
        None,
        "permission",
        "timeout",
    )  # NOX-25


async def test_an_isolated_session_is_listed_for_a_day_and_not_after_it(
    open_world: Opener, tocsin: CommandLine
) -> None:
    def listed() -> list[str]:
        return [one["session"] for one in tocsin("sessions", "list", "--json").document["sessions"]]

    async with open_world(["looked"]) as world:  # OC-15
        job = await add_job(world, prompt="look", cron="0 13 2 3 *")
        await go_to(world, NOON + HOUR)
        (run,) = await runs_that_ended(world, 1)
        fresh = listed()

    world.clock.set(NOON + 24 * HOUR)
    async with open_world([], clock=world.clock) as later:
        await later.clock.advance(SECOND)
        after_a_day = listed()
    world.clock.set(NOON + 27 * HOUR)
    async with open_world([], clock=world.clock) as last:
        while listed():
            await last.clock.advance(SECOND)

    assert fresh == after_a_day == [f"cron:{job.id}:{run.id}"]
    assert run.status is RunStatus.SUCCEEDED


async def test_an_example_of_a_critical_job_alerts_its_chat_at_the_first_failure(
    open_world: Opener, tocsin: CommandLine
) -> None:
    """OC-26, OC-28"""
    channels = {"test": {"kind": "telegram", "enabled": False}}
    tocsin.configure('[channels.test]\nkind = "telegram"\nenabled = false\n')
    added = tocsin("cron", "add", "--job", "-", "--json", stdin=BACKUP)
    assert added.status == 0, added.err
    made = datetime.fromisoformat(added.document["created_at"])
    broken = calls(("backup", {}))  # a tool that does not work: the model asks for it until its steps are over

    async with open_world(
        lambda _: broken, clock=FakeClock(made), channels=channels, agent={"max_steps": 3}
    ) as world:
        await go_to(world, made + timedelta(days=1))
        (run,) = await runs_that_ended(world, 1)
        await hears(world, 1)

        asked = world.model.prompts[0].items[-1]
        assert isinstance(asked, UserText)
        assert "Back up C:\\Important\\ now." in asked.text
        (alert,) = world.channel.texts("347207938")
        assert alert.startswith('The job "Daily Backup"')
        assert run.status is RunStatus.FAILED
        assert await callers(world) == {"alert": 1}


async def test_a_name_with_an_ampersand_is_plain_on_the_command_line_and_escaped_for_telegram(
    open_world: Opener, tocsin: CommandLine
) -> None:
    """NOX-30"""
    create = {
        "action": "create",
        "name": "Daily R&D digest",
        "schedule_type": "cron",
        "schedule_value": "0 9 * * *",
        "prompt": "Write a digest.",
    }
    async with open_world([calls(("manage_cron_job", create)), "made"]) as world:
        await answer(world, "a digest of research every morning")
        listed = await answer(world, "/cron list")

    (part,) = render(OutboundMessage(delivery_id="d", address=HERE, caller=Caller.COMMAND, text=listed))
    assert "Daily R&amp;D digest" in part.payload["text"]
    assert "Daily R&D digest" in tocsin("cron", "list").out
    (job,) = json.loads((tocsin.path / "cron.json").read_text())["jobs"]
    assert job["name"] == "Daily R&D digest"
