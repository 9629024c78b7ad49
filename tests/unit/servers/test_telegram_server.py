"""Telegram's server for tests is strict where Telegram is strict: tokens, updates, chats and who hears what."""

import asyncio

import pytest
from telegram import Bot, BotCommand, BotCommandScopeChat
from telegram.error import Conflict, Forbidden

from tests.servers.telegram_caller import ANN, BOB, FORUM, GROUP, Caller, Json

HOOKED = (
    "409 Conflict: can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)


async def kinds(api: Caller) -> list[str]:
    updates = await api.ok("getUpdates", offset=api.server.confirmed)
    return [next(kind for kind in update if kind != "update_id") for update in updates]


async def messages(api: Caller) -> list[Json]:
    return [update["message"] for update in await api.ok("getUpdates", offset=api.server.confirmed)]


# Who asks


@pytest.mark.parametrize(
    ("path", "status", "description"),
    [
        ("/bot123456789:another_token/getMe", 401, "Unauthorized"),
        ("/botno-token/getMe", 404, "Not Found"),
        ("/bot{token}/getNothing", 404, "Not Found"),
        ("/elsewhere", 404, "Not Found"),
    ],
)
async def test_a_wrong_token_or_method_is_refused(api: Caller, path: str, status: int, description: str) -> None:
    answer = await api.raw(path.format(token=api.server.token))

    expected = f'{{"ok":false,"error_code":{status},"description":"{description}"}}'
    assert (api.status, answer.decode()) == (status, expected)


async def test_a_call_may_be_json_a_form_multipart_or_a_query_in_any_case_of_letters(api: Caller) -> None:
    said = {"chat_id": str(ANN), "text": "x & ä"}
    path = f"/bot{api.server.token}/sendmessage"

    await api.raw(path, json={"chat_id": ANN, "text": "x & ä"})
    await api.raw(path.replace("sendmessage", "SENDMESSAGE"), data=said)
    await api.raw(path, params=said, verb="GET")
    with_file = api.form({**said, "file": b"x"})
    await api.raw(path, data=with_file)

    assert api.server.texts(ANN) == ["x & ä"] * 4
    assert api.server.calls == {"sendMessage": 4}


async def test_the_bot_knows_who_it_is(api: Caller, bot: Bot) -> None:
    api.server.can_read_all_group_messages = True

    me = await bot.get_me()

    assert (me.id, me.username) == (api.server.bot_id, "tocsin_test_bot")
    assert me.can_read_all_group_messages


# Updates


async def test_an_offset_confirms_everything_below_it(api: Caller) -> None:
    first, second, third = (api.server.say(text, user=ANN) for text in "abc")

    before = await api.ok("getUpdates")
    after = await api.ok("getUpdates", offset=third)

    assert [update["update_id"] for update in before] == [first, second, third]
    assert [update["update_id"] for update in after] == [third]
    assert (api.server.confirmed, api.server.pending) == (third, 1)


async def test_a_negative_offset_keeps_only_the_last(api: Caller) -> None:
    updates = [api.server.say(str(number), user=ANN) for number in range(5)]

    answer = await api.ok("getUpdates", offset=-2)

    assert [update["update_id"] for update in answer] == updates[3:]
    assert api.server.pending == 2


@pytest.mark.parametrize(("limit", "given"), [(0, 1), (1, 1), (7, 7), (500, 100)])
async def test_a_limit_lies_between_one_and_a_hundred(api: Caller, limit: int, given: int) -> None:
    api.server.say_many({"text": "x", "user": ANN} for _ in range(120))

    answer = await api.ok("getUpdates", limit=limit)

    assert len(answer) == given


async def test_a_poll_waits_until_somebody_writes(api: Caller, bot: Bot) -> None:
    poll = asyncio.create_task(bot.get_updates(timeout=10))
    await api.server.wait_for(lambda: api.server.updates.polled)

    api.server.say("at last", user=ANN)

    (update,) = await poll
    assert update.message
    assert update.message.text == "at last"


async def test_a_poll_ends_empty_after_its_time(api: Caller) -> None:
    assert await api.ok("getUpdates", timeout=0.01) == []


async def test_a_second_poll_ends_the_first(api: Caller, bot: Bot) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=10))
    await api.server.wait_for(lambda: api.server.updates.polled)
    second = asyncio.create_task(api.ok("getUpdates", timeout=10))

    with pytest.raises(Conflict, match="terminated by other getUpdates request"):
        await first

    api.server.say("x", user=ANN)
    assert len(await second) == 1
    assert api.server.stats().conflicts == 1


async def test_a_poller_that_hangs_up_is_no_rival(api: Caller) -> None:
    first = asyncio.create_task(api.ok("getUpdates", timeout=10))
    await api.server.wait_for(lambda: api.server.updates.polled)
    first.cancel()
    await api.server.wait_for(lambda: not api.server.updates.polled)

    await api.ok("getUpdates")

    assert api.server.stats().conflicts == 0


async def test_it_is_polling_or_a_webhook(api: Caller) -> None:
    poll = asyncio.create_task(api.no("getUpdates", timeout=10))
    await api.server.wait_for(lambda: api.server.updates.polled)

    await api.ok("setWebhook", url="https://example.org/hook")

    assert await poll == "409 Conflict: terminated by setWebhook request"
    assert await api.no("getUpdates") == HOOKED
    assert (await api.ok("getWebhookInfo"))["url"] == "https://example.org/hook"
    await api.ok("deleteWebhook")
    assert await api.ok("getUpdates") == []


async def test_a_webhook_without_encryption_is_refused(api: Caller) -> None:
    refusal = await api.no("setWebhook", url="http://example.org")

    assert refusal == "400 Bad Request: bad webhook: An HTTPS URL must be provided for webhook"


async def test_the_kinds_of_updates_that_were_asked_for_are_remembered(api: Caller) -> None:
    message = await api.send("x")
    await api.ok("getUpdates", allowed_updates=["edited_message"])
    said = api.server.say("not wanted", user=ANN)
    api.server.edit(api.server.last_message(ANN), "wanted", user=ANN)

    assert said == 0
    assert await kinds(api) == ["edited_message"]
    await api.ok("getUpdates", allowed_updates=[])
    api.server.say("wanted again", user=ANN)
    assert (await kinds(api))[-1] == "message"
    assert message["message_id"] == 1


async def test_any_update_can_be_given(api: Caller) -> None:
    own = api.server.push({"update_id": 70_000, "something_new": {"x": 1}})
    following = api.server.say("x", user=ANN)

    assert (own, following) == (70_000, 70_001)
    assert await kinds(api) == ["something_new", "message"]


# Chats


async def test_message_ids_are_counted_per_supergroup_and_together_elsewhere(api: Caller) -> None:
    api.server.group(-5, "Small", supergroup=False, members=[ANN])

    ids = [(await api.send("x", chat))["message_id"] for chat in (ANN, GROUP, BOB, GROUP, -5)]

    assert ids == [1, 1, 2, 2, 3]


async def test_a_topic_is_kept_and_general_has_none(api: Caller) -> None:
    thread = api.server.topic(FORUM, "Plans")
    api.server.say("/help", user=ANN, chat=FORUM, thread=thread)
    api.server.say("/help", user=ANN, chat=FORUM)

    await api.send("there", FORUM, message_thread_id=thread)
    await api.send("here", FORUM)

    _made, inside, general = await messages(api)
    assert (inside["message_thread_id"], inside["is_topic_message"]) == (thread, True)
    assert inside["reply_to_message"]["forum_topic_created"]["name"] == "Plans"
    assert "message_thread_id" not in general
    assert api.server.texts(FORUM, thread) == ["there"]
    assert api.server.texts(FORUM, 0) == ["here"]


async def test_a_reply_in_general_has_the_number_of_its_chain_which_is_no_topic(api: Caller) -> None:
    root = (await api.send("x", FORUM))["message_id"]
    api.server.say("an answer", user=ANN, chat=FORUM, reply_to=root)

    (message,) = await messages(api)

    assert message["message_thread_id"] == root
    assert "is_topic_message" not in message


@pytest.mark.parametrize("thread", [1, 999])
async def test_an_unknown_topic_and_general_as_a_topic_are_refused(api: Caller, thread: int) -> None:
    refusal = await api.no("sendMessage", chat_id=FORUM, text="x", message_thread_id=thread)

    assert refusal == "400 Bad Request: message thread not found"


async def test_a_topic_can_be_closed_and_removed(api: Caller) -> None:
    thread = api.server.topic(FORUM, "Plans")
    api.server.close_topic(FORUM, thread)
    closed = await api.no("sendMessage", chat_id=FORUM, text="x", message_thread_id=thread)
    api.server.delete_topic(FORUM, thread)

    removed = await api.no("sendMessage", chat_id=FORUM, text="x", message_thread_id=thread)

    assert closed == "400 Bad Request: TOPIC_CLOSED"
    assert removed == "400 Bad Request: message thread not found"


@pytest.mark.parametrize(
    ("chat", "why"), [(404, "chat not found"), ("", "chat_id is empty"), ("@x", "chat not found")]
)
async def test_an_unknown_chat_is_refused(api: Caller, chat: int | str, why: str) -> None:
    assert await api.no("sendMessage", chat_id=chat, text="x") == f"400 Bad Request: {why}"


async def test_somebody_who_blocked_the_bot_is_not_written_to(api: Caller, bot: Bot) -> None:
    api.server.block(ANN)

    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(ANN, "x")

    api.server.unblock(ANN)
    await bot.send_message(ANN, "y")
    changes = [update.my_chat_member for update in await bot.get_updates()]
    assert [one.new_chat_member.status for one in changes if one] == ["kicked", "member"]


async def test_a_bot_that_was_removed_hears_and_says_nothing(api: Caller) -> None:
    api.server.group(-5, "Small", supergroup=False, members=[ANN])
    api.server.group(-6, "Left", supergroup=False, bot="left")
    for chat in (GROUP, -5):
        api.server.kick(chat)

    refusals = [await api.no("sendMessage", chat_id=chat, text="x") for chat in (GROUP, -5, -6)]

    assert refusals == [
        "403 Forbidden: bot was kicked from the supergroup chat",
        "403 Forbidden: bot was kicked from the group chat",
        "403 Forbidden: bot is not a member of the group chat",
    ]
    assert api.server.say("/help", user=ANN, chat=GROUP) == 0
    api.server.add(GROUP)
    assert api.server.say("/help", user=ANN, chat=GROUP) > 0


async def test_somebody_who_never_wrote_is_not_written_to(api: Caller) -> None:
    api.server.person(99, started=False)
    before = await api.no("sendMessage", chat_id=99, text="x")
    api.server.say("hello", user=99)

    await api.send("y", 99)

    assert before == "403 Forbidden: bot can't initiate conversation with a user"


async def test_a_group_that_became_a_supergroup_says_where_it_is(api: Caller) -> None:
    api.server.group(-5, "Small", supergroup=False, members=[ANN])
    new = api.server.migrate(-5)

    answer = await api.whole("sendMessage", chat_id=-5, text="x")

    assert answer == {
        "ok": False,
        "error_code": 400,
        "description": "Bad Request: group chat was upgraded to a supergroup chat",
        "parameters": {"migrate_to_chat_id": new},
    }
    old_chat, new_chat = await messages(api)
    assert (old_chat["chat"]["id"], old_chat["migrate_to_chat_id"]) == (-5, new)
    assert (new_chat["chat"]["id"], new_chat["migrate_from_chat_id"]) == (new, -5)
    assert (await api.send("x", new))["message_id"] == 2


async def test_a_group_with_a_new_name_says_so(api: Caller) -> None:
    api.server.rename(GROUP, "Renamed")

    (message,) = await messages(api)

    assert (message["new_chat_title"], message["chat"]["title"]) == ("Renamed", "Renamed")


async def test_privacy_mode_keeps_from_the_bot_what_is_not_for_it(api: Caller) -> None:
    own = (await api.send("x", GROUP))["message_id"]
    said = ["/help", "/help@Tocsin_Test_Bot", "hi @tocsin_test_bot", "/help@OtherBot", "hi @other_bot", "hi"]

    heard = [api.server.say(text, user=ANN, chat=GROUP) > 0 for text in said]
    replied = api.server.say("hi", user=ANN, chat=GROUP, reply_to=own)

    assert heard == [True, True, True, False, False, False]
    assert replied
    api.server.can_read_all_group_messages = True
    assert api.server.say("hi", user=ANN, chat=GROUP)


async def test_a_caption_and_an_edit_arrive_as_telegram_sends_them(api: Caller, bot: Bot) -> None:
    api.server.caption("see /help", user=ANN)
    api.server.edit(api.server.last_message(ANN), "look", user=ANN)

    captioned, edited = await bot.get_updates()

    assert captioned.message
    assert captioned.message.photo
    assert captioned.message.caption == "see /help"
    assert captioned.message.caption_entities[0].type == "bot_command"
    assert edited.edited_message
    assert edited.edited_message.caption == "look"


async def test_chats_and_their_members_are_shown(api: Caller, bot: Bot) -> None:
    group, private = await bot.get_chat(FORUM), await bot.get_chat(ANN)
    admins = await bot.get_chat_administrators(FORUM)
    member = await bot.get_chat_member(FORUM, ANN)
    api.server.add(GROUP, admin=True)
    own = await bot.get_chat_member(GROUP, api.server.bot_id)

    assert (group.title, group.is_forum, private.username) == ("Forum", True, "ann_t")
    assert [(one.user.id, one.status) for one in admins] == [(BOB, "creator")]
    assert (member.status, own.status) == ("member", "administrator")
    nobody = await api.no("getChatAdministrators", chat_id=ANN)
    assert nobody == "400 Bad Request: there are no administrators in the private chat"


async def test_commands_are_kept_by_scope_and_language(api: Caller, bot: Bot) -> None:
    here = BotCommandScopeChat(ANN)
    await bot.set_my_commands([BotCommand("help", "What I can do")])
    await bot.set_my_commands([BotCommand("help", "Hilfe")], scope=here, language_code="de")

    shown = await bot.get_my_commands(scope=here, language_code="de")

    assert shown == (BotCommand("help", "Hilfe"),)
    assert api.server.commands == {
        ("default", ""): {"help": "What I can do"},
        (f"chat:{ANN}", "de"): {"help": "Hilfe"},
    }
    await bot.delete_my_commands()
    assert await bot.get_my_commands() == ()


@pytest.mark.parametrize(
    ("commands", "why"),
    [
        ([{"command": "Help", "description": "x"}], "BOT_COMMAND_INVALID"),
        ([{"command": "x" * 33, "description": "x"}], "BOT_COMMAND_INVALID"),
        ([{"command": "help", "description": ""}], "BOT_COMMAND_DESCRIPTION_INVALID"),
        ([{"command": f"c{n}", "description": "x"} for n in range(101)], "BOT_COMMANDS_TOO_MUCH"),
    ],
)
async def test_wrong_commands_are_refused(api: Caller, commands: list[Json], why: str) -> None:
    assert await api.no("setMyCommands", commands=commands) == f"400 Bad Request: {why}"
