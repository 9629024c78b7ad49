"""A stream of messages from many people, for a gateway that is killed at random; what must be true at its end."""

import re
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise

from cron.stores.json_file import JsonFileStore
from gateway.agent.model import ModelReply, Prompt, UserText
from gateway.agent.models.scripted import Line, calls
from gateway.app import Gateway
from tests.journeys.crash_child import Place, look, open_rows
from tests.journeys.stream_turns import check_turns
from tests.journeys.telegram_child import stored_updates
from tests.journeys.telegram_process import Heard, Telegram, said_again

CHATS = 20  # fewer would exceed what is kept of one session
A_LIFE = 8  # messages
FIRST_CHAT = 500_000
VERBS = {0: "remind", 2: "tell"}  # by the number, modulo 4
GIVEN_UP = "given up"
LONG = re.compile(r"(\d{5})-\d{3}\b")


def long_text(n: int) -> str:
    """Two parts; each of its words says whose it is."""
    return " ".join(f"{n:05}-{k:03}" for k in range(600))


def script(prompt: Prompt) -> Line:
    """Answer every message; to every fourth, make a reminder first; to every fourth, at length."""
    at = max(n for n, item in enumerate(prompt.items) if isinstance(item, UserText))
    replied = any(isinstance(item, ModelReply) for item in prompt.items[at:])
    said = prompt.items[at]
    assert isinstance(said, UserText)
    verb, _, n = said.text.partition(" ")
    if verb == "remind" and not replied:
        reminder = {"action": "add", "say": f"reminder {n}", "when": "in 3 seconds", "name": f"r{n}"}
        return calls(("message", {"text": f"working on {n}"}), ("cron", reminder))
    return long_text(int(n)) if verb == "tell" else f"heard {n}"


def nothing_is_scheduled(gateway: Gateway) -> bool:
    return not gateway.store.load()


@dataclass(slots=True)
class People:
    """Who has written what."""

    telegram: Telegram
    said: list[int] = field(default_factory=list)  # the updates, by the number of the message
    before: int = field(init=False)

    def __post_init__(self) -> None:
        self.before = self.telegram.count()

    def write(self) -> None:
        """The next message, in the next chat."""
        n = len(self.said)
        verb = VERBS.get(n % 4, "say")
        self.said.append(self.telegram.say(f"{verb} {n}", FIRST_CHAT + n % CHATS))


# -- what must be true ------------------------------------------------------------------------------------------


def check_offset(place: Place, people: People) -> None:
    """Telegram may forget only what is in the inbox (P-42)."""
    confirmed = people.telegram.stats().confirmed
    assert {update for update in people.said if update < confirmed} <= stored_updates(place.home)


def check(place: Place, people: People, *, kills: int) -> None:
    """Nothing is lost, and nothing was said twice but what was in flight at a kill (P-33, P-42, P-56)."""
    assert open_rows(place.home) == {}
    assert stored_updates(place.home) == set(people.said)
    given_up = check_turns(place, len(people.said))
    heard = people.telegram.heard(people.before)
    cut = _check_unknown(place)
    _check_words(place, heard, kills, len(people.said))
    long = {n for n in range(2, len(people.said), 4) if str(n) not in given_up}
    _check_long(heard, {n for n in long if long_text(n) not in cut})
    _check_order(heard)
    assert JsonFileStore(place.home.file("cron.json")).recover().notes == ()


def _check_unknown(place: Place) -> set[str]:
    """Nobody knows of what two kills met on its way, and of nothing else; returns these texts."""
    with look(place.home) as database:
        rows = database.execute(
            "SELECT message.message ->> 'text', max(repeats) FROM outbox AS message "
            "JOIN parts ON parts.message = message.seq WHERE message.state = 'unknown' GROUP BY message.seq"
        ).fetchall()
    assert {repeats for _, repeats in rows} <= {1}
    return {text for text, _ in rows}


def _check_words(place: Place, heard: list[Heard], kills: int, said: int) -> None:
    """Each message arrived once; who was spoken to at a kill may have heard it again, marked; nobody thrice."""
    texts = [one for one in heard if GIVEN_UP not in one.text]  # these are all alike
    with look(place.home) as database:
        rows = database.execute("SELECT chat, message ->> 'text', caller, state FROM outbox").fetchall()
    sent = {(int(chat), text) for chat, text, _, state in rows if state == "sent" and _is_short(text)}
    assert sum(caller in {"reply", "notice"} for _, _, caller, _ in rows) == said
    assert {state for _, _, _, state in rows} <= {"sent", "unknown"}
    assert sent <= {(one.chat, one.text) for one in texts}
    assert said_again(texts) == []
    assert max(Counter(one.chat for one in heard if one.repeat).values(), default=0) <= kills


def _is_short(text: str) -> bool:
    return not LONG.match(text) and GIVEN_UP not in text


def _check_long(heard: list[Heard], numbers: set[int]) -> None:
    """What takes two parts arrived whole and in its order."""
    parts: dict[int, list[str]] = {}
    for one in heard:
        found = LONG.match(one.text)
        if found and one.text not in parts.setdefault(int(found[1]), []):
            parts[int(found[1])].append(one.text)
    assert numbers <= parts.keys()
    for number in numbers:
        assert len(parts[number]) == 2
        assert " ".join(parts[number]) == long_text(number)


def _check_order(heard: list[Heard]) -> None:
    """In each chat, answers come in the order of what was written (P-50)."""
    answers: dict[int, list[int]] = {}
    for one in heard:
        if one.text.startswith("heard ") and (n := int(one.text.split()[1])) not in answers.setdefault(
            one.chat, []
        ):
            answers[one.chat].append(n)
    assert all(before < after for chat in answers.values() for before, after in pairwise(chat))
