"""Updates as Telegram tells them, with some of their fields gone or something odd in their place."""

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

from tests.journeys.telegram.story import ANNA, BORIS, BOT, FORUM, GROUP
from tests.servers.telegram import TelegramServer
from tests.servers.telegram_pictures import png
from tests.servers.telegram_records import Json

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
    "𝕊😀\u0301" * 20,
    [],
    {},
    [[[[]]]],
    {"id": {"id": {}}},
    "../../etc/passwd",
    "<b>&amp;</b>",
    "' OR 1=1; --",
    "/" * 50,
    f"/start{BOT}",
)


def recorded(telegram: TelegramServer) -> list[Json]:
    """One update of every kind that this server tells of."""
    with_topic = telegram.topic(FORUM, "Fuzz")
    telegram.say("hello", user=ANNA)
    telegram.say(f"{BOT} hello", user=ANNA, chat=GROUP)
    telegram.say(f"/help{BOT} me", user=ANNA, chat=FORUM, thread=with_topic)
    telegram.say("back", user=BORIS, chat=GROUP, reply_to=telegram.last_message(GROUP))
    telegram.caption(f"{BOT} look", user=ANNA, chat=GROUP)
    telegram.send_album([png(), png()], user=ANNA)
    for kind in ("voice", "audio", "video", "video_note", "animation", "sticker", "document"):
        telegram.share(kind, b"content", user=ANNA, name="a.bin", seconds=3)
    telegram.send_content({"location": {"latitude": 48.1, "longitude": 11.5}}, user=ANNA)
    telegram.send_content({"contact": {"first_name": "Bea", "phone_number": "+49"}}, user=ANNA)
    telegram.rename(GROUP, "Foes")
    telegram.block(BORIS)
    telegram.unblock(BORIS)
    found = [json.loads(update.body) for update in telegram.updates.waiting]
    message = found[0]["message"]
    press = {"id": "1", "from": message["from"], "message": message, "chat_instance": "1", "data": "|/help"}
    moved = {**message, "text": None, "chat": {"id": -77, "type": "group", "title": "x"}, "migrate_to_chat_id": -1}
    telegram.updates.drop()
    return [*found, {"callback_query": press}, {"message": moved}, {"edited_message": message}]


def _places(value: Json, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in inside:
        yield from _places(below, (*path, key))


def mutated(update: Json, chance: random.Random) -> Json:
    """A copy with some of its fields gone, or something odd in their place."""
    update = json.loads(json.dumps({key: value for key, value in update.items() if key != "update_id"}))
    for _ in range(chance.randint(1, 4)):
        places = list(_places(update))
        if not places:
            break
        *way, last = chance.choice(places)
        holder = update
        for key in way:
            holder = holder[key]
        if chance.random() < 0.3:
            del holder[last]
        else:
            holder[last] = copy.deepcopy(chance.choice(ODD))  # else the odd things would grow, too
    return update
