"""The listener of a whole gateway."""

import json
import signal
import socket
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

import httpx
import pytest

from channels.base import Call, Inlet, Reply
from gateway.agent.models.scripted import says
from gateway.messages import ChatAddress, InboundMessage
from gateway.metrics import Metrics
from gateway.web.listener import bound
from tests.fakes import NOON, RecordingChannel, until
from tests.journeys import processes
from tests.journeys.conftest import Opener
from tests.journeys.test_operating import status


class Bell(RecordingChannel):
    """A channel whose platform calls it."""

    hooked: ClassVar[bool] = True

    async def run(self, inlet: Inlet) -> None:
        self.inlet = inlet
        await super().run(inlet)

    async def called(self, call: Call) -> Reply:
        body = json.loads(await call.body())
        await self.inlet.receive(
            InboundMessage(
                channel=self.name,
                sender_id="anna",
                dedupe_keys=(f"bell:{body['id']}",),
                address=ChatAddress(channel=self.name, chat="1"),
                text=body["text"],
                received_at=NOON,
            )
        )
        return Reply(body=b"ok")


async def test_a_called_channel_is_answered_when_its_message_is_kept_and_the_turn_begins(
    open_world: Opener,
) -> None:
    channel = Bell("bell")
    async with open_world([says("hello back")], channel=channel, web={"port": 0}) as world:
        assert world.gateway.listener is not None
        async with httpx.AsyncClient(base_url=world.gateway.listener.address, trust_env=False) as web:
            for _ in range(3):  # a platform brings it again until it is answered
                answer = await web.post("/webhooks/bell", json={"id": 7, "text": "hello"})
        await until(lambda: channel.sent)

    assert (answer.status_code, answer.text) == (200, "ok")
    assert channel.texts() == ["hello back"]


async def test_a_channel_that_is_called_brings_the_listener_along(open_world: Opener) -> None:
    async with open_world(channel=RecordingChannel()) as world:
        alone = world.gateway.listener
    async with open_world(channel=Bell("bell"), parts={}, web={"port": 0}) as world:
        called = world.gateway.listener

    assert alone is None
    assert called is not None


async def test_whoever_has_the_token_sees_how_the_gateway_is_and_what_it_has_counted(open_world: Opener) -> None:
    async with open_world(web={"port": 0}, parts={"meter": Metrics()}) as world:
        assert world.gateway.listener is not None
        token = (world.home.path / "web.token").read_text().strip()
        headers = {"Authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(base_url=world.gateway.listener.address, trust_env=False) as web:
            ready = await web.get("/readyz", headers=headers)
            await world.clock.advance(timedelta(seconds=1))
            metrics = await web.get("/metrics", headers=headers)

    assert (ready.status_code, ready.json()["channels"]["test"]["state"]) == (200, "running")
    assert "tocsin_jobs 0.0" in metrics.text


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir(mode=0o700)
    return tmp_path / "home"


def test_status_and_check_say_where_the_listener_is_and_a_signal_ends_it(home: Path) -> None:
    (home / "config.toml").write_text("[web]\nport = 0\n")
    with processes.gateway(home, errors=home.parent / "errors") as process:
        told = _told(home)
        alive = httpx.get(f"{told['address']}/healthz", trust_env=False)
        where = ("127.0.0.1", int(told["address"].rpartition(":")[2]))
        with socket.create_connection(where) as idle, socket.create_connection(where) as slow:
            slow.sendall(b"POST /webhooks/x HTTP/1.1\r\nHost: ")
            process.send_signal(signal.SIGTERM)
            code = process.wait(5)
            left = _heard(idle), _heard(slow)

    assert (alive.status_code, code, left) == (200, 0, (b"", b""))  # P-63
    assert told["token"] == str(home / "web.token")
    assert (home / "web.token").stat().st_mode & 0o777 == 0o600


def _heard(connection: socket.socket) -> bytes:
    """What still came before the end, which a connection with unread words in it has by a reset."""
    try:
        return connection.recv(1)
    except ConnectionResetError:
        return b""


def _told(home: Path) -> dict[str, str]:
    found: dict[str, str] | None = None
    while found is None:
        found = status(home)["web"]
    return found


def test_a_gateway_whose_port_is_taken_says_so_and_does_not_start(home: Path) -> None:
    with bound("127.0.0.1", 0) as holder:
        port = holder.getsockname()[1]
        (home / "config.toml").write_text(f"[web]\nport = {port}\n")
        run = subprocess.run(
            processes.command(home, "run"),
            stdin=subprocess.DEVNULL,
            env=processes.environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    assert run.returncode in {1, 2}
    assert f"web.port: {port} is taken by another program" in run.stderr.splitlines()[-1]
    assert "Traceback" not in run.stderr
