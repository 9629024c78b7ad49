"""What runs bring, where it goes and what it costs, over real processes: one is killed, the next one goes on."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cron.job import AgentPrompt, Say
from cron.policy import Delivery, DeliveryMode, FailureAlert, Hook, Notify, OutputFormat, SpendCap
from cron.schedule import At, Every
from gateway.agent.model import ModelReply, Prompt, Usage, UserText
from gateway.agent.models.scripted import HANG, Line, calls, says
from gateway.errors import ErrorClass, ModelError
from gateway.messages import ChatAddress
from tests.journeys import processes
from tests.journeys.crash_child import Place, QuickClock
from tests.journeys.lives import asked_for, by_name, ended, statuses, texts
from tests.journeys.platform import NAME
from tests.journeys.test_consequences_of_two_processes import House
from tests.journeys.test_engine_processes import CHAT, SECOND, alive, hanging, obedient, put, table, wait
from tests.servers.machine import Answer, in_turn, machine

pytestmark = [pytest.mark.nightly, pytest.mark.timeout(60)]

SCHEMA = {"type": "object", "required": ["total"]}


# -- what a run has to bring, and where it goes ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "error"),
    [
        ({"notify": Notify.ALWAYS}, "undelivered"),
        ({"output_format": OutputFormat.JSON}, "bad_output"),
        ({"output_format": OutputFormat.STRUCTURED, "output_schema": SCHEMA}, "bad_output"),
    ],
)
def test_a_run_is_asked_once_to_do_what_is_missing_also_over_a_kill(
    tmp_path: Path, wanted: dict[str, Any], error: str
) -> None:
    place, asked = Place(tmp_path), tmp_path / "asked"
    put(place, **wanted)

    def never_mending(prompt: Prompt) -> Line:
        if not asked_for(prompt)[2]:
            return "nothing to say"
        asked.touch()
        return HANG

    with alive(place, never_mending):
        wait(asked.exists)
    with alive(place, lambda _: "nothing to say"):
        wait(ended(place, 1))

    assert table(place, "SELECT status, error_class, attempt FROM runs") == [("failed", error, 1)]
    assert table(place, "SELECT kind FROM steps ORDER BY n") == [("response",), ("steer",), ("response",)]
    assert {caller for (caller,) in table(place, "SELECT caller FROM outbox")} <= {"alert"}


def test_a_run_that_goes_on_after_a_kill_speaks_where_its_job_says_and_nowhere_else(tmp_path: Path) -> None:
    place, due = Place(tmp_path), At(QuickClock().now() + 10 * SECOND)
    elsewhere = Delivery(mode=DeliveryMode.CHANNEL, address=ChatAddress(channel=NAME, chat="8"))
    for name, changes in {
        "auto": {},
        "never": {"notify": Notify.NEVER},
        "channel": {"delivery": elsewhere},
        "log": {"delivery": Delivery(mode=DeliveryMode.LOG)},
    }.items():
        put(place, name=name, payload=AgentPrompt(prompt=f"say {name}"), schedule=due, **changes)

    def speaking(prompt: Prompt) -> Line:
        return (
            obedient(prompt) if "message" in {tool.name for tool in prompt.tools} else "there is no way to speak"
        )

    with alive(place, hanging):
        wait(lambda: statuses(place) == {"running": 4})
    with alive(place, speaking):
        wait(ended(place, 4))
        wait(lambda: len(texts(place)) >= 3)

    heard = sorted((arrival.chat, arrival.text) for arrival in place.platform.arrived())
    assert heard == [("7", "auto"), ("7", "log"), ("8", "channel")]
    assert by_name(place, "status, output")["never"] == ["succeeded", "there is no way to speak"]


def test_what_was_said_before_a_kill_is_known_to_the_jobs_that_may_know_it(tmp_path: Path) -> None:
    # NOX-11, OC-17, C-26
    place, now = Place(tmp_path), QuickClock().now()
    later = At(now + 70 * SECOND)
    put(place, name="diary", payload=AgentPrompt(prompt="say Mia"), session="session:cats")
    for name, changes in {
        "main": {"session": "main", "created_in": CHAT.session},
        "context": {"context_messages": 10},
        "isolated": {},
        "named": {"session": "session:cats"},
    }.items():
        put(place, name=name, payload=AgentPrompt(prompt=f"say {name}"), schedule=later, **changes)

    def remembering(prompt: Prompt) -> Line:
        at, words, _ = asked_for(prompt)
        if any(isinstance(item, ModelReply) for item in prompt.items[at:]):
            return "it was said"
        if "called" in words:
            return "Noted."
        knows = any("Mia" in item.text for item in prompt.items[:at] if isinstance(item, UserText))
        return calls(("message", {"text": f"{words} {'knows' if knows else 'does not know'}"}))

    place.platform.say("1", CHAT.chat, "my cat is called Mia")
    with alive(place, remembering):
        wait(lambda: sorted(texts(place)) == ["Mia does not know", "Noted."])
        wait(ended(place, 1))
    with alive(place, remembering):
        wait(lambda: len(texts(place)) >= 6)

    assert sorted(texts(place)[2:]) == ["context knows", "isolated does not know", "main knows", "named knows"]


async def test_a_webhook_that_nobody_answered_before_a_kill_is_called_by_the_next_process(tmp_path: Path) -> None:
    house, now = House(tmp_path), datetime.now(UTC)

    def live(until: Callable[[], bool]) -> None:
        with processes.gateway(house.path, errors=house.errors):
            wait(until)

    async with machine(in_turn(Answer(fault="hang"), Answer())) as there:
        (house.path / "config.toml").write_text(f'[http]\nallow_private = ["{there.place}"]\n')
        hook = Delivery(mode=DeliveryMode.WEBHOOK, hook=Hook(url=there.url(), token="t0ken"))
        house.put(name="report", payload=Say(text="done"), schedule=At(now), created_at=now, delivery=hook)
        await asyncio.to_thread(live, lambda: len(there.received) == 1)
        await asyncio.to_thread(live, lambda: house.rows("SELECT state FROM callbacks") == [("sent",)])

    first, second = [request.headers for request in there.received]
    assert first["webhook-id"] == second["webhook-id"]
    assert second["authorization"] == "Bearer t0ken"
    assert house.rows("SELECT status, count(*) FROM runs GROUP BY 1") == [("succeeded", 1)]


# -- what is counted over several lives --------------------------------------------------------------------------


def test_what_a_job_has_spent_in_a_killed_process_counts_in_the_next_one(tmp_path: Path) -> None:
    place, now = Place(tmp_path), QuickClock().now()
    noon = f"Etc/GMT{now.hour - 12:+d}"  # where the day does not end during the test
    put(place, tz=noon, schedule=Every(20 * SECOND, now + SECOND), spend=SpendCap(tokens_per_day=1_500))
    costly = says("nothing new", usage=Usage(input_tokens=700, output_tokens=300))

    with alive(place, lambda _: costly):
        wait(lambda: statuses(place)["succeeded"])
    with alive(place, lambda _: costly):
        wait(lambda: statuses(place)["failed"] == 2)
        wait(lambda: texts(place))

    ((error,), *_) = table(place, "SELECT error FROM runs WHERE status = 'failed'")
    (told,) = texts(place)
    assert statuses(place)["succeeded"] == 2
    assert "the spend cap of this job, 1,500 tokens a day, is reached" in error
    assert "does not run: the spend cap of this job" in told


def test_failures_are_counted_over_the_lives_of_a_gateway_and_told_once(tmp_path: Path) -> None:
    # P-30
    place, every = Place(tmp_path), Every(10 * SECOND, QuickClock().now() + SECOND)
    put(place, schedule=every, failure_alert=FailureAlert(after=3))

    def refused(_prompt: Prompt) -> Line:
        return ModelError("the key is refused", ErrorClass.PERMISSION)

    with alive(place, refused):
        wait(lambda: statuses(place)["failed"] >= 1)
    with alive(place, refused):
        wait(lambda: statuses(place)["failed"] >= 5)
    with alive(place, lambda _: "nothing new"):
        wait(lambda: len(texts(place)) >= 2)

    alert, recovered = texts(place)
    assert "has failed 3 times in a row: the key is refused." in alert
    assert recovered.endswith("has succeeded again.")
