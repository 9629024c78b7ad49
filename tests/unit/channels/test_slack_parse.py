"""What Slack's payloads say."""

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

from channels.slack.client import Identity
from channels.slack.heard import Heard, Nothing, Said, Wanted
from channels.slack.parse import Listener, people_of, place_of
from channels.slack.words import mentioned, readable, without_mention
from gateway import inbox
from gateway.messages import ChatAddress, InboundMessage, Media
from tests.unit.channels.slack_payloads import (
    ANNA,
    BORIS,
    DIRECT,
    EARLIER,
    GENERAL,
    ME,
    MENTION,
    TS,
    direct,
    event,
    file,
    mutated,
    one_of_each,
    press,
    slash,
)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
NAMES = {ANNA: "Anna", BORIS: "Boris"}
LISTENER = Listener(channel="slack", me=ME)


def heard(body: Any, listener: Listener = LISTENER) -> Heard:
    return listener.parse(body, NAMES, NOW)


def said(body: Any, listener: Listener = LISTENER) -> InboundMessage:
    found = heard(body, listener)
    assert isinstance(found, Said), found
    return found.message


def is_nothing(body: Any) -> bool:
    return isinstance(heard(body), Nothing)


# -- messages ----------------------------------------------------------------------------------------------------


def test_a_message_in_private_is_for_the_bot() -> None:
    message = said(direct("hello"))

    assert message.address == ChatAddress(channel="slack", chat=DIRECT)
    assert (message.sender_id, message.sender_name, message.message_id) == (ANNA, "Anna", TS)
    assert (message.group, message.addressed, message.text) == (False, True, "hello")


def test_p52_a_message_in_a_channel_is_overheard_unless_it_mentions_the_bot() -> None:
    # P-52
    overheard = said(event("hello"))
    meant = said(event(f"hello {MENTION}"))

    assert (overheard.group, overheard.addressed) == (True, False)
    assert (meant.group, meant.addressed) == (True, True)


@pytest.mark.parametrize("text", ["<@U0TOCSIN2> hi", "@tocsin hi", "U0TOCSIN hi", "<@W0TOCSIN> hi", "<!here> hi"])
def test_only_the_bot_s_own_id_is_a_mention(text: str) -> None:
    message = said(event(text))

    assert not message.addressed


def test_a_reply_to_the_bot_s_own_message_is_for_the_bot() -> None:
    message = said(event("yes", thread_ts=EARLIER, parent_user_id=ME.user))
    other = said(event("yes", thread_ts=EARLIER, parent_user_id=BORIS))

    assert message.addressed
    assert not other.addressed


@pytest.mark.parametrize("kind", ["channel", "group", "mpim"])
def test_others_read_along_everywhere_but_in_private(kind: str) -> None:
    message = said(event("hello", channel_type=kind))

    assert message.group


def test_an_app_mention_is_the_same_message_as_its_twin() -> None:
    # P-46
    twin = event(f"{MENTION} hi", event_id="Ev02", type="app_mention", channel_type=None)
    message, mention = said(event(f"{MENTION} hi")), said(twin)

    assert set(message.dedupe_keys) & set(mention.dedupe_keys)
    assert (mention.text, mention.addressed, mention.group) == (message.text, message.addressed, message.group)
    assert mention.address == message.address


def test_a_redelivery_is_known_under_its_event_id_and_under_another() -> None:
    """P-43, P-49"""
    first = said(event("hello"))
    again = said(event("hello"))
    replayed = said(event("hello", event_id="Ev99"))
    made_anew = said(event("hello", event_id="Ev99", ts="1700000002.000201", event_ts="1700000002.000201"))

    assert again.dedupe_keys == first.dedupe_keys
    assert set(replayed.dedupe_keys) & set(first.dedupe_keys)
    assert set(made_anew.dedupe_keys) & set(first.dedupe_keys)


def test_the_same_words_said_twice_are_two_messages() -> None:
    first = said(event("ok"))
    second = said(event("ok", event_id="Ev02", ts="1700000003.000100", client_msg_id="c-2"))

    assert not set(first.dedupe_keys) & set(second.dedupe_keys)


def test_each_key_alone_tells_a_redelivery() -> None:
    """P-43, P-46, P-49"""
    other = {"client_msg_id": "c-9", "text": "hello?"}
    first = said(event("hello"))
    same_event = said(event(**other, ts="1700000009.000900"))
    same_place = said(event(event_id="Ev99", **other))

    assert set(same_event.dedupe_keys) & set(first.dedupe_keys)
    assert set(same_place.dedupe_keys) & set(first.dedupe_keys)


@pytest.mark.parametrize("other", [replace(ME, team="T0OTHER"), replace(ME, user="U0SECOND", bot="B0SECOND")])
def test_two_workspaces_or_two_bots_never_share_a_key(other: Identity) -> None:
    second = Listener(channel="work", me=other)

    for body in (event("hi"), slash("help")):
        assert not set(said(body).dedupe_keys) & set(said(body, second).dedupe_keys)


@pytest.mark.parametrize(
    "body",
    [
        event("hi", user=ME.user),
        event("hi", bot_id=ME.bot, user=None, subtype="bot_message"),
        event("hi", subtype="message_changed", hidden=True),
        event("hi", subtype="message_deleted", hidden=True),
        event("hi", subtype="channel_join"),
        event("hi", subtype="channel_topic"),
        event("hi", subtype="message_replied", hidden=True),
        event("hi", user="USLACKBOT"),
        event("hi", type="member_joined_channel"),
        event("hi", type="reaction_added"),
        event(""),
        event("  \n "),
        event("hi", user=None),
        event("hi", user="cron:12345678"),
        event("hi", channel="general"),
        event("hi", ts="yesterday"),
    ],
)
def test_p51_edits_joins_and_our_own_words_start_nothing(body: Any) -> None:
    # P-51, P-70
    assert is_nothing(body)


def test_another_bot_is_heard_as_a_bot() -> None:
    # P-51
    message = said(event(f"{MENTION} beep", bot_id="B0OTHER", user="U0OTHER"))
    old = said(event("beep", bot_id="B0OTHER", user=None, subtype="bot_message", username="Otto"))

    assert (message.bot, message.sender_id, message.addressed) == (True, "B0OTHER", True)
    assert (old.bot, old.sender_name) == (True, "Otto")


def test_a_program_that_speaks_in_attachments_is_heard() -> None:
    body = event("", bot_id="B0OTHER", user=None, attachments=[{"fallback": "build 7 failed"}])

    assert said(body).text == "build 7 failed"


@pytest.mark.parametrize("subtype", ["thread_broadcast", "me_message", "file_share"])
def test_these_subtypes_are_said_by_somebody(subtype: str) -> None:
    assert said(event("hi", subtype=subtype)).text == "hi"


# -- where it belongs --------------------------------------------------------------------------------------------


def test_a_mention_at_the_top_level_opens_a_thread_and_jobs_stay_outside_of_it() -> None:
    """CARD-08"""
    message = said(event(f"{MENTION} remind us"))

    assert message.address.thread == TS
    assert message.home == ChatAddress(channel="slack", chat=GENERAL)


def test_without_thread_replies_a_mention_is_answered_at_the_top_level() -> None:
    flat = Listener(channel="slack", me=ME, thread_replies=False)

    assert said(event(f"{MENTION} hi"), flat).address.thread == ""
    assert said(event(f"{MENTION} hi", thread_ts=EARLIER), flat).address.thread == EARLIER


def test_what_is_overheard_at_the_top_level_opens_no_thread() -> None:
    assert said(event("hello")).address.thread == ""


@pytest.mark.parametrize("body", [event(f"{MENTION} hi", thread_ts=EARLIER), direct("hi", thread_ts=EARLIER)])
def test_in_a_thread_everything_stays_in_the_thread(body: Any) -> None:
    message = said(body)

    assert message.address.thread == EARLIER
    assert message.home == message.address


def test_the_first_message_of_a_thread_is_not_in_it() -> None:
    assert said(direct("hi", thread_ts=TS)).address.thread == ""


# -- words -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("a &amp; b &lt;c&gt;", "a & b <c>"),
        ("&amp;lt;", "&lt;"),
        ("hi <@U0BORIS>", "hi @Boris"),
        ("hi <@U0NOBODY>", "hi @U0NOBODY"),
        ("hi <@U0NOBODY|nobody>", "hi @nobody"),
        ("see <#C01|random>", "see #random"),
        ("see <#C01>", "see #C01"),
        ("<!here> and <!subteam^S1|@team> and <!subteam^S1>", "@here and @team and @subteam"),
        ("<!date^1392734382^{date}|18 February>", "18 February"),
        ("<https://example.org>", "https://example.org"),
        ("<https://example.org|there>", "there (https://example.org)"),
        ("<http://example.org|example.org>", "http://example.org"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
        ("1 &lt; 2 > 0 <", "1 < 2 > 0 <"),
    ],
)
def test_slack_s_own_writing_is_read_as_words(text: str, read: str) -> None:
    assert readable(text, NAMES) == read


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"{MENTION} hello", "hello"),
        (f"{MENTION}: hello", "hello"),
        (f"  <@{ME.user}|tocsin>,\nhello", "hello"),
        (f"hello {MENTION}", f"hello {MENTION}"),
        (MENTION, MENTION),
        ("<@U0BORIS> hello", "<@U0BORIS> hello"),
    ],
)
def test_the_bot_s_name_before_the_words_is_left_out(text: str, left: str) -> None:
    assert without_mention(text, ME.user) == left


def test_mentions_are_found_once_each() -> None:
    assert mentioned(f"{MENTION} <@U0BORIS|b> {MENTION} <@u0x>") == (ME.user, BORIS)


def test_a_command_after_the_name_is_a_command() -> None:
    """CARD-09"""
    assert said(event(f"{MENTION} /cron list")).text == "/cron list"
    assert said(event(f"{MENTION} /help@Tocsin me")).text == "/help me"


def test_a_command_with_another_bot_s_name_is_not_ours() -> None:
    assert is_nothing(event(f"{MENTION} /help@otherbot"))
    assert is_nothing(event("/restart@tocsin2"))


def test_a_message_that_was_shared_is_what_is_answered() -> None:
    shared = [{"is_share": True, "text": "old &amp; wise", "author_name": "Boris", "ts": EARLIER}]

    message = said(direct("what about this?", attachments=shared))

    assert (message.reply_to, message.reply_text, message.reply_author) == (EARLIER, "old & wise", "Boris")


def test_halves_of_surrogate_pairs_can_be_stored() -> None:
    message = said(direct("a\ud800b"))

    assert inbox.decode(inbox.encode(message)).text == "a?b"


# -- files -------------------------------------------------------------------------------------------------------


def test_files_come_with_their_message() -> None:
    files = [
        file(),
        file(id="F02", name="say.m4a", mimetype="audio/mp4", subtype="slack_audio", duration_ms=2_500),
        file(id="F03", mimetype="video/mp4"),
        file(id="F04", mimetype="application/pdf", url_private_download=None),
        file(id="F05", mode="tombstone"),
    ]

    found = said(direct("", subtype="file_share", files=files)).attachments

    assert [one.kind for one in found] == [Media.PICTURE, Media.VOICE, Media.VIDEO, Media.FILE]
    assert found[0].source == "F01 https://files.slack.com/files-pri/T0-F01/download/cat.png"
    assert (found[0].name, found[0].size, found[0].path) == ("cat.png", 12, "")
    assert (found[1].seconds, found[3].source) == (2, "F04")


# -- whatever it is ----------------------------------------------------------------------------------------------


def test_where_a_payload_belongs_is_known_before_it_is_read() -> None:
    assert (place_of(event()).chat, place_of(event()).moment) == (GENERAL, TS)
    assert place_of(press("|x")).chat == GENERAL
    assert place_of(slash("x")).chat == GENERAL
    assert people_of(event(f"{MENTION} <@U0BORIS>")) == (ANNA, ME.user, BORIS)


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_p53_a_payload_of_any_shape_raises_nothing_and_can_be_stored(count: int) -> None:
    # P-53
    chance = random.Random(20)
    payloads = one_of_each()
    kinds: set[str] = set()

    for number in range(count):
        payload = mutated(payloads[number % len(payloads)], chance)
        place_of(payload)
        people_of(payload)
        found = heard(payload)
        kinds.add(type(found).__name__)
        if isinstance(found, Said):
            assert inbox.decode(inbox.encode(found.message)) == found.message
            assert not found.message.sender_id.startswith("cron:")
        if isinstance(found, Wanted):
            assert orjson.dumps(found.view)

    assert kinds == {"Nothing", "Said", "Told", "Wanted"}


@pytest.mark.parametrize(
    "payload", [None, 1, "x", [], [1], {}, {"type": {}}, {"type": "event_callback", "event": []}]
)
def test_what_is_no_payload_starts_nothing(payload: Any) -> None:
    assert is_nothing(payload)


def test_a_message_is_received_when_we_received_it() -> None:
    assert said(event("hi")).received_at == NOW
    assert timedelta() == NOW - said(direct("hi")).received_at
