"""The Bot API's refusals and the network's troubles, as errors of ours."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    EndPointNotFound,
    Forbidden,
    InvalidToken,
    TelegramError,
)

from channels.telegram.request import FloodError, UnreachableError
from gateway.errors import (
    AmbiguousDeliveryError,
    CredentialsRefusedError,
    DeliveryError,
    FormattingRefusedError,
    PermanentDeliveryError,
    TransientDeliveryError,
)


class NoEditError(Exception):
    """The message that was to be replaced cannot be: it is gone, or not ours, or too old."""


class MovedError(Exception):
    """The chat has another id now; certainly nothing was sent."""

    def __init__(self, to: str) -> None:
        super().__init__(to)
        self.to = to


class UnfitError(PermanentDeliveryError):
    """The file cannot be sent as what it is; as a document it can."""


class RivalError(Exception):
    """Somebody else takes this bot's updates."""


@asynccontextmanager
async def our_errors() -> AsyncIterator[None]:
    """Inside, the SDK's errors become ours; MovedError when the chat has another id."""
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
        case (
            InvalidToken() | EndPointNotFound()
        ):  # the second is what a refused token is called by methods by name
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

UNFIT = (
    "photo_invalid_dimensions",
    "image_process_failed",
    "photo_save_file_invalid",
    "photo_ext_invalid",
    "too big for a photo",
    "voice_messages_forbidden",
)
"""Of refusals that are about what a file was sent as: as a document it is taken.

https://core.telegram.org/bots/api#sendphoto; the last one is a setting of the person who should hear it.
"""

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
    if any(words in reason.lower() for words in UNFIT):
        return UnfitError(f"Telegram: {reason}")
    return PermanentDeliveryError(f"Telegram: {reason}")
