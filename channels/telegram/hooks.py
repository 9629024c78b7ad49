"""Webhook mode: Telegram calls us for every update, and again until it is answered that the update is safe.

https://core.telegram.org/bots/api#setwebhook. It sends the updates of one chat one after another (seen in
github.com/tdlib/telegram-bot-api, WebhookActor.cpp: a queue for each chat), chats beside each other.
"""

import hmac
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

import structlog
from telegram.error import TelegramError

from channels.base import Call, Inlet, Reply
from channels.telegram.client import Client, Identity, Webhook
from channels.telegram.intake import Intake, number_of
from channels.telegram.parse import Heard, Membership, Moved, Pressed, Said
from channels.telegram.queues import Queues
from channels.telegram.request import AiohttpRequest
from gateway.clock import Clock
from gateway.errors import (
    CredentialsRefusedError,
    DeliveryError,
    ReadingError,
    StoreError,
    TransientDeliveryError,
)
from gateway.messages import Json

logger = structlog.get_logger()

SECRET = "x-telegram-bot-api-secret-token"  # noqa: S105 - the name of a header
CHECK_EVERY = timedelta(seconds=30)

REFUSED = Reply(status=HTTPStatus.UNAUTHORIZED)
TAKEN = Reply()


@dataclass(frozen=True, slots=True)
class Hook:
    """Where Telegram shall call, and what it shall prove itself with."""

    url: str
    secret: str


class Hooks:
    """Is called by Telegram. `run` only sees to it that it can."""

    def __init__(self, name: str, client: Client, clock: Clock, hook: Hook) -> None:
        self._name = name
        self._client = client
        self._clock = clock
        self._hook = hook
        self._intake = Intake(name, client, clock)
        self._queues = Queues()
        self._is_open = False
        self._is_set = False
        self._heard_at = clock.now()  # when Telegram has got through to us, or could for the first time

    # -- the webhook itself -------------------------------------------------------------------------------

    async def run(self, inlet: Inlet) -> None:
        """Until cancelled; CredentialsRefusedError or ReadingError as `Channel.run` says."""
        try:
            self.open(inlet, await self._client.identify())
            while True:
                await self._check()
                self._intake.alive()
                await self._clock.sleep(CHECK_EVERY)
        except CredentialsRefusedError:
            raise
        except DeliveryError as error:
            asked = error.retry_after if isinstance(error, TransientDeliveryError) else None
            raise ReadingError(str(error), pause=asked or timedelta()) from error

    def open(self, inlet: Inlet, me: Identity) -> None:
        """From here on calls are taken."""
        self._intake.open(inlet, me)
        self._is_open = True

    async def close(self) -> None:
        """Nothing more is called. The webhook stays: what is written now comes when we are back."""
        await self._intake.rest()

    async def _check(self) -> None:
        """Set the webhook once, and see whether Telegram gets through to us; ReadingError where it does not."""
        found = await self._client.webhook()
        if not self._is_set or not found.url:
            # Once in a life also where it is set: its secret may be another one.
            await self._client.set_webhook(self._hook.url, self._hook.secret)
            self._is_set = True
            self._heard_at = self._clock.now()
            logger.info("the webhook is set", channel=self._name, pending=found.pending)
        elif why := trouble(found, self._hook.url, self._heard_at):
            raise ReadingError(why, pause=CHECK_EVERY)

    # -- its calls ----------------------------------------------------------------------------------------

    async def called(self, call: Call) -> Reply:
        """Answer; StoreError when what was written could not be kept."""
        given = call.headers.get(SECRET, "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, self._hook.secret.encode()):
            return REFUSED  # the body is not even read
        if call.method != "POST":
            return Reply(status=HTTPStatus.METHOD_NOT_ALLOWED, headers={"Allow": "POST"})
        if not self._is_open:
            raise StoreError("the channel has not begun yet")
        await self._take(await call.body())
        self._heard_at = self._clock.now()
        self._intake.alive()
        return TAKEN

    async def _take(self, body: bytes) -> None:
        try:
            update: Json = AiohttpRequest.parse_json_payload(body)
        except TelegramError as error:  # it would come again for ever
            logger.warning("an update cannot be read", channel=self._name, error=str(error))
            return
        (heard,) = self._intake.read([update])
        number = number_of(update) or 0
        async with AsyncExitStack() as turns:
            for chat in _chats_of(heard):
                await turns.enter_async_context(self._queues.turn(chat, number))
            await self._intake.hand_in([heard])


def trouble(found: Webhook, url: str, heard_at: datetime) -> str:
    """Why Telegram does not get through to `url`; empty: it does, or has nothing to say. Pure."""
    if found.url != url:
        return (
            "the webhook of this bot is another one now: another program uses this token; stop it, or make a bot "
            "of your own with @BotFather, then start anew"
        )
    if found.pending and found.failed_at is not None and found.failed_at > heard_at:
        return f"Telegram cannot call the webhook ({found.pending} updates wait): {found.error}"
    return ""


def _chats_of(heard: Heard) -> tuple[str, ...]:
    """Whose order an update belongs to. What follows a move waits for it, in the new chat."""
    match heard:
        case Said(message):
            return (message.address.chat,)
        case Pressed(message=message) if message is not None:
            return (message.address.chat,)
        case Moved(chat, to):
            return tuple(sorted({chat, to}))  # in one order, so that no two wait for each other
        case Membership(chat=chat):
            return (chat,)
    return ()
