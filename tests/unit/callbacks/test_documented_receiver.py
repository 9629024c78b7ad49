"""The receiver of the documentation takes what we send, and nothing else."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from http.server import HTTPServer
from pathlib import Path
from typing import Any

import orjson
import pytest

from gateway.callbacks import signing

PAGE = Path(__file__).parents[3] / "docs" / "webhooks.md"
SECRET = signing.new_secret()
BODY = orjson.dumps({"name": "daily sales", "status": "succeeded", "result": "42", "error": None})


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[HTTPServer]:
    (source,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    monkeypatch.setenv("WEBHOOK_SECRET", SECRET)
    module: dict[str, Any] = {"__name__": "receiver"}
    exec(compile(source, "receiver.py", "exec"), module)
    server = HTTPServer(("127.0.0.1", 0), module["Receiver"])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def post(server: HTTPServer, headers: dict[str, str], body: bytes = BODY) -> int:
    connection = HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    try:
        connection.request("POST", "/", body, headers)
        return connection.getresponse().status
    finally:
        connection.close()


def test_it_takes_a_signed_callback_once_and_refuses_what_is_not_ours(
    receiver: HTTPServer, capfd: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC)
    genuine = signing.headers(SECRET, id="5f2a", at=now, body=BODY)
    old = signing.headers(SECRET, id="5f2b", at=now - timedelta(minutes=6), body=BODY)
    forged = signing.headers(signing.new_secret(), id="5f2c", at=now, body=BODY)

    answers = [post(receiver, headers) for headers in (genuine, genuine, old, forged, {})]
    changed = post(receiver, genuine, BODY + b" ")

    assert answers == [204, 204, 401, 401, 401]
    assert changed == 401
    assert capfd.readouterr().out.splitlines() == ["daily sales succeeded 42"]
