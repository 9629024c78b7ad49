"""Telegram's server for tests takes the messages that Telegram takes, and refuses the others with its words."""

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup
from telegram.error import BadRequest

from tests.servers.telegram_caller import ANN, BOB, FORUM, GROUP, Caller, Json

SAME = (
    "400 Bad Request: message is not modified: specified new message content and reply markup are exactly the "
    "same as a current content and reply markup of the message"
)
TOO_OLD = "400 Bad Request: query is too old and response timeout expired or query ID is invalid"
BOLD = {"type": "bold", "offset": 0, "length": 1}


def keyboard(data: str = "go") -> Json:
    return {"inline_keyboard": [[{"text": "Go", "callback_data": data}]]}


# Text


@pytest.mark.parametrize("text", ["x" * 4096, "😀" * 2048, " \n" + "x" * 4096 + "\n "])
async def test_a_message_has_up_to_4096_units(api: Caller, text: str) -> None:
    assert (await api.send(text))["text"] == text.strip()


@pytest.mark.parametrize("text", ["x" * 4097, "😀" * 2049, "x" + "😀" * 2048])
async def test_a_longer_message_is_refused(api: Caller, text: str) -> None:
    first = (await api.send("x"))["message_id"]

    sent = await api.no("sendMessage", chat_id=ANN, text=text)
    edited = await api.no("editMessageText", chat_id=ANN, message_id=first, text=text)

    assert sent == "400 Bad Request: message is too long"
    assert edited == "400 Bad Request: MESSAGE_TOO_LONG"


async def test_a_message_is_measured_after_its_tags_are_read(api: Caller) -> None:
    text = "<b>" + "&lt;" * 4096 + "</b>"

    message = await api.send(text, parse_mode="HTML")

    assert message["text"] == "<" * 4096
    assert message["entities"] == [{"type": "bold", "offset": 0, "length": 4096}]


@pytest.mark.parametrize("text", ["", "  \n\t ", "<b> </b>", "&#32;"])
async def test_a_message_that_shows_nothing_is_refused(api: Caller, text: str) -> None:
    refusal = await api.no("sendMessage", chat_id=ANN, text=text, parse_mode="HTML")

    assert refusal == "400 Bad Request: message text is empty"


async def test_what_was_sent_is_recorded_as_sent_and_as_seen(api: Caller, bot: Bot) -> None:
    question = api.server.say("?", user=ANN) and api.server.last_message(ANN)
    buttons = InlineKeyboardMarkup([[InlineKeyboardButton("Yes", callback_data="y:1")]])

    await bot.send_message(
        ANN, "<b>R&amp;D</b>", parse_mode="HTML", reply_to_message_id=question, reply_markup=buttons
    )

    (sent,) = api.server.sent
    assert (sent.text, sent.raw, sent.parse_mode) == ("R&D", "<b>R&amp;D</b>", "HTML")
    assert sent.entities == [{"type": "bold", "offset": 0, "length": 3}]
    assert (sent.method, sent.chat, sent.thread, sent.reply_to) == ("sendMessage", ANN, 0, question)
    assert sent.buttons == [[("Yes", "y:1")]]
    assert sent.at == api.wall.seconds


async def test_tags_that_do_not_close_are_refused(api: Caller, bot: Bot) -> None:
    with pytest.raises(BadRequest, match="find end tag corresponding to start tag"):
        await bot.send_message(ANN, "<b>x", parse_mode="HTML")

    assert api.server.sent == []


@pytest.mark.parametrize("mode", ["MarkdownV2", "Markdown", "Wiki"])
async def test_no_other_formatting_is_taken(api: Caller, mode: str) -> None:
    refusal = await api.no("sendMessage", chat_id=ANN, text="x", parse_mode=mode)

    assert refusal == "400 Bad Request: unsupported parse_mode"


@pytest.mark.parametrize(
    ("entities", "why"),
    [
        ([{"type": "bold", "offset": 0, "length": 5}], "ENTITY_BOUNDS_INVALID"),
        ([{"type": "bold", "offset": -1, "length": 1}], "ENTITY_BOUNDS_INVALID"),
        (
            [{"type": "bold", "offset": 2, "length": 1}],
            "entity begins in a middle of a UTF-16 symbol at byte offset 1",
        ),
        (
            [{"type": "bold", "offset": 0, "length": 2}],
            "entity ends in a middle of a UTF-16 symbol at byte offset 1",
        ),
        ([{"type": "huge", "offset": 0, "length": 1}], "can't parse entities: unsupported type of MessageEntity"),
        ([{"type": "bold"}], "can't parse entities: offset and length must be of type Number"),
        (["bold"], "can't parse entities: expected an Object with a type"),
    ],
)
async def test_entities_lie_within_the_text(api: Caller, entities: list[Json], why: str) -> None:
    refusal = await api.no("sendMessage", chat_id=ANN, text="a😀b", entities=entities)

    assert refusal == f"400 Bad Request: {why}"


async def test_entities_are_taken_when_no_formatting_is_named(api: Caller) -> None:
    message = await api.send("a😀b", entities=[BOLD])

    assert message["entities"] == [BOLD]


# Answers to messages


async def test_a_reply_needs_its_message(api: Caller) -> None:
    first = (await api.send("x"))["message_id"]
    api.server.delete(first, chat=ANN)

    refusal = await api.no("sendMessage", chat_id=ANN, text="y", reply_parameters={"message_id": first})
    lenient = {"message_id": first, "allow_sending_without_reply": True}
    sent = await api.send("z", reply_parameters=lenient)

    assert refusal == "400 Bad Request: message to be replied not found"
    assert "reply_to_message" not in sent


async def test_a_reply_stays_in_the_topic_of_its_message(api: Caller) -> None:
    thread = api.server.topic(FORUM, "Plans")
    asked = await api.send("x", FORUM, message_thread_id=thread)

    answer = await api.send("y", FORUM, reply_parameters={"message_id": asked["message_id"]})

    assert answer["message_thread_id"] == thread
    assert answer["reply_to_message"]["text"] == "x"


# Changes


async def test_an_edit_changes_what_is_seen(api: Caller, bot: Bot) -> None:
    first = (await api.send("before"))["message_id"]

    await bot.edit_message_text("after", ANN, first)

    assert api.server.texts(ANN) == ["after"]
    edit = api.server.sent[-1]
    assert (edit.method, edit.text, edit.edited_from) == ("editMessageText", "after", "before")


async def test_an_edit_that_changes_nothing_is_refused(api: Caller) -> None:
    here = {"chat_id": ANN, "message_id": (await api.send("x", reply_markup=keyboard()))["message_id"]}

    refusals = [
        await api.no("editMessageText", text=" x ", reply_markup=keyboard(), **here),
        await api.no("editMessageReplyMarkup", reply_markup=keyboard(), **here),
    ]

    assert refusals == [SAME, SAME]
    await api.ok("editMessageText", text="x", **here)
    assert api.server.sent[-1].buttons == []


async def test_only_an_own_message_that_is_there_can_be_edited(api: Caller) -> None:
    api.server.say("x", user=ANN)
    theirs = api.server.last_message(ANN)

    refusals = [
        await api.no("editMessageText", chat_id=ANN, message_id=theirs, text="y"),
        await api.no("editMessageText", chat_id=ANN, message_id=99, text="y"),
        await api.no("editMessageText", chat_id=ANN, text="y"),
    ]

    assert refusals == [
        "400 Bad Request: message can't be edited",
        "400 Bad Request: message to edit not found",
        "400 Bad Request: message identifier is not specified",
    ]


async def test_a_removed_message_is_not_seen_any_more(api: Caller, bot: Bot) -> None:
    first = (await api.send("x"))["message_id"]
    await api.send("y")

    await bot.delete_message(ANN, first)

    again = await api.no("deleteMessage", chat_id=ANN, message_id=first)
    assert again == "400 Bad Request: message to delete not found"
    assert (api.server.texts(ANN), api.server.deleted) == (["y"], [(ANN, first)])


async def test_what_others_wrote_in_a_group_only_an_administrator_removes(api: Caller) -> None:
    api.server.say("/x", user=ANN, chat=GROUP)
    theirs = {"chat_id": GROUP, "message_id": api.server.last_message(GROUP)}

    refusal = await api.no("deleteMessage", **theirs)

    assert refusal == "400 Bad Request: message can't be deleted"
    api.server.add(GROUP, admin=True)
    assert await api.ok("deleteMessage", **theirs)


# Buttons


@pytest.mark.parametrize(
    ("button", "why"),
    [
        ({"text": "x", "callback_data": "é" * 33}, "BUTTON_DATA_INVALID"),
        ({"text": "x", "callback_data": ""}, "BUTTON_DATA_INVALID"),
        ({"text": "x"}, "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard"),
        ({"callback_data": "x"}, 'can\'t parse inline keyboard button: field "text" must be of type String'),
    ],
)
async def test_a_wrong_button_is_refused(api: Caller, button: Json, why: str) -> None:
    markup = {"inline_keyboard": [[button]]}

    assert await api.no("sendMessage", chat_id=ANN, text="x", reply_markup=markup) == f"400 Bad Request: {why}"


async def test_the_data_of_a_button_has_up_to_64_bytes(api: Caller) -> None:
    await api.send("x", reply_markup=keyboard("é" * 32))

    assert api.server.sent[0].buttons == [[("Go", "é" * 32)]]


async def test_a_tap_is_answered_in_time_and_the_answer_is_recorded(api: Caller, bot: Bot) -> None:
    message = (await api.send("x", reply_markup=keyboard("go:1")))["message_id"]
    identifier = api.server.press(message, "Go", user=BOB, chat=ANN)
    (update,) = await bot.get_updates()
    api.wall.seconds += 2

    assert update.callback_query
    assert (update.callback_query.data, update.callback_query.from_user.id) == ("go:1", BOB)
    assert update.callback_query.message
    await update.callback_query.answer("done", show_alert=True)

    query = api.server.queries[identifier]
    assert (query.answered_at, query.at) == (api.wall.seconds, api.wall.seconds - 2)
    assert (query.text, query.alert, query.answers) == ("done", True, 1)


async def test_an_answer_to_an_old_or_unknown_tap_is_refused(api: Caller) -> None:
    message = (await api.send("x", reply_markup=keyboard()))["message_id"]
    identifier = api.server.press(message, "go", user=ANN)
    api.wall.seconds += api.server.query_timeout + 1

    refusals = [await api.no("answerCallbackQuery", callback_query_id=one) for one in (identifier, "1")]

    assert refusals == [TOO_OLD, TOO_OLD]
    assert api.server.queries[identifier].answered_at is None


async def test_a_button_that_is_not_there_cannot_be_pressed(api: Caller) -> None:
    message = (await api.send("x", reply_markup=keyboard()))["message_id"]

    with pytest.raises(LookupError, match="has no button 'Stop'"):
        api.server.press(message, "Stop", user=ANN)


# Signs


async def test_what_the_bot_does_is_shown_in_the_chat(api: Caller, bot: Bot) -> None:
    thread = api.server.topic(FORUM, "Plans")

    await bot.send_chat_action(FORUM, "typing", message_thread_id=thread)

    refusal = await api.no("sendChatAction", chat_id=ANN, action="thinking")
    assert refusal == "400 Bad Request: wrong parameter action in request"
    assert [(one.chat, one.thread, one.action) for one in api.server.actions] == [(FORUM, thread, "typing")]


async def test_a_reaction_is_one_of_telegrams(api: Caller, bot: Bot) -> None:
    api.server.say("x", user=ANN)
    message = api.server.last_message(ANN)

    await bot.set_message_reaction(ANN, message, "👍")

    other = [{"type": "emoji", "emoji": "🦖"}]
    refusal = await api.no("setMessageReaction", chat_id=ANN, message_id=message, reaction=other)
    assert refusal == "400 Bad Request: REACTION_INVALID"
    assert api.server.reactions == {(ANN, message): ["👍"]}
