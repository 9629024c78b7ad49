"""Who may talk to the bot, and in which chat."""

from dataclasses import replace

import pytest

from gateway.access import SILENT, Access, Refused, Role
from gateway.messages import ChatAddress, InboundMessage, Press
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
    assert [rules.role("telegram", user) for user in ("9", "1")] == [Role.OWNER, Role.USER]


# -- pairing, bots, and what is overheard ------------------------------------------------------------------------

LISTED, LET_IN, STRANGER, OWNER = "1", "5", "6", "9"


def paired(channel: str, user: str) -> str:
    return "5" if (channel, user) == ("telegram", LET_IN) else ""


def house(**section: object) -> Access:
    settings = {"allow": [LISTED], "owners": [OWNER], "groups": {"-100": {}}, **section}
    return Access({"telegram": ChannelSection.model_validate(settings)}, paired=paired)


@pytest.mark.parametrize(
    ("sender", "bot", "in_private", "in_group"),
    [
        (LISTED, False, True, True),
        (LET_IN, False, True, False),  # P-66: what a code opens is the private chat
        (STRANGER, False, False, False),
        (OWNER, False, True, True),
        (LISTED, True, True, True),
        (LET_IN, True, False, False),
        (STRANGER, True, False, False),
    ],
)
def test_who_is_heard_where(sender: str, bot: bool, in_private: bool, in_group: bool) -> None:
    heard = [
        isinstance(house().admit(replace(message, sender_id=sender, bot=bot, addressed=True)), InboundMessage)
        for message in (PRIVATE, IN_GROUP)
    ]

    assert heard == [in_private, in_group]


def test_a_group_that_admits_somebody_gives_them_no_private_chat_and_the_reverse() -> None:
    rules = house(allow=[], groups={"-100": {"allow": [STRANGER]}})  # P-66

    assert isinstance(rules.admit(replace(IN_GROUP, sender_id=STRANGER, addressed=True)), InboundMessage)
    assert isinstance(rules.admit(replace(PRIVATE, sender_id=STRANGER)), Refused)
    assert isinstance(rules.admit(replace(PRIVATE, sender_id=LET_IN)), InboundMessage)
    assert isinstance(rules.admit(replace(IN_GROUP, sender_id=LET_IN, addressed=True)), Refused)


@pytest.mark.parametrize(
    ("message", "section", "knocks"),
    [
        (PRIVATE, {}, True),
        (PRIVATE, {"pairing": False}, False),
        (replace(PRIVATE, bot=True), {}, False),
        (replace(PRIVATE, occasion=Press(message_id="m1")), {}, False),
        (replace(IN_GROUP, addressed=True), {}, False),
        (replace(IN_GROUP, addressed=True, address=ChatAddress(channel="telegram", chat="-7")), {}, False),
    ],
)
def test_only_a_person_in_a_private_chat_may_be_told_how_to_be_let_in(
    message: InboundMessage, section: dict[str, object], knocks: bool
) -> None:
    verdict = house(**section).admit(replace(message, sender_id=STRANGER))

    assert isinstance(verdict, Refused)
    assert verdict.knocks is knocks


def test_what_is_not_for_the_bot_is_kept_where_the_group_says_so_and_only_of_who_is_allowed_there() -> None:
    keeping = house(groups={"-100": {"context": 20}})

    kept = keeping.admit(IN_GROUP)
    stranger = keeping.admit(replace(IN_GROUP, sender_id=STRANGER))

    assert isinstance(kept, InboundMessage)
    assert not kept.addressed
    assert isinstance(stranger, Refused)
    assert house().admit(IN_GROUP) == SILENT


@pytest.mark.parametrize("chat", ["-100", "-7"])
def test_the_log_names_strangers_of_a_group_only_when_they_speak_to_the_bot(chat: str) -> None:
    message = replace(IN_GROUP, sender_id=STRANGER, address=ChatAddress(channel="telegram", chat=chat))

    verdicts = [house().admit(replace(message, addressed=addressed)) for addressed in (True, False)]

    assert [one.stranger for one in verdicts if isinstance(one, Refused)] == [True, False]


def test_what_is_kept_stands_in_the_chat_and_not_in_a_thread_that_only_it_would_open() -> None:
    address = ChatAddress(channel="telegram", chat="-100", thread="m1")
    opening = replace(IN_GROUP, address=address, message_id="m1")
    keeping = house(groups={"-100": {"context": 20}})

    verdicts = [keeping.admit(message) for message in (opening, replace(opening, message_id="m2"))]

    assert [one.address.thread for one in verdicts if isinstance(one, InboundMessage)] == ["", "m1"]


@pytest.mark.parametrize(
    ("session", "count"),
    [
        ("telegram:-100", 20),
        ("telegram:-100:7", 20),
        ("telegram:-1007", 0),
        ("telegram:-200", 0),
        ("tg2:-100", 0),
        ("cron:a1b2c3d4:r1", 0),
    ],
)
def test_how_much_is_overheard_is_known_by_the_conversation(session: str, count: int) -> None:
    assert house(groups={"-100": {"context": 20}, "-200": {}}).context_of(session) == count


@pytest.mark.parametrize(
    ("chat", "user", "still"),
    [
        ("1", LISTED, True),
        ("5", LET_IN, True),
        ("6", STRANGER, False),
        ("-100", LISTED, True),
        ("-100", LET_IN, False),
        ("-300", LET_IN, False),  # P-66: a group that was taken out of the configuration
        ("-100", OWNER, True),
    ],
)
def test_who_may_still_talk_in_a_chat_is_known_without_a_message(chat: str, user: str, still: bool) -> None:
    assert house().still_admits(ChatAddress(channel="telegram", chat=chat), user) is still
    assert not house().still_admits(ChatAddress(channel="tg2", chat=chat), user)


def test_where_somebody_is_listed_is_said_by_the_keys() -> None:
    rules = house(groups={"-100": {"allow": [LISTED]}, "-200": {}})

    assert rules.lists("telegram", LISTED) == ["channels.telegram.allow", "channels.telegram.groups.-100.allow"]
    assert rules.lists("telegram", OWNER) == ["channels.telegram.owners"]
    assert rules.lists("telegram", LET_IN) == rules.lists("tg2", LISTED) == []
