"""What events say: who is meant, in which thread, which words and files; and that nothing hostile breaks it."""

import json
from typing import Any

import pytest

from channels.feishu.contents import taken_apart
from channels.feishu.parse import (
    NOT_YOURS,
    TOO_OLD,
    Chosen,
    Entered,
    Heard,
    Membership,
    Nothing,
    Pressed,
    Said,
    chosen_in,
)
from channels.feishu.payloads import opened
from channels.feishu.seal import Sealed
from gateway.messages import ChatAddress, InboundMessage, Media, Press
from tests.fakes import NOON
from tests.servers.feishu import BOT_ID
from tests.unit.channels.feishu_desk import (
    ANNA,
    APP,
    BORIS,
    GROUP,
    PRIVATE,
    SEAL,
    US,
    event,
    heard,
    listener,
    press,
    received,
)

Json = Any


def said(payload: bytes, **how: Json) -> InboundMessage:
    found = heard(payload, listener("help", **how))
    assert isinstance(found, Said), found
    return found.message


def other(number: int, name: str) -> Json:
    return {"key": f"@_user_{number}", "id": {"open_id": f"ou_{number}"}, "name": name}


# -- messages ---------------------------------------------------------------------------------------------------


def test_a_private_message_is_for_us_and_has_its_keys() -> None:
    found = said(received())

    assert found.address == ChatAddress(channel="feishu", chat=PRIVATE)
    assert (found.text, found.sender_id, found.message_id) == ("hello", ANNA, "om_1")
    assert (found.addressed, found.group, found.bot) == (True, False, False)
    assert found.received_at == NOON
    assert found.dedupe_keys[:2] == (f"feishu:{APP}:e1", f"feishu:{APP}:om_1")


def test_the_same_words_of_the_same_moment_share_a_key_under_any_ids() -> None:  # P-49
    first = said(received())
    replay = said(received(event_id="e2", message_id="om_2"))
    other_words = said(received(event_id="e3", message_id="om_3", text="hello!"))
    later = said(received(event_id="e4", message_id="om_4", create_time="1700000000001"))

    assert len(set(first.dedupe_keys) & set(replay.dedupe_keys)) == 1
    assert not set(first.dedupe_keys) & set(other_words.dedupe_keys)
    assert not set(first.dedupe_keys) & set(later.dedupe_keys)


@pytest.mark.parametrize(
    ("text", "mentions", "expected", "addressed"),
    [
        ("hello", [], "hello", False),
        ("@_user_1 hello", [US], "hello", True),
        ("@_user_1, hello", [US], "hello", True),
        ("hello @_user_1", [US], "hello @Tocsin", True),
        ("@_user_1", [US], "@Tocsin", True),
        ("@_user_1 hello", [{**US, "id": {"open_id": f"{BOT_ID}2"}}], "@Tocsin hello", False),  # another's id
        ("@Tocsin hello", [], "@Tocsin hello", False),  # the name alone is nobody
        ("@_all hello", [], "@all hello", False),
        ("@_user_2 ask @_user_1", [US, other(2, "Ben")], "@Ben ask @Tocsin", True),
        ("@_user_12 x", [other(1, "Ben")], "@_user_12 x", False),
    ],
)
def test_in_a_group_only_our_own_id_is_a_mention(  # P-52
    text: str, mentions: Json, expected: str, addressed: bool
) -> None:
    found = said(received(text=text, chat=GROUP, mentions=mentions))

    assert (found.text, found.addressed, found.group) == (expected, addressed, True)


@pytest.mark.parametrize(
    ("text", "mentions", "expected"),
    [
        ("/help me", [], "/help me"),
        ("@_user_1 /unknown x", [US], "/unknown x"),
        ("/help@Tocsin x", [], "/help x"),
        ("/help@Other", [], None),
        ("/unknown", [], None),  # of another bot, as far as we know
    ],
)
def test_commands_in_a_group_are_ours_by_name_or_by_being_known(
    text: str, mentions: Json, expected: str | None
) -> None:
    found = heard(received(text=text, chat=GROUP, mentions=mentions))

    if expected is None:
        assert isinstance(found, Nothing)
    else:
        assert isinstance(found, Said)
        assert (found.message.text, found.message.addressed) == (expected, True)


@pytest.mark.parametrize(
    ("chat", "mentions", "more", "thread"),
    [
        (PRIVATE, [], {}, ""),
        (PRIVATE, [], {"root_id": "om_r", "parent_id": "om_p"}, ""),  # a quotation makes no thread
        (PRIVATE, [], {"root_id": "om_r", "parent_id": "om_r", "thread_id": "omt_1"}, "om_r"),
        (GROUP, [], {}, ""),
        (GROUP, [US], {}, "om_1"),  # it opens the chain in which it is answered
        (GROUP, [US], {"root_id": "om_r", "parent_id": "om_p"}, "om_r"),
        (GROUP, [], {"root_id": "om_r", "parent_id": "om_p"}, "om_r"),
        (GROUP, [], {"thread_id": "omt_1"}, "om_1"),  # the first message of a topic
        (GROUP, [], {"root_id": "om_r", "parent_id": "om_r", "thread_id": "omt_1"}, "om_r"),
    ],
)
def test_a_thread_is_named_by_its_first_message(chat: str, mentions: Json, more: Json, thread: str) -> None:
    found = said(received(text="@_user_1 hi", chat=chat, mentions=mentions, **more))

    assert found.address.thread == thread
    assert found.reply_to == more.get("parent_id", "")


def test_a_job_made_by_what_opens_a_chain_belongs_to_the_group() -> None:
    opener = said(received(text="@_user_1 hi", chat=GROUP, mentions=[US]))
    inside = said(received(text="@_user_1 hi", chat=GROUP, mentions=[US], root_id="om_r", parent_id="om_r"))

    assert (opener.home.thread, inside.home.thread) == ("", "om_r")


def test_without_thread_replies_a_mention_opens_no_chain() -> None:
    found = said(received(text="@_user_1 hi", chat=GROUP, mentions=[US]), threads=False)

    assert found.address.thread == ""


def test_our_own_messages_start_nothing() -> None:  # P-51
    assert isinstance(heard(received(sender=BOT_ID, sender_type="app")), Nothing)


def test_another_bots_message_is_marked_as_one() -> None:
    assert said(received(sender="ou_robot", sender_type="app", chat=GROUP, text="@_user_1 x", mentions=[US])).bot


@pytest.mark.parametrize("sender_type", ["bot", "app", "anything"])
def test_who_is_no_user_is_a_bot(sender_type: str) -> None:
    assert said(received(sender="ou_robot", sender_type=sender_type)).bot


def test_people_who_are_mentioned_are_named() -> None:
    found = heard(received(text="@_user_2", mentions=[other(2, "Ben")]))

    assert isinstance(found, Said)
    assert found.mentioned == (("ou_2", "Ben"),)


# -- contents ---------------------------------------------------------------------------------------------------


def test_a_post_is_read_with_its_links_mentions_code_and_pictures() -> None:
    post = {
        "title": "News",
        "content": [
            [{"tag": "at", "user_id": "@_user_1", "user_name": "Tocsin"}, {"tag": "text", "text": " look:"}],
            [{"tag": "a", "href": "https://e.org", "text": "here"}, {"tag": "emotion", "emoji_type": "OK"}],
            [{"tag": "code_block", "language": "PYTHON", "text": "x = 1"}],
            [{"tag": "img", "image_key": "img_1"}],
            [{"tag": "media", "file_key": "file_1", "image_key": "img_2"}],
            [{"tag": "hr"}, {"tag": "unheard", "text": "of"}, "no element"],
            "no paragraph",
        ],
    }

    found = said(received(post, kind="post", chat=GROUP, mentions=[US]))

    assert found.text == "News\n@Tocsin look:\n[here](https://e.org):OK:\n```python\nx = 1\n```\n\n\n---of"
    assert [(one.kind, one.source) for one in found.attachments] == [
        (Media.PICTURE, "om_1/image/img_1"),
        (Media.VIDEO, "om_1/file/file_1"),
    ]


def test_a_post_that_begins_with_us_is_said_to_us() -> None:
    post = {"content": [[{"tag": "at", "user_id": "@_user_1"}, {"tag": "text", "text": " hi"}]]}

    assert said(received(post, kind="post", chat=GROUP, mentions=[US])).text == "hi"


def test_a_post_in_a_language_is_read_too() -> None:
    post = {"zh_cn": {"title": "", "content": [[{"tag": "text", "text": "hi"}]]}}

    assert said(received(post, kind="post")).text == "hi"


@pytest.mark.parametrize(
    ("kind", "content", "name", "media", "source", "seconds"),
    [
        ("image", {"image_key": "img_1"}, "picture.jpg", Media.PICTURE, "om_1/image/img_1", 0),
        ("file", {"file_key": "f", "file_name": "a.pdf"}, "a.pdf", Media.FILE, "om_1/file/f", 0),
        ("audio", {"file_key": "f", "duration": 2_100}, "voice.opus", Media.VOICE, "om_1/file/f", 3),
        ("media", {"file_key": "f", "duration": "60000"}, "video.mp4", Media.VIDEO, "om_1/file/f", 60),
    ],
)
def test_a_file_is_an_attachment(
    kind: str, content: Json, name: str, media: Media, source: str, seconds: int
) -> None:
    found = said(received(content, kind=kind))

    (file,) = found.attachments
    assert (file.name, file.kind, file.source, file.seconds) == (name, media, source, seconds)
    assert found.text == ""
    assert taken_apart(file.source) == tuple(source.split("/"))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("sticker", "a sticker"),
        ("merge_forward", "forwarded messages"),
        ("location", "a location"),
        ("new", "something"),
    ],
)
def test_what_cannot_be_opened_is_said_in_words(kind: str, words: str) -> None:
    assert said(received({}, kind=kind)).text == f"({words}, which cannot be opened here)"


def test_half_a_character_spoils_itself_alone() -> None:
    payload = received(text="PLACE").replace(b"PLACE", rb"a\\ud83db")

    assert said(payload).text == "a?b"


@pytest.mark.parametrize("field", ["message_id", "chat_id", "root_id", "parent_id", "thread_id"])
def test_what_cannot_be_an_id_makes_no_message(field: str) -> None:
    for odd in ("a/b", "../x", " ", "x" * 200, "é", 5):
        assert isinstance(heard(received(**{field: odd})), Nothing)


@pytest.mark.parametrize("kind", ["text", "post", "image", "system"])
def test_a_message_with_nothing_in_it_starts_nothing(kind: str) -> None:
    assert isinstance(heard(received({}, kind=kind)), Nothing)


@pytest.mark.parametrize("source", ["", "om_1", "om_1/sticker/x", "a/b/c/d", "/image/"])
def test_a_handle_that_is_none_of_ours_is_not_taken_apart_or_has_no_id(source: str) -> None:
    found = taken_apart(source)

    assert found is None or not all(found)


# -- buttons, menus, places -------------------------------------------------------------------------------------


def test_a_pressed_button_says_what_it_stands_for_in_its_thread() -> None:
    found = heard(press(Sealed(chat=GROUP, thread="om_r", asker=ANNA, data="/done 1")))

    assert isinstance(found, Pressed)
    assert found.message is not None
    assert found.message.text == "/done 1"
    assert found.message.occasion == Press(message_id="om_card")
    assert found.message.address == ChatAddress(channel="feishu", chat=GROUP, thread="om_r")
    assert found.message.sender_id == ANNA


def test_buttons_of_somebody_else_are_not_pressed() -> None:
    found = heard(press(Sealed(chat=GROUP, asker=ANNA, data="/done 1"), by=BORIS))

    assert found == Pressed(message=None, told=NOT_YOURS)


def test_buttons_without_an_asker_are_anybodys() -> None:
    found = heard(press(Sealed(chat=GROUP, data="/done 1"), by=BORIS))

    assert isinstance(found, Pressed)
    assert found.message is not None


@pytest.mark.parametrize(
    "change",
    [
        {"d": "/done 2"},
        {"a": BORIS},
        {"t": "om_elsewhere"},
        {"s": "0" * 20},
        {"s": 5},
        {"d": ""},
        {"s": "é"},
    ],
)
def test_a_value_that_was_changed_on_the_way_counts_for_nothing(change: Json) -> None:
    told = json.loads(press(Sealed(chat=GROUP, thread="om_r", asker=ANNA, data="/done 1")))
    told["event"]["action"]["value"] |= change

    assert heard(json.dumps(told).encode()) == Pressed(message=None, told=TOO_OLD)


def test_a_button_counts_only_in_the_chat_it_was_made_for() -> None:
    told = json.loads(press(Sealed(chat=GROUP, data="/done 1")))
    told["event"]["context"]["open_chat_id"] = PRIVATE

    assert heard(json.dumps(told).encode()) == Pressed(message=None, told=TOO_OLD)


@pytest.mark.parametrize("value", [None, "text", [], 5, {}])
def test_buttons_that_are_not_ours_are_too_old(value: Json) -> None:
    told = json.loads(press(Sealed(chat=GROUP, data="/x")))
    told["event"]["action"]["value"] = value

    assert heard(json.dumps(told).encode()) == Pressed(message=None, told=TOO_OLD)


def test_the_key_shows_in_no_button() -> None:
    assert "secret" not in json.dumps(SEAL.value(Sealed(chat=GROUP, data="/x")))


@pytest.mark.parametrize(("key", "command"), [("help", "/help"), ("/cron list", "/cron list")])
def test_a_menu_is_a_command_in_the_private_chat(key: str, command: str) -> None:
    told = {
        "operator": {"operator_name": "Anna", "operator_id": {"open_id": ANNA}},
        "event_key": key,
        "timestamp": 1,
    }
    found = heard(event("application.bot.menu_v6", told))

    assert isinstance(found, Chosen)
    message = chosen_in(found, "feishu", PRIVATE, NOON)
    assert (message.text, message.sender_id, message.sender_name) == (command, ANNA, "Anna")
    assert message.address == ChatAddress(channel="feishu", chat=PRIVATE)


@pytest.mark.parametrize("key", ["", "two\nlines", "-", "x" * 200])
def test_a_menu_whose_key_is_no_command_starts_nothing(key: str) -> None:
    told = {"operator": {"operator_id": {"open_id": ANNA}}, "event_key": key}

    assert isinstance(heard(event("application.bot.menu_v6", told)), Nothing)


@pytest.mark.parametrize(
    ("kind", "told", "expected"),
    [
        (
            "im.chat.member.bot.added_v1",
            {"chat_id": GROUP, "operator_id": {"open_id": ANNA}},
            Membership(chat=GROUP, status="added", by=ANNA),
        ),
        ("im.chat.member.bot.deleted_v1", {"chat_id": GROUP}, Membership(chat=GROUP, status="removed", by="")),
        (
            "im.chat.access_event.bot_p2p_chat_entered_v1",
            {"chat_id": PRIVATE, "operator_id": {"open_id": ANNA}},
            Entered(user=ANNA, chat=PRIVATE),
        ),
        ("im.message.recalled_v1", {"message_id": "om_1"}, Nothing("a kind of event that starts nothing")),
        ("im.message.message_read_v1", {}, Nothing("a kind of event that starts nothing")),
    ],
)
def test_other_events_start_no_turn(kind: str, told: Json, expected: Heard) -> None:
    assert heard(event(kind, told)) == expected


@pytest.mark.parametrize(
    "payload",
    [b"", b"{", b"[]", b"null", b"5", b'{"header":5}', b"\xff\xfe", b'{"schema":"2.0"}', b"[" * 100_000],
)
def test_bytes_that_are_no_event_are_none(payload: bytes) -> None:  # P-53
    assert opened(payload) is None
