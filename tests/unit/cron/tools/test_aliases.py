"""The other names of the cron tool, each with its own contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cron import runs
from cron.book import JobBook
from cron.clerk import Clerk, Rules
from cron.job import AgentPrompt, Job, Shell
from cron.policy import AfterRun
from cron.run import Trigger
from cron.schedule import At, Cron, Every
from cron.stores.memory import MemoryStore
from cron.tool import CronTool
from cron.tools.catalogue import ALIASES, HIDDEN, toolbox
from gateway.agent.due import Ending, EndStatus
from gateway.agent.journal import Response, Result
from gateway.agent.model import ModelReply, ToolCall, ToolResult, Usage
from gateway.agent.outcome import acted
from gateway.agent.toolbox import Toolbox
from gateway.database.writer import Database
from gateway.errors import NotFoundError, UserError
from gateway.messages import ChatAddress, Due, Person
from gateway.tools.base import Turn
from tests.fakes import NOON, FakeClock
from tests.parts import open_database

HERE = ChatAddress(channel="test", chat="1")
TURN = Turn(
    id="t1",
    call_id="t1.1.0",
    session="test:1",
    address=HERE,
    sender_id="anna",
    occasion=Person(),
    zone="Asia/Shanghai",
    now=NOON,
)
ADD = {
    "name": "backup",
    "schedule": "0 3 * * *",
    "action": "agent",
    "prompt": "Back up.",
    "description": "nightly",
}
MANAGE = {"action": "create", "name": "Daily R&D digest", "prompt": "Write a digest."}


@dataclass
class States:
    """No run has read a state here."""

    def expected_state(self, run: str) -> int:
        return 0

    def wrote_state(self, run: str, revision: int) -> None:
        raise AssertionError("no test here keeps a state")


@dataclass
class Desk:
    tools: Toolbox
    store: MemoryStore
    database: Database
    ran: list[Job] = field(default_factory=list)
    calls: int = 0

    async def use(self, tool: str, turn: Turn = TURN, **given: Any) -> str:
        self.calls += 1
        arguments = self.tools.tools[tool].arguments.model_validate(given)
        return await self.tools.tools[tool].call(arguments, replace(turn, call_id=f"{turn.id}.{self.calls}.0"))

    def job(self, name: str) -> Job:
        (found,) = [job for job in self.store.load().values() if job.name == name]
        return found


@asynccontextmanager
async def open_desk(path: Path, *, admin: bool = False) -> AsyncIterator[Desk]:
    store, ran = MemoryStore(), list[Job]()

    async def changed() -> None:
        """Nobody waits for new jobs here."""

    async def run_now(job: Job, _stamp: str, *, by: str) -> str:
        ran.append(job)
        return "r9"

    async with open_database(path / "gateway.db", FakeClock()) as database:
        clerk = Clerk(
            store=store, book=JobBook(store), database=database, rules=Rules(), changed=changed, run_now=run_now
        )
        cron = CronTool(clerk, states=States(), is_admin=lambda _turn: admin)
        yield Desk(toolbox(cron, [], aliases=False), store, database, ran)


async def with_runs(desk: Desk, job: Job, count: int, output: str = "fine") -> None:
    for n in range(count):
        moment = NOON + timedelta(hours=n)
        due = runs.occurrence(moment, moment, Trigger.SCHEDULE)
        said = runs.message(job, due, None, moment)
        await desk.database.write(lambda t, due=due, said=said: runs.claim(t, job, due, said))  # type: ignore[misc]
        ending = Ending(status=EndStatus.SUCCEEDED, output=f"{output} {n}")
        await desk.database.write(
            lambda t, due=due, moment=moment, ending=ending: runs.finish(t, due.run, ending, now=moment)  # type: ignore[misc]
        )


async def test_an_argument_in_two_spellings_is_taken_once_and_refused_when_they_differ(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        await desk.use("cron_add", **ADD, Prompt="Back up.")

        with pytest.raises(ValidationError, match="prompt is given twice, with different values"):
            await desk.use("cron_add", **ADD, Prompt="Delete it all.")
        assert desk.job("backup").payload == AgentPrompt(prompt="Back up.")


# -- cron_add ----------------------------------------------------------------------------------------------------


async def test_cron_add_makes_a_job(tmp_path: Path) -> None:
    """PRX-21"""
    async with open_desk(tmp_path) as desk:
        answer = await desk.use("cron_add", **ADD)

        job = desk.job("backup")
        assert answer.startswith(f'Scheduled "backup" ({job.id})')
        assert job.schedule == Cron("0 3 * * *", "Asia/Shanghai")
        assert (job.payload, job.description) == (AgentPrompt(prompt="Back up."), "nightly")
        assert job.owner == "test:1"


@pytest.mark.parametrize("admin", [True, False])
async def test_cron_add_makes_a_shell_job_for_the_operator_alone(tmp_path: Path, admin: bool) -> None:
    """PRX-21, PRX-27, C-18"""
    given = {
        "name": "backup-workspace",
        "schedule": "0 2 * * *",
        "action": "shell",
        "command": "tar czf backup-$(date +%Y%m%d).tar.gz .",
        "description": "Daily backup",
    }
    async with open_desk(tmp_path, admin=admin) as desk:
        if not admin:
            with pytest.raises(UserError, match="in an owner's chat only"):
                await desk.use("cron_add", **given)
            assert desk.store.load() == {}
            return
        await desk.use("cron_add", **given)

        job = desk.job("backup-workspace")
        assert (job.payload, job.description) == (Shell(command=given["command"]), "Daily backup")


@pytest.mark.parametrize("name", ["backup", "Backup"])
async def test_a_name_that_is_taken_is_refused_with_the_id_of_the_job_that_has_it(
    tmp_path: Path, name: str
) -> None:
    """PRX-22, C-11"""
    async with open_desk(tmp_path) as desk:
        await desk.use("cron_add", **ADD)

        with pytest.raises(UserError, match=f"already \\({desk.job('backup').id}\\)"):
            await desk.use("cron_add", **{**ADD, "name": name})

        assert len(desk.store.load()) == 1


async def test_the_same_call_again_is_no_second_job_and_no_error(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        tool = desk.tools.tools["cron_add"]
        arguments = tool.arguments.model_validate(ADD)

        answers = [await tool.call(arguments, TURN) for _ in range(2)]

        assert answers[0] == answers[1]
        assert len(desk.store.load()) == 1


@pytest.mark.parametrize("schedule", ["every day", "0 9 * *", "61 9 * * *"])
async def test_a_wrong_expression_is_refused_with_an_example(tmp_path: Path, schedule: str) -> None:
    """PRX-23"""
    async with open_desk(tmp_path) as desk:
        with pytest.raises(UserError, match=r'"schedule": "0 9 \* \* \*"'):
            await desk.use("cron_add", **{**ADD, "schedule": schedule})

        assert desk.store.load() == {}


@pytest.mark.parametrize(
    ("missing", "words"),
    [("name", "name"), ("schedule", "schedule"), ("action", "action")],  # PRX-22, PRX-23, PRX-24
)
async def test_what_cron_add_needs_is_asked_for(tmp_path: Path, missing: str, words: str) -> None:
    async with open_desk(tmp_path) as desk:
        with pytest.raises(ValidationError, match=words):
            await desk.use("cron_add", **{key: value for key, value in ADD.items() if key != missing})


async def test_another_action_is_refused_with_the_list(tmp_path: Path) -> None:
    """PRX-24"""
    async with open_desk(tmp_path) as desk:
        with pytest.raises(ValidationError, match="'agent' or 'shell'"):
            await desk.use("cron_add", **{**ADD, "action": "email"})


@pytest.mark.parametrize("tool", ["cron_add", "schedule"])
@pytest.mark.parametrize(("action", "needed"), [("shell", "command"), ("agent", "prompt")])
async def test_each_action_needs_its_own_field(tmp_path: Path, tool: str, action: str, needed: str) -> None:
    """PRX-25, PRX-26, PRX-41"""
    given = {"name": "n", "schedule": "0 3 * * *"} if tool == "cron_add" else {"when": "in 30 minutes"}
    async with open_desk(tmp_path) as desk:
        with pytest.raises(UserError, match=f"{needed} is missing"):
            await desk.use(tool, **given, action=action)
        with pytest.raises(UserError, match="leave it out"):
            await desk.use(tool, **given, action=action, prompt="p", command="c")


# -- cron_list, cron_remove, cron_update, cron_run, cron_runs ----------------------------------------------------


@pytest.mark.parametrize(("tool", "given"), [("cron_list", {}), ("manage_cron_job", {"action": "list"})])
async def test_the_list_is_a_table_of_all_jobs_of_the_chat(
    tmp_path: Path, tool: str, given: dict[str, Any]
) -> None:
    """PRX-29, NOX-26, NOX-28"""
    async with open_desk(tmp_path) as desk:
        await desk.use("cron_add", **ADD)
        await desk.use("cron", action="add", say="a | b", every_seconds=3600, name="tea")
        await desk.use("cron", action="disable", job_id="tea")
        await desk.use("cron_add", replace(TURN, address=replace(HERE, chat="2")), **{**ADD, "name": "theirs"})

        head, _, *found = (await desk.use(tool, **given)).splitlines()
        first, second = sorted(found)

        assert head == "| name | id | schedule | status | next run |"
        assert first.startswith(f"| backup | {desk.job('backup').id} | At 03:00")
        assert first.endswith("| enabled | 2026-03-03 03:00 Tue (Asia/Shanghai) |")
        assert second.endswith("| disabled | - |")


@pytest.mark.parametrize("by", ["name", "id"])
async def test_cron_remove_takes_a_name_or_an_id(tmp_path: Path, by: str) -> None:
    """PRX-30, PRX-87"""
    async with open_desk(tmp_path) as desk:
        await desk.use("cron_add", **ADD)

        with pytest.raises(NotFoundError, match="there is no job 'backups' here"):
            await desk.use("cron_remove", name="backups")
        await desk.use("cron_remove", name=getattr(desk.job("backup"), by))

        assert desk.store.load() == {}


@pytest.mark.parametrize("tool", ["cron_remove", "cron_update", "cron_run"])
async def test_a_job_has_to_be_named_and_to_be_there(tmp_path: Path, tool: str) -> None:
    """PRX-30, PRX-87, PRX-88, PRX-89"""
    change = {"prompt": "x"} if tool == "cron_update" else {}
    async with open_desk(tmp_path) as desk:
        with pytest.raises(ValidationError, match="name"):
            await desk.use(tool, **change)
        with pytest.raises(NotFoundError, match="there is no job 'nothing' here"):
            await desk.use(tool, name="nothing", **change)


async def test_cron_update_changes_what_it_is_given_and_nothing_else(tmp_path: Path) -> None:
    """PRX-31"""
    async with open_desk(tmp_path) as desk:
        await desk.use("cron_add", **ADD)
        before = desk.job("backup")

        await desk.use("cron_update", name="backup", schedule="30 4 * * *")

        after = desk.job("backup")
        assert after.schedule == Cron("30 4 * * *", "Asia/Shanghai")
        kept = {"schedule": before.schedule, "revision": 1, "stamp": before.stamp, "changed_at": before.changed_at}
        assert replace(after, **kept) == before


async def test_cron_update_without_a_change_is_an_error_that_lists_the_fields(tmp_path: Path) -> None:
    """PRX-32"""
    async with open_desk(tmp_path) as desk:
        await desk.use("cron_add", **ADD)

        with pytest.raises(UserError, match="at least one of schedule, command, prompt, description"):
            await desk.use("cron_update", name="backup")


async def test_cron_run_runs_a_job_at_once(tmp_path: Path) -> None:
    """PRX-33"""
    async with open_desk(tmp_path) as desk:
        await desk.use("cron_add", **ADD)

        answer = await desk.use("cron_run", name="backup")

        assert desk.ran == [desk.job("backup")]
        assert answer.endswith("as run r9. Its schedule stays as it is.")


async def test_cron_runs_is_a_table_with_times_status_and_output_newest_first(tmp_path: Path) -> None:
    """PRX-34, PRX-35"""
    async with open_desk(tmp_path) as desk:
        await desk.use("cron_add", **ADD)
        await desk.use("cron_add", **{**ADD, "name": "other"})
        await with_runs(desk, desk.job("backup"), 2)
        await with_runs(desk, desk.job("other"), 1, output="else")

        one = (await desk.use("cron_runs", name="backup")).splitlines()
        both = (await desk.use("cron_runs")).splitlines()

        assert one == [
            "| due | name | status | output |",
            "| --- | --- | --- | --- |",
            "| 2026-03-02 21:00 Mon | backup | succeeded | fine 1 |",
            "| 2026-03-02 20:00 Mon | backup | succeeded | fine 0 |",
        ]
        assert len(both) == 5


@pytest.mark.parametrize(("given", "shown"), [({}, 20), ({"limit": 10}, 10)])
async def test_cron_runs_shows_twenty_unless_told_otherwise(
    tmp_path: Path, given: dict[str, int], shown: int
) -> None:
    """PRX-36"""
    async with open_desk(tmp_path) as desk:
        await desk.use("cron_add", **ADD)
        await with_runs(desk, desk.job("backup"), 30)

        table = await desk.use("cron_runs", name="backup", **given)

        assert len(table.splitlines()) == shown + 2


# -- schedule ----------------------------------------------------------------------------------------------------


async def test_schedule_answers_with_the_exact_time_and_the_zone(tmp_path: Path) -> None:
    """PRX-37, PRX-40"""
    async with open_desk(tmp_path) as desk:
        answer = await desk.use("schedule", when="in 30 minutes", action="agent", prompt="Look at the build.")

        (job,) = desk.store.load().values()
        assert job.schedule == At(NOON + timedelta(minutes=30))
        assert "Exactly: 2026-03-02T20:30:00+08:00 (Asia/Shanghai)." in answer


@pytest.mark.parametrize(
    ("when", "schedule"),
    [
        ("in 30 minutes", At(NOON + timedelta(minutes=30))),
        ("tomorrow at 9am", At(NOON + timedelta(hours=13))),
        ("every Monday at 10:00", Cron("0 10 * * 1", "Asia/Shanghai")),
    ],
)
async def test_schedule_understands_its_forms(tmp_path: Path, when: str, schedule: object) -> None:
    """PRX-38"""
    async with open_desk(tmp_path) as desk:
        await desk.use("schedule", when=when, action="agent", prompt="Look.")

        (job,) = desk.store.load().values()
        assert job.schedule == schedule


async def test_schedule_refuses_what_it_does_not_understand_and_makes_no_job(tmp_path: Path) -> None:
    """PRX-39"""
    async with open_desk(tmp_path) as desk:
        with pytest.raises(UserError, match=r"every full moon.* Understood are single times"):
            await desk.use("schedule", when="every full moon", action="agent", prompt="Howl.")

        assert desk.store.load() == {}


# -- manage_cron_job ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value", "schedule"),
    [
        ("cron", "0 9 * * *", Cron("0 9 * * *", "Asia/Shanghai")),
        ("every", "5m", Every(timedelta(minutes=5), NOON)),
        ("every", "2h", Every(timedelta(hours=2), NOON)),
        ("every", "1d", Every(timedelta(days=1), NOON)),
        ("at", "2026-03-02T20:01:00", At(NOON + timedelta(minutes=1))),
    ],
)
async def test_manage_cron_job_creates_jobs_of_each_type(
    tmp_path: Path, kind: str, value: str, schedule: object
) -> None:
    """NOX-27, NOX-30, NOX-31, NOX-32"""
    async with open_desk(tmp_path) as desk:
        await desk.use("manage_cron_job", **MANAGE, schedule_type=kind, schedule_value=value)

        job = desk.job("Daily R&D digest")
        assert (job.schedule, job.payload) == (schedule, AgentPrompt(prompt="Write a digest."))
        assert job.session == "isolated"
        assert job.after_run is (AfterRun.DISABLE if kind == "at" else AfterRun.DELETE)  # C-05


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("every", "4m", "4m is too often: at least 5m"),  # NOX-09, C-03
        ("at", "2026-03-02T20:00:30", "at least one minute ahead"),  # NOX-06, C-04
        ("at", "0 9 * * *", "expected is an ISO time"),
        ("every", "0 9 * * *", "expected is an interval"),
    ],
)
async def test_manage_cron_job_has_limits_of_its_own(tmp_path: Path, kind: str, value: str, words: str) -> None:
    """NOX-06, NOX-09, NOX-31"""
    async with open_desk(tmp_path) as desk:
        with pytest.raises(UserError, match=words):
            await desk.use("manage_cron_job", **MANAGE, schedule_type=kind, schedule_value=value)

        assert desk.store.load() == {}


async def test_manage_cron_job_takes_an_interval_of_five_minutes_and_none_below(tmp_path: Path) -> None:
    """NOX-09, C-03"""
    async with open_desk(tmp_path) as desk:
        for short in ("1m", "4m", "299s"):
            with pytest.raises(UserError, match="is too often: at least 5m here"):
                await desk.use("manage_cron_job", **MANAGE, schedule_type="every", schedule_value=short)
        await desk.use("manage_cron_job", **MANAGE, schedule_type="every", schedule_value="5m")

        (job,) = desk.store.load().values()
        assert job.schedule == Every(timedelta(minutes=5), NOON)


@pytest.mark.parametrize("seconds", [0, 30, 59, 60])
async def test_manage_cron_job_takes_a_time_that_is_a_minute_ahead_and_none_before(
    tmp_path: Path, seconds: int
) -> None:
    """NOX-06, C-04"""
    moment = NOON + timedelta(hours=8, seconds=seconds)
    given = {**MANAGE, "schedule_type": "at", "schedule_value": f"{moment:%Y-%m-%dT%H:%M:%S}"}
    async with open_desk(tmp_path) as desk:
        if seconds < 60:
            with pytest.raises(UserError, match="at least one minute ahead"):
                await desk.use("manage_cron_job", **given)
        else:
            await desk.use("manage_cron_job", **given)

        assert len(desk.store.load()) == (seconds >= 60)


@pytest.mark.parametrize(
    ("kind", "right", "wrong", "form"),
    [
        ("at", "2026-03-03T09:00:00", "30m", "an ISO time"),
        ("cron", "0 9 * * *", "30m", "five fields"),
        ("every", "30m", "0 9 * * *", "an interval"),
    ],
)
async def test_a_value_that_is_not_of_its_type_names_the_form_of_that_type(
    tmp_path: Path, kind: str, right: str, wrong: str, form: str
) -> None:
    """NOX-31"""
    async with open_desk(tmp_path) as desk:
        with pytest.raises(UserError, match=form):
            await desk.use("manage_cron_job", **MANAGE, schedule_type=kind, schedule_value=wrong)
        assert desk.store.load() == {}

        await desk.use("manage_cron_job", **MANAGE, schedule_type=kind, schedule_value=right)

        assert len(desk.store.load()) == 1


@pytest.mark.parametrize("mode", ["isolated", "MAIN"])
async def test_manage_cron_job_takes_both_modes(tmp_path: Path, mode: str) -> None:
    """NOX-33"""
    async with open_desk(tmp_path) as desk:
        given = {**MANAGE, "schedule_type": "every", "schedule_value": "1h", "execution_mode": mode}
        await desk.use("manage_cron_job", **given)

        assert desk.job("Daily R&D digest").session == mode.lower()


async def test_another_mode_is_refused_with_the_list(tmp_path: Path) -> None:
    """NOX-33"""
    async with open_desk(tmp_path) as desk:
        with pytest.raises(ValidationError, match="'isolated' or 'main'"):
            await desk.use("manage_cron_job", **MANAGE, execution_mode="shared")


@pytest.mark.parametrize("given", [{"schedule_type": "at"}, {"schedule_value": "1h"}, {}])
async def test_half_a_schedule_names_the_forms(tmp_path: Path, given: dict[str, str]) -> None:
    async with open_desk(tmp_path) as desk:
        with pytest.raises(UserError, match="cron: five fields"):
            await desk.use("manage_cron_job", **MANAGE, **given)


async def test_manage_cron_job_deletes(tmp_path: Path) -> None:
    """NOX-29"""
    async with open_desk(tmp_path) as desk:
        await desk.use("manage_cron_job", **MANAGE, schedule_type="every", schedule_value="1h")

        await desk.use("manage_cron_job", action="delete", name="Daily R&D digest")

        assert desk.store.load() == {}


# -- rights ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("cron_add", {**ADD, "name": "more"}),
        ("cron_update", {"name": "other", "prompt": "x"}),
        ("cron_run", {"name": "other"}),
        ("cron_runs", {}),
        ("cron_remove", {"name": "other"}),
        ("schedule", {"when": "in 1 hour", "action": "agent", "prompt": "x"}),
        ("manage_cron_job", {**MANAGE, "schedule_type": "every", "schedule_value": "1h"}),
        ("manage_cron_job", {"action": "delete", "name": "other"}),
    ],
)
async def test_a_scheduled_run_may_do_no_more_by_an_alias_than_by_the_cron_tool(
    tmp_path: Path, tool: str, given: dict[str, Any]
) -> None:
    """C-19, P-68"""
    async with open_desk(tmp_path) as desk:
        await desk.use("cron_add", **ADD)
        await desk.use("cron_add", **{**ADD, "name": "other"})
        own = desk.job("backup")
        before = desk.store.load()
        turn = replace(TURN, sender_id=f"cron:{own.id}", run="r1", job=own.uid)

        with pytest.raises(UserError, match="a scheduled run may"):
            await desk.use(tool, replace(turn, occasion=Due(run="r1", scheduled_for=NOON)), **given)

        assert desk.store.load() == before
        assert desk.ran == []


async def test_a_foreign_job_and_an_unknown_one_are_answered_with_the_same_words(tmp_path: Path) -> None:
    """P-72"""
    theirs = replace(TURN, address=replace(HERE, chat="2"), sender_id="ben")
    calls = [
        ("cron_remove", {}),
        ("cron_run", {}),
        ("cron_runs", {}),
        ("cron_update", {"prompt": "x"}),
        ("manage_cron_job", {"action": "delete"}),
    ]
    async with open_desk(tmp_path) as desk:
        await desk.use("cron_add", **{**ADD, "name": "theirs"})

        for tool, given in calls:
            answers = []
            for name in ("theirs", "nobodys"):
                with pytest.raises(NotFoundError) as caught:
                    await desk.use(tool, theirs, name=name, **given)
                answers.append(str(caught.value).replace(name, "…"))

            assert answers[0] == answers[1]


def test_aliases_answer_and_are_shown_only_on_demand() -> None:
    """C-09, PRX-02"""
    cron = CronTool.__new__(CronTool)
    cron.actions = None  # type: ignore[assignment] # nothing is called

    quiet, loud = toolbox(cron, [], aliases=False).for_person(), toolbox(cron, [], aliases=True).for_person()

    assert quiet.tools.keys() == loud.tools.keys() == HIDDEN | {"cron", "schedule"}
    assert {spec.name for spec in quiet.specs} == {"cron", "schedule"}
    assert {spec.name for spec in loud.specs} == HIDDEN | {"cron", "schedule"}


@pytest.mark.parametrize("alias", ALIASES, ids=lambda alias: alias.name)
def test_the_example_of_each_alias_is_a_right_call(alias: Any) -> None:
    assert alias.arguments.model_validate_json(alias.example)


@pytest.mark.parametrize(("action", "acts"), [("list", False), ("delete", True)])
async def test_a_list_does_nothing_that_a_second_attempt_would_repeat(
    tmp_path: Path, action: str, acts: bool
) -> None:
    call = ToolCall(id="c1", name="manage_cron_job", arguments=f'{{"action": "{action}", "name": "x"}}')
    result = Result(ToolResult(call_id="c1", name=call.name, text="done"))
    async with open_desk(tmp_path) as desk:
        manage = desk.tools.tools["manage_cron_job"]

    done = acted([Response(ModelReply(calls=(call,)), Usage()), result], {call.name: manage})

    assert done is acts


async def test_a_name_is_taken_however_it_is_spaced(tmp_path: Path) -> None:
    """PRX-22"""
    long = "x" * 100
    async with open_desk(tmp_path) as desk:
        await desk.use("cron_add", **{**ADD, "name": "daily report"})
        await desk.use("cron_add", **{**ADD, "name": long})

        for name in ("daily  report", "Daily\nReport", long):
            with pytest.raises(UserError, match="there is a job named"):
                await desk.use("cron_add", **{**ADD, "name": name})
