"""The Bot API's methods on messages, with the refusals of the real one."""

from tests.servers.telegram_html import parse_html
from tests.servers.telegram_parameters import Parameters
from tests.servers.telegram_people import People
from tests.servers.telegram_records import Action, Chat, Entity, Json, Message, Refused, bad
from tests.servers.telegram_text import MESSAGE_UNITS, checked_entities, shown, units

_ACTIONS = """
typing upload_photo record_video upload_video record_voice upload_voice upload_document choose_sticker
find_location record_video_note upload_video_note
"""
_REACTIONS = """
❤ 👍 👎 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤‍🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐
🍓 🍾 💋 🖕 😈 😴 😭 🤓 👻 👨‍💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷‍♂ 🤷 🤷‍♀ 😡
"""
_BUTTON_ACTIONS = """
url callback_data web_app login_url switch_inline_query switch_inline_query_current_chat
switch_inline_query_chosen_chat copy_text callback_game pay
"""
ACTIONS = frozenset(_ACTIONS.split())
REACTIONS = frozenset(_REACTIONS.split())
BUTTON_ACTIONS = frozenset(_BUTTON_ACTIONS.split())
_SAME = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current "
    "content and reply markup of the message"
)


def reach(world: People, call: Parameters) -> Chat:
    """The chat of a call, if the bot can act in it."""
    name = call.text("chat_id")
    if not name:
        raise bad("chat_id is empty")
    chat = world.chats.get(call.integer("chat_id"))
    if chat is None:
        raise bad("chat not found")
    if reason := chat.keeps_out():
        raise reason
    return chat


def send_message(world: People, call: Parameters) -> Json:
    chat = reach(world, call)
    text, entities = _text(call, "message is too long")
    markup = _markup(call)
    topic = topic_of(chat, call)
    answered = answered_of(chat, call)
    world.flood.check(chat, world.now())
    message = world.write(
        chat,
        None,
        text=text,
        entities=entities,
        markup=markup,
        topic=topic or (answered.topic if answered else 0),
        reply_to=answered,
    )
    world.record("sendMessage", message, call.text("text"), call.text("parse_mode"))
    return world.as_json(message)


def edit_message_text(world: People, call: Parameters) -> Json:
    chat, message = _own(world, call, "message to edit not found", "message can't be edited")
    if message.file or message.service:
        raise bad("there is no text in the message to edit")
    text, entities = _text(call, "MESSAGE_TOO_LONG")
    return _change(world, call, chat, message, text, entities)


def edit_message_reply_markup(world: People, call: Parameters) -> Json:
    chat, message = _own(world, call, "message to edit not found", "message can't be edited")
    return _change(world, call, chat, message, message.text, message.entities)


def delete_message(world: People, call: Parameters) -> Json:
    chat = reach(world, call)
    message = world.find(chat, call.integer("message_id"), "message to delete not found")
    if message.sender and chat.kind != "private" and chat.bot != "administrator":
        raise bad("message can't be deleted")
    del chat.messages[message.id]
    world.deleted.append((chat.id, message.id))
    world.deleted_count += 1
    world.trim(world.deleted)
    return True


def send_chat_action(world: People, call: Parameters) -> Json:
    chat = reach(world, call)
    action = call.text("action")
    if action not in ACTIONS:
        raise bad("wrong parameter action in request")
    topic = topic_of(chat, call)
    world.actions.append(Action(chat=chat.id, thread=topic, action=action, at=world.now()))
    world.action_count += 1
    world.trim(world.actions)
    return True


def set_message_reaction(world: People, call: Parameters) -> Json:
    chat = reach(world, call)
    message = world.find(chat, call.integer("message_id"), "message to react not found")
    given = call.json("reaction") or []
    if not isinstance(given, list) or any(not isinstance(one, dict) for one in given):
        raise bad("can't parse reaction types JSON object")
    emoji = [str(one.get("emoji", "")) for one in given]
    if len(emoji) > 1:
        raise bad("REACTIONS_TOO_MANY")
    if any(one not in REACTIONS for one in emoji):
        raise bad("REACTION_INVALID")
    world.reactions[chat.id, message.id] = emoji
    if world.keep and len(world.reactions) > world.keep:
        del world.reactions[next(iter(world.reactions))]
    return True


def answer_callback_query(world: People, call: Parameters) -> Json:
    query = world.queries.get(call.text("callback_query_id"))
    if query is None or world.now() - query.at > world.query_timeout:
        raise bad("query is too old and response timeout expired or query ID is invalid")
    text = call.text("text")
    if len(text) > 200:
        raise bad("MESSAGE_TOO_LONG")
    query.answers += 1
    query.answered_at = world.now()
    query.text, query.alert = text, call.flag("show_alert")
    return True


def _text(call: Parameters, too_long: str) -> tuple[str, list[Entity]]:
    """The visible text of a call and its entities."""
    raw = call.text("text").replace("\r", "")
    mode = call.text("parse_mode").lower()
    if mode not in {"", "html"}:
        raise bad("unsupported parse_mode")
    if mode:
        raw, entities = parse_html(raw)
    else:
        given = call.json("entities", "entities JSON object")
        entities = checked_entities(raw, given) if given else []
    text, entities = shown(raw, entities)
    if not text.strip():
        raise bad("message text is empty")
    if units(text) > MESSAGE_UNITS:
        raise bad(too_long)
    return text, entities


def topic_of(chat: Chat, call: Parameters) -> int:
    """The topic that a call names; 0: none."""
    thread = call.integer("message_thread_id")
    if not thread:
        return 0
    topic = chat.topics.get(thread)
    if topic is None:  # General has none: its 1 is refused like any other
        raise bad("message thread not found")
    if topic.closed and chat.bot != "administrator":
        raise bad("TOPIC_CLOSED")
    return thread


def answered_of(chat: Chat, call: Parameters) -> Message | None:
    """The message that a call answers."""
    wanted = call.json("reply_parameters")
    if wanted is None:
        wanted = {
            "message_id": call.integer("reply_to_message_id"),
            "allow_sending_without_reply": call.flag("allow_sending_without_reply"),
        }
    if not isinstance(wanted, dict):
        raise bad("can't parse reply parameters JSON object")
    identifier = Parameters(wanted).integer("message_id")
    message = chat.messages.get(identifier)
    if identifier and message is None and not wanted.get("allow_sending_without_reply"):
        raise bad("message to be replied not found")
    return message


def _own(world: People, call: Parameters, missing: str, foreign: str) -> tuple[Chat, Message]:
    chat = reach(world, call)
    if not call.has("message_id"):
        raise bad("message identifier is not specified")
    message = world.find(chat, call.integer("message_id"), missing)
    if message.sender:
        raise bad(foreign)
    return chat, message


def _change(
    world: People, call: Parameters, chat: Chat, message: Message, text: str, entities: list[Entity]
) -> Json:
    markup = _markup(call)
    if (text, entities, markup) == (message.text, message.entities, message.markup):
        raise bad(_SAME)
    world.flood.check(chat, world.now(), edit=True)
    before = message.text
    message.text, message.entities, message.markup, message.edited = text, entities, markup, world.date()
    is_text = call.has("text")
    method = "editMessageText" if is_text else "editMessageReplyMarkup"
    world.record(method, message, call.text("text") or text, call.text("parse_mode"), before=before)
    return world.as_json(message)


def _markup(call: Parameters) -> Json:
    markup = call.json("reply_markup", "reply keyboard markup JSON object")
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise bad("object expected as reply markup")
    if "inline_keyboard" not in markup:
        return None  # a keyboard below the text field: no part of the message
    rows = markup["inline_keyboard"]
    if not isinstance(rows, list) or any(not isinstance(row, list) for row in rows):
        raise bad('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    for row in rows:
        for button in row:
            _check_button(button)
    if sum(map(len, rows)) > 100:
        raise bad("reply markup is too long")
    return {"inline_keyboard": [row for row in rows if row]} if any(rows) else None


def _check_button(button: Json) -> None:
    if not isinstance(button, dict) or not button.get("text"):
        raise bad('can\'t parse inline keyboard button: field "text" must be of type String')
    if len(BUTTON_ACTIONS & button.keys()) != 1:
        raise bad("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if "callback_data" in button and not 1 <= len(str(button["callback_data"]).encode()) <= 64:
        raise bad("BUTTON_DATA_INVALID")
    if "url" in button and not str(button["url"]).startswith(("http://", "https://", "tg://")):
        raise Refused(400, f"Bad Request: inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
