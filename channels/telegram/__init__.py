"""Telegram, by long polling: what people write comes in durably, what the agent says goes out once."""

import re
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator, model_validator

from gateway.lean import without

# What the SDK imports draws in colours on its own command line, and knows an older kind of time zone: 1 MiB.
with without("pygments"), without("pytz"):
    import telegram  # noqa: F401

from channels.base import Inlet
from channels.telegram.client import Client, MovedError, NoEditError
from channels.telegram.examine import findings
from channels.telegram.polling import Poller
from channels.telegram.render import marked, render
from gateway import sections
from gateway.clock import Clock
from gateway.config import Config, channel_settings
from gateway.errors import CredentialsRefusedError, DeliveryError, StoreError, TransientDeliveryError
from gateway.messages import ChatAddress, OutboundMessage, Parcel, Part
from gateway.outbox.pace import Paces, Rate, paces_of
from gateway.outbox.port import Repeat

TOKEN = re.compile(r"\d+:[\w-]+", re.ASCII)

RATE = Rate(per_second=30, per_chat=1, per_group_minute=20)
"""What a bot may send: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this"""


class Settings(BaseModel):
    """What only Telegram needs to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token: SecretStr = SecretStr("")
    api_base: str = "https://api.telegram.org"
    mode: Literal["polling", "webhook"] = "polling"
    webhook_secret: SecretStr = SecretStr("")
    proxy: str = ""  # http://host:port, where Telegram can only be reached through one

    @field_validator("api_base", "proxy")
    @classmethod
    def _an_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if not self.token.get_secret_value():
            raise ValueError(".token: missing; get one from @BotFather, and write it here or into a token_file")
        if not TOKEN.fullmatch(self.token.get_secret_value()):
            raise ValueError(".token: is not a bot's token; copy the whole of it from @BotFather")
        if self.mode == "webhook":
            raise ValueError('.mode: "webhook" is not built yet; use "polling"')
        return self


def create(name: str, config: Config, clock: Clock) -> "TelegramChannel":
    """The instance of this name; ConfigError when its settings are not complete."""
    section = config.channels[name]
    rates = [rate_of(rate) for rate in (section.rate, config.outbox.rate) if rate is not None]
    client = client_of(channel_settings(config, name, Settings))
    return TelegramChannel(name, client, clock, paces=paces_of(*rates, RATE, is_group=_is_group))


def rate_of(section: sections.Rate) -> Rate:
    return Rate(**section.model_dump())


def client_of(settings: Settings) -> Client:
    return Client(settings.token.get_secret_value(), api_base=settings.api_base, proxy=settings.proxy)


async def examine(name: str, config: Config, clock: Clock) -> list[tuple[str, str]]:
    """What is wrong with this instance, as far as Telegram can tell: (ok, warning or error, a sentence)."""
    client = client_of(channel_settings(config, name, Settings))
    try:
        return await findings(client, config.channels[name], clock)
    except CredentialsRefusedError as error:
        return [("error", str(error))]
    except DeliveryError as error:
        return [("warning", f"Telegram could not be asked: {error}")]
    finally:
        await client.close()


class TelegramChannel:
    """One bot."""

    repeat = Repeat.MARKED  # Telegram knows no id of ours, and a bot cannot look into its chats
    operated: ClassVar[bool] = False
    heard_every: ClassVar[timedelta | None] = timedelta(seconds=90)

    def __init__(self, name: str, client: Client, clock: Clock, *, paces: Paces) -> None:
        self.name = name
        self.paces = paces
        self._client = client
        self._poller = Poller(name, client, clock)
        self._inlet: Inlet | None = None
        self._moved: dict[str, str] = {}  # chats that were sent to under an id that they had before

    async def run(self, inlet: Inlet) -> None:
        self._inlet = inlet
        await self._poller.run(inlet)

    async def close(self) -> None:
        await self._client.close()

    def render(self, message: OutboundMessage) -> list[Part]:
        return render(message)

    async def send(self, parcel: Parcel) -> str:
        chat = parcel.address.chat
        try:
            return await self._send(parcel, self._moved.get(chat, chat))
        except MovedError as error:  # certainly not sent
            await self._follow(chat, error.to)
            return await self._send(parcel, error.to)

    async def _follow(self, chat: str, to: str) -> None:
        if self._inlet is not None:
            try:
                await self._inlet.moved(chat, to)
            except StoreError as error:
                raise TransientDeliveryError(f"{self.name}: the chat has moved to {to}: {error}") from error
        self._moved[chat] = to

    async def _send(self, parcel: Parcel, chat: str) -> str:
        address = replace(parcel.address, chat=chat)
        if parcel.edits:
            with suppress(NoEditError):  # it is gone, or too old: what there is to say is said anew
                # Unmarked, also when it is repeated: an edit that is made twice is seen once.
                return await self._client.edit(address, parcel.edits, parcel.payload)
        return await self._client.send(address, marked(parcel.payload) if parcel.repeat else parcel.payload)

    async def probe(self) -> None:
        await self._client.identify()

    async def sign(self, address: ChatAddress) -> None:
        await self._client.typing(address)


def _is_group(chat: str) -> bool:
    return chat.startswith("-")
