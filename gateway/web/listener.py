"""The listener: uvicorn in our own event loop. Heavy (4 MiB), so it is imported where one is needed."""

import asyncio
import contextlib
import errno
import resource
import socket
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.errors import ConfigError
from gateway.web import guard

logger = structlog.get_logger()

GRACE = 0.8  # seconds for what is being answered, at the end: all intake is closed within one
HEADERS_WITHIN = timedelta(seconds=10)  # a connection that has sent no request by then is closed
LARGEST_HEADERS = 32_768
MOST_CONNECTIONS = 2_000  # and never more than half of the files that the process may have open
BACKLOG = 256


def bound(host: str, port: int) -> socket.socket:
    """A socket on this address, where callers wait for now; ConfigError if it cannot be had. Port 0: any."""
    host = host.strip("[]")
    family, address = _place(host, port)
    # Named in full: asyncio lets a socket answer without delay only where it is told that it is one of TCP.
    found = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(address)
        found.listen(BACKLOG)  # else two could have it, until one of them listens
    except OSError as error:
        found.close()
        raise ConfigError(_why_not(host, port, error)) from error
    return found


def _place(host: str, port: int) -> tuple[int, Any]:
    """Family and address; a name is looked up, which may take a while."""
    if guard.literal(host):
        return (socket.AF_INET6 if ":" in host else socket.AF_INET), (host, port)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise ConfigError(f'web.host: "{host}" is no address of this machine: {error.strerror}') from error
    return found[0], found[4]


def _why_not(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"web.port: {port} is taken by another program; stop it, or write another port below [web]"
    if error.errno == errno.EACCES:
        return f"web.port: {port} is for the administrator only; write one from 1024 on"
    return f'web.host: "{host}" cannot be listened on: {error.strerror}'


def most_connections() -> int:
    """How many callers at once: the database and the channels need files, too."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else max(min(MOST_CONNECTIONS, soft // 2), 1)


class Listener:
    """Has its address from the beginning, and answers from `open` to `stop`."""

    def __init__(
        self,
        app: ASGIApp,
        sock: socket.socket,
        *,
        token: str,
        patience: timedelta = HEADERS_WITHIN,
        most: int | None = None,
    ) -> None:
        """`token`: where people find it; `patience`: with the headers of a request; `most` connections at once."""
        most = most or most_connections()
        self._opening = asyncio.Event()
        host, port = sock.getsockname()[:2]
        self.address = f"http://[{host}]:{port}" if sock.family == socket.AF_INET6 else f"http://{host}:{port}"
        self.about = {"address": self.address, "token": token}
        self._socket = sock
        self._server = _Server(
            uvicorn.Config(
                app,
                http=_bounded(patience.total_seconds(), most),
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="error",  # else every malformed request of a stranger is a line
                access_log=False,
                server_header=False,
                date_header=False,
                proxy_headers=False,
                backlog=BACKLOG,
                h11_max_incomplete_event_size=LARGEST_HEADERS,
            )
        )

    def open(self) -> None:
        """Whatever answers is ready."""
        self._opening.set()

    async def run(self) -> None:
        """The whole life; however it ends, the socket is closed."""
        try:
            await self._opening.wait()
            logger.info("listening", address=self.address)
            await self._server.serve(sockets=[self._socket])
        finally:
            self._socket.close()

    async def stop(self) -> None:
        """Take nothing more; returns when what was being answered is answered, or was given up."""
        self._server.ending.set()
        if self._server.running:
            await self._server.over.wait()


class _Server(uvicorn.Server):
    """uvicorn without its handlers of signals, which are ours, and without looking ten times a second."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ending = asyncio.Event()
        self.over = asyncio.Event()
        self.running = False

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self.running = True
        try:
            await super().serve(sockets)
        finally:
            self.over.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.ending.wait()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()  # at once if nothing is being answered on it
        if state.tasks:
            _, late = await asyncio.wait(set(state.tasks), timeout=GRACE)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for connection in list(state.connections):
            connection.transport.close()


class _Protocol(H11Protocol):
    """uvicorn's, which would wait for ever for the headers of a request, and take any number of connections."""

    patience: ClassVar[float]
    most: ClassVar[int]
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
        else:
            self._expect()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._forget()
        self._deadline = self.loop.call_later(self.patience, self._too_slow)

    def _forget(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _too_slow(self) -> None:
        waiting = self.cycle is None or self.cycle.response_complete
        if waiting and not self.transport.is_closing():
            self.transport.close()


def _bounded(seconds: float, most: int) -> type[_Protocol]:
    """uvicorn makes its protocols by itself, so that what they need to know is in the class."""
    return type("Protocol", (_Protocol,), {"patience": seconds, "most": most})
