"""What an update says: whom it is for, where it was said, and what is none of our business."""

from typing import Any

import pytest
from telegram import Update

from channels.telegram.client import Identity
from channels.telegram.parse import (
    LONGEST_QUOTE,
    NOT_YOURS,
    TOO_OLD,
    Heard,
    Listener,
    Membership,
    Moved,
    Nothing,
    Pressed,
    Said,
)
from gateway.messages import Press
from tests.fakes import NOON

ME = Identity(id=42, username="tocsin_bot", reads_groups=False)
LISTENER = Listener(channel="telegram", me=ME, commands={"help", "cron"})
ANNA = {"id": 7, "is_bot": False, "first_name": "Anna", "last_name": "Bell", "username": "anna"}
BOT = {"id": 42, "is_bot": True, "first_name": "Tocsin", "username": "tocsin_bot"}
PRIVATE = {"id": 7, "type": "private", "first_name": "Anna"}
GROUP = {"id": -5, "type": "group", "title": "Friends"}
FORUM = {"id": -1005, "type": "supergroup", "title": "Forum", "is_forum": True}


def message(text: str | None = "hello", **fields: Any) -> dict[str, Any]:
    return {"message_id": 11, "date": 1_700_000_000, "chat": PRIVATE, "from": ANNA, "text": text, **fields}


def mention(text: str, name: str) -> list[dict[str, Any]]:
    """Where the name stands, counted as Telegram counts: in UTF-16 code units."""
    before = text[: text.index(name)]
    return [{"type": "mention", "offset": len(before.encode("utf-16-le")) // 2, "length": len(name)}]


def parse(**update: Any) -> Heard:
    found = Update.de_json({"update_id": 900, **update}, None)
    return LISTENER.parse(found, NOON)


def said(**fields: Any) -> Any:
    found = parse(message=message(**fields))
    assert isinstance(found, Said), found
    return found.message


def test_a_private_message_names_its_sender_chat_and_update() -> None:
    found = said()

    assert (found.channel, found.sender_id, found.sender_name) == ("telegram", "7", "Anna Bell")
    assert (found.address.channel, found.address.chat, found.address.thread) == ("telegram", "7", "")
    assert (found.text, found.message_id, found.received_at) == ("hello", "11", NOON)
    assert found.dedupe_keys == ("telegram:42:900",)
    assert (found.addressed, found.group) == (True, False)


def test_a_caption_is_a_text() -> None:
    photo = [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}]

    assert said(text=None, caption="look", photo=photo).text == "look"


@pytest.mark.parametrize(
    ("text", "addressed"),
    [
        ("@tocsin_bot remind me", True),
        ("hello @TOCSIN_BOT", True),
        ("😀😀 @tocsin_bot hello", True),
        ("@tocsin_bot2 remind me", False),  # another bot
        ("@tocsin_bo remind me", False),
    ],
)
def test_in_a_group_only_the_exact_name_is_a_mention(text: str, addressed: bool) -> None:
    name = next(word for word in text.split() if word.startswith("@"))

    assert said(chat=GROUP, text=text, entities=mention(text, name)).addressed is addressed


def test_our_name_before_what_is_said_is_left_out() -> None:
    text = "@tocsin_bot, remind me"

    assert said(chat=GROUP, text=text, entities=mention(text, "@tocsin_bot")).text == "remind me"


def test_a_mention_in_a_caption_counts() -> None:
    caption = "@tocsin_bot look"
    photo = [{"file_id": "f", "file_unique_id": "u", "width": 1, "height": 1}]

    found = said(
        chat=GROUP, text=None, caption=caption, caption_entities=mention(caption, "@tocsin_bot"), photo=photo
    )

    assert found.addressed


def test_a_name_without_an_entity_is_only_text() -> None:
    assert not said(chat=GROUP, text="mail me at x@tocsin_bot").addressed


def test_a_reply_to_the_bot_is_addressed_to_it() -> None:
    reply = {"message_id": 3, "date": 1, "chat": GROUP, "from": BOT, "text": "Well?"}

    found = said(chat=GROUP, reply_to_message=reply)

    assert (found.addressed, found.reply_to) == (True, "3")


def test_the_first_message_of_a_topic_is_not_answered_by_everything_in_it() -> None:
    opening = {
        "message_id": 9,
        "date": 1,
        "chat": FORUM,
        "from": BOT,
        "forum_topic_created": {"name": "News", "icon_color": 1},
    }

    assert not said(chat=FORUM, reply_to_message=opening, message_thread_id=9, is_topic_message=True).addressed


def test_unaddressed_talk_in_a_group_is_marked_as_such() -> None:
    found = said(chat=GROUP)

    assert (found.addressed, found.group) == (False, True)


@pytest.mark.parametrize(
    ("fields", "thread"),
    [
        ({"message_thread_id": 9, "is_topic_message": True}, "9"),
        ({"message_thread_id": 9}, ""),  # a reply outside a forum
        ({}, ""),  # "General"
    ],
)
def test_a_topic_is_kept_and_nothing_else_is_taken_for_one(fields: dict[str, Any], thread: str) -> None:
    assert said(chat=FORUM, **fields).address.thread == thread


@pytest.mark.parametrize(
    ("text", "heard", "addressed"),
    [
        ("/help", "/help", True),
        ("/help@tocsin_bot", "/help", True),
        ("/HELP@Tocsin_Bot me", "/HELP me", True),
        ("/restart@OtherBot", None, False),
        ("/frob", None, False),  # of some other bot, as far as we know
        ("/frob@tocsin_bot", "/frob", True),
        ("/etc/passwd", "/etc/passwd", False),
    ],
)
def test_a_command_in_a_group_is_ours_by_its_name_or_by_our_name(
    text: str, heard: str | None, addressed: bool
) -> None:
    found = parse(message=message(text, chat=GROUP))

    if heard is None:
        assert found == Nothing("a command for another bot")
    else:
        assert isinstance(found, Said)
        assert (found.message.text, found.message.addressed) == (heard, addressed)


@pytest.mark.parametrize(
    "update",
    [
        {"edited_message": message("changed")},  # P-51
        {"channel_post": message("news", chat={"id": -9, "type": "channel", "title": "News"})},
        {"message": message("hello", **{"from": BOT})},  # P-51: ourselves
        {"message": message(None, chat=GROUP, new_chat_title="Enemies")},
        {"message": message(None, chat=GROUP, pinned_message=message())},
    ],
    ids=["edit", "channel post", "ourselves", "renamed", "pinned"],
)
def test_what_starts_nothing_starts_nothing(update: dict[str, Any]) -> None:
    assert isinstance(parse(**update), Nothing)


def test_an_anonymous_admin_writes_in_the_name_of_the_group() -> None:
    found = said(chat=FORUM, sender_chat=FORUM, **{"from": {"id": 1087968824, "is_bot": True, "first_name": "G"}})

    assert (found.sender_id, found.sender_name, found.bot) == ("-1005", "Forum", False)


def test_another_bot_is_known_as_one() -> None:  # P-51
    other = {"id": 43, "is_bot": True, "first_name": "Other", "username": "other_bot"}

    assert (said(**{"from": other}).bot, said(via_bot=other).bot) == (True, False)


def test_a_group_that_became_a_supergroup_has_moved() -> None:
    assert parse(message=message(None, chat=GROUP, migrate_to_chat_id=-1009)) == Moved("-5", "-1009")


def test_being_blocked_is_a_change_of_membership() -> None:
    member = {"user": BOT, "status": "member"}
    banned = {"user": BOT, "status": "kicked", "until_date": 0}
    change = {"chat": PRIVATE, "from": ANNA, "date": 1, "old_chat_member": member, "new_chat_member": banned}

    assert parse(my_chat_member=change) == Membership("7", "kicked", "7")


def press(data: str, user: dict[str, Any] = ANNA, **fields: Any) -> Heard:
    """Somebody presses; `button`: what the button under the message really stands for."""
    button = fields.pop("button", data)
    keyboard = {"inline_keyboard": [[{"text": "1/3", "callback_data": button}]]}
    under = {"message_id": 33, "date": 1, "chat": FORUM, "from": BOT, "text": "1/3", "reply_markup": keyboard}
    query = {"id": "q1", "from": user, "chat_instance": "c", "data": data, "message": {**under, **fields}}
    return parse(callback_query=query)


def test_a_press_is_what_the_button_stands_for_said_by_who_pressed() -> None:
    found = press("7|/cron list 2", message_thread_id=9, is_topic_message=True)

    assert isinstance(found, Pressed)
    assert found.query == "q1"
    assert found.message is not None
    assert (found.message.text, found.message.sender_id) == ("/cron list 2", "7")
    assert found.message.occasion == Press(message_id="33")
    assert (found.message.address.chat, found.message.address.thread) == ("-1005", "9")


def test_a_press_of_somebody_else_is_not_heard() -> None:
    assert press("8|/cron list 2") == Pressed("q1", None, NOT_YOURS)


@pytest.mark.parametrize("data", ["|", "7|", ""])
def test_a_press_of_what_stands_for_nothing_is_not_heard(data: str) -> None:
    assert press(data) == Pressed("q1", None, TOO_OLD)


def test_a_press_that_no_button_of_the_message_stands_for_is_not_heard() -> None:
    # A client of one's own may send any data for any message of the bot.
    assert press("|/whoami", button="7|/cron list 2") == Pressed("q1", None, TOO_OLD)


def test_a_button_for_everybody_can_be_pressed_by_anybody() -> None:
    found = press("|done", user={"id": 8, "is_bot": False, "first_name": "Bea"})

    assert isinstance(found, Pressed)
    assert found.message is not None


def test_who_asked_in_the_name_of_the_group_presses_in_their_own() -> None:
    found = press("-1005|/cron list 2")

    assert isinstance(found, Pressed)
    assert found.message is not None
    assert found.message.sender_id == "7"


def test_a_press_under_a_message_that_is_too_old_to_be_shown_is_not_heard() -> None:
    # Its topic is not known any more: the answer would come to another one.
    query = {"id": "q1", "from": ANNA, "chat_instance": "c", "data": "7|/help",
             "message": {"message_id": 33, "date": 0, "chat": FORUM}}  # fmt: skip

    assert parse(callback_query=query) == Pressed("q1", None, TOO_OLD)


def test_a_press_in_a_channel_is_not_heard() -> None:
    assert press("7|/status", chat={"id": -9, "type": "channel", "title": "News"}) == Pressed("q1", None, TOO_OLD)


def test_half_a_surrogate_pair_does_not_reach_the_store() -> None:
    assert said(text="broken \ud83d emoji").text == "broken ? emoji"


def test_what_a_message_answers_comes_with_it() -> None:
    found = said(text="remind me about this", reply_to_message=message("The invoice is due.", message_id=5))

    assert (found.reply_to, found.reply_text, found.reply_author) == ("5", "The invoice is due.", "Anna Bell")


def test_the_part_that_was_picked_of_a_message_is_what_is_answered() -> None:
    quote = {"text": "due", "position": 15, "is_manual": True}

    assert said(reply_to_message=message("The invoice is due.", message_id=5), quote=quote).reply_text == "due"


def test_a_long_message_that_is_answered_is_cut() -> None:
    assert len(said(reply_to_message=message("x" * 4_000, message_id=5)).reply_text) == LONGEST_QUOTE


def test_the_beginning_of_a_topic_is_no_words_that_are_answered() -> None:
    topic = {"name": "Bills", "icon_color": 1}
    opening = message(None, message_id=5, chat=FORUM, forum_topic_created=topic)

    assert said(chat=FORUM, reply_to_message=opening).reply_text == ""
