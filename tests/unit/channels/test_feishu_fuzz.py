"""Events of Feishu with odd things in them: they raise nothing, and what becomes a message can be stored."""

import copy
import json
import random
from typing import Any

import pytest

from channels.feishu.payloads import opened
from channels.feishu.seal import Sealed
from gateway.inbox import encode
from gateway.messages import InboundMessage
from tests.fakes import NOON
from tests.unit.channels.feishu_desk import (
    ANNA,
    GROUP,
    US,
    event,
    listener,
    press,
    received,
)

Json = Any

ODD: tuple[Json, ...] = (
    None,
    True,
    0,
    -1,
    2**63,
    1.5,
    "",
    "x" * 5_000,
    "\x00\u202e\ufeff",
    "\ud83d",
    "@_user_1" * 50,
    [],
    {},
    [[[[]]]],
    {"id": {"id": {}}},
    "../../etc/passwd",
    '{"text":',
    '{"text":{"a":1}}',
    r'{"text":"\ud83d","file_key":"\ud83d","image_key":"\ud83d"}',
    '{"content":[[{"tag":"img","image_key":"a/b"}],5,[[]]]}',
    "/" * 50,
)


def recorded() -> list[Json]:
    """One event of every kind that we act on."""
    post = {"title": "t", "content": [[{"tag": "at", "user_id": "@_user_1"}, {"tag": "img", "image_key": "i"}]]}
    menu = {"operator": {"operator_id": {"open_id": ANNA}}, "event_key": "help", "timestamp": 1}
    whole = [
        received(text="@_user_1 /help", chat=GROUP, mentions=[US], root_id="om_r", parent_id="om_p"),
        received(post, kind="post", chat=GROUP, mentions=[US], thread_id="omt_1"),
        received({"file_key": "f", "file_name": "n", "duration": 5}, kind="audio"),
        press(Sealed(chat=GROUP, thread="om_r", asker=ANNA, data="/done 1")),
        event("application.bot.menu_v6", menu),
        event("im.chat.member.bot.added_v1", {"chat_id": GROUP, "operator_id": {"open_id": ANNA}}),
    ]
    return [json.loads(one) for one in whole]


def places(value: Json, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [(*path, key) for key, _ in inside] + [
        place for key, below in inside for place in places(below, (*path, key))
    ]


def mutated(whole: Json, chance: random.Random) -> Json:
    """A copy with some of its fields gone, or something odd in their place."""
    changed = copy.deepcopy(whole)
    for _ in range(chance.randint(1, 4)):
        found = places(changed)
        if not found:
            break
        *way, last = chance.choice(found)
        holder = changed
        for key in way:
            holder = holder[key]
        if chance.random() < 0.3:
            del holder[last]
        else:
            holder[last] = copy.deepcopy(chance.choice(ODD))
    return changed


@pytest.mark.parametrize("count", [800, pytest.param(10_000, marks=pytest.mark.nightly)])
def test_mutated_events_raise_nothing_and_can_be_stored(count: int) -> None:  # P-53
    chance, by, kinds = random.Random(5), listener("help"), set[str]()
    sources = recorded()
    for _ in range(count):
        payload = json.dumps(mutated(chance.choice(sources), chance)).encode()
        found = opened(payload)
        if found is None:
            continue
        result = by.parse(found, NOON)
        kinds.add(type(result).__name__)
        message = getattr(result, "message", None)
        if isinstance(message, InboundMessage):
            encode(message).encode()  # as it is stored
            assert message.address.chat
            assert message.sender_id

    assert {"Said", "Pressed", "Nothing", "Chosen", "Membership"} <= kinds
