"""E-mail, to be told things: mails go out, none are read.

This package brings in aiosmtplib; it is imported when e-mail is configured, and not before.
"""

import asyncio
import ssl
from datetime import timedelta
from email.headerregistry import Address
from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from channels.base import Inlet, Surroundings
from channels.email.client import Client, Security, Server
from channels.email.letter import File, letter, mailbox, sender_of
from channels.email.render import render
from gateway import sections
from gateway.clock import Clock
from gateway.config import Config, channel_settings
from gateway.errors import ConfigError, CredentialsRefusedError, DeliveryError, MediaError, PermanentDeliveryError
from gateway.media.workspace import Workspace
from gateway.messages import OutboundMessage, Parcel, Part
from gateway.outbox.pace import Paces, Rate, paces_of
from gateway.outbox.port import Repeat

HERE = {"localhost", "127.0.0.1", "::1"}
PORTS = {Security.TLS: 465, Security.STARTTLS: 587, Security.NONE: 25}

RATE = Rate(per_second=1)
"""Ours: servers differ, and none says so in its answers before it refuses."""

LARGEST_FILE = 50_000_000


class Settings(BaseModel):
    """What only e-mail needs to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = ""
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None  # None: what belongs to `security`
    username: str = ""
    password: SecretStr = SecretStr("")
    sender: str = ""
    security: Security | None = None  # None: tls on port 465, none on this machine, else starttls
    ca_file: str = ""  # certificates to trust besides those of the machine, for a server of one's own
    timeout: sections.Duration = timedelta(seconds=30)
    subject: str = Field(default="", max_length=40)  # what every subject begins with

    @field_validator("sender")
    @classmethod
    def _a_mailbox(cls, value: str) -> str:
        try:
            return str(sender_of(value)) if value else value
        except PermanentDeliveryError as error:
            raise ValueError(f"{error}; write one such as bot@example.org") from None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.host:
            raise ValueError(".host: missing; write the name of your mail server, such as smtp.example.org")
        if not self.sender:
            raise ValueError(".sender: missing; write the address that mails come from")
        if bool(self.username) != bool(self.password.get_secret_value()):
            raise ValueError(".username: goes with a password; write both or neither")
        return self

    @property
    def chosen(self) -> Security:
        if self.security is not None:
            return self.security
        if self.port == PORTS[Security.TLS]:
            return Security.TLS
        return Security.NONE if self.host in HERE else Security.STARTTLS


def create(name: str, config: Config, clock: Clock, around: Surroundings) -> "EmailChannel":
    """The instance of this name; ConfigError when its settings are not complete."""
    section, settings = config.channels[name], channel_settings(config, name, Settings)
    rates = [Rate(**section.rate.model_dump())] if section.rate else []
    try:
        client = client_of(settings)
    except OSError as error:
        raise ConfigError(f"channels.{name}.ca_file: {settings.ca_file}: {error.strerror or error}") from error
    return EmailChannel(name, settings, client, clock, workspace=around.workspace, paces=paces_of(*rates, RATE))


async def examine(name: str, config: Config, clock: Clock) -> list[tuple[str, str]]:
    """What the mail server says to who logs in: (ok, warning or error, a sentence). No mail is sent."""
    settings = channel_settings(config, name, Settings)
    found = []
    if settings.chosen is Security.NONE and settings.host not in HERE and settings.username:
        found.append(("warning", "the password goes over the network for everybody to read: use tls or starttls"))
    try:
        await client_of(settings).ask()
    except OSError as error:
        return [*found, ("error", f"ca_file: {settings.ca_file}: {error.strerror or error}")]
    except CredentialsRefusedError as error:
        return [*found, ("error", str(error))]
    except DeliveryError as error:
        return [*found, ("warning", f"{settings.host} could not be asked: {error}")]
    return [*found, ("ok", f"{settings.host} takes mails from {settings.sender} ({settings.chosen})")]


def client_of(settings: Settings) -> Client:
    server = Server(
        host=settings.host,
        port=settings.port or PORTS[settings.chosen],
        security=settings.chosen,
        username=settings.username,
        password=settings.password,
        timeout=settings.timeout,
        context=_trusting(settings.ca_file) if settings.ca_file else None,
    )
    return Client(server, sender_of(settings.sender))


def _trusting(file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.load_verify_locations(cafile=file)
    return context


class EmailChannel:
    """One mail box that mails come from."""

    repeat = Repeat.MARKED  # a server may know the id of a mail, and most do not
    operated: ClassVar[bool] = False
    heard_every: ClassVar[timedelta | None] = None

    def __init__(
        self, name: str, settings: Settings, client: Client, clock: Clock, *, workspace: Path, paces: Paces
    ) -> None:
        self.name = name
        self.paces = paces
        self._prefix = settings.subject
        self._sender: Address = sender_of(settings.sender)
        self._client = client
        self._clock = clock
        self._workspace = Workspace(workspace)

    async def run(self, inlet: Inlet) -> None:
        """Mails are not read: it lives, and waits for its end."""
        inlet.alive()
        await asyncio.Event().wait()

    def render(self, message: OutboundMessage) -> list[Part]:
        return render(message, prefix=self._prefix)

    async def send(self, parcel: Parcel) -> str:
        recipient = mailbox(parcel.address.chat).addr_spec
        files = await asyncio.to_thread(self._files, parcel)
        mail = await asyncio.to_thread(letter, parcel, self._sender, self._clock.now(), files)
        await self._client.send(mail, recipient)
        return str(mail["Message-ID"])

    def _files(self, parcel: Parcel) -> list[File]:
        try:
            return [
                (name, media_type, self._workspace.read(path, limit=LARGEST_FILE))
                for path, name, media_type in parcel.payload.get("files", ())
            ]
        except MediaError as error:
            raise PermanentDeliveryError(f"a file of the mail cannot be sent: {error}") from error

    async def probe(self) -> None:
        await self._client.ask()
