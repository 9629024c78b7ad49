"""What Slack's refusals mean: which of our errors each of its words is; pure.

The words: the tables "Errors" of the methods at https://docs.slack.dev/reference/methods. A word that is in none
of these sets is a refusal for good: nothing was done, and nothing will be.
"""

from collections.abc import Mapping
from datetime import timedelta

from gateway.errors import (
    AmbiguousDeliveryError,
    CredentialsRefusedError,
    DeliveryError,
    FormattingRefusedError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from gateway.messages import Json

CREDENTIALS = frozenset(
    {
        "account_inactive",
        "invalid_auth",
        "not_allowed_token_type",
        "not_authed",
        "token_expired",
        "token_revoked",
    }
)
"""The token itself is refused."""

LATER = frozenset(
    {
        "message_limit_exceeded",  # the workspace sends too much
        "org_login_required",  # the workspace is being moved
        "rate_limited",
        "ratelimited",
        "request_timeout",  # Slack did not get all of what we posted: certainly not done
        "team_added_to_org",
    }
)
"""Not done, and may be tried again."""

UNSURE = frozenset({"fatal_error", "internal_error", "service_unavailable"})
"""May have been done: of "fatal_error" and "internal_error" Slack says so itself."""

FORMATTING = frozenset(
    {
        "block_mismatch",
        "blocks_too_long",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_block_type",
        "msg_blocks_too_long",
        "too_many_attachments",
    }
)
"""About blocks: the same words without any may be taken."""

NO_EDIT = frozenset(
    {
        "as_user_not_supported",
        "cant_broadcast_message",
        "cant_update_message",
        "edit_window_closed",
        "is_inactive",
        "message_not_found",
        "update_failed",
    }
)
"""The message that was to be replaced cannot be: what takes its place is said anew."""

CURES = {
    "channel_not_found": "there is no such channel, or the bot is not in it",
    "not_in_channel": "the bot is not in the channel: write /invite and its name there",
    "is_archived": "the channel is archived",
    "restricted_action": "the workspace does not let the bot write there",
}

LONGEST_NOTE = 200


class RefusedError(PermanentDeliveryError):
    """Refused for good; `word` is Slack's own for the reason."""

    def __init__(self, message: str, word: str) -> None:
        super().__init__(message)
        self.word = word


def refusal(method: str, body: Mapping[str, Json], *, retry_after: timedelta | None = None) -> DeliveryError:
    """The error for an answer that is not `ok`."""
    word = body.get("error")
    word = word if isinstance(word, str) and word else "unknown_error"
    told = f"Slack: {word} ({method}){_notes(body)}"
    if word in CREDENTIALS:
        return CredentialsRefusedError(f"Slack refuses the token ({word})")
    if word in LATER:
        return TransientDeliveryError(told, retry_after=retry_after)
    if word in UNSURE:
        return AmbiguousDeliveryError(told)
    if word in FORMATTING or (word == "invalid_arguments" and "block" in _notes(body)):
        return FormattingRefusedError(told)
    if word == "missing_scope":
        return RefusedError(_missing_scope(method, body), word)
    cure = CURES.get(word)
    return RefusedError(f"{told}: {cure}" if cure else told, word)


def _notes(body: Mapping[str, Json]) -> str:
    """What Slack adds: which argument was wrong."""
    rest = body.get("response_metadata")
    messages = rest.get("messages") if isinstance(rest, Mapping) else None
    if not isinstance(messages, list) or not messages:
        return ""
    return f": {' '.join(str(messages[0]).split())}"[:LONGEST_NOTE]


def _missing_scope(method: str, body: Mapping[str, Json]) -> str:
    needed = str(body.get("needed") or "one more")
    return (
        f"Slack: {method} needs the scope {needed}: add it under OAuth & Permissions of the app, "
        "and install the app again"
    )
