"""`tocsin check`, the listener: where it would listen, whether it can, and who could call it."""

from collections.abc import Iterator

from gateway import home
from gateway.cli.finding import Finding, Level
from gateway.config import Config
from gateway.errors import ConfigError
from gateway.home import Home
from gateway.sections import WebSection
from gateway.web import guard
from gateway.web.token import NAME


def look(config: Config, place: Home | None) -> Iterator[Finding]:
    """What can be known of [web]; `place` is None where only a file is looked at."""
    section = config.web
    if section is None:
        return
    token = section.token.get_secret_value()
    yield _finding(Level.OK, f"{section.host}, port {section.port}; its token {_whereabouts(token, place)}")
    if guard.is_public(section.host):
        yield from _public(section, token)
    if place is not None and section.port and not _runs(place):
        yield from _taken(section)


def _whereabouts(token: str, place: Home | None) -> str:
    if token:
        return "is in the configuration"
    if place is None:
        return "is in the home folder"
    return f"is in {place.path / NAME}" if (place.path / NAME).exists() else "is made at the first start"


def _public(section: WebSection, token: str) -> Iterator[Finding]:
    yield _finding(
        Level.WARNING,
        f"web.host: {section.host} is reached by other machines, and everything that they send is readable on the "
        'way: let a proxy with TLS call "127.0.0.1" instead (docs/http.md), unless this network is yours alone',
    )
    if token and guard.bits(token) < guard.TOKEN_BITS:
        text = f"web.token: can be guessed ({guard.TOKEN_BITS} bits are needed); leave it empty, and one is made"
        yield _finding(Level.WRONG, text)


def _taken(section: WebSection) -> Iterator[Finding]:
    from gateway.web.listener import bound  # here: uvicorn, only where somebody configured the listener

    try:
        bound(section.host, section.port).close()
    except ConfigError as error:
        yield _finding(Level.ERROR, str(error))


def _runs(place: Home) -> bool:
    """Then the port is its own. A home that cannot be read is somebody else's finding."""
    try:
        return home.holder(place) is not None
    except OSError:
        return True


def _finding(level: Level, text: str) -> Finding:
    return Finding(part="web", level=level, text=text)
