"""A conversation that is interrupted everywhere: who says what, and what must be true at its end."""

from collections import Counter
from dataclasses import dataclass, field

from cron.stores.json_file import JsonFileStore
from gateway.agent.model import ModelReply, Prompt, UserText
from gateway.agent.models.scripted import Line, calls
from gateway.app import Gateway
from tests.contract.kills.remote import MARK, Remote
from tests.journeys.crash_child import Place, look, open_rows

QUESTIONS = ("hello", "tell me all", "remind me")
ALL = "\n\n".join(f"{n}. " + "words and more of them, " * 25 + "end" for n in range(1, 41))  # several parts
REMINDER = "stretch!"


@dataclass(slots=True)
class Person:
    """Somebody who asks the next thing when the last one was answered."""

    remote: Remote
    id: str
    asked: list[str] = field(default_factory=list)  # the ids of their messages

    def go_on(self) -> None:
        """Ask, if there is something left to ask and it is the time for it."""
        turn = len(self.asked)
        if turn < len(QUESTIONS) and (turn == 0 or self._heard((None, "hi", "40. words", "all set")[turn])):
            self.asked.append(self.remote.say(QUESTIONS[turn], self.id))

    def _heard(self, words: str | None) -> bool:
        return any(words is not None and words in text for text in self.remote.texts(self.id))


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


def check_acks(place: Place, person: Person) -> None:
    """The platform may forget only what is in the inbox (P-42)."""
    told = sum(map(person.remote.acked, person.asked))
    with look(place.home) as database:
        there = database.execute("SELECT 1 FROM sqlite_master WHERE name = 'inbox'").fetchone()
        kept = database.execute("SELECT count(*) FROM inbox WHERE kind = 'person'").fetchone()[0] if there else 0
    assert told <= kept


def check(place: Place, person: Person) -> None:
    """Everything was said once and is marked nowhere; nothing is left over (P-33, P-42, P-56)."""
    assert open_rows(place.home) == {}
    assert all(map(person.remote.acked, person.asked))
    _check_words(person.remote.texts(person.id))
    with look(place.home) as database:
        ends = Counter(
            state for (state,) in database.execute("SELECT state FROM turns WHERE id NOT LIKE '%.told.%'")
        )
        assert ends == {"done": len(QUESTIONS) + 1}
        assert database.execute("SELECT status FROM runs").fetchall() == [("succeeded",)]
        assert Counter(state for (state,) in database.execute("SELECT state FROM outbox")) == {"sent": 4}
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    recovery = JsonFileStore(place.home.file("cron.json")).recover()
    assert (dict(recovery.jobs), recovery.degraded, recovery.notes) == ({}, False, ())
    assert person.remote.misuse() == []


def _check_words(heard: list[str]) -> None:
    assert not any(MARK in text for text in heard)  # these platforms know what has arrived
    assert sum(REMINDER in text for text in heard) == 1, [text[:40] for text in heard]
    answers = [text for text in heard if REMINDER not in text]
    assert (answers[0], answers[-1]) == ("hi", "all set")
    assert " ".join(answers[1:-1]).split() == ALL.split()
