"""The listener as the configuration wants it."""

from datetime import timedelta

from gateway.clock import Clock
from gateway.home import Home
from gateway.sections import WebSection
from gateway.web import guard
from gateway.web.application import Parts, application
from gateway.web.listener import HEADERS_WITHIN, Listener, bound
from gateway.web.token import Token


def open_listener(
    section: WebSection, home: Home, parts: Parts, clock: Clock, *, patience: timedelta = HEADERS_WITHIN
) -> Listener:
    """The listener: its address is taken, and its doors are closed until it is opened.

    ConfigError where the address cannot be had, or the token would be too easily guessed.
    """
    token = Token(home.path, section.token.get_secret_value())
    token.prepare(public=guard.is_public(section.host))
    app = application(parts, token, guard.names_of(section.host, section.hosts), clock)
    return Listener(app, bound(section.host, section.port), token=token.place, patience=patience)
