"""A conversation on Telegram that is interrupted everywhere: who says what, and what must be true at its end."""

from collections import Counter
from dataclasses import dataclass, field

from cron.stores.json_file import JsonFileStore
from gateway.agent.model import ModelReply, Prompt, UserText
from gateway.agent.models.scripted import Line, calls
from gateway.app import Gateway
from tests.journeys.crash_child import Place, look, open_rows
from tests.journeys.telegram_child import stored_updates
from tests.journeys.telegram_process import Heard, Telegram, said_again

QUESTIONS = ("hello", "tell me all", "remind me")
ALL = "\n\n".join(f"{n}. " + "words and more of them, " * 25 + "end" for n in range(1, 11))  # two parts
REMINDER = "stretch!"


@dataclass(slots=True)
class Person:
    """Somebody who asks the next thing when the last one was answered."""

    telegram: Telegram
    id: int
    updates: list[int] = field(default_factory=list)  # of what was said
    _before: int = field(init=False)

    def __post_init__(self) -> None:
        self._before = self.telegram.count()

    def heard(self) -> list[Heard]:
        """What the bot has said to this person, in order."""
        return [heard for heard in self.telegram.heard(self._before) if heard.chat == self.id]

    def go_on(self) -> None:
        """Ask, if there is something left to ask and it is the time for it."""
        ends = ("hi", ALL[-3:], "all set")
        answered = {heard.text for heard in self.heard()}
        turn = len(self.updates)
        if turn < len(QUESTIONS) and (
            turn == 0 or any(text.endswith(ends[turn - 1]) and _is_last(text) for text in answered)
        ):
            self.updates.append(self.telegram.say(QUESTIONS[turn], self.id))


def _is_last(text: str) -> bool:
    return not text[0].isdigit() or "10. words" in text


def script(prompt: Prompt) -> Line:
    """What the model says: a function of what it sees, so that it says the same after a crash."""
    at = max(n for n, item in enumerate(prompt.items) if isinstance(item, UserText))
    replied = any(isinstance(item, ModelReply) for item in prompt.items[at:])
    said = prompt.items[at]
    assert isinstance(said, UserText)
    match said.text:
        case "hello":
            return "hi"
        case "tell me all":
            return ALL
        case _:
            reminder = {"action": "add", "say": REMINDER, "when": "in 5 seconds", "name": "once"}
            return "all set" if replied else calls(("cron", reminder))


def finished(gateway: Gateway) -> bool:
    """Whether the reminder was made and is over: it stands in the runs, and no job is left."""
    with look(gateway._setup.home) as database:
        asked = database.execute("SELECT count(*) FROM inbox WHERE kind = 'person'").fetchone()[0]
    return asked == len(QUESTIONS) and not gateway.store.load()


# -- what must be true ------------------------------------------------------------------------------------------


def check_offset(place: Place, person: Person) -> None:
    """Telegram may forget only what is in the inbox (P-42)."""
    confirmed = person.telegram.stats().confirmed
    assert {update for update in person.updates if update < confirmed} <= stored_updates(place.home)


def check(place: Place, person: Person, *, crashes: int) -> None:
    """Everything was said, nothing twice without its mark, nothing is left over (P-33, P-42, P-56)."""
    assert open_rows(place.home) == {}
    assert stored_updates(place.home) == set(person.updates)
    _check_words(person.heard(), crashes)
    with look(place.home) as database:
        ends = Counter(
            state for (state,) in database.execute("SELECT state FROM turns WHERE id NOT LIKE '%.told.%'")
        )
        assert ends == {"done": len(QUESTIONS) + 1}
        told = database.execute("SELECT count(*) FROM turns WHERE id LIKE '%.told.%'").fetchone()[0]
        assert told == 1  # the chat knows what its reminder has said
        assert database.execute("SELECT status FROM runs").fetchall() == [("succeeded",)]
        assert Counter(state for (state,) in database.execute("SELECT state FROM outbox")) == {"sent": 4}
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    recovery = JsonFileStore(place.home.file("cron.json")).recover()
    assert (dict(recovery.jobs), recovery.degraded, recovery.notes) == ({}, False, ())


def _check_words(heard: list[Heard], crashes: int) -> None:
    assert said_again(heard) == []
    assert sum(one.repeat for one in heard) <= crashes  # one chat was in flight
    order = list(dict.fromkeys(one.text for one in heard))
    order.remove(REMINDER)
    assert len(order) == 4
    assert (order[0], order[3]) == ("hi", "all set")
    assert " ".join(order[1:3]).split() == ALL.split()
