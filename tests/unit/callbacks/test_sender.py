"""The sender: what is owed arrives at least once, under one id, and a slow machine delays no other."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from standardwebhooks.webhooks import Webhook
from structlog.testing import capture_logs

from gateway.callbacks import ledger, signing
from gateway.callbacks.ledger import Record
from gateway.callbacks.policy import Callback, CallbackKind, CallbackState, Target
from gateway.callbacks.sender import PER_HOST, Sender
from gateway.clock import Clock, SystemClock
from gateway.database.driver import Work
from gateway.database.sqlite import SqliteDriver
from gateway.database.writer import Database
from gateway.outgoing.addresses import Allowed
from gateway.outgoing.client import WebClient
from tests.fakes import FakeClock, until
from tests.parts import open_database, prepared, rows
from tests.servers.machine import Answer, Machine, Received, in_turn, machine

T = TypeVar("T")

SECRET = signing.new_secret()
CHILD = Path(__file__).with_name("sender_child.py")
JOB = "11111111-1111-4111-8111-111111111111"
TRACE = "0af7651916cd43dd8448eb211c80319c"


def callback(url: str, run: str = "r1", **target: Any) -> Callback:
    return Callback(
        id=run,
        run=run,
        job=JOB,
        kind=CallbackKind.RESULT,
        target=Target(url=url, **target),
        body=b'{"run_id":"r1"}',
        trace_id=TRACE,
    )


class Desk:
    """A sender at work."""

    def __init__(self, database: Database, clock: Clock, sender: Sender) -> None:
        self.database = database
        self.clock = clock
        self.sender = sender

    async def owe(self, *callbacks: Callback) -> None:
        now = self.clock.now()
        for one in callbacks:
            await self.database.write(lambda t, one=one: ledger.queue(t, one, now=now))
        self.sender.look()

    async def record(self, run: str = "r1") -> Record:
        (found,) = await self.database.read(lambda t: ledger.of_run(t, run))
        return found

    async def ended(self, run: str = "r1") -> Record:
        """The record, as soon as the callback is over."""
        async with asyncio.timeout(5):
            while (found := await self.record(run)).state is CallbackState.OPEN:
                await asyncio.sleep(0.005)
        return found

    async def tried(self, there: Machine, count: int) -> None:
        """Wait until it was called so often, and what became of it is kept."""
        await until(lambda: len(there.received) >= count)
        async with asyncio.timeout(5):
            while (found := await self.record()).state is CallbackState.OPEN and found.attempts < count:
                await asyncio.sleep(0.005)


@asynccontextmanager
async def desk(path: Path, *places: Machine, clock: Clock | None = None) -> AsyncIterator[Desk]:
    """A sender on this database that may call these machines; opened again, it is the same after a restart."""
    clock = clock or SystemClock()
    async with open_database(path, clock) as database, asyncio.TaskGroup() as tasks:
        client = WebClient(Allowed.parse([there.place for there in places]), clock)
        sender = Sender(database, clock, client, secret=SECRET, spawn=tasks.create_task)
        running = tasks.create_task(sender.run())
        try:
            yield Desk(database, clock, sender)
        finally:
            running.cancel()
            await sender.stop(grace=timedelta())


class TardyDatabase(Database):
    """One that keeps its next answer back until the gate is open."""

    gate: asyncio.Event | None = None

    async def read(self, work: Work[T]) -> T:
        gate, self.gate = self.gate, None
        answer = await super().read(work)
        if gate is not None:
            await gate.wait()
        return answer


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway.db"


async def test_a_callback_arrives_once_signed_and_with_its_token(path: Path) -> None:  # P-83, HP-81, HP-82, OC-06
    async with machine() as there, desk(path, there) as here:
        await here.owe(callback(there.url("/hook"), token="t0ken"))

        record = await here.ended()

        (request,) = there.received
        assert (record.state, record.attempts, record.error) == (CallbackState.SENT, 1, "")
        assert (request.method, request.path, request.body) == ("POST", "/hook", b'{"run_id":"r1"}')
        assert request.headers["content-type"] == "application/json"
        assert request.headers["authorization"] == "Bearer t0ken"
        assert request.headers["webhook-id"] == "r1"
        assert TRACE in request.headers["traceparent"]
        assert Webhook(SECRET).verify(request.body.decode(), dict(request.headers)) == {"run_id": "r1"}


async def test_a_call_that_ends_while_the_next_ones_are_looked_for_is_not_made_again(path: Path) -> None:
    prepared(path)
    clock = SystemClock()
    database = TardyDatabase(lambda: SqliteDriver(path), clock)
    await database.start()
    async with machine() as there, asyncio.TaskGroup() as tasks:
        client = WebClient(Allowed.parse([there.place]), clock)
        sender = Sender(database, clock, client, secret=SECRET, spawn=tasks.create_task)
        here = Desk(database, clock, sender)
        await here.owe(callback(there.url()))
        await sender.send_due(clock.now())

        gate = database.gate = asyncio.Event()
        looking = tasks.create_task(sender.send_due(clock.now()))
        await until(lambda: database.gate is None)
        await here.ended()
        gate.set()
        await looking
        await sender.stop(grace=timedelta(seconds=5))

        assert len(there.received) == 1
    await database.stop()


async def test_the_token_and_the_path_of_a_url_reach_no_log_and_no_record(path: Path) -> None:  # HP-82
    async with machine(in_turn(Answer(status=500))) as there, desk(path, there) as here:
        with capture_logs() as logs:
            await here.owe(callback(there.url("/s3cret"), token="t0ken", retries=0))
            record = await here.ended()

        assert logs
        assert "t0ken" not in f"{logs} {record}"
        assert "s3cret" not in f"{logs} {record}"
        kept = await rows(here.database, "SELECT hook, body FROM callbacks")
        assert kept == [("", "")]  # of what is over, only its record


async def test_it_is_called_again_after_5_s_and_5_min_until_it_succeeds(path: Path) -> None:  # HP-84, P-83
    clock = FakeClock()
    answers = in_turn(Answer(status=500), Answer(status=500), Answer(status=200))
    async with machine(answers) as there, desk(path, there, clock=clock) as here:
        await here.owe(callback(there.url(), retries=2))
        await here.tried(there, 1)

        await clock.advance(timedelta(seconds=4))
        assert len(there.received) == 1
        await clock.advance(timedelta(seconds=1))
        await here.tried(there, 2)
        await clock.advance(timedelta(seconds=299))
        assert len(there.received) == 2
        await clock.advance(timedelta(seconds=1))
        record = await here.ended()

        assert (record.state, record.attempts, record.error) == (CallbackState.SENT, 3, "")
        assert [request.headers["webhook-id"] for request in there.received] == ["r1"] * 3
        stamps = [int(request.headers["webhook-timestamp"]) for request in there.received]
        assert [later - stamps[0] for later in stamps] == [0, 5, 305]


async def test_a_machine_that_hangs_is_given_up_at_the_hooks_own_limit(path: Path) -> None:  # HP-83
    clock = FakeClock()
    async with machine(in_turn(Answer(fault="hang"))) as there, desk(path, there, clock=clock) as here:
        await here.owe(callback(there.url(), within=timedelta(seconds=3), retries=0))
        await until(lambda: there.received)

        await clock.advance(timedelta(seconds=2))
        assert (await here.record()).state is CallbackState.OPEN
        await clock.advance(timedelta(seconds=1))
        record = await here.ended()

        assert record.state is CallbackState.FAILED
        assert "no whole answer within 3s" in record.error


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(status=500), "it answered 500"),
        (Answer(status=302, headers={"Location": "/elsewhere"}), "it answered 302 (a redirect"),
        (Answer(fault="reset"), "the answer broke off"),
        (Answer(fault="garbage"), "not HTTP"),
        (Answer(status=503, body=bytes(10_000_000)), "it answered 503"),
    ],
)
async def test_a_bad_answer_is_told_in_the_record(path: Path, answer: Answer, words: str) -> None:
    async with machine(in_turn(answer)) as there, desk(path, there) as here:
        await here.owe(callback(there.url(), retries=0))

        record = await here.ended()

        assert (record.state, record.attempts, len(there.received)) == (CallbackState.FAILED, 1, 1)
        assert words in record.error


async def test_a_good_answer_of_10_mb_or_one_that_breaks_off_is_an_arrival(path: Path) -> None:
    answers = in_turn(Answer(body=bytes(10_000_000)), Answer(body=b"x" * 1_000, fault="half"))
    async with machine(answers) as there, desk(path, there) as here:
        await here.owe(callback(there.url(), "r1"))
        first = await here.ended("r1")
        await here.owe(callback(there.url(), "r2"))
        second = await here.ended("r2")

        assert {first.state, second.state} == {CallbackState.SENT}


async def test_410_ends_the_tries_and_marks_the_hook(path: Path) -> None:  # P-83
    async with machine(in_turn(Answer(status=410), Answer())) as there, desk(path, there) as here:
        await here.owe(callback(there.url("/a")))
        record = await here.ended()

        gone = await here.database.read(lambda t: ledger.gone_since(t, JOB, there.url("/a")))
        other = await here.database.read(lambda t: ledger.gone_since(t, JOB, there.url("/b")))
        assert (record.state, record.attempts, len(there.received)) == (CallbackState.FAILED, 1, 1)
        assert gone is not None
        assert other is None

        await here.owe(callback(there.url("/a"), "r2"))
        await here.ended("r2")
        assert await here.database.read(lambda t: ledger.gone_since(t, JOB, there.url("/a"))) is None


async def test_410_ends_what_else_waits_for_the_same_hook(path: Path) -> None:  # P-83
    async with machine(in_turn(Answer(status=410))) as there, desk(path, there) as here:
        waiting = [callback(there.url("/a"), run) for run in ("r1", "r2", "r3", "r4")]
        await here.owe(*waiting, callback(there.url("/b"), "r5"))
        records = [await here.ended(each) for each in ("r1", "r2", "r3", "r4", "r5")]

        assert {record.state for record in records} == {CallbackState.FAILED}
        assert [record.error for record in records[:4]] == [
            f"webhook result to {there.place} answered 410 Gone"
        ] * 4
        assert [each.path for each in there.received].count("/a") <= PER_HOST


async def test_a_refused_address_is_recorded_and_not_connected_to(path: Path) -> None:  # P-83, P-84
    async with machine() as there, desk(path) as here:
        await here.owe(callback(there.url()))

        record = await here.ended()

        assert (record.state, there.connections) == (CallbackState.FAILED, 0)
        assert "allow_private" in record.error


async def test_a_redirect_that_keeps_the_method_is_followed_to_a_checked_place_only(path: Path) -> None:  # P-84
    async with machine() as inner:

        def move(request: Received) -> Answer:
            target = "/new" if request.path == "/old" else inner.url() if request.path == "/trap" else ""
            return Answer(status=307, headers={"Location": target}) if target else Answer()

        async with machine(move) as there, desk(path, there) as here:
            await here.owe(callback(there.url("/old")), callback(there.url("/trap"), "r2"))
            followed, trapped = await here.ended("r1"), await here.ended("r2")

            assert followed.state is CallbackState.SENT
            assert (trapped.state, inner.connections) == (CallbackState.FAILED, 0)


async def test_a_slow_machine_delays_no_other(path: Path) -> None:
    async with machine(in_turn(Answer(fault="hang"))) as slow, machine() as quick, desk(path, slow, quick) as here:
        await here.owe(*(callback(slow.url(), f"s{n}") for n in range(30)))
        await until(lambda: len(slow.received) == PER_HOST)

        await here.owe(*(callback(quick.url(), f"q{n}") for n in range(10)))
        records = [await here.ended(f"q{n}") for n in range(10)]

        assert {record.state for record in records} == {CallbackState.SENT}
        assert len(slow.received) == PER_HOST


async def test_what_was_not_answered_when_the_process_ended_is_sent_again_under_the_same_id(path: Path) -> None:
    async with machine(in_turn(Answer(fault="hang"), Answer())) as there:
        async with desk(path, there) as here:
            await here.owe(callback(there.url()))
            await until(lambda: there.received)
        async with desk(path, there) as later:
            record = await later.ended()

        assert record.state is CallbackState.SENT
        assert [request.headers["webhook-id"] for request in there.received] == ["r1", "r1"]


async def test_what_waits_for_its_next_try_keeps_its_time_over_a_restart(path: Path) -> None:
    clock = FakeClock()
    async with machine(in_turn(Answer(status=500), Answer())) as there:
        async with desk(path, there, clock=clock) as here:
            await here.owe(callback(there.url()))
            await here.tried(there, 1)
        async with desk(path, there, clock=clock) as later:
            await clock.advance(timedelta(seconds=4))
            assert len(there.received) == 1
            await clock.advance(timedelta(seconds=1))
            record = await later.ended()

        assert (record.state, record.attempts) == (CallbackState.SENT, 2)


async def test_the_same_callback_is_owed_once(path: Path) -> None:
    async with machine() as there, desk(path, there) as here:
        one = callback(there.url())
        await here.owe(one, one, replace(one, body=b"other"))

        await here.ended()

        assert len(there.received) == 1


async def test_a_process_that_is_killed_while_it_sends_loses_nothing(path: Path) -> None:
    """SIGKILL between the request and its answer: the next process sends it again, under the same id."""
    async with machine(in_turn(Answer(fault="hang"), Answer())) as there:
        async with open_database(path, SystemClock()) as database:
            one = callback(there.url())
            await database.write(lambda t: ledger.queue(t, one, now=SystemClock().now()))
        child = await asyncio.create_subprocess_exec(sys.executable, str(CHILD), str(path), there.place, SECRET)
        await until(lambda: there.received)
        child.kill()
        await child.wait()

        async with desk(path, there) as later:
            record = await later.ended()

        assert record.state is CallbackState.SENT
        assert [request.headers["webhook-id"] for request in there.received] == ["r1", "r1"]
