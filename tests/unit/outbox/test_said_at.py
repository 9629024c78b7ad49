"""A parcel says since when it can be in its chat: that is where a platform is searched for it."""

from datetime import timedelta
from pathlib import Path

from gateway.errors import TransientDeliveryError
from tests.fakes import NOON, FakeClock, RecordingChannel
from tests.unit.outbox.desk import open_desk


async def test_a_parcel_knows_when_it_was_written_down(tmp_path: Path) -> None:
    channel = RecordingChannel()

    async with open_desk(tmp_path / "gateway.db", channel) as desk:
        await desk.say("hello")
        await desk.over(1)

    assert [parcel.said_at for parcel in channel.sent] == [NOON]


async def test_p56_after_a_restart_it_still_does(tmp_path: Path) -> None:
    # P-56
    channel = RecordingChannel()
    channel.faults.append(TransientDeliveryError("no network"))
    async with open_desk(tmp_path / "gateway.db", channel) as desk:
        await desk.say("hello")

    async with open_desk(tmp_path / "gateway.db", channel, clock=FakeClock(NOON + timedelta(hours=1))) as desk:
        await desk.over(1)

    assert channel.sent[-1].said_at == NOON
