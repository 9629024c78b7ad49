"""Telegram, polled or by webhook: what people write comes in durably, what the agent says goes out once."""

from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, ClassVar

from gateway.lean import without

# What the SDK imports draws in colours on its own command line, and knows an older kind of time zone: 1 MiB. Where
# cryptography is installed, it is there for Telegram Passport, which no bot here reads: 8 MiB.
with without("pygments"), without("pytz"), without("cryptography"):
    import telegram  # noqa: F401

from channels.base import Call, Inlet, Reply, Surroundings
from channels.files import FILE
from channels.telegram.client import Client, thread_of
from channels.telegram.examine import findings
from channels.telegram.hooks import Hook, Hooks
from channels.telegram.polling import Poller
from channels.telegram.refusals import MovedError, NoEditError
from channels.telegram.render import marked, render
from channels.telegram.settings import Settings
from channels.telegram.transfer import Transfer
from gateway import sections
from gateway.clock import Clock
from gateway.config import Config, channel_settings
from gateway.errors import (
    CredentialsRefusedError,
    DeliveryError,
    PermanentDeliveryError,
    StoreError,
    TransientDeliveryError,
)
from gateway.messages import ChatAddress, OutboundMessage, Parcel, Part
from gateway.outbox.pace import Paces, Rate, paces_of
from gateway.outbox.port import Repeat

RATE = Rate(per_second=30, per_chat=1, per_group_minute=20)
"""What a bot may send: https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this"""


EDITS_EVERY = timedelta(seconds=1)
"""As fast as a chat may be written to. In a group the pace of the outbox is slower, and it decides."""

SEEN = "👀"
"""One of those that bots may react with: https://core.telegram.org/bots/api#reactiontypeemoji"""

MANAGERS = frozenset({"creator", "administrator"})


def create(name: str, config: Config, clock: Clock, around: Surroundings) -> "TelegramChannel":
    """The instance of this name; ConfigError when its settings are not complete."""
    section = config.channels[name]
    rates = [rate_of(rate) for rate in (section.rate, config.outbox.rate) if rate is not None]
    settings = channel_settings(config, name, Settings)
    return TelegramChannel(
        name,
        client_of(settings),
        clock,
        paces=paces_of(*rates, RATE, is_group=_is_group),
        workspace=around.workspace,
        hook=hook_of(settings),
    )


def rate_of(section: sections.Rate) -> Rate:
    return Rate(**section.model_dump())


def client_of(settings: Settings) -> Client:
    return Client(settings.token.get_secret_value(), api_base=settings.api_base, proxy=settings.proxy)


def hook_of(settings: Settings) -> Hook | None:
    if settings.mode != "webhook":
        return None
    return Hook(settings.webhook_url.get_secret_value(), settings.webhook_secret.get_secret_value())


async def examine(name: str, config: Config, clock: Clock) -> list[tuple[str, str]]:
    """What is wrong with this instance, as far as Telegram can tell: (ok, warning or error, a sentence)."""
    settings = channel_settings(config, name, Settings)
    client = client_of(settings)
    try:
        return await findings(client, config.channels[name], clock, hook_of(settings))
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
    edits_every: timedelta = EDITS_EVERY

    def __init__(
        self,
        name: str,
        client: Client,
        clock: Clock,
        *,
        paces: Paces,
        workspace: Path = Path("workspace"),
        hook: Hook | None = None,
    ) -> None:
        """`workspace`: where files lie that are sent. `hook`: Telegram calls us; None: it is polled."""
        self.name = name
        self.paces = paces
        self.hooked = hook is not None
        self.heard_every = None if self.hooked else timedelta(seconds=90)
        self._client = client
        self._transfer = Transfer(client, workspace)
        self._hooks = Hooks(name, client, clock, hook) if hook else None
        self._reader = self._hooks or Poller(name, client, clock)
        self._inlet: Inlet | None = None
        self._moved: dict[str, str] = {}  # chats that were sent to under an id that they had before

    async def run(self, inlet: Inlet) -> None:
        self._inlet = inlet
        await self._reader.run(inlet)

    async def called(self, call: Call) -> Reply:
        return await self._hooks.called(call) if self._hooks else Reply(status=HTTPStatus.NOT_FOUND)

    async def close(self) -> None:
        if self._hooks:
            await self._hooks.close()
        await self._client.close()

    # -- sending ------------------------------------------------------------------------------------------

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
        if FILE in parcel.payload:
            return await self._transfer.send(address, parcel.payload, repeat=parcel.repeat)
        if parcel.edits:
            try:
                # Unmarked, also when it is repeated: an edit that is made twice is seen once.
                return await self._client.edit(address, parcel.edits, parcel.payload)
            except NoEditError as error:  # it is gone, or too old: what there is to say is said anew
                if parcel.passing:
                    raise PermanentDeliveryError(str(error)) from error
        return await self._client.send(address, marked(parcel.payload) if parcel.repeat else parcel.payload)

    async def probe(self) -> None:
        await self._client.identify()

    # -- what else Telegram can do ------------------------------------------------------------------------

    async def sign(self, address: ChatAddress) -> None:
        await self._client.sign("SendChatAction", address, action="typing", message_thread_id=thread_of(address))

    async def react(self, address: ChatAddress, message_id: str) -> None:
        seen = [{"type": "emoji", "emoji": SEEN}]
        await self._client.sign("SetMessageReaction", address, message_id=int(message_id), reaction=seen)

    async def is_admin(self, address: ChatAddress, user: str) -> bool:
        chat = self._moved.get(address.chat, address.chat)
        if user == chat or not user.isdecimal():
            return user == chat  # who writes in the group's own name: an anonymous admin
        try:
            found = await self._client.call("GetChatMember", chat_id=chat, user_id=int(user))
        except MovedError as error:
            found = await self._client.call("GetChatMember", chat_id=error.to, user_id=int(user))
        return isinstance(found, dict) and found.get("status") in MANAGERS

    async def fetch(self, source: str, sink: BinaryIO, *, limit: int) -> None:
        await self._transfer.fetch(source, sink, limit=limit)


def _is_group(chat: str) -> bool:
    return chat.startswith("-")
