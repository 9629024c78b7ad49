"""The Bot API's methods: those on the bot, its commands, its webhook and chats are here, and the list of all."""

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from tests.servers import telegram_media as media
from tests.servers import telegram_messages as messages
from tests.servers.telegram_messages import reach
from tests.servers.telegram_parameters import Parameters
from tests.servers.telegram_people import People
from tests.servers.telegram_records import Json, bad

Method = Callable[[People, Parameters], Json]

_COMMAND = re.compile(r"[a-z0-9_]{1,32}")
_SCOPES = {
    "default": (),
    "all_private_chats": (),
    "all_group_chats": (),
    "all_chat_administrators": (),
    "chat": ("chat_id",),
    "chat_administrators": ("chat_id",),
    "chat_member": ("chat_id", "user_id"),
}


def get_me(world: People, _call: Parameters) -> Json:
    return {
        **world.me(),
        "can_join_groups": True,
        "can_read_all_group_messages": world.can_read_all_group_messages,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def set_webhook(world: People, call: Parameters) -> Json:
    url = call.text("url")
    secret = call.text("secret_token")
    if url:
        _check_webhook(url, secret, call.integer("max_connections", 40))
    allowed = call.json("allowed_updates")
    if allowed is not None:
        world.updates.allow(allowed)
    if call.flag("drop_pending_updates"):
        world.updates.drop()
    world.updates.hook(url, secret=secret, connections=call.integer("max_connections", 40))
    return True


def _check_webhook(url: str, secret: str, connections: int) -> None:
    if not url.startswith("https://"):
        raise bad("bad webhook: An HTTPS URL must be provided for webhook")
    if urlsplit(url).port not in {None, 443, 80, 88, 8443}:
        raise bad("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    if len(secret) > 256:
        raise bad("secret token is too long")
    if not re.fullmatch(r"[A-Za-z0-9_-]*", secret, re.ASCII):
        raise bad("secret token contains unallowed characters")
    if not 1 <= connections <= 100:
        raise bad("max_connections must be between 1 and 100")


def delete_webhook(world: People, call: Parameters) -> Json:
    if call.flag("drop_pending_updates"):
        world.updates.drop()
    world.updates.hook("")
    return True


def get_webhook_info(world: People, _call: Parameters) -> Json:
    updates = world.updates
    info: Json = {"url": updates.webhook, "pending_update_count": len(updates.waiting)}
    info |= {"has_custom_certificate": False} | world.hooks.trouble()
    if updates.webhook:
        info["max_connections"] = updates.connections
    return info if updates.allowed is None else info | {"allowed_updates": sorted(updates.allowed)}


def set_my_commands(world: People, call: Parameters) -> Json:
    given = call.json("commands")
    if not isinstance(given, list) or any(not isinstance(one, dict) for one in given):
        raise bad("can't parse list of bot commands: expected an Array of Objects")
    if len(given) > 100:
        raise bad("BOT_COMMANDS_TOO_MUCH")
    commands = {str(one.get("command", "")): str(one.get("description", "")) for one in given}
    for command, description in commands.items():
        if not _COMMAND.fullmatch(command.removeprefix("/")):
            raise bad("BOT_COMMAND_INVALID")
        if not 1 <= len(description.strip()) <= 256:
            raise bad("BOT_COMMAND_DESCRIPTION_INVALID")
    world.commands[_scope(world, call)] = {name.removeprefix("/"): text for name, text in commands.items()}
    return True


def get_my_commands(world: People, call: Parameters) -> Json:
    commands = world.commands.get(_scope(world, call), {})
    return [{"command": command, "description": text} for command, text in commands.items()]


def delete_my_commands(world: People, call: Parameters) -> Json:
    world.commands.pop(_scope(world, call), None)
    return True


def _scope(world: People, call: Parameters) -> tuple[str, str]:
    scope = call.json("scope", "BotCommandScope") or {"type": "default"}
    if not isinstance(scope, dict) or scope.get("type") not in _SCOPES:
        raise bad("can't parse BotCommandScope: unsupported type specified")
    name = str(scope["type"])
    for field in _SCOPES[name]:
        if field not in scope:
            raise bad(f'can\'t parse BotCommandScope: field "{field}" must be given')
        if field == "chat_id":
            reach(world, Parameters({"chat_id": scope[field]}))
        name += f":{scope[field]}"
    language = call.text("language_code")
    if language and not re.fullmatch(r"[a-z]{2}", language):
        raise bad("invalid language code specified")
    return name, language


def get_chat(world: People, call: Parameters) -> Json:
    chat = reach(world, call)
    gifts = dict.fromkeys(("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription"), False)
    full = {"accent_color_id": 0, "max_reaction_count": 11}
    return {**chat.as_json(), **full, "accepted_gift_types": gifts | {"gifts_from_channels": False}}


def get_chat_member(world: People, call: Parameters) -> Json:
    chat = reach(world, call)
    user = call.integer("user_id")
    if user == world.bot_id:
        return world.membership(chat.bot)
    person = world.people.get(user)
    if person is None:
        raise bad("invalid user_id specified" if user <= 0 else "member not found")
    inside = "member" if user == chat.id else chat.members.get(user, "left")
    return world.membership(inside, person)


def get_chat_administrators(world: People, call: Parameters) -> Json:
    chat = reach(world, call)
    if chat.kind == "private":
        raise bad("there are no administrators in the private chat")
    ranks = [(world.people[user], rank) for user, rank in chat.members.items() if rank != "member"]
    shown = [world.membership(rank, person) for person, rank in ranks]
    return [*shown, world.membership(chat.bot)] if chat.bot == "administrator" else shown


def _table() -> dict[str, tuple[str, Method]]:
    methods: dict[str, Method] = {
        "getMe": get_me,
        "sendMessage": messages.send_message,
        "editMessageText": messages.edit_message_text,
        "editMessageReplyMarkup": messages.edit_message_reply_markup,
        "deleteMessage": messages.delete_message,
        "sendChatAction": messages.send_chat_action,
        "setMessageReaction": messages.set_message_reaction,
        "answerCallbackQuery": messages.answer_callback_query,
        "getFile": media.get_file,
        "sendPhoto": media.send_photo,
        "sendDocument": media.send_document,
        "sendVoice": media.send_voice,
        "sendAudio": media.send_audio,
        "sendVideo": media.send_video,
        "sendAnimation": media.send_animation,
        "sendMediaGroup": media.send_media_group,
        "setWebhook": set_webhook,
        "deleteWebhook": delete_webhook,
        "getWebhookInfo": get_webhook_info,
        "setMyCommands": set_my_commands,
        "getMyCommands": get_my_commands,
        "deleteMyCommands": delete_my_commands,
        "getChat": get_chat,
        "getChatMember": get_chat_member,
        "getChatAdministrators": get_chat_administrators,
    }
    return {name.lower(): (name, method) for name, method in methods.items()}


METHODS = _table()
"""Every method but getUpdates, which waits: its spelling and what it does, by its name in small letters."""
