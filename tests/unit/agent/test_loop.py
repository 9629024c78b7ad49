"""How a person's turn ends, whichever way it does."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from gateway import inbox
from gateway.agent import journal
from gateway.agent.arrivals import Unopened
from gateway.agent.draft import Drafts
from gateway.agent.due import Assignment, DueHandler, Ending, EndStatus, Plan
from gateway.agent.due import Script as Spoken
from gateway.agent.joining import Joining, Rules
from gateway.agent.journal import Claim
from gateway.agent.loop import AgentLoop, Limits
from gateway.agent.model import Usage, UserText
from gateway.agent.models.scripted import HANG, Script, ScriptedModel, calls, says
from gateway.agent.outcome import CRASH_BUDGET
from gateway.agent.person import Surroundings
from gateway.agent.prompt import BAD_OUTPUT, NOBODY_IS_HERE, words
from gateway.agent.sessions import Sessions
from gateway.agent.toolbox import Toolbox
from gateway.agent.turn import TurnEngine
from gateway.database.driver import Work
from gateway.database.writer import Database
from gateway.errors import ErrorClass, ModelError
from gateway.messages import SYSTEM, Caller, ChatAddress, Due, InboundMessage, OutboundMessage
from gateway.tools.message import MessageTool
from tests.fakes import NOON, FakeClock
from tests.parts import open_database, rows

HELLO = InboundMessage(
    channel="test",
    sender_id="anna",
    dedupe_keys=(),
    address=ChatAddress(channel="test", chat="1", thread="5"),
    text="hello",
    received_at=NOON,
    message_id="m77",
)


class Words:
    """`Say` into a list; what goes along is written."""

    def __init__(self, database: Database) -> None:
        self.said: list[OutboundMessage] = []
        self._database = database

    async def __call__(self, message: OutboundMessage, *, along: Work[None] | None = None) -> bool:
        self.said.append(message)
        if along is not None:
            await self._database.write(along)
        return True


class Runs:
    """Due runs of one plan, which keep how they ended."""

    def __init__(self, plan: Plan) -> None:
        self.endings: list[Ending] = []
        self._plan = plan

    async def plan(self, message: InboundMessage, due: Due) -> Plan:
        return self._plan

    def starting(self, due: Due, *, now: datetime) -> Work[None]:
        return lambda _: None

    def ending(self, due: Due, ending: Ending, *, now: datetime) -> Work[None]:
        return lambda _: None

    async def ended(self, due: Due, ending: Ending) -> None:
        self.endings.append(ending)


@dataclass
class Bench:
    loop: AgentLoop
    model: ScriptedModel
    say: Words
    clock: FakeClock
    database: Database
    claim: Claim

    async def state(self) -> tuple[str, str]:
        ((state, row),) = await rows(
            self.database, "SELECT turns.state, inbox.state FROM turns JOIN inbox USING (seq)"
        )
        return state, row


class NobodyWaits:
    """Behind a turn there is nothing."""

    def behind(self, _session: str) -> list[tuple[int, float]]:
        return []

    def joined(self, session: str, rows: Collection[int]) -> None:
        raise AssertionError(f"nobody waits in {session}: {rows}")

    def aside(self, _session: str) -> AbstractAsyncContextManager[None]:
        return nullcontext()


def around(
    database: Database,
    clock: FakeClock,
    say: Words,
    in_utc: Callable[[InboundMessage], UserText],
    engine: TurnEngine,
) -> Surroundings:
    joining = Joining(
        waiting=NobodyWaits(),
        database=database,
        clock=clock,
        arrivals=Unopened(),
        words=in_utc,
        until_written=engine.until_written,
        rules=Rules(),
    )
    drafts = Drafts(
        say, clock, rhythm=lambda _address: None, fits=lambda _message: True, spawn=asyncio.ensure_future
    )
    return Surroundings(joining=joining, drafts=drafts)


@asynccontextmanager
async def open_bench(path: Path, script: Script, *, due: DueHandler | None = None) -> AsyncIterator[Bench]:
    clock, model = FakeClock(), ScriptedModel(script)
    async with open_database(path / "gateway.db", clock) as database:
        await database.write(lambda t: inbox.accept(t, HELLO))
        claim = await database.write(lambda t: journal.claim(t, 1, "t1", at="2026-03-02T12:00:00.000000Z"))
        assert claim is not None
        say = Words(database)

        def in_utc(message: InboundMessage) -> UserText:
            return words(message, "UTC")

        engine = TurnEngine(model, database, clock, max_steps=3)
        loop = AgentLoop(
            database=database,
            clock=clock,
            engine=engine,
            sessions=Sessions(database, budget=1_000, words=in_utc),
            say=say,
            toolbox=Toolbox([MessageTool(say)]),
            due=due or Runs(Spoken(text="nobody asked for this")),
            zone_of=lambda _address: "UTC",
            words=in_utc,
            limits=Limits(timeout=timedelta(seconds=60)),
            around=around(database, clock, say, in_utc, engine),
        )
        yield Bench(loop, model, say, clock, database, claim)


async def test_the_final_text_is_the_reply_to_the_message_in_its_chat_and_thread(tmp_path: Path) -> None:
    async with open_bench(tmp_path, ["hello Anna"]) as bench:
        await bench.loop.work(bench.claim)

        (reply,) = bench.say.said
        assert (reply.caller, reply.text, reply.delivery_id) == (Caller.REPLY, "hello Anna", "t1.final")
        assert (reply.address, reply.reply_to) == (HELLO.address, "m77")
        assert await bench.state() == ("done", "done")


async def test_the_model_sees_who_wrote_when(tmp_path: Path) -> None:
    async with open_bench(tmp_path, ["hi"]) as bench:
        await bench.loop.work(bench.claim)

        assert bench.model.prompts[0].items == [UserText("hello", "2026-03-02 12:00 Mon, UTC")]
        assert bench.model.prompts[0].context.zone == "UTC"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ModelError("the key is not valid", ErrorClass.PERMISSION), "the key is not valid"),
        (KeyError("a bug"), "an error inside the gateway (KeyError); the log has it"),
    ],
)
async def test_a_turn_that_fails_is_told_in_one_sentence(tmp_path: Path, error: Exception, text: str) -> None:
    async with open_bench(tmp_path, [error]) as bench:
        await bench.loop.work(bench.claim)

        (notice,) = bench.say.said
        assert (notice.caller, notice.text) == (Caller.NOTICE, f"I could not finish this: {text}.")
        assert await bench.state() == ("failed", "done")


async def test_a_turn_without_an_end_is_stopped_after_its_steps(tmp_path: Path) -> None:
    async with open_bench(tmp_path, lambda _: calls(("nothing", {}))) as bench:
        await bench.loop.work(bench.claim)

        (notice,) = bench.say.said
        assert "stopped after 3 steps (agent.max_steps)" in notice.text
        assert await bench.state() == ("failed", "done")


async def test_a_turn_that_takes_too_long_is_stopped_at_its_limit(tmp_path: Path) -> None:
    async with open_bench(tmp_path, [HANG]) as bench:  # P-28
        working = asyncio.create_task(bench.loop.work(bench.claim))
        await bench.model.asked(1)
        await bench.clock.advance(timedelta(seconds=59))
        early = working.done()
        await bench.clock.advance(timedelta(seconds=1))
        await working

        assert not early
        assert bench.say.said[0].text == "I could not finish this: stopped after 60 s (the time limit of a turn)."


async def test_a_turn_that_a_person_stops_ends_without_a_word(tmp_path: Path) -> None:
    async with open_bench(tmp_path, [HANG]) as bench:
        working = asyncio.create_task(bench.loop.work(bench.claim))
        await bench.model.asked(1)

        stopped = bench.loop.cancel("t1")
        await working

        assert stopped
        assert bench.say.said == []
        assert await bench.state() == ("cancelled", "done")
        assert not bench.loop.cancel("t1")


async def test_a_turn_whose_process_ends_is_not_over(tmp_path: Path) -> None:
    async with open_bench(tmp_path, [HANG]) as bench:
        working = asyncio.create_task(bench.loop.work(bench.claim))
        await bench.model.asked(1)

        working.cancel()

        with pytest.raises(asyncio.CancelledError):
            await working
        assert await bench.state() == ("running", "taken")


async def test_a_turn_that_ends_the_process_again_and_again_is_given_up_and_the_chat_is_told(
    tmp_path: Path,
) -> None:
    async with open_bench(tmp_path, ["hi"]) as bench:
        await bench.loop.work(replace(bench.claim, claims=CRASH_BUDGET + 1))

        (notice,) = bench.say.said
        assert notice.caller is Caller.NOTICE
        assert "given up" in notice.text
        assert bench.model.prompts == []
        assert await bench.state() == ("abandoned", "done")


async def test_the_last_try_of_the_crash_budget_is_still_made(tmp_path: Path) -> None:
    async with open_bench(tmp_path, ["hi"]) as bench:
        await bench.loop.work(replace(bench.claim, claims=CRASH_BUDGET))

        assert [message.text for message in bench.say.said] == ["hi"]


async def test_a_reminder_of_exact_words_is_said_however_often_the_process_was_ended_before(
    tmp_path: Path,
) -> None:
    run = Runs(Spoken(text="drink some water"))
    async with open_bench(tmp_path, [], due=run) as bench:
        due = Due(run="r1", scheduled_for=NOON, exact=True)
        claim = replace(bench.claim, claims=CRASH_BUDGET + 5, message=replace(HELLO, channel=SYSTEM, occasion=due))

        await bench.loop.work(claim)

        assert [(one.caller, one.text) for one in bench.say.said] == [(Caller.REMINDER, "drink some water")]
        assert [ending.status for ending in run.endings] == [EndStatus.SUCCEEDED]


async def test_nobody_can_be_stopped_who_does_not_work(tmp_path: Path) -> None:
    async with open_bench(tmp_path, []) as bench:
        assert not bench.loop.cancel("t1")


# -- what a run came to ------------------------------------------------------------------------------------------

TASK = Assignment(prompt="look", job="j1", timeout=timedelta(seconds=60))


async def end_of(path: Path, script: Script, plan: Assignment = TASK) -> tuple[Ending, Bench]:
    runs = Runs(plan)
    due = Due(run="r1", scheduled_for=NOON)
    async with open_bench(path, script, due=runs) as bench:
        message = replace(HELLO, channel=SYSTEM, sender_id="cron:j1", session="cron:j1:r1", occasion=due)
        await bench.loop.work(replace(bench.claim, message=message))
        (ending,) = runs.endings
        return ending, bench


async def test_a_run_that_only_looked_has_not_acted_and_tells_what_it_used(tmp_path: Path) -> None:
    usage = Usage(input_tokens=40, output_tokens=2)

    ending, _ = await end_of(tmp_path, [calls(("nothing", {}), usage=usage), says("fine", usage=usage)])

    assert ending == Ending(
        status=EndStatus.SUCCEEDED, output="fine", usage=Usage(input_tokens=80, output_tokens=4), acted=False
    )


@pytest.mark.parametrize("spoken", [True, False])
async def test_a_run_that_fails_tells_whether_it_has_spoken_and_how_long_the_provider_wants_to_be_left_alone(
    tmp_path: Path, spoken: bool
) -> None:
    """C-02"""
    later = timedelta(minutes=20)
    error = ModelError("too many", ErrorClass.RATE_LIMIT, retry_after=later)
    script = [calls(("message", {"text": "hi"})), error] if spoken else [error]

    ending, _ = await end_of(tmp_path, script)

    assert (ending.status, ending.error_class) == (EndStatus.FAILED, ErrorClass.RATE_LIMIT)
    assert ending.retry_after == later
    assert ending.acted is spoken


async def test_a_run_asks_no_more_when_its_tokens_are_spent(tmp_path: Path) -> None:
    usage = Usage(input_tokens=40, output_tokens=10)

    ending, bench = await end_of(
        tmp_path, lambda _: calls(("nothing", {}), usage=usage), replace(TASK, tokens=100)
    )

    assert (ending.status, ending.error_class) == (EndStatus.FAILED, ErrorClass.PERMISSION)
    assert ending.error == "stopped: it has used 100 tokens, and may use 100 (its spend cap)"
    assert len(bench.model.prompts) == 2


async def test_each_fault_of_a_final_text_is_told_once(tmp_path: Path) -> None:
    """HP-33"""
    plan = replace(TASK, check_output=lambda text: None if text == "{}" else f"{text} is wrong")

    ending, bench = await end_of(tmp_path, ["shall I?", "one", "two"], plan)

    notes = [prompt.items[-1].text for prompt in bench.model.prompts[1:]]
    assert notes == [NOBODY_IS_HERE, f"{BAD_OUTPUT}one is wrong"]
    assert (ending.status, ending.error_class, ending.output) == (EndStatus.FAILED, ErrorClass.BAD_OUTPUT, "two")
