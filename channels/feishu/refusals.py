"""Feishu's refusals as our errors: what is certain about the request, and whether a repeat can help; pure.

The codes are of the tables under "错误码" of the pages named below, the general ones of
https://open.feishu.cn/document/server-docs/api-call-guide/generic-error-code:

- send: https://open.feishu.cn/document/server-docs/im-v1/message/create
- reply: https://open.feishu.cn/document/server-docs/im-v1/message/reply
- edit a text or post: https://open.feishu.cn/document/server-docs/im-v1/message/update
- edit a card: https://open.feishu.cn/document/server-docs/im-v1/message-card/patch
"""

import re
from dataclasses import dataclass
from datetime import timedelta

from gateway.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    FormattingRefusedError,
    PermanentDeliveryError,
    TransientDeliveryError,
)

TOKEN = frozenset({99991661, 99991663, 99991664, 99991665, 99991668, 99991671})
"""The token is missing, wrong or over: certainly nothing was done."""

CREDENTIALS = frozenset({10003, 10012, 10013, 10014, 10015, 10016, 99991543})
"""The app id or its secret is refused, where a token is asked for."""

RATE = frozenset({230020, 11232, 11233, 11247, 99991400})
QUOTA = frozenset({99991403})  # of the month: github.com/openclaw/openclaw/issues/28062
QUOTA_PAUSE = timedelta(hours=1)

FORMATTING = frozenset({230001, 230025, 230099})
"""Of the content: a wrong parameter, too long, a card that cannot be made of it. A text is tried instead."""
CARD = range(200_000, 201_000)  # what is wrong with a card, where it is said without 230099

GONE = frozenset({230011, 230019, 230050, 230110, 230111, 231003})
"""The message that was to be answered or replaced is recalled, deleted or not to be seen."""

CHAT = frozenset({230002, 230006, 230013, 230018, 230027, 230035, 230038, 232009, 99991672})
"""Of the chat or the app, and not of a message in it, where an edit is refused.

(230071, 230072 and 230075 are about threads and encryption where a reply is refused; of an edit they say that the
message is not ours, was edited 20 times, or is too old.)"""

SCOPE = frozenset({99991672, 230027})
BEING_SENT = 230049  # the same uuid: its first request is still at work

LONGEST_REASON = 300


class GoneError(PermanentDeliveryError):
    """The message that was to be answered is gone; certainly nothing was sent."""


class FixedError(PermanentDeliveryError):
    """The message that was to be replaced cannot be: too old, edited too often, of another kind, not ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What Feishu answered to a call that it did not carry out."""

    code: int
    words: str
    status: int = 400
    retry_after: timedelta | None = None

    def __str__(self) -> str:
        return f"Feishu: {self.words or 'refused'} ({self.code})"


def error_of(refusal: Refusal) -> DeliveryError:
    """The refusal of any call as one of ours."""
    code, words = refusal.code, str(refusal)
    if code in QUOTA:
        return TransientDeliveryError(words, retry_after=refusal.retry_after or QUOTA_PAUSE)
    if code in RATE or refusal.status == 429:
        return TransientDeliveryError(words, retry_after=refusal.retry_after)
    if code in TOKEN:
        return TransientDeliveryError(words)
    if code == BEING_SENT or refusal.status >= 500:
        return AmbiguousDeliveryError(words)
    if code in GONE:
        return GoneError(words)
    if code in FORMATTING or code in CARD:
        return FormattingRefusedError(words)
    return PermanentDeliveryError(words)


def error_of_edit(refusal: Refusal) -> DeliveryError:
    """The refusal of an edit: what is not about the chat is about the message that was to be replaced."""
    error = error_of(refusal)
    about_message = isinstance(error, PermanentDeliveryError) and refusal.code not in CHAT
    return FixedError(str(error)) if about_message else error


def scopes_in(words: str) -> list[str]:
    """The scopes that a refusal names: any of them would do."""
    return list(dict.fromkeys(re.findall(r"\b(?:im|contact|application|admin):[\w.:-]+\w", words)))


def plain_words(value: object) -> str:
    """What a stranger's answer says, in one bounded line."""
    return " ".join(str(value).split())[:LONGEST_REASON]
