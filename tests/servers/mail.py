"""A mail server on loopback, by aiosmtpd: takes mails, refuses them, or hangs up at a wrong moment."""

import asyncio
import ssl
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USERNAME, PASSWORD = "bot@example.org", "SENTINEL-of-the-mail-box"


@dataclass
class MailServer:
    """What arrived, and what is done with what arrives next."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[Envelope] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    secured: list[bool] = field(default_factory=list)  # of each mail: whether it came encrypted
    answers: dict[str, str] = field(default_factory=dict)  # to MAIL, RCPT or DATA: a refusal
    hang_up: str = ""  # at DATA: "before" the mail is taken, or "after"

    async def handle_MAIL(  # noqa: N802 - the library calls it so
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802 - the library calls it so
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        if refusal := self.answers.get("RCPT"):
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - the library calls it so
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.hang_up != "before" and "DATA" not in self.answers:
            self._keep(envelope, secured=_is_secured(server))
        if self.hang_up:
            assert server.transport is not None
            server.transport.close()
        return self.answers.get("DATA", "250 taken")

    def _keep(self, envelope: Envelope, *, secured: bool) -> None:
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.envelopes.append(envelope)
        self.secured.append(secured)

    def let_in(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login.decode())
        right = (data.login.decode(), data.password.decode()) == (USERNAME, PASSWORD)
        return AuthResult(success=right, handled=right)


@asynccontextmanager
async def serve_mail(
    *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, login: bool = False
) -> AsyncIterator[MailServer]:
    """`tls`: from the first byte. `starttls` and `login`: nothing is taken without."""
    mail_server = MailServer()
    loop = asyncio.get_running_loop()
    settings: dict[str, Any] = {"loop": loop, "hostname": "mail.example.org"}
    if starttls:
        settings |= {"tls_context": starttls, "require_starttls": True}
    if login:
        settings |= {
            "authenticator": mail_server.let_in,
            "auth_required": True,
            "auth_require_tls": bool(starttls),
        }
    server = await loop.create_server(_maker(mail_server, settings), "127.0.0.1", 0, ssl=tls)
    mail_server.port = server.sockets[0].getsockname()[1]
    try:
        yield mail_server
    finally:
        server.close()
        await server.wait_closed()


def _is_secured(server: SMTP) -> bool:
    return server.transport is not None and server.transport.get_extra_info("sslcontext") is not None


def _maker(handler: MailServer, settings: dict[str, Any]) -> Callable[[], SMTP]:
    def make() -> SMTP:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it finds passwords without encryption unwise, and so do we
            return SMTP(handler, **settings)

    return make
