"""The cron tool: what each action needs, does and answers."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cron import runs
from cron.arguments import ACTIONS, CronArguments
from cron.book import JobBook
from cron.clerk import Clerk, Rules
from cron.job import Job
from cron.policy import Overlap
from cron.run import Trigger
from cron.stores.memory import MemoryStore
from cron.tool import EXAMPLES, CronTool
from gateway.agent.turn import spec_of
from gateway.database.writer import Database
from gateway.errors import NotFoundError, UserError
from gateway.messages import ChatAddress, Due, Person
from gateway.tools.base import Effect, Tool, Turn
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
    zone="Europe/Berlin",
    now=NOON,
)


@dataclass
class States:
    """Which state each run has read or written."""

    known: dict[str, int] = field(default_factory=dict)

    def expected_state(self, run: str) -> int:
        return self.known.get(run, 0)

    def wrote_state(self, run: str, revision: int) -> None:
        self.known[run] = revision


@dataclass
class Desk:
    tool: CronTool
    store: MemoryStore
    changes: list[str]
    ran: list[Job]
    database: Database
    calls: int = 0

    async def use(self, turn: Turn = TURN, **given: Any) -> str:
        self.calls += 1
        call = replace(turn, call_id=f"{turn.id}.{self.calls}.0")
        return await self.tool.call(CronArguments.model_validate(given), call)

    async def add(self, **given: Any) -> Job:
        await self.use(action="add", **given)
        return max(self.store.load().values(), key=lambda job: int(job.stamp.split(".")[1]))

    def in_run(self, job: Job, run: str = "r1") -> Turn:
        due = Due(run=run, scheduled_for=NOON)
        return replace(TURN, id=run, sender_id=f"cron:{job.id}", occasion=due, run=run, job=job.uid)


@asynccontextmanager
async def open_desk(path: Path, *, store: MemoryStore | None = None, **rules: Any) -> AsyncIterator[Desk]:
    store = store or MemoryStore()
    changes: list[str] = []
    ran: list[Job] = []

    async def changed() -> None:
        changes.append("changed")

    async def run_now(job: Job, _stamp: str, *, by: str) -> str:
        ran.append(job)
        return "r9"

    async with open_database(path / "gateway.db", FakeClock()) as database:
        clerk = Clerk(
            store=store,
            book=JobBook(store),
            database=database,
            rules=Rules(**rules),
            changed=changed,
            run_now=run_now,
        )
        tool = CronTool(clerk, states=States(), is_admin=lambda _turn: False)
        yield Desk(tool, store, changes, ran, database)


async def test_a_job_is_added_and_echoed_and_taken_up_at_once(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # AB-04, AB-06
        answer = await desk.use(action="add", message="weather summary", cron_expr="0 9 * * *", name="weather")

        (job,) = desk.store.load().values()
        assert answer.startswith(f'Scheduled "weather" ({job.id}): At 09:00, every day (Europe/Berlin).')
        assert "Next: 2026-03-03 09:00 Tue (Europe/Berlin)." in answer
        assert desk.changes == ["changed"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"action": "add", "every_seconds": 60}, "what should happen is missing"),  # AB-33
        ({"action": "add", "message": "x"}, "when it should happen is missing"),
        ({"action": "add", "message": "x", "every_seconds": 60, "at": "2026-03-03T09:00Z"}, "both given"),
        ({"action": "remove"}, "job_id is missing"),  # AB-35
        ({"action": "show"}, "job_id is missing"),
        ({"action": "run"}, "job_id is missing"),
        ({"action": "set_state", "state": 1}, "job_id is missing"),  # AB-36
        ({"action": "set_state", "job_id": "x"}, "state is missing"),
        ({"action": "update", "job_id": "tea"}, "nothing to change"),
    ],
)
async def test_what_is_missing_is_said_with_a_right_call(
    tmp_path: Path, given: dict[str, Any], words: str
) -> None:
    async with open_desk(tmp_path) as desk:
        job = await desk.add(say="tea", every_seconds=3600)
        turn = desk.in_run(job) if given["action"] == "set_state" else TURN

        with pytest.raises(UserError, match=words) as caught:
            await desk.use(turn, **given)

        assert "A right call looks like {" in str(caught.value)


@pytest.mark.parametrize("action", ["show", "update", "remove", "enable", "disable", "run", "runs"])
async def test_a_job_that_is_not_there_is_not_found(tmp_path: Path, action: str) -> None:
    async with open_desk(tmp_path) as desk:
        with pytest.raises(NotFoundError, match="there is no job 'nothing' here"):
            await desk.use(action=action, job_id="nothing", name="x")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"state": 1}, "job_id is missing"),
        ({"job_id": "{id}"}, "state is missing"),
        ({"job_id": "0f0f0f0f", "state": 1}, "only a run of the job itself may set its state; not found"),
    ],
)
async def test_a_state_needs_its_job_and_a_value(tmp_path: Path, given: dict[str, Any], words: str) -> None:
    """AB-36"""
    async with open_desk(tmp_path) as desk:
        job = await desk.add(message="look", every_seconds=3600)
        wanted = {name: job.id if value == "{id}" else value for name, value in given.items()}

        with pytest.raises(UserError, match=words):
            await desk.use(desk.in_run(job), action="set_state", **wanted)

        assert (desk.store.load()[job.uid].state, desk.store.load()[job.uid].state_revision) == (None, 0)


async def test_each_action_on_a_job_says_what_it_did(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = await desk.add(say="tea", every_seconds=3600)
        title = f'"tea" ({job.id})'

        assert (await desk.use(action="disable", job_id="tea")).startswith(f"Disabled {title}.")
        assert (await desk.use(action="enable", job_id=job.id)).startswith(f"Enabled {title}: every 1h.")
        assert (await desk.use(action="update", job_id="tea", when="every weekday at 8")).startswith(
            f"Changed {title}: At 08:00, Monday through Friday"
        )
        assert (await desk.use(action="show", job_id="tea")).startswith(f"{title}, enabled")
        assert (await desk.use(action="run", job_id="tea")).startswith(f"Started {title} as run r9.")
        assert await desk.use(action="runs", job_id="tea") == "There are no runs yet."
        assert (await desk.use(action="remove", job_id="tea")).startswith(f"Removed {title}.")
        assert await desk.use(action="list") == "Nothing is scheduled."


async def test_times_that_nobody_has_chosen_a_zone_for_come_with_a_hint(tmp_path: Path) -> None:
    async with open_desk(tmp_path, zone_is_default=True) as desk:
        in_utc = replace(TURN, zone="UTC")

        hinted = await desk.use(in_utc, action="add", say="a", cron_expr="0 9 * * *")
        chosen = await desk.use(in_utc, action="add", say="b", cron_expr="0 9 * * *", tz="Europe/Berlin")

        assert "/timezone Europe/Berlin changes that" in hinted
        assert "/timezone" not in chosen


async def test_a_job_is_run_by_who_made_it_and_not_by_another_member_of_the_group(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-72
        job = await desk.add(say="tea", every_seconds=3600)

        with pytest.raises(
            UserError,
            match="made by somebody else here; they, an admin of this group or an owner of this bot may run it",
        ):
            await desk.use(replace(TURN, sender_id="ben"), action="run", job_id="tea")
        refused = list(desk.ran)
        await desk.use(action="run", job_id="tea")

        assert refused == []
        assert desk.ran == [job]


async def test_listing_and_showing_change_nothing(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = await desk.add(say="tea", every_seconds=3600)
        desk.changes.clear()

        for action in ("list", "show", "runs"):
            await desk.use(action=action, job_id=job.id)

        assert desk.store.load() == {job.uid: job}
        assert desk.changes == []


# -- states ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [{"n": 1}, [1, "a"], "text", 0, 1.5, True, None], ids=repr)
async def test_a_state_of_each_kind_is_kept(tmp_path: Path, state: Any) -> None:
    async with open_desk(tmp_path) as desk:  # AB-15, AB-17
        job = await desk.add(message="look", every_seconds=3600)

        answer = await desk.use(desk.in_run(job), action="set_state", job_id=job.id, state=state)

        kept = desk.store.load()[job.uid]
        assert answer == "kept for the next run"
        assert (kept.state, kept.state_revision, kept.revision) == (state, 1, job.revision)


async def test_of_two_runs_that_overlap_the_second_is_shown_what_the_first_has_kept(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-39
        job = await desk.add(message="look", every_seconds=3600)
        one, two = desk.in_run(job, "r1"), desk.in_run(job, "r2")
        save = {"action": "set_state", "job_id": job.id}

        await desk.use(one, **save, state={"by": "one"})
        with pytest.raises(UserError, match=r'It is now \{"by":"one"\}'):
            await desk.use(two, **save, state={"by": "two"})
        await desk.use(one, **save, state={"by": "one again"})

        assert desk.store.load()[job.uid].state == {"by": "one again"}


async def test_the_same_call_again_keeps_the_same_state(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = await desk.add(message="look", every_seconds=3600)
        turn = replace(desk.in_run(job), call_id="r1.1.0")
        arguments = CronArguments(action="set_state", job_id=job.id, state=1)

        answers = [await desk.tool.call(arguments, turn) for _ in range(2)]

        assert set(answers) == {"kept for the next run"}
        assert desk.store.load()[job.uid].state_revision == 1


async def test_the_store_is_never_read_on_the_event_loop(tmp_path: Path) -> None:
    class Watched(MemoryStore):
        def load(self) -> Mapping[str, Job]:
            readers.append(threading.current_thread())
            return super().load()

    readers: list[threading.Thread] = []
    async with open_desk(tmp_path, store=Watched()) as desk:
        job = await desk.add(message="look", every_seconds=3600)
        readers.clear()

        await desk.use(desk.in_run(job), action="set_state", job_id=job.id, state=1)
        await desk.use(desk.in_run(job), action="disable", job_id=job.id)

        assert readers
        assert threading.main_thread() not in readers


async def test_a_state_that_is_too_large_is_refused_in_words(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:  # P-39
        job = await desk.add(message="look", every_seconds=3600)

        with pytest.raises(UserError, match=r"at most 65536 are kept: shorten it\. A right call"):
            await desk.use(desk.in_run(job), action="set_state", job_id=job.id, state="x" * 65_536)

        assert desk.store.load()[job.uid].state is None


async def test_a_person_cannot_set_a_state(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        job = await desk.add(message="look", every_seconds=3600)

        with pytest.raises(UserError, match="only a run of the job itself may set its state"):
            await desk.use(action="set_state", job_id=job.id, state=1)


async def test_a_state_can_be_merged_key_by_key(tmp_path: Path) -> None:
    """C-20"""
    async with open_desk(tmp_path) as desk:
        job = await desk.add(message="look", every_seconds=3600)
        save = {"action": "set_state", "job_id": job.id}
        await desk.use(desk.in_run(job), **save, state={"a": 1, "b": 2})

        answer = await desk.use(desk.in_run(job), **save, state={"a": None, "b": 3}, merge=True)

        assert answer.startswith("kept for the next run. Note: the state has other keys")
        assert desk.store.load()[job.uid].state == {"b": 3}


async def test_a_merge_on_a_state_that_another_run_has_changed_is_refused(tmp_path: Path) -> None:
    """P-39"""
    async with open_desk(tmp_path) as desk:
        job = await desk.add(message="look", every_seconds=3600)
        save = {"action": "set_state", "job_id": job.id, "merge": True}
        await desk.use(desk.in_run(job, "r1"), **save, state={"a": 1})

        with pytest.raises(UserError, match=r'It is now \{"a":1\}'):
            await desk.use(desk.in_run(job, "r2"), **save, state={"b": 1})

        assert desk.store.load()[job.uid].state == {"a": 1}


@pytest.mark.parametrize("where", ["beside", "in options", "in options as text"])
async def test_rare_settings_are_understood_beside_the_others_and_in_options(tmp_path: Path, where: str) -> None:
    settings = {"overlap": "buffer-one", "maxRuns": 3, "retry": {"attempts": 5}, "context_messages": 4}
    given: dict[str, Any] = {
        "beside": settings,
        "in options": {"options": settings},
        "in options as text": {"options": json.dumps(settings)},
    }[where]
    async with open_desk(tmp_path) as desk:
        job = await desk.add(message="look", every_seconds=3600, **given)

        assert (job.overlap, job.max_runs, job.retry.attempts) == (Overlap.BUFFER_ONE, 3, 5)
        assert job.context_messages == 4


async def test_an_unknown_setting_names_the_nearest(tmp_path: Path) -> None:
    async with open_desk(tmp_path) as desk:
        with pytest.raises(ValidationError, match="did you mean overlap"):
            await desk.use(action="add", say="x", every_seconds=3600, options={"overlapp": "skip"})


async def test_a_thousand_calls_of_runs_and_people_at_once_are_each_decided_by_their_own_turn(
    tmp_path: Path,
) -> None:
    """P-69"""
    async with open_desk(tmp_path) as desk:
        job = await desk.add(message="look", every_seconds=3600, name="watch")
        run = desk.in_run(job)

        async def call(turn: Turn) -> bool:
            try:
                await desk.use(turn, action="update", job_id="watch", description="changed")
            except UserError as error:
                return "a scheduled run may not update jobs" not in str(error)
            return True

        allowed = await asyncio.gather(*(call(run if n % 2 else TURN) for n in range(1_000)))

        assert allowed == [n % 2 == 0 for n in range(1_000)]


@pytest.mark.parametrize("action", sorted(set(ACTIONS) - {"list", "show", "set_state", "remove", "disable"}))
async def test_a_run_may_use_no_action_but_its_own(tmp_path: Path, action: str) -> None:
    """P-68, C-19"""
    async with open_desk(tmp_path) as desk:
        job = await desk.add(message="look", every_seconds=3600)

        with pytest.raises(UserError, match=f"a scheduled run may not {action} jobs"):
            await desk.use(desk.in_run(job), action=action, job_id=job.id)


def test_only_what_changes_jobs_would_be_done_twice() -> None:
    tool = CronTool.__new__(CronTool)

    acting = {action for action in ACTIONS if tool.acts(CronArguments(action=action))}

    assert acting == {"add", "update", "remove", "enable", "disable", "run"}


def test_the_schema_names_every_action_and_the_examples_are_right_calls() -> None:
    tool: Tool = CronTool.__new__(CronTool)

    spec = spec_of(tool)  # AB-32

    assert "set_state" in str(spec.schema["properties"]["action"])
    assert CronTool.effect is Effect.REPEATABLE
    assert all(CronArguments.model_validate_json(example) for example in EXAMPLES.values())


async def test_a_run_that_speaks_elsewhere_sees_its_own_chat_and_not_that_one(tmp_path: Path) -> None:
    """P-72"""
    async with open_desk(tmp_path) as desk:
        job = await desk.add(message="look", every_seconds=3600, name="ours")
        there = replace(TURN, address=ChatAddress(channel="test", chat="2"), session="test:2", sender_id="ben")
        await desk.use(there, action="add", say="secret", every_seconds=3600, name="theirs")
        run = replace(desk.in_run(job), address=there.address)

        listed = await desk.use(run, action="list")

        assert "ours" in listed
        assert "theirs" not in listed
        with pytest.raises(NotFoundError):
            await desk.use(run, action="show", job_id="theirs")


async def test_what_follows_a_job_is_looked_for_in_its_own_chat_also_by_its_own_run(tmp_path: Path) -> None:
    """P-72"""
    async with open_desk(tmp_path) as desk:
        job = await desk.add(message="look", every_seconds=3600, name="ours", options={"may_schedule": True})
        there = replace(TURN, address=ChatAddress(channel="test", chat="2"), session="test:2", sender_id="ben")
        await desk.use(there, action="add", message="x", every_seconds=3600, name="theirs")

        with pytest.raises(UserError, match="theirs"):
            await desk.use(desk.in_run(job), action="update", job_id=job.id, options={"then": "theirs"})


async def test_a_run_whose_job_is_gone_sees_no_jobs(tmp_path: Path) -> None:
    """P-72"""
    async with open_desk(tmp_path) as desk:
        job = await desk.add(message="look", every_seconds=3600)
        there = replace(TURN, address=ChatAddress(channel="test", chat="2"), session="test:2", sender_id="ben")
        await desk.use(there, action="add", say="secret", every_seconds=3600, name="theirs")
        run = replace(desk.in_run(job), address=there.address)
        desk.store.remove(job.uid)

        assert "theirs" not in await desk.use(run, action="list")
        with pytest.raises(NotFoundError):
            await desk.use(run, action="show", job_id="theirs")


class OverWhileLooked(MemoryStore):
    """A store whose job is over, and removed, right after somebody has seen it."""

    over = False

    def load(self) -> Mapping[str, Job]:
        seen = super().load()
        if self.over:
            self.over = False
            for uid in seen:
                self.remove(uid)
        return seen


async def test_a_call_that_is_read_again_while_its_job_ends_makes_no_second_one(tmp_path: Path) -> None:
    store = OverWhileLooked()
    async with open_desk(tmp_path, store=store) as desk:  # P-27, P-33
        job = await desk.add(say="tea", when="in 2 seconds")
        due = runs.occurrence(NOON, NOON, Trigger.SCHEDULE)
        said = runs.message(job, due, None, NOON)
        await desk.database.write(lambda t: runs.claim(t, job, due, said))
        store.over, desk.calls = True, 0

        await desk.use(action="add", say="tea", when="in 2 seconds")

        assert dict(store.load()) == {}
