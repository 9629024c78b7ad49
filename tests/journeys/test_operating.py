"""What an operator relies on, shown on the real program: signals, `status`, the dead man's switch, the log."""

import json
import os
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gateway.home import Home
from tests.journeys import processes
from tests.journeys.crash_child import look

TOKEN = "0c6a1b2e-77aa-sentinel"


def until(condition: Callable[[], Any], *, seconds: float = 10.0) -> Any:
    """Wait until something is so; returns what it is."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        select.select([], [], [], 0.02)
    return found


def status(home: Path) -> dict[str, Any]:
    done = subprocess.run(
        processes.command(home, "status", "--json"),
        env=processes.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout))


def log(home: Path) -> list[dict[str, Any]]:
    lines = (home / "logs" / "tocsin.log").read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


@contextmanager
def web_server(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A server on loopback; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        do_POST = do_GET  # noqa: N815 - the name is the base class's

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the name is the base class's
            """Not on the test's terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# -- the dead man's switch --------------------------------------------------------------------------------------


def test_the_address_is_asked_for_while_the_gateway_lives_and_is_written_nowhere(tmp_path: Path) -> None:
    asked: list[str] = []

    def answer(request: BaseHTTPRequestHandler) -> None:
        asked.append(request.path)
        request.send_response(200 if len(asked) > 1 else 500)
        request.send_header("Content-Length", "0")
        request.end_headers()

    home, errors = tmp_path / "home", tmp_path / "errors"
    with web_server(answer) as address:
        variables = {
            "TOCSIN__HEARTBEAT__URL": f"{address}/ping/{TOKEN}",
            "TOCSIN__HEARTBEAT__EVERY": "1s",
            "TOCSIN__LOGGING__LEVEL": "debug",
        }
        with processes.gateway(home, errors=errors, **variables) as process:
            until(lambda: len(asked) >= 2)
            events = until(lambda: [line for line in log(home) if "is taken again" in line["event"]])
            process.send_signal(signal.SIGTERM)
            processes.rest(process, seconds=20)
        asked_in_life = len(asked)
        select.select([], [], [], 1.2)

    assert set(asked) == {f"/ping/{TOKEN}"}
    assert len(asked) == asked_in_life
    assert len(events) == 1
    assert [line["reason"] for line in log(home) if line["event"] == "the heartbeat was not taken"] == [
        "the answer was 500"
    ]
    left = {path: path.read_bytes() for path in (errors, *home.rglob("*")) if path.is_file()}
    assert [str(path) for path, content in left.items() if TOKEN.encode() in content] == []


# -- SIGUSR1 ----------------------------------------------------------------------------------------------------


def test_sigusr1_writes_every_task_and_thread_to_the_log_and_the_gateway_goes_on(tmp_path: Path) -> None:
    home, errors = tmp_path / "home", tmp_path / "errors"
    with processes.gateway(home, errors=errors) as process:
        processes.write(process, "what is scheduled?\n")
        processes.line(process)
        process.send_signal(signal.SIGUSR1)
        until(lambda: any("CronService.run" in line.get("stack", "") for line in log(home)))
        until(lambda: any("ConsoleChannel.run" in line.get("stack", "") for line in log(home)))
        processes.write(process, "what is scheduled?\n")
        answer = processes.line(process)
        process.send_signal(signal.SIGTERM)
        processes.rest(process, seconds=20)

    records = log(home)
    threads = {record["thread"] for record in records if record["event"] == "a thread"}
    tasks = [record for record in records if record["event"] == "a task"]
    assert answer == "Nothing is scheduled.\n"
    assert process.returncode == 0
    assert {"MainThread", "database-writer", "database-reader"} <= threads
    assert len(tasks) > 5
    assert {task["state"] for task in tasks} <= {"waiting", "running"}


# -- status -----------------------------------------------------------------------------------------------------


def test_after_a_kill_and_a_restart_nothing_of_the_earlier_life_is_shown(tmp_path: Path) -> None:
    home, errors = tmp_path / "home", tmp_path / "errors"
    with processes.gateway(home, errors=errors) as process:
        until(lambda: status(home)["ready"])
        process.kill()
    told = json.loads((home / "status.json").read_text())
    (home / "status.json").write_text(json.dumps(told | {"trouble": ["of the earlier life"]}))

    with processes.gateway(home, errors=errors) as process:
        first = status(home)
        ready = until(lambda: (now := status(home))["ready"] and now)
        pid = process.pid
        process.send_signal(signal.SIGTERM)
        processes.rest(process, seconds=20)
    after = status(home)

    assert (first["pid"], ready["pid"]) == (pid, pid)
    assert "of the earlier life" not in first["trouble"]
    assert first["at"] is None or first["at"] >= first["since"]
    assert (after["running"], after["ready"], after["alive"]) == (False, False, False)


BROKEN = """
from channels.log import LogChannel

def create(name, config, clock, around):
    return Broken(name, config.channels[name].own["token"].get_secret_value())

class Broken(LogChannel):
    def __init__(self, name, token):
        super().__init__(name)
        self._token = token

    async def run(self, inlet):
        raise ConnectionError(f"no route with {self._token}")
"""


@pytest.fixture
def broken_channel(tmp_path: Path) -> Path:
    """An installed package with a channel that cannot connect."""
    folder = tmp_path / "packages"
    info = folder / "broken_channel-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-channel\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tocsin.channels]\nbroken = broken_channel\n")
    (folder / "broken_channel.py").write_text(BROKEN)
    return folder


def test_p87_status_names_the_channel_in_trouble_and_the_last_error_without_its_secret(
    tmp_path: Path, broken_channel: Path
) -> None:
    home, errors = tmp_path / "home", tmp_path / "errors"
    variables = {"TOCSIN__CHANNELS__BROKEN__TOKEN": TOKEN, "PYTHONPATH": str(broken_channel)}
    with processes.gateway(home, errors=errors, **variables) as process:
        told = until(lambda: (now := status(home))["errors"] and now)
        process.send_signal(signal.SIGTERM)
        processes.rest(process, seconds=20)

    assert (told["ready"], told["alive"]) == (False, True)
    assert told["channels"]["broken"]["state"] == "retrying"
    assert any(text.startswith("channel broken is retrying: no route") for text in told["trouble"])
    assert told["errors"][0]["event"] == "the channel failed and is started again"
    assert told["errors"][0]["error"] == "ConnectionError: no route with [hidden]"
    assert TOKEN not in json.dumps(told["errors"])


# -- its end ----------------------------------------------------------------------------------------------------


def test_p63_after_a_signal_nothing_more_is_taken_in_and_a_second_one_ends_at_once(tmp_path: Path) -> None:
    go_on, asked = threading.Event(), threading.Event()

    def hang(_request: BaseHTTPRequestHandler) -> None:
        asked.set()
        go_on.wait(30)

    home, errors = tmp_path / "home", tmp_path / "errors"
    with web_server(hang) as address:
        variables = {
            "TOCSIN__MODEL__PROVIDER": "openai",
            "TOCSIN__MODEL__NAME": "some-model",
            "TOCSIN__MODEL__BASE_URL": f"{address}/v1",
        }
        with processes.gateway(home, errors=errors, **variables) as process:
            processes.write(process, "taken in before\n")
            assert asked.wait(10)
            process.send_signal(signal.SIGTERM)
            select.select([], [], [], 1.0)
            still_alive = process.poll() is None
            processes.write(process, "written a second later\n")
            select.select([], [], [], 0.2)
            process.send_signal(signal.SIGTERM)
            began = time.monotonic()
            processes.rest(process, seconds=5)
            took = time.monotonic() - began
        go_on.set()

    with look(Home(home)) as database:
        texts = [row[0] for row in database.execute("SELECT message FROM inbox")]
    assert still_alive  # the turn had five seconds to end
    assert (process.returncode, took < 1.0) == (128 + signal.SIGTERM, True)
    assert len(texts) == 1
    assert "taken in before" in str(texts[0])


def test_a_supervisor_is_told_when_it_is_ready_and_when_it_stops(tmp_path: Path) -> None:
    home, errors = tmp_path / "home", tmp_path / "errors"
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(address))
        heard.settimeout(10)
        with processes.gateway(home, errors=errors, NOTIFY_SOCKET=str(address)) as process:
            ready = heard.recv(100)
            process.send_signal(signal.SIGTERM)
            stopping = heard.recv(100)
            processes.rest(process, seconds=20)

    assert (ready, stopping, process.returncode) == (b"READY=1", b"STOPPING=1", 0)


# -- the log ----------------------------------------------------------------------------------------------------


@pytest.fixture
def full_logs(tmp_path: Path) -> Iterator[Path]:
    """A home whose logs lie on a disk that takes nothing."""
    logs = tmp_path / "home" / "logs"
    logs.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k,mode=700", "tmpfs", str(logs)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("a small file system can only be mounted by root")
    with suppress(OSError), (logs / "ballast").open("wb", buffering=0) as ballast:
        ballast.write(b"x" * 4_096 * 10)
        ballast.write(b"x")
    assert os.statvfs(logs).f_bavail == 0
    yield tmp_path / "home"
    subprocess.run(["umount", "--lazy", logs], check=True)


def test_p35_a_disk_that_takes_no_log_does_not_stop_the_gateway(full_logs: Path, tmp_path: Path) -> None:
    errors = tmp_path / "errors"
    with processes.gateway(full_logs, errors=errors) as process:
        processes.write(process, "what is scheduled?\n")
        answer = processes.line(process)
        process.send_signal(signal.SIGTERM)
        processes.rest(process, seconds=20)

    assert answer == "Nothing is scheduled.\n"
    assert process.returncode == 0
    assert errors.read_text().count("the log cannot be written") == 1
