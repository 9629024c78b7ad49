"""The Bot API as the channel uses it: one call each, and its errors as ours."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import telegram
from telegram import (
    BotCommand,
    BotCommandScope,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    ReplyParameters,
)
from telegram.constants import ChatAction
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    TelegramError,
)

from channels.telegram.request import AiohttpRequest, FloodError, UnreachableError
from gateway.errors import (
    AmbiguousDeliveryError,
    CredentialsRefusedError,
    DeliveryError,
    FormattingRefusedError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from gateway.messages import ChatAddress, Json

ALLOWED_UPDATES = ["message", "callback_query", "my_chat_member"]
"""What we act on. Edits of messages are not among them: they start nothing."""

BATCH = 100  # updates, Telegram's own limit


class NoEditError(Exception):
    """The message that was to be replaced cannot be: it is gone, or not ours, or too old."""


class MovedError(Exception):
    """The chat has another id now; certainly nothing was sent."""

    def __init__(self, to: str) -> None:
        super().__init__(to)
        self.to = to


class RivalError(Exception):
    """Somebody else takes this bot's updates."""


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How long Telegram is waited for."""

    poll: timedelta = timedelta(seconds=25)  # whole ones; several within the 90 s after which a channel is deaf
    grace: timedelta = timedelta(seconds=10)  # beyond the time of a poll: then the connection is half open
    answer: timedelta = timedelta(seconds=20)  # to any other call


WAITS = Waits()


class Client:
    """One bot's calls. It never retries."""

    def __init__(self, token: str, *, api_base: str, proxy: str = "", waits: Waits = WAITS) -> None:
        self.waits = waits
        self._requests = AiohttpRequest(proxy=proxy, timeout=waits.answer)
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

    # -- reading ------------------------------------------------------------------------------------------

    async def identify(self) -> Identity:
        """Who we are; CredentialsRefusedError when the token is wrong."""
        async with _our_errors():
            user = await self._bot.get_me()
        return Identity(
            id=user.id, username=user.username or "", reads_groups=bool(user.can_read_all_group_messages)
        )

    async def updates(self, offset: int, *, wait: timedelta) -> Sequence[Json]:
        """Updates from `offset` on, as Telegram wrote them; that confirms all before it.

        Not through the SDK's types: one update that they cannot read would hide the others for ever. RivalError
        when somebody else asks for the updates too.
        """
        async with _our_errors():
            try:
                found = await self._bot.do_api_request(
                    "GetUpdates",  # so spelled, it is not taken for the SDK's own method
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
            except EndPointNotFound as error:  # what a refused token is called here
                raise InvalidToken(str(error.__cause__ or error)) from error
        if not isinstance(found, list):
            raise AmbiguousDeliveryError("Telegram's answer is no list of updates")
        return found

    async def webhook(self) -> Webhook:
        async with _our_errors():
            info = await self._bot.get_webhook_info()
        return Webhook(url=info.url, pending=info.pending_update_count)

    def ahead(self, now: datetime) -> timedelta:
        """How far our clock is ahead of Telegram's, by its last answer."""
        return self._requests.ahead(now)

    # -- sending ------------------------------------------------------------------------------------------

    async def send(self, address: ChatAddress, payload: Mapping[str, Json]) -> str:
        """Send a rendered part; MovedError when the chat has another id."""
        async with _our_errors():
            message = await self._bot.send_message(
                address.chat,
                payload["text"],
                parse_mode=_parse_mode(payload),
                message_thread_id=_thread(address),
                reply_parameters=_reply(payload),
                reply_markup=_keyboard(payload),
            )
        return str(message.message_id)

    async def edit(self, address: ChatAddress, message_id: str, payload: Mapping[str, Json]) -> str:
        """Put a rendered part in the place of a message; NoEditError when that cannot be."""
        try:
            async with _our_errors():
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

    async def typing(self, address: ChatAddress) -> None:
        """Show for five seconds that an answer is being written."""
        try:
            async with _our_errors():
                await self._bot.send_chat_action(
                    address.chat, ChatAction.TYPING, message_thread_id=_thread(address)
                )
        except MovedError as error:  # nobody has to follow it for this
            raise PermanentDeliveryError(f"the chat is {error.to} now") from error

    async def answer_press(self, query: str, text: str = "") -> None:
        """End the waiting sign of a pressed button."""
        async with _our_errors():
            await self._bot.answer_callback_query(query, text=text or None)

    async def offer(self, commands: Sequence[tuple[str, str]], scope: BotCommandScope) -> None:
        """Have Telegram offer the commands, (name, what it does), where the scope says."""
        async with _our_errors():
            await self._bot.set_my_commands([BotCommand(*one) for one in commands], scope=scope)


def _parse_mode(payload: Mapping[str, Json]) -> str | None:
    return "HTML" if payload.get("format") == "html" else None


def _thread(address: ChatAddress) -> int | None:
    """The topic. "General" has no id of its own: it is the chat (a send to thread 1 is refused)."""
    return int(address.thread) if address.thread not in {"", "1"} else None


def _reply(payload: Mapping[str, Json]) -> ReplyParameters | None:
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


# -- errors -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _our_errors() -> AsyncIterator[None]:
    try:
        yield
    except ChatMigrated as error:
        raise MovedError(str(error.new_chat_id)) from error
    except TelegramError as error:
        raise translated(error) from error
    except (KeyError, TypeError, ValueError) as error:  # the SDK could not read the answer
        raise AmbiguousDeliveryError(f"Telegram's answer cannot be read ({type(error).__name__})") from error


def translated(error: TelegramError) -> DeliveryError:
    """The SDK's error as ours: what is certain about the request, and whether a repeat can help."""
    match error:
        case FloodError(retry_after=retry_after):
            return TransientDeliveryError(str(error), retry_after=retry_after)
        case InvalidToken():
            return CredentialsRefusedError(
                "Telegram refuses the token; copy it again from @BotFather, or make a new one"
            )
        case Forbidden():
            return PermanentDeliveryError(f"Telegram: {error}")
        case BadRequest():
            return _refusal(str(error))
        case UnreachableError():
            return TransientDeliveryError(f"Telegram: {error}")
        case Conflict():
            return TransientDeliveryError(f"Telegram: {error}")
        case _:
            return AmbiguousDeliveryError(f"Telegram: {error}")


NO_EDIT = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "there is no text in the message to edit",
)
"""Of refusals that are about the message to be replaced, and not about what takes its place."""

FORMATTING = (
    "can't parse entities",
    "can't find end of",
    "parse_mode",
    "entities_too_long",
    "wrong http url",
    "entity url",
)
"""Of refusals that cost formatting and not content: the last ones are of links that Telegram does not like."""


def _refusal(reason: str) -> DeliveryError:
    if any(words in reason.lower() for words in FORMATTING):
        return FormattingRefusedError(f"Telegram: {reason}")
    return PermanentDeliveryError(f"Telegram: {reason}")
