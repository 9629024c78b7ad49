"""The Bot API as the channel uses it: one call each, and its errors as ours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

import telegram
from telegram import (
    BotCommand,
    BotCommandScope,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    ReplyParameters,
)
from telegram.error import Conflict

from channels.telegram.refusals import NO_EDIT, MovedError, NoEditError, RivalError, our_errors
from channels.telegram.request import AiohttpRequest
from gateway.errors import AmbiguousDeliveryError, PermanentDeliveryError
from gateway.messages import ChatAddress, Json

ALLOWED_UPDATES = ["message", "callback_query", "my_chat_member"]
"""What we act on. Edits of messages are not among them: they start nothing."""

BATCH = 100  # updates, Telegram's own limit
CONNECTIONS = 40  # calls of a webhook at a time, Telegram's own default


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the bot is."""

    id: int
    username: str
    reads_groups: bool  # privacy mode is off: it gets every message of a group


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where Telegram sends updates instead of waiting to be asked; `url` is empty when it waits."""

    url: str
    pending: int
    error: str = ""  # of the last call that failed
    failed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long Telegram is waited for."""

    poll: timedelta = timedelta(seconds=25)  # whole ones; several within the 90 s after which a channel is deaf
    grace: timedelta = timedelta(seconds=10)  # beyond the time of a poll: then the connection is half open
    answer: timedelta = timedelta(seconds=20)  # to any other call
    file: timedelta = timedelta(minutes=5)  # to come or to go


WAITS = Waits()


class Client:
    """One bot's calls. It never retries."""

    def __init__(self, token: str, *, api_base: str, proxy: str = "", waits: Waits = WAITS) -> None:
        self.waits = waits
        self._requests = AiohttpRequest(proxy=proxy, timeout=waits.answer)
        self._files = f"{api_base}/file/bot{token}"
        self._bot = telegram.Bot(
            token,
            base_url=f"{api_base}/bot",
            base_file_url=f"{api_base}/file/bot",
            request=self._requests,
            get_updates_request=self._requests,
        )

    async def close(self) -> None:
        """Close the connections; the next call opens them again."""
        await self._requests.shutdown()

    async def call(self, method: str, *, wait: timedelta | None = None, **given: Any) -> Json:
        """Any method, spelled with a capital, so that it is not taken for the SDK's own; its result as it came."""
        async with our_errors():
            return await self._bot.do_api_request(
                method,
                api_kwargs={name: value for name, value in given.items() if value is not None},
                read_timeout=(wait or self.waits.answer).total_seconds(),
            )

    # -- reading ------------------------------------------------------------------------------------------

    async def identify(self) -> Identity:
        """Who we are; CredentialsRefusedError when the token is wrong."""
        async with our_errors():
            user = await self._bot.get_me()
        return Identity(
            id=user.id, username=user.username or "", reads_groups=bool(user.can_read_all_group_messages)
        )

    async def updates(self, offset: int, *, wait: timedelta) -> Sequence[Json]:
        """Updates from `offset` on, as Telegram wrote them; that confirms all before it.

        Not through the SDK's types: one update that they cannot read would hide the others for ever. RivalError
        when somebody else asks for the updates too.
        """
        async with our_errors():
            try:
                found = await self._bot.do_api_request(
                    "GetUpdates",
                    api_kwargs={
                        "offset": offset,
                        "limit": BATCH,
                        "timeout": round(wait.total_seconds()),
                        "allowed_updates": ALLOWED_UPDATES,
                    },
                    read_timeout=(wait + self.waits.grace).total_seconds(),
                )
            except Conflict as error:
                raise RivalError(str(error)) from error
        if not isinstance(found, list):
            raise AmbiguousDeliveryError("Telegram's answer is no list of updates")
        return found

    async def webhook(self) -> Webhook:
        async with our_errors():
            info = await self.call("GetWebhookInfo")
            failed = info.get("last_error_date")
            return Webhook(
                url=info["url"],
                pending=info["pending_update_count"],
                error=info.get("last_error_message", ""),
                failed_at=datetime.fromtimestamp(failed, UTC) if failed else None,
            )

    async def set_webhook(self, url: str, secret: str) -> None:
        """Have updates sent to this address, those too that wait already; the secret comes with each call."""
        await self.call(
            "SetWebhook",
            url=url,
            secret_token=secret,
            allowed_updates=ALLOWED_UPDATES,
            max_connections=CONNECTIONS,
            drop_pending_updates=False,
        )

    async def download(self, path: str, sink: BinaryIO, *, limit: int) -> int:
        """Write what lies at a path that GetFile has named; its status, and errors as of `AiohttpRequest`."""
        async with our_errors():
            return await self._requests.download(f"{self._files}/{path}", sink, limit=limit, wait=self.waits.file)

    def ahead(self, now: datetime) -> timedelta:
        """How far our clock is ahead of Telegram's, by its last answer."""
        return self._requests.ahead(now)

    # -- sending ------------------------------------------------------------------------------------------

    async def send(self, address: ChatAddress, payload: Mapping[str, Json]) -> str:
        """Send a rendered part; MovedError when the chat has another id."""
        async with our_errors():
            message = await self._bot.send_message(
                address.chat,
                payload["text"],
                parse_mode=_parse_mode(payload),
                message_thread_id=thread_of(address),
                reply_parameters=reply_of(payload),
                reply_markup=_keyboard(payload),
            )
        return str(message.message_id)

    async def edit(self, address: ChatAddress, message_id: str, payload: Mapping[str, Json]) -> str:
        """Put a rendered part in the place of a message; NoEditError when that cannot be."""
        try:
            async with our_errors():
                await self._bot.edit_message_text(
                    payload["text"],
                    chat_id=address.chat,
                    message_id=int(message_id),
                    parse_mode=_parse_mode(payload),
                    reply_markup=_keyboard(payload),
                )
        except PermanentDeliveryError as error:
            reason = str(error).lower()
            if "message is not modified" in reason:
                return message_id  # it says that already
            if any(words in reason for words in NO_EDIT):
                raise NoEditError(str(error)) from error
            raise
        return message_id

    async def sign(self, method: str, address: ChatAddress, **given: Json) -> None:
        """A small thing in a chat that nobody has to see: a chat that has moved is not followed for it."""
        try:
            await self.call(method, chat_id=address.chat, **given)
        except MovedError as error:
            raise PermanentDeliveryError(f"the chat is {error.to} now") from error

    async def answer_press(self, query: str, text: str = "") -> None:
        """End the waiting sign of a pressed button."""
        async with our_errors():
            await self._bot.answer_callback_query(query, text=text or None)

    async def offer(self, commands: Sequence[tuple[str, str]], scope: BotCommandScope) -> None:
        """Have Telegram offer the commands, (name, what it does), where the scope says."""
        async with our_errors():
            await self._bot.set_my_commands([BotCommand(*one) for one in commands], scope=scope)


def _parse_mode(payload: Mapping[str, Json]) -> str | None:
    return "HTML" if payload.get("format") == "html" else None


def thread_of(address: ChatAddress) -> int | None:
    """The topic. "General" has no id of its own: it is the chat (a send to thread 1 is refused)."""
    return int(address.thread) if address.thread not in {"", "1"} else None


def reply_of(payload: Mapping[str, Json]) -> ReplyParameters | None:
    """The message that a part answers."""
    if not payload.get("reply_to"):
        return None
    # What was asked may be deleted by now: that is no reason not to answer.
    return ReplyParameters(int(payload["reply_to"]), allow_sending_without_reply=True)


def _keyboard(payload: Mapping[str, Json]) -> InlineKeyboardMarkup | None:
    rows = payload.get("buttons")
    if not rows:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(label, callback_data=data) for label, data in row] for row in rows]
    )
