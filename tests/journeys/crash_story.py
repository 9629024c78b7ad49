"""The journey that is interrupted everywhere: what is said, what the model does, what must be true at its end."""

import json
import re
from collections import Counter
from datetime import datetime, timedelta

from cron.job import JobStatus
from cron.stores.json_file import JsonFileStore
from gateway.agent.model import ModelReply, Prompt, UserText
from gateway.agent.models.scripted import Line, calls
from gateway.app import Gateway
from tests.journeys.crash_child import Place, look, open_rows
from tests.journeys.platform import Arrival, read

CHAT = "7"
TICK = timedelta(seconds=5)
TICKS = 2
EXPECTED = ("hi", "on it", "all set", "remember!", *(f"tick {n + 1}" for n in range(TICKS)))


def begin(place: Place) -> None:
    """Two things are said; the second asks for everything that a turn can do."""
    place.folder.mkdir()
    place.platform.say("1", CHAT, "hello")
    place.platform.say("2", CHAT, "set it up")


def script(prompt: Prompt) -> Line:
    """What the model says: a function of what it sees, so that it says the same after a crash."""
    at = max(n for n, item in enumerate(prompt.items) if isinstance(item, UserText))
    replies = [item for item in prompt.items[at:] if isinstance(item, ModelReply)]
    said = prompt.items[at]
    assert isinstance(said, UserText)
    if said.text == "hello":
        return "hi"
    if said.text == "set it up":
        return "all set" if replies else _set_up()
    if "<prompt>\nremember" in said.text:
        return "it was said" if replies else calls(("message", {"text": "remember!"}))
    return _tick(said.text, replies)


def _set_up() -> Line:
    return calls(
        ("message", {"text": "on it"}),
        ("stamp", {"sheet": "set up"}),
        ("cron", {"action": "add", "message": "remember", "when": "in 5 seconds", "name": "once"}),
        ("cron", {"action": "add", "message": "tick", "every_seconds": TICK.total_seconds(), "name": "tick"}),
    )


def _tick(prompt: str, replies: list[ModelReply]) -> Line:
    """Count in the state, say so, and stop at the end."""
    (job,) = re.findall(r'job_id "(\w+)"', prompt)
    if not replies:
        state = re.search(r"<state>\n(.*)\n</state>", prompt)
        n = json.loads(state[1])["n"] + 1 if state else 1
        return calls(
            ("cron", {"action": "set_state", "job_id": job, "state": {"n": n}}), ("message", {"text": f"tick {n}"})
        )
    n = json.loads(replies[0].calls[0].arguments)["state"]["n"]
    if n >= TICKS and len(replies) == 1:
        return calls(("cron", {"action": "disable", "job_id": job}))
    return f"counted to {n}"


def finished(gateway: Gateway) -> bool:
    """Whether the jobs have done what they were made for."""
    jobs = {job.name: job for job in gateway.store.load().values()}
    return jobs.keys() == {"tick"} and jobs["tick"].status is JobStatus.DISABLED


# -- what must be true at the end -------------------------------------------------------------------------------


def check(place: Place, *, crashes: int) -> None:
    """Everything was said, nothing twice, nothing is left over (P-09, P-12, P-27, P-32, P-42, P-43, P-56)."""
    assert open_rows(place.home) == {}
    _check_words(place.platform.arrived(), crashes)
    _check_turns(place)
    _check_jobs(place)
    _check_runs(place)


def _check_words(arrived: list[Arrival], crashes: int) -> None:
    first = Counter(arrival.id for arrival in arrived if not arrival.repeat)
    repeats = Counter(arrival.id for arrival in arrived if arrival.repeat)
    texts = {arrival.id: arrival.text for arrival in arrived}
    assert sorted(texts.values()) == sorted(EXPECTED)  # one delivery for each
    assert max(first.values()) == 1
    assert sum(repeats.values()) <= crashes  # one chat was in flight
    order = [text for text in dict.fromkeys(arrival.text for arrival in arrived) if not text.startswith("tick")]
    assert [text for text in order if text != "remember!"] == ["hi", "on it", "all set"]


def _check_turns(place: Place) -> None:
    assert (
        len(list(read(place.sheet))) <= 1
    )  # a crash inside it leaves its outcome unknown, and it is not repeated
    with look(place.home) as database:
        kinds = Counter(kind for (kind,) in database.execute("SELECT kind FROM inbox"))
        ends = Counter(state for (state,) in database.execute("SELECT state FROM turns"))
        assert kinds["person"] == len(place.platform.said())
        assert ends == {"done": sum(kinds.values())}
        ended = Counter(state for (state,) in database.execute("SELECT state FROM outbox"))
        assert ended == {"sent": len(EXPECTED)}
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def _check_jobs(place: Place) -> None:
    store = JsonFileStore(place.home.file("cron.json"))
    recovery = store.recover()
    (job,) = recovery.jobs.values()
    assert (recovery.degraded, recovery.notes) == (False, ())
    assert (job.name, job.state, job.state_revision) == ("tick", {"n": TICKS}, TICKS)
    assert not list(place.home.path.glob("*.corrupt*"))


def _check_runs(place: Place) -> None:
    """Each occurrence of each job has one row, or is one of a missed span's."""
    with look(place.home) as database:
        rows = database.execute(
            "SELECT job ->> 'name', status, scheduled_at, missed_count FROM runs ORDER BY scheduled_at"
        ).fetchall()
    once = [row for row in rows if row[0] == "once"]
    ticks = [row for row in rows if row[0] == "tick"]
    assert [status for _, status, _, _ in once] == ["succeeded"]
    ends = Counter(status for _, status, _, _ in ticks)
    assert ends["succeeded"] == TICKS
    assert ends.keys() <= {"succeeded", "skipped", "missed"}
    moment = datetime.fromisoformat(ticks[0][2])
    for _, status, scheduled_at, missed in ticks:
        assert datetime.fromisoformat(scheduled_at) == moment
        moment += TICK * (missed if status == "missed" else 1)
