"""WeCom, to be told things: a robot writes into its one group, and reads nothing.

This package brings in httpx; it is imported when WeCom is configured, and not before.
"""

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, SecretStr, model_validator

from channels.base import Inlet, Surroundings
from channels.files import FILE, open_file
from channels.wecom.client import Client
from channels.wecom.render import REPEAT, render
from gateway.clock import Clock
from gateway.config import Config, channel_settings
from gateway.errors import CredentialsRefusedError, DeliveryError, PermanentDeliveryError
from gateway.media import sizes
from gateway.messages import Json, Media, OutboundMessage, Parcel, Part
from gateway.outbox.pace import MINUTE, Paces, Rate, Window, paces_of
from gateway.outbox.port import Repeat

WHERE = "https://developer.work.weixin.qq.com/document/path/91770"
"""Where the limits below stand."""

MESSAGES = Window(20, MINUTE)
LARGEST_FILE = 20_000_000
LEAST_FILE = 6  # bytes: more than 5
LARGEST_PICTURE = 2_000_000
PICTURES = ("image/jpeg", "image/png")

_ADDRESS = re.compile(r"https?://\S+/webhook/send\?key=\S+")


class Settings(BaseModel):
    """What only WeCom needs to know."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    webhook_url: SecretStr = SecretStr("")
    proxy: str = ""  # http://host:port, where WeCom can only be reached through one

    @model_validator(mode="after")
    def _complete(self) -> Self:
        address = self.webhook_url.get_secret_value()
        if not address:
            raise ValueError(".webhook_url: missing; copy it from the robot in the settings of the group")
        if not _ADDRESS.fullmatch(address):
            raise ValueError(".webhook_url: is not a robot's address; it ends in /webhook/send?key=…")
        if self.proxy and not self.proxy.startswith(("http://", "https://")):
            raise ValueError(".proxy: must start with http:// or https://")
        return self


def create(name: str, config: Config, clock: Clock, around: Surroundings) -> "WeComChannel":
    """The instance of this name; ConfigError when its settings are not complete."""
    section = config.channels[name]
    rates = [Rate(**section.rate.model_dump())] if section.rate else []
    chosen = paces_of(*rates)
    return WeComChannel(
        name,
        client_of(channel_settings(config, name, Settings)),
        workspace=around.workspace,
        paces=Paces(account=chosen.account if _names_account(rates) else (MESSAGES,), chat=chosen.chat),
    )


def _names_account(rates: list[Rate]) -> bool:
    return any(rate.per_second is not None for rate in rates)


def client_of(settings: Settings) -> Client:
    return Client(settings.webhook_url, proxy=settings.proxy)


async def examine(name: str, config: Config, clock: Clock) -> list[tuple[str, str]]:
    """Whether the robot is there: (ok, warning or error, a sentence). Nothing is said in its group."""
    client = client_of(channel_settings(config, name, Settings))
    try:
        await client.ask()
    except CredentialsRefusedError as error:
        return [("error", str(error))]
    except DeliveryError as error:
        return [("warning", f"WeCom could not be asked: {error}")]
    finally:
        await client.close()
    return [("ok", "the robot is there")]


class WeComChannel:
    """One robot."""

    repeat = Repeat.MARKED  # WeCom knows no id of ours, and a robot cannot look into its group
    operated: ClassVar[bool] = False
    heard_every: ClassVar[timedelta | None] = None

    def __init__(self, name: str, client: Client, *, workspace: Path, paces: Paces) -> None:
        self.name = name
        self.paces = paces
        self._client = client
        self._workspace = workspace

    async def run(self, inlet: Inlet) -> None:
        """Nothing is read: it lives, and waits for its end."""
        inlet.alive()
        await asyncio.Event().wait()

    async def close(self) -> None:
        await self._client.close()

    def render(self, message: OutboundMessage) -> list[Part]:
        return render(message)

    async def send(self, parcel: Parcel) -> str:
        """WeCom gives messages no ids, so that ours has to do."""
        sign = REPEAT if parcel.repeat else ""
        if FILE in parcel.payload:
            await self._send_file(parcel.payload, sign)
        else:
            await self._client.say(
                {"msgtype": "markdown", "markdown": {"content": sign + parcel.payload["markdown"]}}
            )
        return parcel.id

    async def _send_file(self, payload: Json, sign: str) -> None:
        name, content = payload[FILE]["name"], await asyncio.to_thread(self._content, payload)
        shown = payload[FILE]["kind"] == Media.PICTURE and payload[FILE]["media_type"] in PICTURES
        if shown and not sign and len(content) <= LARGEST_PICTURE:  # a picture has no place for a sign
            await self._client.say_picture(content)
        elif LEAST_FILE <= len(content) <= LARGEST_FILE:
            await self._client.say_file(sign + name, content)
        else:
            raise PermanentDeliveryError(
                f"the file {name} ({sizes.words(len(content))}) cannot be sent: WeCom takes {LEAST_FILE} bytes to "
                f"{sizes.words(LARGEST_FILE)}"
            )

    def _content(self, payload: Json) -> bytes:
        with open_file(self._workspace, payload) as file:
            return file.read(LARGEST_FILE + 1)

    async def probe(self) -> None:
        await self._client.ask()
