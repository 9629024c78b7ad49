"""What tests of several lives of a gateway look at: how its runs stand, what arrived, what a model was asked."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from gateway.agent.model import ModelReply, Prompt, UserText
from tests.journeys.crash_child import Place
from tests.journeys.test_engine_processes import table


def ended(place: Place, count: int) -> Callable[[], bool]:
    """Whether there are so many runs, and all of them are over."""
    return lambda: table(place, "SELECT count(*), count(finished_at) FROM runs") == [(count, count)]


def statuses(place: Place) -> Counter[str]:
    return Counter(status for (status,) in table(place, "SELECT status FROM runs"))


def by_name(place: Place, columns: str) -> dict[str, Any]:
    """Of each job that has one run: these columns."""
    return {name: row for name, *row in table(place, f"SELECT job ->> 'name', {columns} FROM runs")}


def texts(place: Place) -> list[str]:
    return [arrival.text for arrival in place.platform.arrived()]


def asked_for(prompt: Prompt) -> tuple[int, str, bool]:
    """Where the last words of a person or a job stand, what they are, and whether they were answered before."""
    at = max(n for n, item in enumerate(prompt.items) if isinstance(item, UserText))
    said = prompt.items[at]
    assert isinstance(said, UserText)
    words = [line.removeprefix("say ") for line in said.text.splitlines() if line.startswith("say ")]
    return at, (words or [said.text])[0], any(isinstance(item, ModelReply) for item in prompt.items)
