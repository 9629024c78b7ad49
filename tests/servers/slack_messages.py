"""The Web API's methods on messages: posting, updating, deleting, reacting.

Errors and limits from https://docs.slack.dev/reference/methods/chat.postMessage and /chat.update. Text over
40,000 characters is refused with `msg_too_long` (the pages also speak of truncation, which would be lost
content); in an update over 4,000: seratch/ChatGPT-in-Slack#102. A malformed thread_ts is `invalid_thread_ts`
(jenkinsci/slack-plugin#584); one that names no message is refused with `thread_not_found`, where Slack makes a
thread that nobody finds.
"""

import json
import re

from tests.servers.slack_blocks import read_blocks
from tests.servers.slack_calls import Call
from tests.servers.slack_events import changed_event, deleted_event
from tests.servers.slack_people import People
from tests.servers.slack_records import APP_ID, BOT_ID, BOT_USER, Channel, Json, Message, Refused, Whisper, wrong

LONGEST = 40_000
LONGEST_UPDATE = 4_000
_METADATA = 16_000  # bytes of `event_payload`, generous: the page says no number
_EVENT_TYPE = re.compile(r"[a-zA-Z0-9_]{1,255}")
_EMOJI = re.compile(r"[a-z0-9_+\-']{1,100}")


def reach(world: People, call: Call, *, write: bool = True) -> Channel:
    """The conversation of a call that the bot may write to (or read); a person's id is their private one."""
    identifier = call.text("channel")
    if identifier.startswith("U") and identifier in world.people and write:
        identifier = world.im(identifier)
    channel = world.channels.get(identifier)
    if channel is None or (not channel.bot and channel.kind != "channel"):
        raise Refused("channel_not_found")
    if write and channel.archived:
        raise Refused("is_archived")
    if not channel.bot and not (write and "chat:write.public" in world.scopes):
        raise Refused("not_in_channel")
    return channel


def post_message(world: People, call: Call) -> Json:
    channel = reach(world, call)
    thread = find_thread(channel, call)
    text, blocks = _content(call, LONGEST)
    metadata = _metadata(call)
    world.flood.check("chat.postMessage", channel.id, world.now())
    message = world.write(
        channel,
        user=BOT_USER,
        text=text,
        blocks=blocks,
        thread=thread,
        metadata=metadata,
        bot_id=BOT_ID,
        app_id=APP_ID,
    )
    world.record("chat.postMessage", message)
    _clear_status(world, message)
    if world.echo:
        world.tell(message)
    return {"channel": channel.id, "ts": message.ts, "message": world.as_json(message, metadata=True)}


def _clear_status(world: People, message: Message) -> None:
    """An answer in a thread ends the status that is shown there."""
    place = (message.channel, message.thread)
    shown = [status for where, thread, status in world.statuses if (where, thread) == place]
    if shown and shown[-1]:
        world.statuses.append((*place, ""))


def post_ephemeral(world: People, call: Call) -> Json:
    channel = reach(world, call)
    user = call.needed("user")
    if user not in channel.members:
        raise Refused("user_not_in_channel")
    text, blocks = _content(call, LONGEST)
    at = world.now()
    world.whispers.append(Whisper(user=user, channel=channel.id, text=text, blocks=world.named(blocks), at=at))
    world.change()
    return {"message_ts": world.stamp()}


def update(world: People, call: Call) -> Json:
    channel = reach(world, call)
    message = _own(channel, call, "cant_update_message")
    text, blocks = _content(call, LONGEST_UPDATE, before=message)
    metadata = _metadata(call)
    was, before = world.plain(message), world.as_json(message)
    message.text, message.blocks, message.edited = text, world.named(blocks), world.stamp()
    if "metadata" in call.given:
        message.metadata = metadata
    world.record("chat.update", message, before=was)
    if world.echo:
        event = changed_event(world.as_json(message), before, channel, world.stamp())
        world.event(event, channel, ts=message.ts)
    return {"channel": channel.id, "ts": message.ts, "text": text, "message": world.as_json(message)}


def delete(world: People, call: Call) -> Json:
    channel = reach(world, call)
    message = _own(channel, call, "cant_delete_message")
    before = world.as_json(message)
    del channel.messages[message.ts]
    if world.echo:
        world.event(deleted_event(before, channel, world.stamp()), channel, ts=message.ts)
    world.change()
    return {"channel": channel.id, "ts": message.ts}


def add_reaction(world: People, call: Call) -> Json:
    channel = reach(world, call)
    name = call.text("name").strip(":")
    if not _EMOJI.fullmatch(name):
        raise Refused("invalid_name")
    stamp = call.text("timestamp")
    if not stamp:
        raise Refused("no_item_specified")
    message = channel.messages.get(stamp)
    if message is None:
        raise Refused("message_not_found")
    users = message.reactions.setdefault(name, [])
    if BOT_USER in users:
        raise Refused("already_reacted")
    users.append(BOT_USER)
    world.change()
    return {}


def remove_reaction(world: People, call: Call) -> Json:
    channel = reach(world, call)
    message = channel.messages.get(call.text("timestamp"))
    if message is None:
        raise Refused("message_not_found")
    name = call.text("name").strip(":")
    if BOT_USER not in message.reactions.get(name, ()):
        raise Refused("no_reaction")
    message.reactions[name].remove(BOT_USER)
    if not message.reactions[name]:
        del message.reactions[name]
    world.change()
    return {}


def find_thread(channel: Channel, call: Call) -> str:
    """The ts of the thread that a call writes into; a reply's ts means the thread it is in."""
    given = call.stamp("thread_ts", "invalid_thread_ts")
    if not given:
        return ""
    parent = channel.messages.get(given)
    if parent is None:
        raise Refused("thread_not_found")
    if parent.subtype in {"channel_join", "channel_leave"}:
        raise Refused("cannot_reply_to_message")
    return parent.thread or parent.ts


def _own(channel: Channel, call: Call, error: str) -> Message:
    message = channel.messages.get(call.stamp("ts", "message_not_found"))
    if message is None:
        raise Refused("message_not_found")
    if message.bot_id != BOT_ID:
        raise Refused(error)
    return message


def _content(call: Call, longest: int, *, before: Message | None = None) -> tuple[str, list[Json] | None]:
    """Text and blocks of a message; what an update does not name is taken from `before` only if it is text."""
    text, markdown = call.text("text"), call.text("markdown_text")
    blocks = read_blocks(call.given.get("blocks"))
    if markdown:
        if text or blocks:
            raise Refused("markdown_text_conflict")
        blocks = read_blocks([{"type": "markdown", "text": markdown}])
    if len(text) > longest:
        raise Refused("msg_too_long")
    if not text and not blocks:
        if before is None or "text" in call.given or not before.text:
            raise Refused("no_text")
        text = before.text
    return text, blocks


def _metadata(call: Call) -> Json:
    """The metadata of a message: https://docs.slack.dev/messaging/message-metadata."""
    given = call.json("metadata", "invalid_metadata_format")
    if not given:
        return None
    if not isinstance(given, dict) or not isinstance(given.get("event_payload"), dict):
        raise wrong("invalid_metadata_format", "metadata must have event_type and event_payload")
    if not isinstance(given.get("event_type"), str) or not _EVENT_TYPE.fullmatch(given["event_type"]):
        raise wrong("invalid_metadata_format", "must be a valid event_type [json-pointer:/metadata/event_type]")
    if len(json.dumps(given["event_payload"])) > _METADATA:
        raise Refused("metadata_too_large")
    return {"event_type": given["event_type"], "event_payload": given["event_payload"]}
