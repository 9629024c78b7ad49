"""What every test keeps to: nothing outside this machine is spoken to."""

import ipaddress
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from gateway import observe

_CALLS = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0}
"""Where the address stands among the arguments of each audited call."""


def _refuse_other_machines(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _CALLS:
        return
    address = arguments[_CALLS[event]]
    host = address[0] if isinstance(address, tuple) else address
    if isinstance(address, str | bytes) and event in {"socket.connect", "socket.sendto"}:
        return  # a socket in the file system
    if not _is_here(host):
        raise ConnectionRefusedError(f"a test wanted to reach {host}; tests speak to this machine only")


def _is_here(host: Any) -> bool:
    if host is None or host in {"", "localhost"}:
        return True
    try:
        return ipaddress.ip_address(host.decode() if isinstance(host, bytes) else str(host)).is_loopback
    except ValueError:
        return False


sys.addaudithook(_refuse_other_machines)


@pytest.fixture
def log_stopped() -> Iterator[None]:
    """Whatever log the test starts is closed after it."""
    yield
    observe.stop()
