"""The payloads that Slack sends to an app: events, presses, slash commands, modals; pure.

Their shapes are those of https://docs.slack.dev/reference/events/message, /reference/events/app_mention,
/reference/interaction-payloads and /interactivity/implementing-slash-commands.
"""

import re

from tests.servers.slack_records import APP_ID, BOT_USER, TEAM, Channel, File, Json, Message, Person

DOMAIN = "tocsin-test"
_CHANNEL_TYPES = {"channel": "channel", "group": "group", "im": "im", "mpim": "mpim"}


def event_callback(event: Json, *, event_id: str, at: float) -> Json:
    """An event in its envelope of the Events API."""
    return {
        "token": "not-used-any-more",
        "team_id": TEAM,
        "context_team_id": TEAM,
        "context_enterprise_id": None,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": int(at),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-{event_id}",
    }


def message_json(message: Message, files: list[Json], *, parent: Message | None, replies: list[Message]) -> Json:
    """A message as history, events and presses show it, without its metadata."""
    shown: Json = {"type": "message", "user": message.user, "text": message.text, "ts": message.ts, "team": TEAM}
    if not message.user:
        del shown["user"]
    optional: Json = {
        "subtype": message.subtype,
        "client_msg_id": message.client_msg_id,
        "bot_id": message.bot_id,
        "app_id": message.app_id,
        "blocks": message.blocks,
        "files": files,
    }
    shown |= {name: value for name, value in optional.items() if value}
    if message.edited:
        shown["edited"] = {"user": message.user, "ts": message.edited}
    if message.thread:
        shown["thread_ts"] = message.thread
        if parent:
            shown["parent_user_id"] = parent.user
    if replies:
        users = list(dict.fromkeys(one.user for one in replies))
        shown |= {"thread_ts": message.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts}
        shown |= {"reply_users": users, "reply_users_count": len(users), "subscribed": False}
    if message.reactions:
        shown["reactions"] = [{"name": n, "users": u, "count": len(u)} for n, u in message.reactions.items()]
    return shown


def message_event(shown: Json, channel: Channel, *, event_ts: str = "") -> Json:
    """A new message as the event `message`."""
    where = {"channel": channel.id, "channel_type": _CHANNEL_TYPES[channel.kind]}
    return {**shown, **where, "event_ts": event_ts or shown["ts"]}


def mention_event(shown: Json, channel: Channel) -> Json:
    """The same message as the event `app_mention`, which has neither a channel type nor a subtype."""
    kept = {name: value for name, value in shown.items() if name not in {"subtype", "parent_user_id"}}
    return {**kept, "type": "app_mention", "channel": channel.id, "event_ts": shown["ts"]}


def changed_event(shown: Json, before: Json, channel: Channel, event_ts: str) -> Json:
    """A message was edited."""
    inside = {"message": shown, "previous_message": before}
    return _around("message_changed", inside, channel, event_ts)


def deleted_event(before: Json, channel: Channel, event_ts: str) -> Json:
    """A message was deleted."""
    inside = {"deleted_ts": before["ts"], "previous_message": before}
    return _around("message_deleted", inside, channel, event_ts)


def _around(subtype: str, inside: Json, channel: Channel, event_ts: str) -> Json:
    where = {"channel": channel.id, "channel_type": _CHANNEL_TYPES[channel.kind], "hidden": True}
    return {"type": "message", "subtype": subtype, **inside, **where, "ts": event_ts, "event_ts": event_ts}


def file_json(file: File, url: str) -> Json:
    """A file as messages and `files.info` show it; both addresses ask for the bot's token."""
    address, named = f"{url}/files-pri/{TEAM}-{file.id}", re.sub(r"[^\w.-]", "_", file.name)
    shown: Json = {
        "id": file.id,
        "created": 1_700_000_000,
        "timestamp": 1_700_000_000,
        "name": file.name,
        "title": file.title or file.name,
        "mimetype": file.mimetype,
        "filetype": file.name.rpartition(".")[2] or "binary",
        "pretty_type": "Binary",
        "user": file.user,
        "size": len(file.data),
        "mode": "hosted",
        "is_external": False,
        "is_public": False,
        "file_access": "visible",
        "url_private": f"{address}/{named}",
        "url_private_download": f"{address}/download/{named}",
        "permalink": f"https://{DOMAIN}.slack.com/files/{file.user}/{file.id}/{file.name}",
    }
    if file.mimetype.startswith("audio/"):
        shown |= {"subtype": "slack_audio", "duration_ms": 1_500, "media_display_type": "audio"}
    return shown


def user_json(person: Person) -> Json:
    """Who pressed or submitted."""
    handle = person.name.lower().replace(" ", ".")
    return {"id": person.id, "username": handle, "name": handle, "team_id": TEAM}


def interaction(kind: str, person: Person, trigger: str, at: str) -> Json:
    """What every interaction payload has."""
    return {
        "type": kind,
        "user": user_json(person),
        "api_app_id": APP_ID,
        "token": "not-used-any-more",
        "team": {"id": TEAM, "domain": DOMAIN},
        "enterprise": None,
        "is_enterprise_install": False,
        "trigger_id": trigger,
        "action_ts": at,
    }


def press_payload(common: Json, shown: Json, channel: Channel, button: Json, response_url: str) -> Json:
    """A button of a message was pressed."""
    where = {"type": "message", "message_ts": shown["ts"], "channel_id": channel.id, "is_ephemeral": False}
    if "thread_ts" in shown:
        where["thread_ts"] = shown["thread_ts"]
    action = {
        name: button[name]
        for name in ("action_id", "block_id", "text", "value", "style", "type")
        if name in button
    }
    rest = {name: value for name, value in common.items() if name != "action_ts"}
    return {
        **rest,
        "container": where,
        "channel": {"id": channel.id, "name": channel.name or "directmessage"},
        "message": shown,
        "state": {"values": {}},
        "response_url": response_url,
        "actions": [action | {"action_ts": common["action_ts"]}],
    }


def submit_payload(common: Json, view: Json, values: Json) -> Json:
    """A modal was submitted."""
    rest = {name: value for name, value in common.items() if name != "action_ts"}
    return {**rest, "view": view | {"state": {"values": values}}, "response_urls": []}


def slash_payload(
    person: Person, channel: Channel, command: str, text: str, *, trigger: str, response_url: str
) -> dict[str, str]:
    """A slash command; all its fields are text."""
    return {
        "token": "not-used-any-more",
        "team_id": TEAM,
        "team_domain": DOMAIN,
        "channel_id": channel.id,
        "channel_name": channel.name or ("directmessage" if channel.kind == "im" else "privategroup"),
        "user_id": person.id,
        "user_name": person.name.lower().replace(" ", "."),
        "command": command,
        "text": text,
        "api_app_id": APP_ID,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger,
    }
