"""What an admin of a group may do with the jobs of others there, and what not."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from cron.arguments import CronArguments
from cron.job import Job
from cron.making.rules import Bounds
from cron.tool import CronTool
from gateway.errors import NotFoundError, UserError
from gateway.messages import ChatAddress, Due, Person
from gateway.tools.base import Turn
from tests.fakes import NOON
from tests.unit.commands.asking import HERE, THERE
from tests.unit.cron.commands.counter import Counter, counter
from tests.unit.cron.test_tool import States

TURN = Turn(
    id="t1",
    call_id="t1.1.0",
    session="test:1",
    address=HERE,
    sender_id="olga",
    occasion=Person(),
    zone="UTC",
    now=NOON,
)


@dataclass
class Group:
    """A group with an admin, olga, and jobs of ben."""

    desk: Counter
    asked: list[tuple[str, str]] = field(default_factory=list)

    async def manages(self, address: ChatAddress, user: str) -> bool:
        self.asked.append((address.chat, user))
        return user == "olga"

    async def use(self, turn: Turn = TURN, **given: Any) -> str:
        tool = CronTool(self.desk.clerk, states=States(), is_admin=lambda _turn: False)
        return await tool.call(CronArguments.model_validate(given), turn)

    @property
    def job(self) -> Job:
        (job,) = self.desk.jobs()
        return job


@asynccontextmanager
async def open_group(path: Path) -> AsyncIterator[Group]:
    async with counter(path) as desk:
        group = Group(desk)
        rules = replace(desk.clerk.rules, bounds=Bounds(shell="admin"))
        desk.clerk = replace(desk.clerk, manages=group.manages, rules=rules)
        desk.add(name="tea", created_by="ben")
        yield group


@pytest.mark.parametrize("verb", ["run", "pause", "resume", "remove"])
async def test_an_admin_changes_and_runs_what_others_have_made(tmp_path: Path, verb: str) -> None:
    async with open_group(tmp_path) as group:
        with pytest.raises(UserError, match="an admin of this group"):
            await group.desk.cron(f"{verb} tea", sender_id="anna")

        await group.desk.cron(f"{verb} tea", sender_id="olga")

        assert group.asked == [("1", "anna"), ("1", "olga")]


async def test_nobody_is_asked_about_for_reading_or_for_their_own_jobs(tmp_path: Path) -> None:
    async with open_group(tmp_path) as group:
        for words in ("list", "show tea", "next tea"):
            await group.desk.cron(words, sender_id="olga")
        await group.desk.cron("pause tea", sender_id="ben")
        await group.desk.cron("run tea", owner=True)

        assert group.asked == []


async def test_an_admin_of_a_group_makes_no_job_of_the_shell_there(tmp_path: Path) -> None:
    async with open_group(tmp_path) as group:
        for wanted in (
            {"action": "update", "job_id": "tea", "command": "id"},
            {"action": "add", "command": "id", "every_seconds": 3600},
        ):
            with pytest.raises(UserError, match=r"shell|command"):
                await group.use(**wanted)

        assert group.job.created_by == "ben"
        await group.use(action="update", job_id="tea", say="coffee")
        assert (group.job.payload.text, group.job.created_by) == ("coffee", "ben")  # type: ignore[union-attr]


async def test_a_scheduled_run_is_no_admin_whoever_has_made_its_job(tmp_path: Path) -> None:
    async with open_group(tmp_path) as group:  # P-68
        own = group.desk.add(name="own", created_by="olga", may_schedule=True)
        due = replace(TURN, sender_id=f"cron:{own.id}", occasion=Due(run="r1", scheduled_for=NOON), job=own.uid)

        with pytest.raises(UserError, match="made by somebody else"):
            await group.use(due, action="disable", job_id="tea")

        assert group.asked == []


async def test_an_admin_of_one_group_knows_nothing_of_the_jobs_of_another(tmp_path: Path) -> None:
    async with open_group(tmp_path) as group:  # P-72
        with pytest.raises(NotFoundError):
            await group.desk.cron("remove tea", sender_id="olga", address=THERE)

        assert group.asked == []
