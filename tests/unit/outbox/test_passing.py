"""What is only shown for a moment: one part, at once or not at all; a platform's wish for silence is kept."""

from datetime import timedelta
from pathlib import Path

from gateway.errors import TransientDeliveryError
from gateway.messages import Caller, ChatAddress, OutboundMessage
from tests.fakes import EditingChannel, until
from tests.unit.outbox.desk import open_desk

SECOND = timedelta(seconds=1)


def passing(text: str, *, id: str = "draft", edits: str = "") -> OutboundMessage:  # noqa: A002
    return OutboundMessage(
        delivery_id=id,
        address=ChatAddress(channel="test", chat="1"),
        caller=Caller.REPLY,
        text=text,
        edits=edits,
        passing=True,
    )


async def test_only_its_first_part_is_said(tmp_path: Path) -> None:
    channel = EditingChannel(longest=10)
    async with open_desk(tmp_path / "gateway.db", channel) as desk:
        said = await desk.speaker(passing("0123456789 and more"))
        await desk.over(1)

        assert said
        assert channel.screen == ["0123456789"]


async def test_the_silence_that_an_edit_is_answered_with_is_kept(tmp_path: Path) -> None:
    channel = EditingChannel()
    async with open_desk(tmp_path / "gateway.db", channel) as desk:
        await desk.speaker(passing("one"))
        await desk.over(1)
        channel.faults = [TransientDeliveryError("slower", retry_after=30 * SECOND)]
        await desk.speaker(passing("two", id="edit", edits="draft"))
        await until(lambda: len(channel.tried) == 2)
        await until(lambda: not desk.outbox.knows("test", "1"))

        assert not await desk.speaker(passing("three", id="edit.2", edits="draft"))
        await desk.say("the end", edits="draft")
        await desk.clock.advance(29 * SECOND)
        before = list(channel.screen)
        await desk.clock.advance(2 * SECOND)
        await desk.over(2)

        assert before == ["one"]
        assert channel.screen == ["the end"]
