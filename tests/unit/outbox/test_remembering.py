"""A platform that drops repeats for a while only: what may have arrived longer ago is repeated with a mark."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.errors import AmbiguousDeliveryError, TransientDeliveryError
from gateway.outbox.port import Repeat
from tests.fakes import FakeClock, RecordingChannel, until
from tests.unit.outbox.desk import open_desk

SECOND = timedelta(seconds=1)
LOST = AmbiguousDeliveryError("no answer")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway.db"


class Forgetful(RecordingChannel):
    """A platform that drops a repeat for an hour only."""

    remembers = timedelta(hours=1)

    def __init__(self) -> None:
        super().__init__(repeat=Repeat.DEDUPED)


@pytest.mark.parametrize(("later", "mark"), [(timedelta(minutes=59), ""), (timedelta(minutes=61), "↻ ")])
async def test_a_platform_that_has_forgotten_the_first_gets_a_marked_repeat(
    path: Path, later: timedelta, mark: str
) -> None:  # P-56
    clock = FakeClock()
    first = Forgetful()
    first.gate.clear()
    async with open_desk(path, first, clock=clock) as desk:
        await desk.say("hello")
        await until(lambda: first.tried)
        image = path.with_name("image.db")  # as a kill leaves it: written that it is being sent, and no more
        with closing(sqlite3.connect(path)) as here, closing(sqlite3.connect(image)) as there:
            here.backup(there)
        first.gate.set()
        await desk.over(1)
    await clock.advance(later)

    again = Forgetful()
    async with open_desk(image, again, clock=clock) as desk:
        while not desk.ended:
            await desk.clock.advance(SECOND)

        assert again.texts() == [f"{mark}hello"]


class Away(Forgetful):
    """The same, while it cannot be reached."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False

    async def probe(self) -> None:
        if self.away:
            raise TransientDeliveryError("no route")


@pytest.mark.parametrize(("outage", "mark"), [(timedelta(minutes=50), ""), (timedelta(minutes=70), "↻ ")])
async def test_after_an_outage_for_which_a_platform_does_not_remember_the_repeat_is_marked(
    path: Path, outage: timedelta, mark: str
) -> None:  # P-56
    channel = Away()
    channel.faults, channel.away = [LOST], True
    async with open_desk(path, channel) as desk:
        await desk.say("hello")
        await until(lambda: channel.tried)
        await desk.clock.advance(outage)
        channel.away = False
        while not desk.ended:
            await desk.clock.advance(30 * SECOND)

        assert channel.texts() == [f"{mark}hello"]


async def test_how_long_a_message_had_waited_before_has_nothing_to_do_with_what_a_platform_remembers(
    path: Path,
) -> None:  # P-56
    channel = Forgetful()
    channel.faults = [TransientDeliveryError("refused")] * 3
    async with open_desk(path, channel) as desk:
        await desk.say("hello")
        await until(lambda: channel.tried)
        channel.faults = [TransientDeliveryError("wait", retry_after=timedelta(hours=2)), LOST]
        while not desk.ended:
            await desk.clock.advance(60 * SECOND)

        assert channel.texts() == ["hello"]


@pytest.mark.parametrize(("hold", "said"), [(False, ["↻ hello"]), (True, [])])
async def test_a_repeat_that_had_to_wait_until_the_platform_forgot_the_first_is_marked_or_held(
    path: Path, hold: bool, said: list[str]
) -> None:  # P-56
    channel = Forgetful()
    channel.faults = [LOST, TransientDeliveryError("wait", retry_after=timedelta(hours=2))]
    async with open_desk(path, channel, hold=hold) as desk:
        await desk.say("hello")
        while not desk.ended:
            await desk.clock.advance(60 * SECOND)

        assert channel.texts() == said
        assert desk.ended == [("hello", "unknown" if hold else "sent")]
