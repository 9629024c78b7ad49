"""Mails over SMTP: one connection for each, and what its errors mean."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from enum import StrEnum

import aiosmtplib
from aiosmtplib import SMTP
from pydantic import SecretStr

from gateway.errors import (
    AmbiguousDeliveryError,
    CredentialsRefusedError,
    DeliveryError,
    PermanentDeliveryError,
    TransientDeliveryError,
)

LOGIN = range(530, 540)
"""Refusals of who we are, not of a mail: 530 not logged in, 534, 535, 538 (RFC 4954)."""


class Security(StrEnum):
    """How a connection is kept from others."""

    TLS = "tls"  # from the first byte
    STARTTLS = "starttls"  # before anything is said that matters; without it nothing is said
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where mails are handed in, and as whom."""

    host: str
    port: int
    security: Security
    username: str  # empty: nobody logs in
    password: SecretStr
    timeout: timedelta = timedelta(seconds=30)  # for each answer
    context: ssl.SSLContext | None = None  # None: what Python trusts


class Client:
    """Hands mails in. It never retries."""

    def __init__(self, server: Server, sender: Address) -> None:
        self._server = server
        self._sender = sender

    async def send(self, mail: EmailMessage, recipient: str) -> str:
        """Hand a mail in; returns what the server said. One of the DeliveryErrors if it was not taken."""
        content = await asyncio.to_thread(mail.as_bytes)  # half a second for the largest
        async with self._connected() as smtp:
            with _ours():
                await smtp.mail(self._sender.addr_spec)
                await smtp.rcpt(recipient)
            with _ours(lost=AmbiguousDeliveryError):
                answer = await smtp.data(content)
            return answer.message

    async def ask(self) -> None:
        """Connect, log in, and leave; a DeliveryError says what did not work."""
        async with self._connected() as smtp:
            with _ours():
                await smtp.noop()

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[SMTP]:
        server = self._server
        smtp = SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security is Security.TLS,
            start_tls=server.security is Security.STARTTLS,
            timeout=server.timeout.total_seconds(),
            local_hostname=self._sender.domain,  # ours is nobody's business, and to look it up may take long
            tls_context=server.context,
        )
        try:
            with _ours():
                await smtp.connect()
                await smtp.ehlo()
                if server.username:
                    _check_login(smtp, server)
                    await smtp.login(server.username, server.password.get_secret_value())
            yield smtp
            with suppress(aiosmtplib.SMTPException, OSError):  # the mail is in; how we part does not matter
                await smtp.quit()
        finally:
            smtp.close()


def _check_login(smtp: SMTP, server: Server) -> None:
    if not smtp.supports_extension("auth"):
        raise CredentialsRefusedError(
            f"{server.host}:{server.port} lets nobody log in; is it the right port, and security what it wants?"
        )


@contextmanager
def _ours(*, lost: type[DeliveryError] = TransientDeliveryError) -> Iterator[None]:
    """Errors as ours. `lost`: what a connection that is gone means at this point."""
    try:
        yield
    except aiosmtplib.SMTPResponseException as error:
        raise translated(error, unclear=lost) from error
    except (aiosmtplib.SMTPException, OSError) as error:
        raise lost(f"the mail server: {_one_line(error)}") from error


def translated(
    error: aiosmtplib.SMTPResponseException, *, unclear: type[DeliveryError] = TransientDeliveryError
) -> DeliveryError:
    """A refusal as ours. `unclear`: for an answer that is none (RFC 5321 knows 2 to 5 at its start)."""
    words = f"the mail server answered {error.code} {_one_line(error)}"
    refused = 500 <= error.code < 600
    if isinstance(error, aiosmtplib.SMTPConnectResponseError) or 400 <= error.code < 500:
        return TransientDeliveryError(words)  # a server that greets so takes nothing from anybody now
    if refused and (isinstance(error, aiosmtplib.SMTPAuthenticationError) or error.code in LOGIN):
        return CredentialsRefusedError(f"{words}; are username and password right?")
    return PermanentDeliveryError(words) if refused else unclear(words)


def _one_line(error: Exception) -> str:
    text = error.message if isinstance(error, aiosmtplib.SMTPResponseException) else str(error)
    return " ".join(text.split())[:300] or type(error).__name__
