"""The rows of the outbox: reading them, and moving them from state to state."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from gateway import attachments
from gateway.clock import from_text, to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction, Work
from gateway.messages import Button, Caller, ChatAddress, OutboundMessage, Part


@dataclass(slots=True)
class PartRecord:
    """A part as it is stored, and how far it is."""

    n: int
    part: Part
    state: str = "pending"
    repeats: int = 0
    platform_id: str = ""


@dataclass(slots=True)
class MessageRecord:
    """A message on its way: the table holds all of it too."""

    seq: int
    message: OutboundMessage
    parts: list[PartRecord]
    failures: int = 0
    failing_since: datetime | None = None
    not_before: datetime | None = None  # by the wall clock: the platform asked for silence until then
    said_at: datetime | None = None  # when it was written down
    unclear_since: datetime | None = None  # only in memory: since when the part that is next may have arrived
    over: bool = False  # only in memory: nothing more is done about it
    error: str = ""  # only in memory: why it is over without having been sent

    def next_part(self) -> PartRecord | None:
        """The first part that has not arrived."""
        return next((part for part in self.parts if part.state != "sent"), None)


def encode_message(message: OutboundMessage) -> str:
    body: dict[str, object] = {
        "id": message.delivery_id,
        "address": [message.address.channel, message.address.chat, message.address.thread],
        "caller": message.caller.value,
        "text": message.text,
    }
    for name in ("turn", "run", "reply_to", "edits", "replaces", "asker", "hint", "trace_id"):
        if value := getattr(message, name):
            body[name] = value
    if message.passing:
        body["passing"] = True
    if message.buttons:
        body["buttons"] = [[[button.label, button.data] for button in row] for row in message.buttons]
    if message.attachments:
        body["attachments"] = [attachments.encode(one) for one in message.attachments]
    return orjson.dumps(body).decode()


def decode_message(text: str) -> OutboundMessage:
    body = orjson.loads(text)
    channel, chat, thread = body["address"]
    return OutboundMessage(
        delivery_id=body["id"],
        address=ChatAddress(channel=channel, chat=chat, thread=thread),
        caller=Caller(body["caller"]),
        text=body["text"],
        turn=body.get("turn", ""),
        run=body.get("run", ""),
        reply_to=body.get("reply_to", ""),
        edits=body.get("edits", ""),
        replaces=body.get("replaces", ""),
        asker=body.get("asker", ""),
        hint=body.get("hint", ""),
        trace_id=body.get("trace_id", ""),
        passing=body.get("passing", False),
        buttons=tuple(
            tuple(Button(label=label, data=data) for label, data in row) for row in body.get("buttons", ())
        ),
        attachments=tuple(map(attachments.decode, body.get("attachments", ()))),
    )


def encode_part(part: Part) -> tuple[str, str | None]:
    plain = None if part.plain is None else orjson.dumps(part.plain).decode()
    return orjson.dumps(part.payload).decode(), plain


def add_parts(transaction: Transaction, seq: int, parts: Sequence[Part], *, sending: bool = False) -> None:
    """Write the rendered parts of a message."""
    for n, part in enumerate(parts):
        payload, plain = encode_part(part)
        state = "sending" if sending and n == 0 else "pending"
        transaction.execute(sql.ADD_PART, (seq, n, payload, plain, state))


def open_chats(transaction: Transaction) -> list[tuple[str, str]]:
    """Every (channel, chat) with something to send."""
    return [(channel, chat) for channel, chat in transaction.execute(sql.OPEN_CHATS).fetchall()]


def move(transaction: Transaction, channel: str, chat: str, to: str) -> None:
    """What is still to be said in a chat is for the id that it has now."""
    transaction.execute(sql.MOVE_WORDS, (to, channel, chat))


def open_messages(transaction: Transaction, channel: str, chat: str, *, limit: int) -> list[MessageRecord]:
    """The next messages of a chat, in order."""
    rows = transaction.execute(sql.OPEN_MESSAGES, (channel, chat, limit)).fetchall()
    return [
        MessageRecord(
            seq=seq,
            message=addressed(decode_message(message), chat),
            parts=_parts(transaction, seq),
            failures=failures,
            failing_since=from_text(failing_since) if failing_since else None,
            not_before=from_text(not_before) if not_before else None,
            said_at=from_text(created_at),
        )
        for seq, message, failures, failing_since, not_before, created_at in rows
    ]


def addressed(message: OutboundMessage, chat: str) -> OutboundMessage:
    """The message, to the id that its chat has now."""
    address = message.address
    return message if address.chat == chat else replace(message, address=replace(address, chat=chat))


def _parts(transaction: Transaction, seq: int) -> list[PartRecord]:
    return [
        PartRecord(
            n=n,
            part=Part(payload=orjson.loads(payload), plain=None if plain is None else orjson.loads(plain)),
            state=state,
            repeats=repeats,
        )
        for n, payload, plain, state, repeats in transaction.execute(sql.PARTS_OF, (seq,)).fetchall()
    ]


def platform_id(transaction: Transaction, delivery_id: str, n: int) -> str:
    """The platform's id of a part that was sent; empty if it is not known."""
    row = transaction.execute(sql.PLATFORM_ID, (delivery_id, n)).fetchone()
    return str(row[0]) if row else ""


# -- moving from state to state: each returns the work of one transaction, with the values of this moment -----


def taking(record: MessageRecord, part: PartRecord, fresh: Sequence[Part]) -> Work[bool]:
    """A request will be made for this part; `fresh`: the message was only now rendered.

    False, and nothing is changed, if somebody else has taken, dropped or sent it meanwhile.
    """
    row = (part.repeats, record.seq, part.n)

    def write(transaction: Transaction) -> bool:
        if transaction.execute(sql.IS_OPEN, (record.seq,)).fetchone() is None:
            return False
        if fresh and not transaction.execute(sql.PARTS_OF, (record.seq,)).fetchall():
            add_parts(transaction, record.seq, fresh)
        return transaction.execute(sql.TAKE_PART, row).rowcount == 1

    return write


def marking(record: MessageRecord, part: PartRecord) -> Work[None]:
    """The part is as it is in memory now."""
    row = (part.state, part.repeats, part.platform_id, record.seq, part.n)

    def write(transaction: Transaction) -> None:
        transaction.execute(sql.SET_PART, row)

    return write


def noting(record: MessageRecord, part: PartRecord, error: str) -> Work[None]:
    """The part was not sent, or nobody knows whether it was; the message has failed once more."""
    mark = marking(record, part)
    since = to_text(record.failing_since) if record.failing_since else None
    until = to_text(record.not_before) if record.not_before else None
    failure = (record.failures, since, until, error, record.seq)

    def write(transaction: Transaction) -> None:
        mark(transaction)
        transaction.execute(sql.NOTE_FAILURE, failure)

    return write


def plainly(record: MessageRecord, part: PartRecord) -> Work[None]:
    """The platform refused the formatting: what is plain takes its place."""

    def write(transaction: Transaction) -> None:
        transaction.execute(sql.USE_PLAIN, (record.seq, part.n))

    return write


def dropping(record: MessageRecord) -> Work[None]:
    """The message was worth something at its moment only, which is over: nothing is kept of it."""

    def write(transaction: Transaction) -> None:
        transaction.execute(sql.FORGET_MESSAGE, (record.seq,))

    return write


def ending(record: MessageRecord, part: PartRecord, state: str, error: str, at: str) -> Work[None]:
    """The message is over: sent, unknown or dead; parts that had arrived stay `sent`."""
    mark = marking(record, part)

    def write(transaction: Transaction) -> None:
        if state == "sent":
            mark(transaction)
        else:
            transaction.execute(sql.END_PARTS, (state, record.seq))
        transaction.execute(sql.END_MESSAGE, (state, error, at, record.seq))

    return write
