"""New jobs by /remind and `/cron add`: what is made, and what is said of it."""

from datetime import timedelta
from pathlib import Path

import pytest

from cron.clerk import Rules
from cron.job import AgentPrompt, Say
from cron.schedule import At
from gateway.errors import UserError
from gateway.messages import ChatAddress
from tests.fakes import NOON
from tests.unit.commands.asking import HERE
from tests.unit.cron.commands.counter import counter


async def test_a_reminder_is_made_and_what_was_understood_is_said(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        answer = await desk.remind("in 20 minutes to *stretch*")
        (job,) = desk.jobs()

        assert answer.text.splitlines() == [
            rf"Scheduled **\*stretch\*** (`{job.id}`): once at 2026-03-02 13:20 (Europe/Berlin).",
            r"It says: \*stretch\*",
        ]
        assert job.payload == Say(text="*stretch*")
        assert job.schedule == At(NOON + timedelta(minutes=20))
        assert (job.owner, job.created_by, job.created_in, job.address) == ("test:1", "anna", "test:1", HERE)


async def test_a_task_for_the_assistant_is_made(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        answer = await desk.cron("add every monday at 10 do summarise my mail")
        (job,) = desk.jobs()

        assert job.payload == AgentPrompt(prompt="summarise my mail")
        assert "Next: 2026-03-09 10:00 Mon (Europe/Berlin)." in answer.text
        assert "It does: summarise my mail" in answer.text


async def test_a_command_that_is_repeated_after_a_crash_makes_one_job(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        first = await desk.remind("in 20 minutes tea", stamp="t1.0.0")
        later = await desk.remind("in 20 minutes tea", stamp="t1.0.0", now=NOON + timedelta(minutes=5))

        assert first == later
        assert len(desk.jobs()) == 1


async def test_a_job_in_utc_by_default_is_said_to_be_so(tmp_path: Path) -> None:
    async with counter(tmp_path, rules=Rules(zone_is_default=True)) as desk:
        in_utc = await desk.remind("in 20 minutes tea", zone="UTC")
        elsewhere = await desk.remind("in 20 minutes tea")

        assert "/timezone Europe/Berlin changes that" in in_utc.text
        assert "/timezone" not in elsewhere.text


@pytest.mark.parametrize(("default", "chosen"), [(True, "UTC"), (False, "")])
async def test_a_job_in_utc_by_choice_is_not_said_to_be_so(tmp_path: Path, default: bool, chosen: str) -> None:
    async with counter(tmp_path, rules=Rules(zone_is_default=default), chosen_zone=chosen) as desk:
        made = await desk.remind("in 20 minutes tea", zone="UTC")

        assert "(UTC)" in made.text
        assert "/timezone" not in made.text


async def test_a_chat_has_no_more_jobs_than_it_may(tmp_path: Path) -> None:
    async with counter(tmp_path, jobs_per_owner=1) as desk:
        await desk.remind("in 20 minutes tea")

        with pytest.raises(UserError, match="this chat has 1 jobs, and may have 1"):
            await desk.remind("in 30 minutes tea")


async def test_a_job_made_in_a_terminal_speaks_where_the_configuration_says(tmp_path: Path) -> None:
    target = ChatAddress(channel="telegram", chat="5")
    here = ChatAddress(channel="console", chat="terminal")
    async with counter(tmp_path, rules=Rules(console_target=target)) as desk:
        answer = await desk.remind("in 20 minutes tea", address=here)

        assert desk.jobs()[0].address == target
        assert "It speaks to telegram:5" in answer.text


async def test_the_echo_says_what_a_change_of_the_clock_does_to_the_next_times(tmp_path: Path) -> None:
    async with counter(tmp_path) as desk:
        made = await desk.cron("add 30 2 29 3 * say spring")
        (job,) = desk.jobs()
        shown = await desk.cron(f"next {job.id} 2")

        remark = "fires at 03:00 because 02:30 does not exist that day"
        assert remark in made.text
        assert f"2026-03-29 03:00 Sun (Europe/Berlin), {remark}" in shown.text.replace("\\", "")
