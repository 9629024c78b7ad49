"""Which addresses may be called from here: every one in the world, and of the inner ones those that are listed.

Pure: no name is looked up. The backend asks again for every address that a name leads to.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    NetmaskValueError,
    ip_network,
)
from typing import TypeAlias
from urllib.parse import SplitResult, urlsplit

from gateway.errors import UserError

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

PORTS = {"http": 80, "https": 443}
LONGEST_URL = 2_048

_HERE = "this machine"
_LOOPBACK = (IPv4Address("127.0.0.1"), IPv6Address("::1"))
_OUR_NAMES = ("localhost", "localhost.localdomain", "ip6-localhost", "ip6-loopback")
_METADATA = "the metadata service of a cloud"
_METADATA_NAMES = ("metadata.google.internal", "metadata.goog", "metadata", "instance-data")

_METADATA_ADDRESSES: frozenset[Address] = frozenset(
    {
        IPv4Address("169.254.169.254"),
        IPv4Address("169.254.170.2"),
        IPv4Address("100.100.100.200"),
        IPv4Address("168.63.129.16"),  # Azure's; it looks like any public address
        IPv4Address("192.0.0.192"),
        IPv6Address("fd00:ec2::254"),
    }
)

_INNER4 = {
    "0.0.0.0/8": _HERE,
    "10.0.0.0/8": "a private network",
    "100.64.0.0/10": "a provider's inner network",
    "127.0.0.0/8": _HERE,
    "169.254.0.0/16": "a link-local address",
    "172.16.0.0/12": "a private network",
    "192.0.0.0/24": "an address with a special meaning",
    "192.0.2.0/24": "an address for documentation",
    "192.88.99.0/24": "a tunnel",
    "192.168.0.0/16": "a private network",
    "198.18.0.0/15": "a network for tests",
    "198.51.100.0/24": "an address for documentation",
    "203.0.113.0/24": "an address for documentation",
    "224.0.0.0/4": "a multicast address",
    "240.0.0.0/4": "a reserved address",
}

_INNER6 = {
    "2001::/23": "a tunnel or an address with a special meaning",  # Teredo is the first of them
    "2001:db8::/32": "an address for documentation",
    "2002::/16": "a tunnel",  # 6to4: any IPv4 address may be inside
    "3fff::/20": "an address for documentation",
    "fc00::/7": "a private network",
    "fe80::/10": "a link-local address",
    "fec0::/10": "a private network",
    "ff00::/8": "a multicast address",
}

_NETWORKS: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(text), reason) for text, reason in (_INNER4 | _INNER6).items()
)

_GLOBAL6 = IPv6Network("2000::/3")  # whatever else IPv6 has is no address of the world
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_TUNNEL_IDS = (0x00005EFE, 0x02005EFE)  # ISATAP: the last four bytes are an IPv4 address

_NAME = re.compile(r"(?!-)[\w-]{1,63}(?:\.[\w-]{1,63})*\.?")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")
_BAD_CHARACTERS = re.compile(r"[\s\\\x00-\x1f\x7f]")


def refused(address: Address) -> str:
    """What the address is, if nobody outside should make us call it ("a private network"); "" if it is fine."""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return "an address of one network card"
        inside = _inside(address)
        if inside is not None:
            return refused(inside)
    if address in _METADATA_ADDRESSES:
        return _METADATA
    for network, reason in _NETWORKS:
        if address in network:
            return reason
    if isinstance(address, IPv6Address) and address not in _GLOBAL6:
        return _HERE if address.packed[:15] == bytes(15) else "a reserved address"
    return ""


def _inside(address: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that a packet to this one ends at; None if there is none, or if it is refused anyway."""
    last = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address in _MAPPED or address in _NAT64:
        return last
    isatap = (int(address) >> 32) & 0xFFFF_FFFF in _TUNNEL_IDS
    return last if isatap and refused(last) else None


@dataclass(frozen=True, slots=True)
class Allowed:
    """What may be called although it is inner: hosts, addresses or networks, each with one port or with all."""

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    networks: frozenset[tuple[Network, int | None]] = frozenset()

    @classmethod
    def parse(cls, entries: Iterable[str]) -> "Allowed":
        """From `127.0.0.1:8000`, `[::1]:8000`, `10.0.0.0/8`, `printer.lan`; ValueError names a wrong entry."""
        hosts: set[tuple[str, int | None]] = set()
        networks: set[tuple[Network, int | None]] = set()
        for entry in entries:
            host, port = _entry(entry)
            network = _network(host)
            if network is not None:
                networks.add((network, port))
            elif _NAME.fullmatch(host) and not _numeric(host):
                hosts.add((_plain(host), port))
            else:
                raise ValueError(f'"{entry}" is not host:port, such as "127.0.0.1:8000" or "printer.lan:631"')
        return cls(frozenset(hosts), frozenset(networks))

    def host(self, name: str, port: int) -> bool:
        """Whether this name is listed: then wherever it leads to is fine."""
        return not self.hosts.isdisjoint({(_plain(name), port), (_plain(name), None)})

    def address(self, address: Address, port: int) -> bool:
        """Whether this address is listed, whichever name led to it."""
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        real = mapped or address
        return any(real in network and wanted in {None, port} for network, wanted in self.networks)


def why_not(address: Address, port: int, *, host: str, allowed: Allowed) -> str:
    """What is wrong with a connection to this address for the sake of this host; "" if nothing is."""
    reason = refused(address)
    if not reason or allowed.host(host, port) or allowed.address(address, port):
        return ""
    return reason


def check_url(url: str, *, allowed: Allowed) -> None:
    """UserError, in a sentence that does not repeat the path (it may hold a secret), if it must not be called.

    Names are not looked up: what they lead to is checked when they are called.
    """
    host, port = _host(_split(url))
    address = literal(host)
    reason = _named(host) if address is None else refused(address)
    if not reason or allowed.host(host, port):
        return
    meant = (address,) if address is not None else _LOOPBACK if reason == _HERE else ()
    if any(allowed.address(one, port) for one in meant):
        return
    where = _shown(address or host, port)
    raise UserError(
        f"{where} is {reason}, which is not called from here; if it is meant, the operator lists it: "
        f'[http] allow_private = ["{where}"]'
    )


def literal(host: str) -> Address | None:
    """The address that a host is written as, in any form that a resolver takes; None if it is a name.

    UserError if it looks like an address and is none ("1.2.3.4.5").
    """
    if ":" in host:
        try:
            return IPv6Address(host)
        except AddressValueError:
            raise UserError(f'"{host[:100]}" is not an address') from None
    host = host.removesuffix(".")
    return _ipv4(host) if _numeric(host) else None


def _split(url: str) -> SplitResult:
    if len(url) > LONGEST_URL:
        raise UserError(f"the URL has {len(url)} characters; {LONGEST_URL} are the most")
    if not url or _BAD_CHARACTERS.search(url):
        raise UserError("the URL is empty or has spaces, backslashes or control characters in it")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise UserError(f"this is not a URL: {error}") from None
    if parts.scheme not in PORTS:
        given = parts.scheme or re.split("[/?#]", url.lstrip("/"), maxsplit=1)[0].rpartition("@")[2]
        raise UserError(f'a URL must begin with https:// or http://, not with "{given[:40]}"')
    if "@" in parts.netloc:
        raise UserError("a URL must not hold a name or a password before the host; use a token")
    return parts


def _host(parts: SplitResult) -> tuple[str, int]:
    try:
        port = parts.port if parts.port is not None else PORTS[parts.scheme]
    except ValueError:
        port = 0
    if port == 0:
        raise UserError("the URL's port must be a number from 1 to 65535")
    host = _plain(parts.hostname or "")
    if ":" not in host and not (len(host) <= 253 and _NAME.fullmatch(host)):
        raise UserError(f'"{host[:100]}" is not the name of a host')
    return host, port


def _plain(host: str) -> str:
    """The host as a resolver sees it: digits in circles are digits, a full stop may be an ideographic one."""
    return unicodedata.normalize("NFKC", host).replace("。", ".").lower()


def _numeric(host: str) -> bool:
    return _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]) is not None


def _ipv4(host: str) -> IPv4Address:
    """`127.1`, `0x7f.1`, `017700000001`, `2130706433`: up to four numbers, the last one fills what is left."""
    pieces = host.split(".")
    try:
        numbers = [_number(piece) for piece in pieces]
        *first, last = numbers
        if len(numbers) > 4 or any(number > 255 for number in first) or last >= 256 ** (5 - len(numbers)):
            raise ValueError(host)
    except ValueError:
        raise UserError(f'"{host[:100]}" is not an address') from None
    value = last
    for place, number in enumerate(first):
        value += number << (24 - 8 * place)
    return IPv4Address(value)


def _number(piece: str) -> int:
    if piece.startswith("0x"):
        return int(piece[2:] or "0", 16)
    if not piece.isascii() or not piece.isdigit() or len(piece) > 12:
        raise ValueError(piece)
    return int(piece, 8 if piece.startswith("0") else 10)


def _named(host: str) -> str:
    """What a name is, if everybody knows that it leads inside."""
    name = host.removesuffix(".")
    if name in _OUR_NAMES or name.endswith(".localhost"):
        return _HERE
    return _METADATA if name in _METADATA_NAMES else ""


def _shown(host: Address | str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in str(host) else f"{host}:{port}"


def _entry(entry: str) -> tuple[str, int | None]:
    """Host and port of an entry; the port None if there is none."""
    text = entry.strip().lower()
    match = re.fullmatch(r"\[([^\]]*)\](?::(\d{1,5}))?|([^:]*)(?::(\d{1,5}))?|([0-9a-f:.]*(?:/\d+)?)", text)
    port = match and (match[2] or match[4])
    if match is None or (port and not 0 < int(port) < 65_536):
        return "", None
    return match[1] or match[3] or match[5] or "", int(port) if port else None


def _network(host: str) -> Network | None:
    try:
        return ip_network(host, strict=False)
    except (AddressValueError, NetmaskValueError, ValueError):
        return None
