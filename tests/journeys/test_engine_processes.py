"""The engine of runs over real processes: killed at its commits, spoken to from the command line."""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from cron.job import AgentPrompt, Job, JobStatus
from cron.policy import AfterRun, Overlap, Retry
from cron.schedule import At, Every
from cron.stores.json_file import JsonFileStore
from gateway.agent.model import ModelReply, Prompt, UserText
from gateway.agent.models.scripted import HANG, Line, calls
from gateway.agent.outcome import CRASH_BUDGET
from gateway.app import Gateway
from gateway.errors import ErrorClass, ModelError
from gateway.home import prepare
from gateway.messages import ChatAddress
from tests import forks
from tests.jobs import new_job
from tests.journeys import processes
from tests.journeys.crash_child import CRASHED, Fuses, Place, QuickClock, live, look
from tests.journeys.platform import NAME

SECOND = timedelta(seconds=1)
CHAT = ChatAddress(channel=NAME, chat="7")
JOBS = 6  # two more than there are places


def put(place: Place, **changes: Any) -> Job:
    """A job that is due in a moment."""
    prepare(place.home)
    now = QuickClock().now()
    wanted = {
        "schedule": At(now + SECOND),
        "payload": AgentPrompt(prompt="say a"),
        "created_at": now,
        "address": CHAT,
        "owner": CHAT.owner,
        "tz": "UTC",
        "after_run": AfterRun.KEEP,
        **changes,
    }
    return JsonFileStore(place.home.file("cron.json")).put(new_job(**wanted))


def obedient(prompt: Prompt) -> Line:
    """Says what the job's prompt asks for, once."""
    at = max(n for n, item in enumerate(prompt.items) if isinstance(item, UserText))
    said = prompt.items[at]
    assert isinstance(said, UserText)
    if any(isinstance(item, ModelReply) for item in prompt.items[at:]):
        return "it was said"
    (word,) = [line.removeprefix("say ") for line in said.text.splitlines() if line.startswith("say ")]
    return calls(("message", {"text": word}))


def failing(_prompt: Prompt) -> Line:
    return ModelError("the provider is down", ErrorClass.SERVER_ERROR)


def hanging(_prompt: Prompt) -> Line:
    return HANG


def deadly(_prompt: Prompt) -> Line:
    """A job that ends the process that works on it."""
    os.kill(os.getpid(), signal.SIGKILL)
    return "never said"


def table(place: Place, query: str) -> list[Any]:
    with look(place.home) as database:
        return database.execute(query).fetchall()


def wait(condition: Callable[[], object], *, seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def all_over(place: Place, count: int) -> Callable[[Gateway], bool]:
    query = "SELECT count(*), count(finished_at) FROM runs"
    return lambda _gateway: table(place, query) == [(count, count)]


@contextmanager
def alive(place: Place, script: Callable[[Prompt], Line]) -> Iterator[int]:
    """A gateway in a child process, killed at the end."""
    child = forks.start(partial(live, place, script))
    try:
        wait(lambda: place.home.file("gateway.db").exists() and _has_runs(place))
        yield child
    finally:
        subprocess.run(["kill", "-9", str(child)], check=False)
        forks.end(child)


def _has_runs(place: Place) -> bool:
    return bool(table(place, "SELECT name FROM sqlite_master WHERE name = 'cursors'")) and bool(
        table(place, "SELECT 1 FROM cursors")
    )


# -- killed ------------------------------------------------------------------------------------------------------


def _killed_at_commit(folder: Path, commit: int) -> int:
    """Six jobs at once, the process ends at this commit, the next one finishes; everything happened once.

    Returns how the first process ended.
    """
    folder.mkdir()
    place = Place(folder)
    for n in range(JOBS):
        put(place, name=f"job {n}", payload=AgentPrompt(prompt=f"say {n}"))
    script = obedient
    first = forks.end(
        forks.start(lambda: live(place, script, fuses=Fuses(after_commit=commit), finished=all_over(place, JOBS)))
    )
    second = forks.end(forks.start(lambda: live(place, script, finished=all_over(place, JOBS))))

    arrived = place.platform.arrived()
    unmarked = Counter(arrival.text for arrival in arrived if not arrival.repeat)
    assert first in {CRASHED, 0}
    assert second == 0, (folder / "log.txt").read_text()
    assert table(place, "SELECT status, held, attempt, count(*) FROM runs GROUP BY 1, 2, 3") == [
        ("succeeded", 0, 1, JOBS)
    ]
    assert {arrival.text for arrival in arrived} == {str(n) for n in range(JOBS)}
    assert set(unmarked.values()) == {1}  # one that was being sent at the kill is sent again, marked
    return first


@pytest.mark.parametrize("commit", [6, 9, 12])
def test_a_kill_between_claim_and_release_loses_no_run_and_repeats_none(tmp_path: Path, commit: int) -> None:
    assert _killed_at_commit(tmp_path / "place", commit) == CRASHED  # P-09, P-25, P-26, P-27


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_kill_at_any_commit_loses_no_run_and_repeats_none(tmp_path: Path) -> None:
    for commit in range(1, 60):
        _killed_at_commit(tmp_path / str(commit), commit)  # P-09, P-25


def test_a_run_that_waits_for_its_next_attempt_outlives_a_kill(tmp_path: Path) -> None:
    place = Place(tmp_path)  # P-29
    put(place, retry=Retry(backoff=(40 * SECOND,)))
    with alive(place, failing):
        wait(lambda: table(place, "SELECT 1 FROM runs WHERE status = 'retry_wait'"))

    second = forks.end(forks.start(lambda: live(place, obedient, finished=all_over(place, 1))))

    assert second == 0, (tmp_path / "log.txt").read_text()
    assert table(place, "SELECT status, attempt FROM runs") == [("succeeded", 2)]
    assert table(place, "SELECT n, error_class FROM attempts ORDER BY n") == [(1, "server_error"), (2, None)]
    assert [arrival.text for arrival in place.platform.arrived()] == ["a"]


def test_a_job_that_kills_the_gateway_is_given_up_paused_and_said_to_be(tmp_path: Path) -> None:
    place = Place(tmp_path)  # P-16
    job = put(place, schedule=Every(timedelta(days=300), QuickClock().now() + SECOND - timedelta(days=300)))

    ended = [forks.end(forks.start(lambda: live(place, deadly))) for _ in range(CRASH_BUDGET)]
    last = forks.end(forks.start(lambda: live(place, deadly, finished=all_over(place, 1))))

    stored = JsonFileStore(place.home.file("cron.json")).load()[job.uid]
    assert (ended, last) == ([-signal.SIGKILL] * CRASH_BUDGET, 0), (tmp_path / "log.txt").read_text()
    assert table(place, "SELECT status FROM runs") == [("abandoned",)]
    assert stored.status is JobStatus.PAUSED
    assert [arrival.chat for arrival in place.platform.arrived()] == [CHAT.chat]
    assert "was given up" in place.platform.arrived()[0].text


# -- the command line --------------------------------------------------------------------------------------------


def _typed(place: Place, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        processes.command(place.home.path, *words),
        capture_output=True,
        check=False,
        env=processes.environment(),
        text=True,
        timeout=30,
    )


def test_a_run_from_the_command_line_keeps_to_the_policy_under_a_gateway(tmp_path: Path) -> None:
    place = Place(tmp_path)  # P-31, AB-57
    daily = Every(timedelta(days=300), QuickClock().now())
    put(place, name="skips", schedule=daily)
    put(place, name="buffers", schedule=daily, overlap=Overlap.BUFFER_ONE)
    running = "SELECT count(*) FROM runs WHERE status = 'running'"
    with alive(place, hanging):
        first = [_typed(place, "cron", "run", name) for name in ("skips", "buffers")]
        wait(lambda: table(place, running) == [(2,)])

        refused = _typed(place, "cron", "run", "skips")
        second = _typed(place, "cron", "run", "buffers")
        third = _typed(place, "cron", "run", "buffers")
        ((waiting,),) = table(place, "SELECT id FROM runs WHERE held = 1")
        working = table(place, "SELECT id FROM runs WHERE status = 'running' ORDER BY seq")[1][0]
        ended = _typed(place, "cron", "cancel", working)
        wait(lambda: table(place, f"SELECT 1 FROM runs WHERE id = '{waiting}' AND status = 'running'"))

    assert [one.returncode for one in (*first, refused, second, third, ended)] == [0, 0, 1, 0, 1, 0]
    assert "is running already" in refused.stderr
    assert "waits already" in third.stderr


def test_a_run_that_waits_can_be_cancelled_from_the_command_line(tmp_path: Path) -> None:
    place = Place(tmp_path)
    put(
        place,
        name="buffers",
        schedule=Every(timedelta(days=300), QuickClock().now()),
        overlap=Overlap.BUFFER_ONE,
    )
    with alive(place, hanging):
        for _ in range(2):
            _typed(place, "cron", "run", "buffers")
        ((waiting,),) = table(place, "SELECT id FROM runs WHERE held = 1")
        cancelled = _typed(place, "cron", "cancel", waiting)
        again = _typed(place, "cron", "run", "buffers")

    assert (cancelled.returncode, again.returncode) == (0, 0)
    assert table(place, f"SELECT status FROM runs WHERE id = '{waiting}'") == [("cancelled",)]
