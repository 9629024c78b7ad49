"""Payloads of Slack as its documentation shows them, for tests of what reads them."""

import json
import random
from collections.abc import Iterator
from typing import Any

from channels.slack.client import Identity

Json = Any

ANNA, BORIS = "U0ANNA", "U0BORIS"
GENERAL, DIRECT = "C0GENERAL", "D0ANNA"
TS, EARLIER = "1700000002.000200", "1700000001.000100"
ME = Identity(team="T0TEST", user="U0TOCSIN", bot="B0TOCSIN", name="tocsin")
MENTION = f"<@{ME.user}>"


def event(text: str = "hello", *, event_id: str = "Ev01", **details: Json) -> Json:
    """A message in a channel, in its envelope."""
    said = {
        "type": "message",
        "user": ANNA,
        "channel": GENERAL,
        "channel_type": "channel",
        "text": text,
        "ts": TS,
        "event_ts": TS,
        "client_msg_id": "c-1",
    }
    return {
        "type": "event_callback",
        "team_id": ME.team,
        "event_id": event_id,
        "event": {key: value for key, value in (said | details).items() if value is not None},
    }


def direct(text: str = "hello", **details: Json) -> Json:
    """A message to the bot alone."""
    return event(text, **{"channel": DIRECT, "channel_type": "im", **details})


def press(value: str, *, by: str = ANNA, **message: Json) -> Json:
    """A button of a message of ours was pressed; `message` is what else is known of the message."""
    button = {"type": "button", "action_id": "0.0", "text": {"type": "plain_text", "text": "Go"}, "value": value}
    under = {
        "type": "message",
        "user": ME.user,
        "bot_id": ME.bot,
        "ts": TS,
        "text": "choose",
        "blocks": [{"type": "actions", "block_id": "b", "elements": [button]}],
    }
    return {
        "type": "block_actions",
        "user": {"id": by, "username": "anna", "name": "anna"},
        "team": {"id": ME.team},
        "channel": {"id": GENERAL, "name": "general"},
        "container": {"type": "message", "message_ts": TS, "channel_id": GENERAL},
        "message": under | message,
        "actions": [{**button, "block_id": "b", "action_ts": "1700000009.000900"}],
        "trigger_id": "1.2.3",
    }


def slash(text: str, *, chat: str = GENERAL, trigger: str = "4.5.6") -> Json:
    return {
        "command": "/tocsin",
        "text": text,
        "user_id": ANNA,
        "user_name": "anna",
        "channel_id": chat,
        "team_id": ME.team,
        "trigger_id": trigger,
    }


def submitted(what: str, when: str, kind: str = "say", *, place: str = f'["{GENERAL}",""]') -> Json:
    values = {
        "what": {"what": {"type": "plain_text_input", "value": what}},
        "when": {"when": {"type": "plain_text_input", "value": when}},
        "kind": {"kind": {"type": "radio_buttons", "selected_option": {"value": kind}}},
    }
    view = {"id": "V01", "callback_id": "tocsin_add", "private_metadata": place, "state": {"values": values}}
    return {"type": "view_submission", "user": {"id": ANNA, "name": "anna"}, "view": view}


def shortcut(callback: str = "tocsin_add", **message: Json) -> Json:
    kind = {"type": "message_action", "channel": {"id": GENERAL}, "message": message} if message else {}
    return {"type": "shortcut", "callback_id": callback, "user": {"id": ANNA}, "trigger_id": "7.8.9", **kind}


def file(**details: Json) -> Json:
    address = "https://files.slack.com/files-pri/T0-F01/download/cat.png"
    known = {"id": "F01", "name": "cat.png", "mimetype": "image/png", "size": 12, "mode": "hosted"}
    return {**known, "url_private_download": address, **details}


def one_of_each() -> list[Json]:
    """One payload of every kind that is read."""
    shared = [{"is_share": True, "text": "old", "author_name": "Boris", "ts": EARLIER}]
    return [
        event(f"{MENTION} hello <@U0BORIS> <#C01|random> <https://example.org|there> &amp; &lt;back&gt;"),
        event("in a thread", thread_ts=EARLIER, parent_user_id=ME.user),
        direct("look", subtype="file_share", files=[file(), file(subtype="slack_audio", duration_ms=1500)]),
        event("I am a program", bot_id="B0OTHER", user=None, subtype="bot_message", username="Otto"),
        direct("", attachments=shared),
        press(f"{ANNA}|/cron list 2"),
        slash("remind in 5m tea"),
        slash("add"),
        submitted("tea", "in 5m"),
        shortcut(),
        shortcut("tocsin_remind", ts=TS, text="remember this"),
    ]


ODD: tuple[Json, ...] = (
    None,
    True,
    0,
    -1,
    2**63 - 1,
    1.5,
    "",
    "x" * 5_000,
    "\x00\u202e\ufeff",
    "\ud800",
    "𝕊😀\u0301" * 20,
    [],
    {},
    [[[[]]]],
    {"id": {"id": {}}},
    "../../etc/passwd",
    "<@U0|<@|!>&amp;&lt;<!date^1^x|y>",
    "cron:12345678",
    "/" * 50,
    MENTION,
)


def mutated(payload: Json, chance: random.Random) -> Json:
    """A copy with some of its fields gone, or something odd in their place."""
    made = json.loads(json.dumps(payload))
    for _ in range(chance.randint(1, 4)):
        places = list(_places(made))
        if not places:
            break
        *way, last = chance.choice(places)
        holder = made
        for key in way:
            holder = holder[key]
        if chance.random() < 0.3:
            del holder[last]
        else:
            holder[last] = chance.choice(ODD)
    return made


def _places(value: Json, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inside:
        yield from _places(below, (*path, key))
