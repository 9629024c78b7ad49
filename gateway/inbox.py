"""What was said to the agent: durable, deduplicated, in the order in which it came."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from gateway import attachments
from gateway.clock import from_text, to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.messages import (
    ChatAddress,
    Due,
    Event,
    InboundMessage,
    Json,
    Occasion,
    Person,
    Press,
)

TEXTS = (
    "session",
    "message_id",
    "sender_name",
    "reply_to",
    "reply_text",
    "reply_author",
    "album",
    "trace_id",
)
"""Fields of a message that are texts, and often empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A row of the inbox: the message is safe from here on."""

    seq: int
    kind: str
    session: str


def accept(transaction: Transaction, message: InboundMessage, *, state: str = "waiting") -> Accepted | None:
    """Write the message; None if any of its keys was seen before."""
    at = to_text(message.received_at)
    for key in message.dedupe_keys:
        if not transaction.execute(sql.SEE_KEY, (key, at)).rowcount:
            return None
    kind, session = kind_of(message), message.session_key
    row = transaction.execute(sql.ACCEPT, (kind, session, encode(message), state, at)).fetchone()
    if not message.addressed:
        transaction.execute(sql.OVERHEAR, (row[0], session))
    return Accepted(seq=row[0], kind=kind, session=session)


def unfinished(transaction: Transaction) -> list[Accepted]:
    """Everything that still has to be done, in order: after a start."""
    return _rows(transaction.execute(sql.OPEN_INBOX).fetchall())


def waiting(transaction: Transaction) -> list[Accepted]:
    """Everything that nobody has begun, in order: also what other processes have put there."""
    return _rows(transaction.execute(sql.WAITING_INBOX).fetchall())


def _rows(rows: list[Any]) -> list[Accepted]:
    return [Accepted(seq=seq, kind=kind, session=session) for seq, kind, session in rows]


def read(transaction: Transaction, seq: int) -> InboundMessage:
    return decode(transaction.execute(sql.INBOX_MESSAGE, (seq,)).fetchone()[0])


def read_waiting(transaction: Transaction, seq: int) -> InboundMessage | None:
    """The message of the row; None if it waits no longer: somebody has begun with it, or it is done."""
    row = transaction.execute(sql.WAITING_MESSAGE, (seq,)).fetchone()
    return None if row is None else decode(row[0])


def kind_of(message: InboundMessage) -> str:
    match message.occasion:
        case Person() | Press():
            return "person"
        case Due(exact=exact):
            return "reminder" if exact else "due"
        case Event():
            return "event"


def encode(message: InboundMessage) -> str:
    """The message as JSON; what has its default is left out."""
    body: dict[str, Json] = {
        "channel": message.channel,
        "sender_id": message.sender_id,
        "keys": message.dedupe_keys,
        "address": [message.address.channel, message.address.chat, message.address.thread],
        "text": message.text,
        "received_at": to_text(message.received_at),
    }
    for name in TEXTS:
        if value := getattr(message, name):
            body[name] = value
    if message.attachments:
        body["attachments"] = [attachments.encode(one) for one in message.attachments]
    if message.bot:
        body["bot"] = True
    if not message.addressed:
        body["addressed"] = False
    if message.group:
        body["group"] = True
    if not isinstance(message.occasion, Person):
        body["occasion"] = _encode_occasion(message.occasion)
    return orjson.dumps(body).decode()


def decode(text: str) -> InboundMessage:
    """The inverse of `encode`."""
    body = orjson.loads(text)
    channel, chat, thread = body["address"]
    return InboundMessage(
        channel=body["channel"],
        sender_id=body["sender_id"],
        dedupe_keys=tuple(body["keys"]),
        address=ChatAddress(channel=channel, chat=chat, thread=thread),
        text=body["text"],
        received_at=from_text(body["received_at"]),
        occasion=_decode_occasion(body.get("occasion")),
        attachments=tuple(map(attachments.decode, body.get("attachments", ()))),
        bot=body.get("bot", False),
        addressed=body.get("addressed", True),
        group=body.get("group", False),
        **{name: body[name] for name in TEXTS if name in body},
    )


def _encode_occasion(occasion: Press | Due | Event) -> Json:
    if isinstance(occasion, Press):
        return {"pressed": occasion.message_id}
    if isinstance(occasion, Event):
        return {"event": occasion.id, "name": occasion.name}
    return {
        "run": occasion.run,
        "scheduled_for": to_text(occasion.scheduled_for),
        "late_by": occasion.late_by.total_seconds(),
        "missed": occasion.missed,
        "exact": occasion.exact,
        **({"system": True} if occasion.system else {}),
    }


def _decode_occasion(body: Json) -> Occasion:
    if body is None:
        return Person()
    if "pressed" in body:
        return Press(message_id=body["pressed"])
    if "event" in body:
        return Event(id=body["event"], name=body["name"])
    return Due(
        run=body["run"],
        scheduled_for=from_text(body["scheduled_for"]),
        late_by=timedelta(seconds=body["late_by"]),
        missed=body["missed"],
        exact=body.get("exact", False),
        system=body.get("system", False),
    )
