"""The calls of Feishu's server for tests: what each does, and what it refuses as the real one does.

Sources, seen 2026-11-21, all open.feishu.cn/document/server-docs/im-v1: message/create, /reply (uuid: 50
characters, at most one message within an hour; in a topic every reply answers its first message), /update (20
edits: 230072, not ours: 230071, too late: 230075), /patch (nothing but `content`: 99992402; 14 days:
230031; only a shared card), /delete, /get, message-reaction (231001, 231003), chat-v1 (232006,
232011). bot/v3/info has `bot` beside `code`.
"""

from typing import TYPE_CHECKING

from tests.servers.feishu_content import check_content, shared
from tests.servers.feishu_records import (
    APP_ID,
    BOT_ID,
    BOT_NAME,
    TENANT,
    Chat,
    Json,
    Message,
    Refused,
    invalid,
    unfit,
)

if TYPE_CHECKING:
    from tests.servers.feishu import FeishuServer
    from tests.servers.feishu_http import Call

EDITS = 20
UUID_LENGTH = 50
UUID_WINDOW = 3600.0  # seconds
PATCH_WINDOW = 14 * 86400.0
_ID_TYPES = {"open_id", "user_id", "union_id", "email", "chat_id"}
_EMOJI = {
    "OK", "THUMBSUP", "THANKS", "MUSCLE", "FINGERHEART", "APPLAUSE", "JIAYI", "DONE", "SMILE", "HEART", "THINKING",
    "GLANCE", "SALUTE", "PARTY", "Typing", "Get", "LGTM", "OnIt", "OneSecond", "Yes", "No", "CheckMark",
    "CrossMark",
}  # fmt: skip  # a part of open.feishu.cn/document/server-docs/im-v1/message-reaction/emojis-introduce


def tenant_token(server: "FeishuServer", call: "Call") -> Json:
    if not isinstance(call.body.get("app_id"), str) or call.body["app_id"] != server.app_id:
        raise Refused(10003, "invalid param", status=200)
    if call.body.get("app_secret") != server.app_secret:
        raise Refused(10014, "app secret invalid", status=200)
    token, left = server.tokens.issue(server.now())
    return {"code": 0, "msg": "ok", "tenant_access_token": token, "expire": left}


def endpoint(server: "FeishuServer", call: "Call") -> Json:
    return {"code": 0, "msg": "", "data": server.sockets.endpoint(call.body)}


def bot_info(server: "FeishuServer", call: "Call") -> Json:
    if not server.bot_enabled:
        raise Refused(11205, "app do not have bot")
    bot = {"activate_status": 2, "app_name": BOT_NAME, "avatar_url": "", "ip_white_list": [], "open_id": BOT_ID}
    return {"code": 0, "msg": "ok", "bot": bot}


def send(server: "FeishuServer", call: "Call") -> Json:
    kind = call.query.get("receive_id_type", "")
    if kind not in _ID_TYPES:
        raise unfit("receive_id_type", "receive_id_type is required" if not kind else "invalid receive_id_type")
    for name in ("receive_id", "msg_type", "content"):
        if not call.body.get(name):
            raise unfit(name, f"{name} is required")
    chat = _target(server, kind, call.body["receive_id"])
    return _write(server, call, chat, {})


def reply(server: "FeishuServer", call: "Call") -> Json:
    for name in ("msg_type", "content"):
        if not call.body.get(name):
            raise unfit(name, f"{name} is required")
    parent = _message(server, call.path[0])
    _writable(server, parent.chat)
    thread = bool(call.body.get("reply_in_thread"))
    if thread and not parent.thread and not parent.chat.threads:
        raise Refused(230071, "The group to which the message belongs does not support reply in thread.")
    return _write(server, call, parent.chat, {"parent": parent, "thread": thread})


def edit(server: "FeishuServer", call: "Call") -> Json:
    message = _ours(server, call.path[0])
    kind = call.body.get("msg_type")
    if kind not in {"text", "post"}:
        raise invalid("invalid msg_type")
    if message.kind not in {"text", "post"}:
        raise Refused(230054, "This operation is not supported for this message type.")
    if server.now() - message.created / 1000 > server.edit_window:
        raise Refused(230075, "The message has exceeded the time that can be edited.")
    if message.edits >= EDITS:
        raise Refused(230072, "The message has reached the number of times it can be edited.")
    check_content(kind, call.body.get("content"), call.size, server.files)
    message.kind = kind
    _change(server, message, call)
    return as_json(message)


def patch(server: "FeishuServer", call: "Call") -> Json:
    extra = set(call.body) - {"content"}
    if extra:
        raise unfit(sorted(extra)[0], "unknown field")
    message = _ours(server, call.path[0])
    if message.kind != "interactive":
        raise invalid("This message is NOT a card.")
    if server.now() - message.created / 1000 > PATCH_WINDOW:
        raise Refused(230031, "Message can only be modified within 14 days after sending.")
    check_content("interactive", call.body.get("content"), call.size, server.files)
    if not shared(message.content) or not shared(call.body["content"]):
        server.violations.append("a change of a card that is not shared (config.update_multi)")
        raise invalid("the card is not shared")
    _change(server, message, call)
    return {}


def get(server: "FeishuServer", call: "Call") -> Json:
    return {"items": [as_json(_message(server, call.path[0], recalled=True))]}


def delete(server: "FeishuServer", call: "Call") -> Json:
    message = _message(server, call.path[0])
    if message.sender is not None:
        raise Refused(230026, "No permission to recall this message.")
    message.recalled = True
    return {}


def react(server: "FeishuServer", call: "Call") -> Json:
    message = _reacted(server, call.path[0])
    emoji = (call.body.get("reaction_type") or {}).get("emoji_type")
    if emoji not in _EMOJI:
        raise Refused(231001, "reaction type is invalid.")
    key = server.fresh("r_")
    message.reactions[key] = (emoji, server.app_id)
    return {
        "reaction_id": key,
        "operator": {"operator_id": server.app_id, "operator_type": "app"},
        "action_time": str(int(server.now() * 1000)),
        "reaction_type": {"emoji_type": emoji},
    }


def unreact(server: "FeishuServer", call: "Call") -> Json:
    message = _reacted(server, call.path[0])
    if message.reactions.pop(call.path[1], None) is None:
        raise Refused(231010, "The reaction is not found.")
    return {"reaction_id": call.path[1]}


def chat_info(server: "FeishuServer", call: "Call") -> Json:
    chat = server.chats.get(call.path[0])
    if chat is None:
        raise Refused(232006, "Your request specifies a chat_id which is invalid.")
    if not chat.inside:
        raise Refused(232011, "Operator can NOT be out of the chat.")
    if chat.dissolved:
        raise Refused(232009, "Your request specifies a chat which has already been dissolved.")
    info: dict[str, Json] = {
        "avatar": "",
        "name": chat.name,
        "description": "",
        "user_manager_id_list": sorted(chat.admins),
        "bot_manager_id_list": [],
        "chat_mode": "p2p" if chat.person else ("topic" if chat.topics else "group"),
        "chat_type": "private",
        "group_message_type": "thread" if chat.topics else "chat",
        "chat_status": "normal",
        "external": False,
        "tenant_key": TENANT,
        "user_count": str(len(chat.members)),
        "bot_count": "1",
    }
    if chat.owner:  # absent where a bot owns the group
        info |= {"owner_id": chat.owner, "owner_id_type": "open_id"}
    return info


def user_info(server: "FeishuServer", call: "Call") -> Json:
    person = server.people.get(call.path[0])
    if person is None or call.query.get("user_id_type", "open_id") != "open_id":
        raise Refused(41050, "no user authority error")
    return {"user": {**person.ids(), "name": person.name, "en_name": "", "avatar": {}}}


def as_json(message: Message) -> Json:
    """A message as sending, editing and getting return it."""
    ours = message.sender is None or message.sender.bot
    sender = {
        "id": APP_ID if message.sender is None else message.sender.id,
        "id_type": "app_id" if message.sender is None else "open_id",
        "sender_type": "app" if ours else "user",
        "tenant_key": TENANT,
    }
    told: dict[str, Json] = {
        "message_id": message.id,
        "root_id": message.root,
        "parent_id": message.parent,
        "thread_id": message.thread,
        "msg_type": message.kind,
        "create_time": str(message.created),
        "update_time": str(message.updated),
        "chat_id": message.chat.id,
    }
    mentions = [{**one, "id": one["id"]["open_id"], "id_type": "open_id"} for one in message.mentions]
    there = {name: value for name, value in told.items() if value}
    there |= {"deleted": message.recalled, "updated": message.edits > 0, "sender": sender}
    return {**there, "body": {"content": message.content}, **({"mentions": mentions} if mentions else {})}


def _target(server: "FeishuServer", kind: str, given: Json) -> Chat:
    if kind == "chat_id":
        if not isinstance(given, str) or not given.startswith("oc_"):
            raise invalid("invalid receive_id")
        chat = server.chats.get(given)
    elif kind == "open_id":
        if given not in server.people:
            raise Refused(230013, "Bot has NO availability to this user.")
        chat = server.chats[server.private(given)]
    else:
        raise invalid(f"{kind} is not known here")
    if chat is None:
        raise Refused(230002, "Bot/User can NOT be out of the chat.")
    _writable(server, chat)
    return chat


def _writable(server: "FeishuServer", chat: Chat) -> None:
    if not server.bot_enabled:
        raise Refused(230006, "Bot ability is not activated.")
    if chat.dissolved:
        raise Refused(232009, "Your request specifies a chat which has already been dissolved.")
    if not chat.inside:
        raise Refused(230002, "Bot/User can NOT be out of the chat.")
    if chat.muted:
        raise Refused(230018, "These operations are NOT allowed at current group settings.")


def _write(server: "FeishuServer", call: "Call", chat: Chat, place: dict[str, Json]) -> Json:
    """Write a message, or return the one that was written under this uuid within the hour."""
    uuid = call.body.get("uuid") or ""
    if not isinstance(uuid, str) or len(uuid) > UUID_LENGTH:
        raise unfit("uuid", f"the max length is {UUID_LENGTH}")
    kind, content = call.body["msg_type"], call.body["content"]
    check_content(kind, content, call.size, server.files)
    written = server.uuids.get(uuid) if uuid else None
    if written and server.now() - written[0] < UUID_WINDOW:
        if (written[1].kind, written[1].chat.id) != (kind, chat.id) or written[2] != content:
            server.violations.append(f"uuid {uuid} was used for two messages")
        return as_json(written[1])
    stands = server.answer_to(place["parent"], thread=place["thread"]) if place else {}
    message = server.write(chat, None, kind, content, uuid=uuid, **stands)
    if uuid:
        server.uuids[uuid] = (server.now(), message, content)
    return as_json(message)


def _change(server: "FeishuServer", message: Message, call: "Call") -> None:
    message.content = call.body["content"]
    message.edits += 1
    message.updated = int(server.now() * 1000)


def _message(server: "FeishuServer", key: str, *, recalled: bool = False) -> Message:
    if not key.startswith("om_"):
        raise invalid("invalid message_id")
    message = server.messages_by_id.get(key)
    if message is None:
        raise Refused(230110, "Action unavailable as the message has been deleted.")
    if message.recalled and not recalled:
        raise Refused(230011, "The message is recalled.")
    if not message.chat.inside:
        raise Refused(230002, "Bot/User can NOT be out of the chat.")
    return message


def _ours(server: "FeishuServer", key: str) -> Message:
    message = _message(server, key)
    if message.sender is not None:
        raise Refused(230071, "The operator is not the sender of the message.")
    return message


def _reacted(server: "FeishuServer", key: str) -> Message:
    message = server.messages_by_id.get(key)
    if message is None or message.recalled:
        raise Refused(231003, "The message is not found, maybe not exist or deleted.")
    if not message.chat.inside:
        raise Refused(231002, "The operator has no permission to react on the specific message.")
    return message
