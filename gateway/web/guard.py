"""What a request must be like before anything else looks at it; pure.

Being on this machine is no reason to be trusted: any page in a browser here can call us, and a name of its own
can be made to lead to 127.0.0.1. So a request is refused that calls us by a name which is not ours, that comes
from a page of somebody else, or whose body a page could send without asking (forms, plain text).
"""

import ipaddress
import math
from dataclasses import dataclass
from http import HTTPStatus

TOKEN_BITS = 128
"""What a token must be worth where others than this machine can call."""

HERE = ("localhost", "127.0.0.1", "::1")
WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_STANDARD_PORTS = ("", "80", "443")
_FEWEST_CHARACTERS = 8  # different ones; a token with fewer was not made by chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request says of itself, in its headers."""

    method: str
    host: str  # the header; empty: there is none
    origin: str = ""  # of the page that sends it; empty: no page does
    content_type: str = ""
    reached: str = ""  # our own address at which it arrived


def refusal(asked: Asked, names: frozenset[str]) -> HTTPStatus | None:
    """Why the request is refused; None: it may go on. `names`: under which we are called (see `names_of`)."""
    if not is_known(asked.host, asked.reached, names):
        return HTTPStatus.FORBIDDEN
    if asked.origin and _authority(asked.origin.partition("://")[2]) != _authority(asked.host):
        return HTTPStatus.FORBIDDEN
    if asked.method in WITH_BODY and _bare(asked.content_type) != "application/json":
        return HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    return None


def names_of(host: str, others: tuple[str, ...]) -> frozenset[str]:
    """The names of a listener on `host`, with those that the operator adds."""
    return frozenset(name.lower().strip("[].") for name in (*HERE, host, *others))


def is_known(header: str, reached: str, names: frozenset[str]) -> bool:
    """Whether this Host is one of ours. The address at which a request arrived is: no name can pretend to it."""
    found = _authority(header)
    return found is not None and (found[0] in names or found[0] == str(literal(reached)))


def _authority(text: str) -> tuple[str, str] | None:
    """Name and port, standard ports left out; None if it is none, and then it equals no other."""
    host, port = text.lower(), ""
    if host.startswith("["):
        host, closed, rest = host[1:].partition("]")
        if not closed or (rest and not rest.startswith(":")):
            return None
        port = rest[1:]
    elif ":" in host:
        host, _, port = host.partition(":")
    if not host or not (port == "" or (port.isascii() and port.isdigit())):
        return None
    return host.removesuffix("."), "" if port in _STANDARD_PORTS else port


def _bare(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def caller_of(address: str) -> str:
    """Whose attempts are counted together: one machine under all the addresses that it can choose from.

    An IPv4 address in the clothes of IPv6 is itself, this machine is one, and so is a network of 64 bits, of
    which nobody is given less.
    """
    found = literal(address)
    if found is None:
        return address
    if found.is_loopback:
        return "loopback"
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)


def is_public(host: str) -> bool:
    """Whether a listener on this host can be called from other machines."""
    found = literal(host)
    return host.lower() != "localhost" if found is None else not found.is_loopback


def literal(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that is written here, if it is one; one of IPv4 in the clothes of IPv6 without them."""
    try:
        found = ipaddress.ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


def bits(token: str) -> float:
    """How much chance is in a token at most, by its length and by the kinds of characters in it."""
    if len(set(token)) < _FEWEST_CHARACTERS:
        return 0.0
    size = next((len(known) for known in _ALPHABETS if known.issuperset(token)), _PRINTABLE)
    return len(token) * math.log2(size)


_HEX = "0123456789abcdef"
_SMALL = "0123456789abcdefghijklmnopqrstuvwxyz"
_ALPHABETS = tuple(map(frozenset, ("0123456789", _HEX, _HEX.upper(), _SMALL, f"{_SMALL}{_SMALL.upper()}-_+/=")))
_PRINTABLE = 95
