"""SIGUSR1 tells what every thread and every task is doing, also while the event loop hangs."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from gateway import stacks

ROOT = Path(__file__).parents[2]

STORY = """
    import asyncio, sys, time
    from pathlib import Path
    from gateway import observe, stacks
    from gateway.clock import SystemClock

    async def wait_for_mail():
        await asyncio.Event().wait()

    async def main(level, how):
        observe.start(level=level, clock=SystemClock(), file=Path("log"))
        stacks.watch(asyncio.get_running_loop())
        task = asyncio.create_task(wait_for_mail(), name="mail")
        await asyncio.sleep(0)
        print("ready", flush=True)
        if how == "hangs":
            time.sleep(20)
        elif how == "spins":
            until = time.monotonic() + 20
            while time.monotonic() < until:
                pass
        await asyncio.sleep(20)

    asyncio.run(main(*sys.argv[1:]))
"""


async def outer(go_on: asyncio.Event) -> None:
    await inner(go_on)


async def inner(go_on: asyncio.Event) -> None:
    await go_on.wait()


async def test_a_task_is_told_with_the_whole_chain_of_what_it_awaits() -> None:
    go_on = asyncio.Event()
    task = asyncio.create_task(outer(go_on), name="the work")
    await asyncio.sleep(0)

    (stack,) = [stack for stack in stacks.of_tasks(asyncio.get_running_loop()) if stack.name == "the work"]

    go_on.set()
    await task
    assert stack.state == "waiting"
    assert [frame.rpartition(" ")[2] for frame in stack.frames] == ["outer", "inner", "Event.wait", "Future"]
    assert stack.frames[0].startswith("tests/unit/test_stacks.py:")


async def test_a_task_that_was_cancelled_and_still_tidies_up_is_ending() -> None:
    go_on = asyncio.Event()

    async def tidies_up() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await go_on.wait()

    task = asyncio.create_task(tidies_up(), name="tidy")
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)

    found = {stack.name: stack.state for stack in stacks.of_tasks(asyncio.get_running_loop())}

    go_on.set()
    await asyncio.gather(task, return_exceptions=True)
    assert found["tidy"] == "ending"
    assert "running" in found.values()  # this test itself


def test_every_thread_is_told_the_main_one_first() -> None:
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait, name="patient")
    thread.start()

    found = list(stacks.of_threads())

    go_on.set()
    thread.join()
    assert found[0].name == threading.main_thread().name
    (patient,) = [stack for stack in found if stack.name == "patient"]
    assert patient.frames[-1].endswith("in Condition.wait")


@contextmanager
def story(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process with an event loop, a task and a log."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(STORY), *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        try:
            yield process
        finally:
            process.kill()


def told(log: Path, wanted: str) -> list[dict[str, Any]]:
    """The records of the log, once this event is among them."""
    for _ in range(200):
        lines = log.read_text().splitlines()
        if wanted in "".join(lines):
            return [json.loads(line) for line in lines if line.endswith("}")]
        select.select([], [], [], 0.025)
    raise AssertionError(log.read_text())


@pytest.mark.parametrize("how", ["runs", "hangs", "spins"])
def test_the_signal_is_answered_whatever_the_loop_does_and_nothing_is_stopped(tmp_path: Path, how: str) -> None:
    with story(tmp_path, "info", how) as process:
        process.send_signal(signal.SIGUSR1)
        records = told(tmp_path / "log", '"mail"')
        alive = process.poll() is None

    (mail,) = [record for record in records if record.get("task") == "mail"]
    (main,) = [record for record in records if record.get("thread") == "MainThread"]
    assert alive
    assert (mail["event"], mail["state"]) == ("a task", "waiting")
    assert "in wait_for_mail\n" in mail["stack"]
    assert how == "runs" or main["stack"].splitlines()[-1].endswith(" in main")


def test_the_signal_is_answered_again_and_however_quiet_the_log_is(tmp_path: Path) -> None:
    with story(tmp_path, "error", "runs") as process:
        process.send_signal(signal.SIGUSR1)
        first = told(tmp_path / "log", '"mail"')
        (tmp_path / "log").write_text("")
        process.send_signal(signal.SIGUSR1)
        second = told(tmp_path / "log", '"mail"')

    assert {record["event"] for record in first + second} == {"a thread", "a task"}
