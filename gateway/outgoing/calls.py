"""Call and Reply: what is asked of a machine outside, and what it answers; pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from urllib.parse import urldefrag, urljoin, urlsplit

from gateway.errors import ErrorClass, OutgoingError
from gateway.outgoing.addresses import PORTS

LARGEST = 5 * 1024 * 1024  # bytes of a body, unpacked
WITHIN = timedelta(seconds=20)  # everything: looking up, connecting, redirects, the body

_PRIVATE_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What to ask of a machine."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)  # may hold a token
    body: bytes | None = None
    within: timedelta = WITHIN
    largest: int = LARGEST  # bytes of the answer's body; 0: it is not read


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What it answered."""

    status: int
    headers: Mapping[str, str]  # asked for in lower case
    body: bytes
    url: str  # after the redirects

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


def redirected(call: Call, target: str) -> Call:
    """The call at its new place; to another origin it goes without what proves who we are.

    OutgoingError when what goes there encrypted would go on in clear.
    """
    try:
        url = urldefrag(urljoin(call.url, target)).url
        before, after = _origin(call.url), _origin(url)
    except ValueError:
        raise OutgoingError("it redirects to something that is no URL", ErrorClass.PERMANENT) from None
    if before == after:
        return replace(call, url=url)
    if (before[0], after[0]) == ("https", "http"):
        raise OutgoingError(
            "it redirects from https to http, which anybody on the way can read", ErrorClass.PERMISSION
        )
    headers = {name: value for name, value in call.headers.items() if name.lower() not in _PRIVATE_HEADERS}
    return replace(call, url=url, headers=headers)


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or PORTS.get(parts.scheme)
