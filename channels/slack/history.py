"""Looking into a chat for what was written there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime

from channels.slack.api import Answer
from channels.slack.client import DELIVERY, Client
from channels.slack.words import table_of, tables_of, text_of
from gateway.errors import AmbiguousDeliveryError, PermanentDeliveryError, TransientDeliveryError
from gateway.messages import ChatAddress, Json

PAGE = 200  # messages, what Slack recommends at most: docs.slack.dev/reference/methods/conversations.history
MOST_PAGES = 10


async def messages_since(client: Client, address: ChatAddress, since: datetime | None) -> Sequence[Json]:
    """What was written in a chat, or in its thread, since then, with its metadata.

    AmbiguousDeliveryError when it is more than we are willing to read, or may not be read;
    TransientDeliveryError when Slack cannot be asked now.
    """
    found: list[Json] = []
    cursor = ""
    for _ in range(MOST_PAGES):
        with reading():
            body = (await _page(client, address, since, cursor)).body
        found += tables_of(body, "messages")
        cursor = text_of(table_of(body, "response_metadata"), "next_cursor")
        if not cursor:
            return found
    raise AmbiguousDeliveryError(f"Slack: more than {PAGE * MOST_PAGES} messages were written since then")


async def _page(client: Client, address: ChatAddress, since: datetime | None, cursor: str) -> Answer:
    return await client.call(
        "conversations.replies" if address.thread else "conversations.history",
        channel=address.chat,
        ts=address.thread or None,
        oldest=f"{since.timestamp():.6f}" if since else None,
        limit=PAGE,
        cursor=cursor or None,
        include_all_metadata=True,
    )


def delivery_of(message: Mapping[str, Json]) -> str:
    """Which delivery of ours a message is; empty if it is none."""
    metadata = table_of(message, "metadata")
    if text_of(metadata, "event_type") != DELIVERY:
        return ""
    return text_of(table_of(metadata, "event_payload"), "id")


@contextmanager
def reading() -> Iterator[None]:
    """For calls that only ask: one whose answer was lost is asked again, one that is refused tells nothing."""
    try:
        yield
    except AmbiguousDeliveryError as error:
        raise TransientDeliveryError(str(error)) from error
    except PermanentDeliveryError as error:
        raise AmbiguousDeliveryError(str(error)) from error
