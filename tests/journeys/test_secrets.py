"""Secrets appear nowhere: not in logs at their loudest, not in tables, replies, errors or after a crash (P-87)."""

import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from tests.journeys import processes

KEY = "sk-sentinel-4f1d9b7c-model-key"
TOKEN = "123456:sentinel-channel-token-77aa"


class _Indiscreet(BaseHTTPRequestHandler):
    """A provider that fails in several ways and repeats in its errors whatever it was sent."""

    keys: ClassVar[list[str]] = []  # what it was shown

    def do_POST(self) -> None:
        key = self.headers.get("Authorization", "")
        self.keys.append(key)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = f'{{"error": {{"message": "no access with {key}", "type": "invalid"}}}}'.encode()
        self.send_response((401, 400, 403, 404)[len(self.keys) % 4])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *_: object) -> None:  # noqa: A002 - the name is the base class's
        """Not on the test's terminal."""


@contextmanager
def _provider() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Indiscreet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _variables(address: str) -> dict[str, str]:
    return {
        "TOCSIN__MODEL__PROVIDER": "openai",
        "TOCSIN__MODEL__NAME": "some-model",
        "TOCSIN__MODEL__BASE_URL": address,
        "TOCSIN__MODEL__API_KEY": KEY,
        "TOCSIN__CHANNELS__TELEGRAM__ENABLED": "false",
        "TOCSIN__CHANNELS__TELEGRAM__TOKEN": TOKEN,
        "TOCSIN__LOGGING__LEVEL": "debug",
    }


def test_secrets_appear_in_no_byte_that_the_gateway_leaves(tmp_path: Path) -> None:
    home, errors = tmp_path / "home", tmp_path / "errors"
    with _provider() as address:
        with processes.gateway(home, errors=errors, **_variables(address)) as process:
            processes.write(process, "one\ntwo\nthree\nfour\n")
            shown = "".join(processes.line(process) for _ in range(4))
            processes.write(process, "five\n")
            select.select([], [], [], 0.05)
            process.kill()
        with processes.gateway(home, errors=errors, **_variables(address)) as process:
            processes.write(process, "six\n")
            shown += processes.line(process)
            process.send_signal(signal.SIGTERM)
            shown += processes.rest(process, seconds=20)

    left = {path: path.read_bytes() for path in (errors, *home.rglob("*")) if path.is_file()}
    assert f"Bearer {KEY}" in _Indiscreet.keys
    assert "I could not finish this" in shown
    assert (home / "logs" / "tocsin.log").stat().st_size > 0
    for secret in (KEY, TOKEN):
        assert secret not in shown
        assert [str(path) for path, content in left.items() if secret.encode() in content] == []
