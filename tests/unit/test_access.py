"""Who may talk to the bot, and in which chat."""

from dataclasses import replace

import pytest

from gateway.access import Access, Refused
from gateway.messages import ChatAddress, InboundMessage
from gateway.sections import ChannelSection, Group
from tests.fakes import NOON

PRIVATE = InboundMessage(
    channel="telegram",
    sender_id="1",
    sender_name="Anna",
    dedupe_keys=(),
    address=ChatAddress(channel="telegram", chat="1"),
    text="hello",
    received_at=NOON,
)
IN_GROUP = replace(PRIVATE, address=ChatAddress(channel="telegram", chat="-100"), group=True, addressed=False)


def access(**section: object) -> Access:
    return Access({"telegram": ChannelSection.model_validate(section)})


@pytest.mark.parametrize(
    ("section", "sender", "heard"),
    [
        ({}, "1", False),  # P-64: empty is nobody
        ({"allow": ["1"]}, "1", True),
        ({"allow": ["1"]}, "2", False),
        ({"allow": ["1"]}, "Anna", False),  # P-65: a name opens no door
        ({"owners": ["1"]}, "1", True),
        ({"allow": ["*"]}, "2", True),
        ({"groups": {"-100": {"allow": ["1"]}}}, "1", False),  # P-66: what a group grants stays in the group
    ],
)
def test_in_a_private_chat_only_who_is_listed_is_heard(
    section: dict[str, object], sender: str, heard: bool
) -> None:
    verdict = access(**section).admit(replace(PRIVATE, sender_id=sender))

    assert isinstance(verdict, InboundMessage) is heard


@pytest.mark.parametrize(
    ("group", "sender", "addressed", "heard"),
    [
        ({}, "1", True, True),
        ({}, "1", False, False),  # P-52: silent unless addressed
        ({"mention": False}, "1", False, True),
        ({}, "2", True, False),
        ({"allow": ["2"]}, "2", True, True),
        ({"allow": ["2"]}, "1", True, False),  # who may write privately gains nothing here
        ({"allow": ["2"]}, "9", True, True),  # an owner
        ({"allow": []}, "1", True, False),
        ({"allow": ["*"]}, "77", True, True),
        ({"allow": ["*"]}, "77", False, False),
    ],
)
def test_in_a_group_who_is_allowed_there_is_heard_when_the_bot_is_addressed(
    group: dict[str, object], sender: str, addressed: bool, heard: bool
) -> None:
    rules = access(allow=["1"], owners=["9"], groups={"-100": group})

    verdict = rules.admit(replace(IN_GROUP, sender_id=sender, addressed=addressed))

    assert isinstance(verdict, InboundMessage) is heard
    assert isinstance(verdict, Refused) or verdict.addressed


def test_a_group_that_is_not_listed_is_not_answered() -> None:
    verdict = access(allow=["*"]).admit(replace(IN_GROUP, addressed=True))

    assert verdict == Refused("the group is not in groups", stranger=True)


def test_a_group_that_has_moved_keeps_its_rules() -> None:
    sections = {"telegram": ChannelSection(allow=("1",), groups={"-5": Group()})}
    moved = Access(sections, lambda _channel, chat: "-100" if chat == "-5" else chat)

    assert isinstance(moved.admit(replace(IN_GROUP, addressed=True)), InboundMessage)


def test_a_channel_that_is_not_configured_admits_nobody() -> None:
    assert isinstance(Access({}).admit(PRIVATE), Refused)


def test_owners_are_known_by_their_id_and_channel() -> None:
    rules = access(owners=["9"], allow=["1"])

    assert rules.is_owner("telegram", "9")
    assert not rules.is_owner("telegram", "1")
    assert not rules.is_owner("tg2", "9")
