"""The Web API's methods on the app, conversations, people and views, and the list of all and what they ask for."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass

from tests.servers import slack_files as files
from tests.servers import slack_messages as messages
from tests.servers.slack_blocks import check_view
from tests.servers.slack_calls import Call
from tests.servers.slack_events import DOMAIN
from tests.servers.slack_messages import reach
from tests.servers.slack_people import People
from tests.servers.slack_records import APP_ID, BOT_ID, BOT_USER, TEAM, Json, Message, Refused, View, wrong

_PREFIX = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """What a call does and asks for.

    `form`: its arguments are not read from JSON. So says the docs' page of each method of older ones, and what
    happens then is told in kortix-ai/suna#6616, jtalk22/slack-mcp-server#8 and Illospace/illospace#194.
    """

    does: Callable[[People, Call], Json]
    scope: str = ""  # one that is needed; with ":history" or ":read" alone by the kind of the conversation
    token: str = "bot"  # "app", or "" for none
    form: bool = False


def api_test(_world: People, call: Call) -> Json:
    if call.text("error"):
        raise Refused(call.text("error"), args=call.given)
    return {"args": call.given}


def auth_test(world: People, _call: Call) -> Json:
    bot = world.people[BOT_USER]
    team = {"team": "Tocsin Test", "team_id": TEAM, "url": f"https://{DOMAIN}.slack.com/"}
    return {
        **team,
        "user": bot.name.lower(),
        "user_id": BOT_USER,
        "bot_id": BOT_ID,
        "is_enterprise_install": False,
    }


def open_connection(world: People, _call: Call) -> Json:
    if world.granted != "connections:write":
        raise Refused("missing_scope", needed="connections:write", provided=world.granted)
    ticket = world.fresh("ticket-")
    world.tickets.add(ticket)
    return {"url": f"{world.url.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={APP_ID}"}


def history(world: People, call: Call) -> Json:
    channel = reach(world, call, write=False)
    kept = [one for one in channel.messages.values() if not one.thread]
    return _page(world, call, list(reversed(kept)), standard=100)


def replies(world: People, call: Call) -> Json:
    channel = reach(world, call, write=False)
    ts = call.needed("ts")
    found = channel.messages.get(ts)
    if found is None:
        raise Refused("thread_not_found")
    parent = channel.messages.get(found.thread, found)
    page = _page(
        world, call, [one for one in channel.messages.values() if one.thread == parent.ts], standard=1_000
    )
    return page | {
        "messages": [world.as_json(parent, metadata=call.flag("include_all_metadata")), *page["messages"]]
    }


def _page(world: People, call: Call, kept: list[Message], *, standard: int) -> Json:
    """The messages of a call, by their times and its cursor; metadata only if it is asked for."""
    oldest, latest = call.stamp("oldest", "invalid_ts_oldest"), call.stamp("latest", "invalid_ts_latest")
    within = [one for one in kept if _within(one.ts, oldest, latest, inclusive=call.flag("inclusive"))]
    limit = min(max(call.integer("limit", standard), 1), 999)
    start = _place(call.text("cursor"))
    shown = within[start : start + limit]
    more = len(within) > start + limit
    cursor = base64.b64encode(f"next:{start + limit}".encode()).decode() if more else ""
    metadata = call.flag("include_all_metadata")
    page: Json = {"messages": [world.as_json(one, metadata=metadata) for one in shown], "has_more": more}
    return page | ({"response_metadata": {"next_cursor": cursor}} if more else {})


def _within(ts: str, oldest: str, latest: str, *, inclusive: bool) -> bool:
    at = float(ts)
    if oldest and (at < float(oldest) or (at == float(oldest) and not inclusive)):
        return False
    return not (latest and (at > float(latest) or (at == float(latest) and not inclusive)))


def _place(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        word, _, number = base64.b64decode(cursor, validate=True).decode().partition(":")
        if word == "next":
            return int(number)
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pass  # refused below
    raise Refused("invalid_cursor")


def conversation_info(world: People, call: Call) -> Json:
    channel = world.channels.get(call.needed("channel"))
    if channel is None or (not channel.bot and channel.kind != "channel"):
        raise Refused("channel_not_found")
    return {"channel": channel.as_json()}


def open_conversation(world: People, call: Call) -> Json:
    if identifier := call.text("channel"):
        if identifier not in world.channels:
            raise Refused("channel_not_found")
        return {"channel": {"id": identifier}}
    users = [one for one in call.text("users").split(",") if one]
    if not users:
        raise Refused("users_list_not_supplied")
    if any(one not in world.people for one in users):
        raise Refused("user_not_found")
    if len(users) > 8:
        raise Refused("too_many_users")
    if len(users) > 1 and "mpim:write" not in world.scopes:
        raise Refused("missing_scope", needed="mpim:write", provided=",".join(sorted(world.scopes)))
    made = world.im(users[0]) if len(users) == 1 else world.channel(world.fresh("C0"), kind="mpim", members=users)
    return {"channel": {"id": made}}


def user_info(world: People, call: Call) -> Json:
    person = world.people.get(call.text("user"))
    if person is None:
        raise Refused("user_not_found")
    return {"user": person.as_json()}


def bot_info(world: People, call: Call) -> Json:
    for person in world.people.values():
        if person.bot_id and person.bot_id == call.text("bot"):
            own = {"app_id": APP_ID if person.id == BOT_USER else "A0OTHER", "deleted": False}
            return {"bot": {"id": person.bot_id, "name": person.name, "user_id": person.id, **own}}
    raise Refused("bot_not_found")


def team_info(_world: People, _call: Call) -> Json:
    return {"team": {"id": TEAM, "name": "Tocsin Test", "domain": DOMAIN, "email_domain": ""}}


def open_view(world: People, call: Call) -> Json:
    trigger = call.needed("trigger_id")
    if trigger in world.spent:
        raise Refused("exchanged_trigger_id")
    if trigger not in world.triggers:
        raise Refused("invalid_trigger_id")
    user, at = world.triggers[trigger]
    if world.now() - at > world.trigger_life:
        raise Refused("expired_trigger_id")
    view = call.json("view")
    check_view(view)
    del world.triggers[trigger]
    world.spent.add(trigger)
    named = {name: value for name, value in view.items() if name != "blocks"}
    named |= {"blocks": [_with_action(world, one) for one in world.named(view["blocks"]) or []]}
    empty = {"private_metadata": "", "callback_id": "", "external_id": ""}
    rest = {"team_id": TEAM, "app_id": APP_ID, "bot_id": BOT_ID, "state": {"values": {}}, "hash": world.stamp()}
    opened = View(id=world.fresh("V0"), user=user, view={})
    opened.view = {**empty, **named, **rest, "id": opened.id, "root_view_id": opened.id}
    world.views[opened.id] = opened
    world.change()
    return {"view": opened.view}


def _with_action(world: People, block: Json) -> Json:
    if block["type"] != "input":
        return block
    return block | {"element": {"action_id": world.fresh("a"), **block["element"]}}


def set_status(world: People, call: Call) -> Json:
    """The line "is thinking…" in a thread: docs.slack.dev/changelog/2026/03/05/set-status-scope-update."""
    channel = world.channels.get(call.text("channel_id"))
    if channel is None or not channel.bot:
        raise Refused("channel_not_found")
    thread = call.needed("thread_ts")
    if thread not in channel.messages:
        raise Refused("invalid_thread_ts")
    if "status" not in call.given:
        raise wrong("invalid_arguments", "missing required field: status")
    if len(call.json("loading_messages") or ()) > 10:
        raise wrong("invalid_arguments", "no more than 10 items allowed [json-pointer:/loading_messages]")
    world.statuses.append((channel.id, thread, call.text("status")))
    world.change()
    return {}


METHODS: dict[str, Method] = {
    "api.test": Method(does=api_test, token="", form=True),
    "apps.connections.open": Method(does=open_connection, token="app"),
    "assistant.threads.setStatus": Method(does=set_status, scope="chat:write"),
    "auth.test": Method(does=auth_test),
    "bots.info": Method(does=bot_info, scope="users:read", form=True),
    "chat.delete": Method(does=messages.delete, scope="chat:write"),
    "chat.postEphemeral": Method(does=messages.post_ephemeral, scope="chat:write"),
    "chat.postMessage": Method(does=messages.post_message, scope="chat:write"),
    "chat.update": Method(does=messages.update, scope="chat:write"),
    "conversations.history": Method(does=history, scope=":history"),
    "conversations.info": Method(does=conversation_info, scope=":read", form=True),
    "conversations.open": Method(does=open_conversation, scope="im:write"),
    "conversations.replies": Method(does=replies, scope=":history", form=True),
    "files.completeUploadExternal": Method(does=files.complete_upload, scope="files:write"),
    "files.getUploadURLExternal": Method(does=files.get_upload_url, scope="files:write", form=True),
    "files.info": Method(does=files.file_info, scope="files:read", form=True),
    "reactions.add": Method(does=messages.add_reaction, scope="reactions:write"),
    "reactions.remove": Method(does=messages.remove_reaction, scope="reactions:write"),
    "team.info": Method(does=team_info, scope="team:read", form=True),
    "users.info": Method(does=user_info, scope="users:read", form=True),
    "views.open": Method(does=open_view),
}


def check_scope(world: People, method: Method, call: Call) -> str:
    """The scope that a call needs, or its refusal."""
    needed = method.scope
    if needed.startswith(":"):
        channel = world.channels.get(call.text("channel"))
        needed = _PREFIX[channel.kind if channel else "channel"] + needed
    if needed and needed not in world.scopes:
        raise Refused("missing_scope", needed=needed, provided=",".join(sorted(world.scopes)))
    return needed
