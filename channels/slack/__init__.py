"""Slack, by Socket Mode or signed HTTP: what people write comes in durably, what the agent says goes out once."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import BinaryIO, ClassVar

from channels.base import Call, Inlet, Reply, Surroundings
from channels.files import FILE
from channels.slack.allowance import Allowance
from channels.slack.client import Client, NoEditError
from channels.slack.dispatch import Dispatcher
from channels.slack.examine import findings
from channels.slack.history import delivery_of, messages_since
from channels.slack.hooks import Hooks
from channels.slack.intake import Intake
from channels.slack.render import marked, render
from channels.slack.settings import Settings
from channels.slack.socket import WAITS, Socket, Waits
from channels.slack.spelling import OURS, spelled
from channels.slack.transfer import Transfer
from channels.slack.words import text_of
from gateway import sections
from gateway.clock import Clock
from gateway.config import Config, channel_settings
from gateway.errors import (
    CredentialsRefusedError,
    DeliveryError,
    PermanentDeliveryError,
    ReadingError,
    TransientDeliveryError,
)
from gateway.messages import Caller, ChatAddress, OutboundMessage, Parcel, Part
from gateway.outbox.pace import Paces, Rate, paces_of
from gateway.outbox.port import Repeat

RATE = Rate(per_second=5, per_chat=1)
"""One message a second in a channel, and "several hundred" a minute in a workspace:
https://docs.slack.dev/apis/web-api/rate-limits and /reference/methods/chat.postMessage#rate_limiting. The second
has no number of its own; five a second are 300."""

EDITS_EVERY = timedelta(seconds=1.5)
"""chat.update is of tier 3, 50 calls a minute for the whole app: https://docs.slack.dev/apis/web-api/rate-limits.
Answers that grow share 40 of them; the rest is for edits that have to arrive."""
EDITS_AT_ONCE = 3  # by answers that grow beside each other

SKEW = timedelta(minutes=10)  # that our clock may have been ahead of Slack's, besides what it is now
FILE_SKEW = timedelta(minutes=1)  # the same for files, which are known by no id of ours
SEEN = "eyes"


def create(name: str, config: Config, clock: Clock, around: Surroundings) -> "SlackChannel":
    """The instance of this name; ConfigError when its settings are not complete."""
    section = config.channels[name]
    rates = [_rate_of(rate) for rate in (section.rate, config.outbox.rate) if rate is not None]
    settings = channel_settings(config, name, Settings)
    # The assistant that is built in speaks of commands as the gateway does.
    ours = OURS | {Caller.REPLY, Caller.MODEL} if config.model.provider == "offline" else OURS
    return SlackChannel(
        name, settings, client_of(settings), clock, around, paces=paces_of(*rates, RATE), ours=ours
    )


def _rate_of(rate: sections.Rate) -> Rate:
    return Rate(**rate.model_dump())


def client_of(settings: Settings) -> Client:
    return Client(
        settings.bot_token.get_secret_value(),
        app_token=settings.app_token.get_secret_value(),
        api_base=settings.api_base,
    )


async def examine(name: str, config: Config, clock: Clock) -> list[tuple[str, str]]:
    """What is wrong with this instance, as far as Slack can tell: (ok, warning or error, a sentence)."""
    settings = channel_settings(config, name, Settings)
    client = client_of(settings)
    try:
        return await findings(client, config.channels[name], clock, socket=settings.mode == "socket")
    except CredentialsRefusedError as error:
        return [("error", str(error))]
    except DeliveryError as error:
        return [("warning", f"Slack could not be asked: {error}")]
    finally:
        await client.close()


class SlackChannel:
    """One app in one workspace."""

    repeat = Repeat.SEARCHABLE  # our id is in the metadata of the message
    operated: ClassVar[bool] = False
    edits_every = EDITS_EVERY

    def __init__(
        self,
        name: str,
        settings: Settings,
        client: Client,
        clock: Clock,
        around: Surroundings,
        *,
        paces: Paces,
        ours: Collection[Caller] = OURS,
        waits: Waits = WAITS,
    ) -> None:
        """`ours`: who speaks of commands as the gateway calls them."""
        self.name = name
        self.paces = paces
        self.hooked = settings.mode == "http"
        self.heard_every = None if self.hooked else timedelta(seconds=60)
        self._client = client
        self._clock = clock
        self._ours = ours
        self._commands: frozenset[str] = frozenset()
        self._waits = waits
        self._edits = Allowance(clock, EDITS_EVERY, EDITS_AT_ONCE)
        self._transfer = Transfer(client, around.workspace)
        self._intake = Intake(name, client, clock, thread_replies=settings.thread_replies)
        dispatcher = Dispatcher(name, self._intake.take, lambda: self._intake.me)
        secret = settings.signing_secret.get_secret_value()
        self._hooks = Hooks(secret, dispatcher, clock) if self.hooked else None
        self._socket = Socket(name, client, clock, take=dispatcher.envelope, alive=self._intake.alive, waits=waits)

    # -- reading ------------------------------------------------------------------------------------------

    async def run(self, inlet: Inlet) -> None:
        try:
            me = await self._client.identify()
        except CredentialsRefusedError:
            raise
        except DeliveryError as error:
            asked = error.retry_after if isinstance(error, TransientDeliveryError) else None
            raise ReadingError(str(error), pause=asked or timedelta()) from error
        self._commands = frozenset(command.name for command in inlet.commands)
        self._intake.open(inlet, me)
        if self.hooked:
            self._intake.alive()
            await asyncio.Event().wait()  # Slack calls; there is nothing to do until we are cancelled
        await self._socket.run()

    async def called(self, call: Call) -> Reply:
        if self._hooks is None:
            return Reply(status=404)  # nobody is meant to call
        reply = await self._hooks.called(call)
        if reply.status == 200:
            self._intake.alive()
        return reply

    async def close(self) -> None:
        await self._intake.close()
        await self._client.close()

    # -- sending ------------------------------------------------------------------------------------------

    def render(self, message: OutboundMessage) -> list[Part]:
        return render(spelled(message, self._commands, ours=self._ours))

    async def send(self, parcel: Parcel) -> str:
        if FILE in parcel.payload:
            return await self._transfer.send(parcel)
        if parcel.edits:
            if parcel.passing and not self._edits.take():
                raise PermanentDeliveryError("Slack takes no more edits at this moment")
            try:  # unmarked, also when it is repeated: an edit that is made twice is seen once
                return await self._client.update(parcel.address, parcel.edits, parcel.payload, parcel.id)
            except NoEditError as error:  # it is gone, or too old: what there is to say is said anew
                if parcel.passing:
                    raise PermanentDeliveryError(str(error)) from error
        payload = marked(parcel.payload) if parcel.repeat else parcel.payload
        return await self._client.post(parcel.address, payload, parcel.id)

    async def find(self, parcel: Parcel) -> str | None:
        found = await self._look_for(parcel)
        if found is None:  # nobody promises that what was taken a moment ago stands there already
            await self._clock.sleep(self._waits.history)
            found = await self._look_for(parcel)
        return found

    async def _look_for(self, parcel: Parcel) -> str | None:
        is_file = FILE in parcel.payload
        since = self._before(parcel.said_at, FILE_SKEW if is_file else SKEW)
        messages = await messages_since(self._client, parcel.address, since)
        if is_file:
            me = self._intake.me
            ours = [one for one in messages if me is None or text_of(one, "user") == me.user]
            return await self._transfer.found(parcel, ours)
        return next((text_of(one, "ts") for one in messages if delivery_of(one) == parcel.id), None)

    def _before(self, said_at: datetime | None, skew: timedelta) -> datetime | None:
        """A moment by Slack's clock before which it was not sent; None: that is not known."""
        if said_at is None:
            return None
        now = self._clock.now()
        ahead = max(self._client.api.ahead(now), timedelta())
        return min(said_at, now) - ahead - skew

    async def probe(self) -> None:
        await self._client.identify()

    # -- what else Slack can do ---------------------------------------------------------------------------

    async def react(self, address: ChatAddress, message_id: str) -> None:
        await self._client.react(address.chat, message_id, SEEN)

    async def is_admin(self, address: ChatAddress, user: str) -> bool:
        if (await self._client.person(user)).manages:
            return True
        return (await self._client.conversation(address.chat)).get("creator") == user

    async def fetch(self, source: str, sink: BinaryIO, *, limit: int) -> None:
        await self._transfer.fetch(source, sink, limit=limit)
