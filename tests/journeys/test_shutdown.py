"""Signals end the gateway in order: nothing is half sent, nothing accepted is lost, the next start goes on."""

import asyncio
import re
import select
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from cron.schedule import At
from cron.stores.json_file import JsonFileStore
from gateway.home import Home, prepare
from gateway.messages import Json
from tests.fakes import RecordingChannel, until
from tests.jobs import new_job
from tests.journeys import processes
from tests.journeys.conftest import Opener
from tests.journeys.crash_child import look, open_rows
from tests.servers.openai_server import KEY, openai_server, says

ORDERLY = 20.0  # seconds, P-63
LINES = 300


def test_a_signal_under_load_ends_in_order_and_the_next_start_goes_on(tmp_path: Path) -> None:
    home, errors = tmp_path / "home", tmp_path / "errors"
    with processes.gateway(home, errors=errors) as process:
        processes.write(process, "what is scheduled?\n" * LINES)
        processes.line(process)
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        processes.rest(process, seconds=ORDERLY)
        took = time.monotonic() - began

    with look(Home(home)) as database:
        accepted, _ = database.execute("SELECT count(*), max(seq) FROM inbox").fetchone()
        under_way = database.execute("SELECT count(*) FROM parts WHERE state = 'sending'").fetchone()[0]
        claims = database.execute("SELECT max(claims) FROM turns WHERE state = 'running'").fetchone()[0]
    assert process.returncode == 0, errors.read_text()
    assert took < ORDERLY
    assert under_way == 0
    assert claims in (None, 0)
    _assert_that_the_rest_is_done(home, errors, accepted)


def _assert_that_the_rest_is_done(home: Path, errors: Path, accepted: int) -> None:
    with processes.gateway(home, errors=errors) as process:
        for _ in range(400):
            if not open_rows(Home(home)):
                break
            select.select([], [], [], 0.05)
        process.send_signal(signal.SIGTERM)
        text = processes.rest(process, seconds=ORDERLY)
    with look(Home(home)) as database:
        answers = database.execute("SELECT count(*) FROM outbox WHERE state = 'sent'").fetchone()[0]
    assert open_rows(Home(home)) == {}
    assert answers == accepted
    assert "↻" not in text


@pytest.mark.nightly  # a whole process with the library of a hosted model: 5 to 10 s
async def test_a_signal_during_a_run_lets_it_end(tmp_path: Path) -> None:
    """HP-69"""
    home, errors, free = Home(tmp_path / "home"), tmp_path / "errors", asyncio.Event()

    async def slowly(request: web.Request, body: Json) -> web.StreamResponse:
        await free.wait()
        return await says("done in time")(request, body)

    async with openai_server(slowly) as server:
        prepare(home)
        model = f'[model]\nprovider = "openai"\nname = "local"\nbase_url = "{server.url}"\napi_key = "{KEY}"\n'
        home.file("config.toml").write_text(model)
        once = At(datetime.now(UTC))
        JsonFileStore(home.file("cron.json")).put(new_job(schedule=once, created_at=once.instant, address=None))
        with processes.gateway(home.path, errors=errors) as process:
            await asyncio.wait_for(server.asked.wait(), ORDERLY)
            process.send_signal(signal.SIGTERM)
            asyncio.get_running_loop().call_later(0.3, free.set)
            await asyncio.to_thread(processes.rest, process, seconds=ORDERLY)

    with look(home) as database:
        ended = database.execute("SELECT status, output FROM runs").fetchall()
    assert process.returncode == 0, errors.read_text()
    assert ended == [("succeeded", "done in time")]


def test_a_second_signal_ends_at_once_and_loses_nothing(tmp_path: Path) -> None:
    home, errors = tmp_path / "home", tmp_path / "errors"
    with processes.gateway(home, errors=errors) as process:
        processes.write(process, "what is scheduled?\n" * LINES)
        processes.line(process)
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        processes.rest(process, seconds=5)
        took = time.monotonic() - began

    assert process.returncode in (0, 128 + signal.SIGTERM)
    assert took < 1.0
    with look(Home(home)) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_a_stopped_process_goes_on_where_it_was(tmp_path: Path) -> None:
    home, errors = tmp_path / "home", tmp_path / "errors"
    with processes.gateway(home, errors=errors) as process:
        processes.write(process, "remind me in 1 second to stretch\n")
        echo = processes.line(process)
        process.send_signal(signal.SIGSTOP)
        select.select([], [], [], 1.5)
        process.send_signal(signal.SIGCONT)
        began = time.monotonic()
        while "stretch" not in (said := processes.line(process)) or re.search("Scheduled|says", said):
            assert said
        took = time.monotonic() - began
        process.send_signal(signal.SIGTERM)
        rest = processes.rest(process, seconds=ORDERLY)

    assert "stretch" in echo
    assert took < 2.0  # P-03 allows 30
    assert "stretch" not in rest
    assert process.returncode == 0


@pytest.mark.parametrize("heard", [0, 1, 20])
async def test_a_stop_in_the_middle_of_many_answers_leaves_none_half_sent(open_world: Opener, heard: int) -> None:
    chats = [str(n) for n in range(100)]
    first, second = RecordingChannel(), RecordingChannel()
    async with open_world(lambda _: "hello", channel=first) as world:
        await asyncio.gather(*(first.say("hi", chat=chat) for chat in chats))
        await until(lambda: len(first.sent) >= heard)
        home = world.home

    with look(home) as database:
        parts = Counter(state for (state,) in database.execute("SELECT state FROM parts"))
    assert parts["sending"] == 0
    async with open_world(lambda _: "hello", channel=second) as world:
        half_sent = [parcel for parcel in second.tried if parcel.repeat]
        await until(lambda: len(first.sent) + len(second.sent) >= len(chats))
        await until(lambda: not world.gateway.lanes.running)

    assert half_sent == []
    assert not any(parcel.repeat for parcel in second.sent)
    assert sorted(parcel.address.chat for parcel in (*first.sent, *second.sent)) == sorted(chats)
    assert open_rows(world.home) == {}


def test_a_standard_error_that_takes_nothing_stops_nobody(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Path("/dev/full").open("w") as full:
        words = "remind me in 1 second to stretch\n"
        command = f'printf "{words}" | timeout -s TERM 4 "{sys.executable}" -m gateway --home "{home}" run'
        result = subprocess.run(["sh", "-c", command], stdout=subprocess.PIPE, stderr=full, text=True, check=False)

    assert "\nstretch\n" in result.stdout
