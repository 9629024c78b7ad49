"""Putting a message into the outbox. Only the message tool may import this: it is the one way out."""

from collections.abc import Sequence

from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.messages import OutboundMessage, Part
from gateway.outbox.records import add_parts, encode_message


def enqueue(
    transaction: Transaction,
    message: OutboundMessage,
    parts: Sequence[Part],
    *,
    at: str,
    sending: bool = False,
) -> int | None:
    """Write the message; None if its delivery id is there already (a replay), and nothing changes then.

    `parts` is empty when nobody could render it yet. `sending`: the first part is on its way as soon as this
    is committed. `at`: RFC 3339.
    """
    address = message.address
    row = transaction.execute(
        sql.ENQUEUE,
        (
            message.delivery_id,
            address.channel,
            address.chat,
            address.thread,
            message.caller.value,
            encode_message(message),
            message.turn,
            message.run,
            at,
        ),
    ).fetchone()
    if row is None:
        return None
    add_parts(transaction, row[0], parts, sending=sending)
    return int(row[0])
