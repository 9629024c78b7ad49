"""Feishu and Lark: over the long connection or webhooks; what people write comes in durably."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator, model_validator

from channels.base import Call, Inlet, Reply, Surroundings
from channels.feishu.client import Client, Identity
from channels.feishu.contents import taken_apart
from channels.feishu.crypt import need_cryptography
from channels.feishu.examine import findings
from channels.feishu.hooks import Hooks
from channels.feishu.intake import Intake
from channels.feishu.render import render
from channels.feishu.seal import Seal
from channels.feishu.sending import Sender
from channels.feishu.socket import DEAF, LongConnection
from gateway.clock import Clock
from gateway.config import Config, channel_settings
from gateway.errors import (
    ConfigError,
    CredentialsRefusedError,
    DeliveryError,
    MediaError,
    ReadingError,
    TransientDeliveryError,
)
from gateway.messages import ChatAddress, OutboundMessage, Parcel, Part
from gateway.outbox.pace import MINUTE, SECOND, Paces, Rate, Window, paces_of
from gateway.outbox.port import Repeat

APP = re.compile(r"cli_\w+", re.ASCII)

PER_CHAT = Rate(per_chat=5)
ACCOUNT = (Window(50, SECOND), Window(1_000, MINUTE))
"""What an app may send: https://open.feishu.cn/document/server-docs/im-v1/message/create ("接口频率限制", and 5 a
second to one person or group)."""

REMEMBERED = timedelta(minutes=55)
"""For an hour a request with the same uuid is the same message (…/im-v1/message/create)."""

CARD_EDITS_EVERY = timedelta(milliseconds=250)
"""5 edits of one card a second: https://open.feishu.cn/document/server-docs/im-v1/message-card/patch"""

SEEN = "OnIt"
"""The reaction to a message that is being answered: …/im-v1/message-reaction/emojis-introduce"""

LOOK_AGAIN = timedelta(minutes=5)
"""How often a channel that is called asks whether its app is still there: nothing else would tell."""


class Settings(BaseModel):
    """What only Feishu needs to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    app_id: str = ""
    app_secret: SecretStr = SecretStr("")
    api_base: str = "https://open.feishu.cn"
    mode: Literal["websocket", "webhook"] = "websocket"
    encrypt_key: SecretStr = SecretStr("")
    verification_token: SecretStr = SecretStr("")
    thread_replies: bool = True  # a message to the bot in a group is answered in a chain under it

    @field_validator("api_base")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if not re.fullmatch(r"https?://[^/\s]+/?", value):
            raise ValueError('must be an address without a path, such as "https://open.larksuite.com"')
        return value.rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        console = "it stands in the developer console, under Credentials & Basic Info"
        if not self.app_id:
            raise ValueError(f".app_id: missing; {console}")
        if not APP.fullmatch(self.app_id):
            raise ValueError(f".app_id: is no app id (cli_…); {console}")
        if not self.app_secret.get_secret_value():
            raise ValueError(f".app_secret: missing; {console}. Write it here, or into an app_secret_file")
        if self.mode == "webhook":
            for key in ("encrypt_key", "verification_token"):
                if not getattr(self, key).get_secret_value():
                    raise ValueError(
                        f'.{key}: missing, and with mode = "webhook" anybody could post events without it; it '
                        "stands in the developer console, under Events & Callbacks, Encryption Strategy"
                    )
        return self


def create(name: str, config: Config, clock: Clock, around: Surroundings) -> "FeishuChannel":
    """The instance of this name; ConfigError when its settings are not complete."""
    section = config.channels[name]
    settings = channel_settings(config, name, Settings)
    if settings.mode == "webhook":
        try:
            need_cryptography()
        except ConfigError as error:
            raise ConfigError(f"channels.{name}: {error}") from error
    rates = [Rate(**rate.model_dump()) for rate in (section.rate, config.outbox.rate) if rate is not None]
    return FeishuChannel(
        name,
        settings,
        client_of(settings, clock),
        clock,
        paces=feishu_paces(*rates),
        groups=tuple(section.groups),
        workspace=around.workspace,
    )


def client_of(settings: Settings, clock: Clock) -> Client:
    secret = settings.app_secret.get_secret_value()
    return Client(settings.app_id, secret, api_base=settings.api_base, clock=clock)


def feishu_paces(*rates: Rate) -> Paces:
    """The windows of these rates; where they say nothing of the account, those of Feishu."""
    paces = paces_of(*rates, PER_CHAT)
    return paces if any(rate.per_second is not None for rate in rates) else replace(paces, account=ACCOUNT)


async def examine(name: str, config: Config, clock: Clock) -> list[tuple[str, str]]:
    """What is wrong with this instance, as far as Feishu can tell: (ok, warning or error, a sentence)."""
    settings = channel_settings(config, name, Settings)
    client = client_of(settings, clock)
    try:
        return await findings(client, clock, websocket=settings.mode == "websocket")
    except CredentialsRefusedError as error:
        return [("error", str(error))]
    except DeliveryError as error:
        return [("warning", f"Feishu could not be asked: {error}")]
    finally:
        await client.close()


class FeishuChannel:
    """One app."""

    repeat = Repeat.DEDUPED
    remembers = REMEMBERED
    operated: ClassVar[bool] = False
    edits_every = CARD_EDITS_EVERY

    def __init__(
        self,
        name: str,
        settings: Settings,
        client: Client,
        clock: Clock,
        *,
        paces: Paces,
        workspace: Path,
        groups: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.paces = paces
        self.hooked = settings.mode == "webhook"
        self.heard_every = None if self.hooked else DEAF
        self._client = client
        self._clock = clock
        self._seal = Seal(settings.app_secret.get_secret_value())
        self._intake = Intake(name, client, clock, seal=self._seal, groups=groups, threads=settings.thread_replies)
        self._line = LongConnection(name, client, clock, self._intake.take)
        self._hooks = Hooks(
            self._intake, clock, encrypt_key=settings.encrypt_key, token=settings.verification_token
        )
        self._sender = Sender(client, self._intake.ours, workspace)

    async def run(self, inlet: Inlet) -> None:
        me = await self._identify()
        inlet.alive()
        self._intake.begin(me, inlet)
        if not self.hooked:
            await self._line.run(inlet.alive)
        while True:  # who is called hears nothing else; whether the app is still there is asked now and then
            await self._clock.sleep(LOOK_AGAIN)
            await self._identify()
            inlet.alive()

    async def _identify(self) -> Identity:
        try:
            return await self._client.identify()
        except CredentialsRefusedError:
            raise
        except DeliveryError as error:
            asked = error.retry_after if isinstance(error, TransientDeliveryError) else None
            raise ReadingError(str(error), pause=asked or timedelta()) from error

    async def called(self, call: Call) -> Reply:
        return await self._hooks.called(call)

    async def close(self) -> None:
        await self._intake.people.close()
        await self._client.close()

    def render(self, message: OutboundMessage) -> list[Part]:
        return render(message, self._seal)

    async def send(self, parcel: Parcel) -> str:
        return await self._sender.send(parcel)

    async def probe(self) -> None:
        await self._client.identify()

    async def react(self, address: ChatAddress, message_id: str) -> None:
        await self._client.react(message_id, SEEN)

    async def is_admin(self, address: ChatAddress, user: str) -> bool:
        return user in (await self._client.chat(address.chat)).admins

    async def fetch(self, source: str, sink: BinaryIO, *, limit: int) -> None:
        handle = taken_apart(source)
        if handle is None:
            raise MediaError("it is not known where the file is")
        message, kind, key = handle
        await self._client.download(message, kind, key, sink, limit=limit)
