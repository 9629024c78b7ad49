"""Wire: one HTTP exchange over a connection that goes where it was checked to go.

A name is looked up once, every address it leads to is checked, and one that passed is connected to: a second
answer of the resolver is never asked for. Each exchange has a connection of its own, so each is checked.
Brings httpx; import it when the first call is made.
"""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import IPv6Address, ip_address
from typing import Any, TypeAlias

from gateway.errors import ErrorClass, OutgoingError, UserError
from gateway.lean import without
from gateway.outgoing.addresses import Address, Allowed, literal, why_not
from gateway.outgoing.packing import too_large, unpacked

with without("rich"):  # its command line would bring that: 5 MiB
    import httpcore
    import httpx

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) → the addresses that the name leads to; OSError when it leads to none."""

MOST_ADDRESSES = 8  # of one name; more are not tried
ADDRESS_SECONDS = 5.0  # for one address while there is another to try


async def look_up(host: str, port: int) -> list[str]:
    """The system's resolver, in a thread that nobody waits for: a slow one delays neither others nor the end."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[list[str]] = loop.create_future()

    def settle(found: list[str] | OSError) -> None:
        if answer.done():
            return
        if isinstance(found, OSError):
            answer.set_exception(found)
        else:
            answer.set_result(found)

    def ask() -> None:
        found: list[str] | OSError
        try:
            infos = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(info[4][0]) for info in infos))
        except OSError as error:
            found = error
        except UnicodeError:  # a label that is too long
            found = socket.gaierror("not the name of a host")
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, found)

    threading.Thread(target=ask, name="look-up", daemon=True).start()
    return await answer


class Guard(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked, and to no others."""

    def __init__(self, allowed: Allowed, resolve: Resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._inner = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        fine = await self._checked(host, port)
        failure: Exception = httpcore.ConnectError(f"{host} has no address")
        for n, address in enumerate(fine, start=1):
            limit = ADDRESS_SECONDS if n < len(fine) else timeout
            try:
                return await self._inner.connect_tcp(str(address), port, limit, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise OutgoingError("files of this machine are not called", ErrorClass.PERMISSION)

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)

    async def _checked(self, host: str, port: int) -> list[Address]:
        """The addresses of the host that may be called; OutgoingError if there is none."""
        found = await self._addresses(host, port)
        reasons = {address: why_not(address, port, host=host, allowed=self._allowed) for address in found}
        fine = [address for address, reason in reasons.items() if not reason]
        if found and not fine:
            address, reason = next(iter(reasons.items()))
            leads = f"{host} leads to {address}, which" if str(address) != host else host
            raise OutgoingError(
                f"{leads} is {reason}: it is not called unless [http] allow_private lists it",
                ErrorClass.PERMISSION,
            )
        return fine

    async def _addresses(self, host: str, port: int) -> list[Address]:
        try:
            written = literal(host)
            if written is not None:
                return [written]
            answers = await self._resolve(host, port)
        except UserError as error:
            raise OutgoingError(str(error), ErrorClass.PERMISSION) from None
        except OSError as error:
            raise OutgoingError(f"{host} leads to no address", ErrorClass.NETWORK_ERROR) from error
        return [_real(ip_address(answer)) for answer in answers[:MOST_ADDRESSES]]


def _real(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


class Exchange:
    """An answer whose body has not been read yet."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.headers: Mapping[str, str] = response.headers  # whatever the case of a name

    async def body(self, limit: int) -> bytes:
        """All of it, unpacked; OutgoingError beyond `limit` bytes, whatever its length was said to be."""
        body = bytearray()
        async for piece in self._response.aiter_raw():
            body += piece
            if len(body) > limit:
                raise too_large(limit)
        return unpacked(bytes(body), self.headers.get("content-encoding", ""), limit)


class Wire:
    """Sends a request and hands over the answer. No redirects, no cookies, no proxies of the environment."""

    def __init__(self, allowed: Allowed, resolve: Resolve = look_up) -> None:
        self._client = httpx.AsyncClient(
            transport=_Transport(Guard(allowed, resolve)),
            timeout=None,  # noqa: S113 - the caller limits the whole
            trust_env=False,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    @asynccontextmanager
    async def exchange(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> AsyncIterator[Exchange]:
        """OutgoingError when there is no answer, also while its body is read."""
        try:
            async with self._client.stream(method, url, headers=dict(headers), content=body) as response:
                yield Exchange(response)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeError) as error:
            raise OutgoingError("this is not a URL that can be called", ErrorClass.PERMANENT) from error
        except (httpcore.ProtocolError, httpx.ProtocolError) as error:
            raise OutgoingError("the answer broke off or is not HTTP", ErrorClass.NETWORK_ERROR) from error
        except (httpx.HTTPError, httpcore.NetworkError, httpcore.TimeoutException, OSError) as error:
            raise OutgoingError(_network_words(error), ErrorClass.NETWORK_ERROR) from error

    async def close(self) -> None:
        await self._client.aclose()


def _network_words(error: Exception) -> str:
    words = str(error)  # of the system: it holds no address of ours
    if "CERTIFICATE_VERIFY_FAILED" in words:
        return "its certificate is not valid"
    if isinstance(error, httpcore.ConnectError | httpcore.ConnectTimeout):
        return "it cannot be reached"
    return "the connection broke"


class _Transport(httpx.AsyncBaseTransport):
    """httpx over a pool whose connections our guard makes."""

    def __init__(self, guard: Guard) -> None:
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=None,  # the callers' own limits hold
            max_keepalive_connections=0,
            network_backend=guard,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        answer = await self._pool.handle_async_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._answer.aiter_stream():
            yield piece

    async def aclose(self) -> None:
        await self._answer.aclose()
