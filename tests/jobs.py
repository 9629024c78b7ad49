"""Jobs and JSON for tests of what keeps them."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from cron.job import AgentPrompt, Job
from cron.schedule import Cron
from gateway.messages import ChatAddress

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

_PLAIN = Job(
    uid="",
    id="",
    name="news",
    schedule=Cron("0 9 * * *", "Europe/Berlin"),
    payload=AgentPrompt(prompt="What is new?"),
    address=ChatAddress(channel="telegram", chat="123"),
    tz="Europe/Berlin",
    created_at=NOON,
    owner="telegram:123",
)


def new_job(**changes: Any) -> Job:
    """A job that is not stored yet; a store gives it its uid and id."""
    return replace(_PLAIN, **changes)


texts = st.text(st.characters(codec="utf-8"), max_size=30)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def nested(levels: int) -> Any:
    """A list in a list in a list."""
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value
