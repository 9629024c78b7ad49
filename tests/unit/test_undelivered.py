"""Whom the gateway tells that a message could not be delivered."""

import asyncio
from dataclasses import replace

import pytest

from gateway.messages import Attachment, Caller, ChatAddress, OutboundMessage, Part
from gateway.outbox.records import MessageRecord, PartRecord
from gateway.undelivered import Undelivered

REPLY = OutboundMessage(
    delivery_id="d", address=ChatAddress(channel="test", chat="7"), caller=Caller.REPLY, text="private words"
)


class Told:
    """Keeps what owners are told."""

    def __init__(self) -> None:
        self.notices: list[OutboundMessage] = []

    async def __call__(self, message: OutboundMessage) -> bool:
        self.notices.append(message)
        return True


async def told(message: OutboundMessage, owners: list[str], state: str = "dead") -> list[OutboundMessage]:
    """What the owners are told when this message ends so."""
    say = Told()
    async with asyncio.TaskGroup() as tasks:
        Undelivered(say, {"test": owners}, tasks.create_task).settled(MessageRecord(1, message, []), state)
    return say.notices


async def told_in_turn(message: OutboundMessage, owners: list[str]) -> list[OutboundMessage]:
    """What all the owners are told when none of them can be reached."""
    found: list[OutboundMessage] = []
    while notices := await told(message, owners):
        (message,) = notices
        found.append(message)
    return found


@pytest.mark.parametrize(
    ("owners", "chats"),
    [
        (["1", "2"], ["1"]),
        (["7", "2"], ["2"]),  # not the chat that is dead
        (["7"], []),
        ([], []),
    ],
)
async def test_the_first_owner_whose_chat_is_another_one_is_told(owners: list[str], chats: list[str]) -> None:
    notices = await told(REPLY, owners)

    assert [notice.address.chat for notice in notices] == chats


@pytest.mark.parametrize("state", ["sent", "unknown"])
async def test_nobody_is_told_of_what_arrived_or_may_have(state: str) -> None:
    assert await told(REPLY, ["1"], state) == []


@pytest.mark.parametrize("owners", [["1", "2", "3"], ["7", "1", "2", "3"]])
async def test_owners_who_cannot_be_reached_are_followed_by_the_next_each_once(owners: list[str]) -> None:
    notices = await told_in_turn(REPLY, owners)

    assert [notice.address.chat for notice in notices] == ["1", "2", "3"]
    assert len({notice.delivery_id for notice in notices}) == 3
    assert {notice.text for notice in notices} == {
        "A message to test:7 could not be delivered; `tocsin outbox list` has it."
    }


async def test_a_notice_that_is_dead_is_passed_on_with_its_words() -> None:
    notice = replace(REPLY, caller=Caller.NOTICE, text="I was away")

    first, second = await told_in_turn(notice, ["1", "2"])

    assert first.text.endswith("It says:\n\nI was away")
    assert second.text == first.text
    assert (first.address.chat, second.address.chat) == ("1", "2")


async def test_an_owner_who_is_no_owner_any_more_ends_the_telling() -> None:
    (notice,) = await told(REPLY, ["1", "2"])

    assert await told(notice, ["2"]) == []


async def test_an_alert_that_is_dead_is_passed_on_with_its_words() -> None:
    alert = replace(REPLY, caller=Caller.ALERT, text="the job has failed")  # P-30

    (notice,) = await told(alert, ["1"])

    assert notice.text.endswith("It says:\n\nthe job has failed")


REPORT = Attachment(name="report.pdf", media_type="", path="sent/d/0-report.pdf")


async def lost(*parts: PartRecord, error: str = "") -> list[OutboundMessage]:
    """What is said when a message with these parts is dead."""
    say, message = Told(), replace(REPLY, attachments=(REPORT,))
    record = MessageRecord(1, message, list(parts), error=error)
    async with asyncio.TaskGroup() as tasks:
        Undelivered(say, {"test": ["1"]}, tasks.create_task).settled(record, "dead")
    return say.notices


def part(n: int, state: str, **payload: object) -> PartRecord:
    return PartRecord(n=n, part=Part(payload=payload), state=state)


async def test_who_does_not_get_a_file_is_told_its_name_and_why() -> None:
    file = {"name": "report.pdf", "path": "sent/d/0-report.pdf"}

    (notice,) = await lost(
        part(0, "sent", text="hi"),
        part(1, "sending", file=file),
        part(2, "pending", file={**file, "name": "b.pdf"}),
        error="the platform takes\n20 MB at most.",
    )

    assert notice.address == REPLY.address
    assert notice.caller is Caller.NOTICE
    assert notice.text == "I could not send `report.pdf`, `b.pdf`: the platform takes 20 MB at most."
    assert notice.delivery_id == "d.file"


async def test_an_owner_is_told_of_the_files_of_a_message_whose_words_did_not_arrive() -> None:
    file = {"name": "report.pdf", "path": "sent/d/0-report.pdf"}

    (notice,) = await lost(part(0, "sending", text="hi"), part(1, "pending", file=file))

    assert notice.address.chat == "1"
    assert "with `report.pdf` could not be delivered" in notice.text


async def test_when_the_chat_cannot_be_told_of_a_lost_file_an_owner_is() -> None:
    file = {"name": "report.pdf", "path": "sent/d/0-report.pdf"}
    (notice,) = await lost(part(0, "sending", file=file), error="the bot was blocked")

    (last,) = await told(notice, ["1"])

    assert last.address.chat == "1"
    assert "I could not send `report.pdf`: the bot was blocked." in last.text
