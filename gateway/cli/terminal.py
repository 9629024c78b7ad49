"""Terminal: a chat of the console that this process speaks for, while a gateway or this process works its turns.

What a person types goes into the inbox, what is said in the chat is taken from the outbox, as far as no other
terminal waits for it. The tables are all that this process and a gateway share.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from channels.console import OPERATOR
from gateway import inbox, waiting
from gateway.cli.kept import Kept
from gateway.clock import to_text
from gateway.commands.routing import routed
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.inbox import Accepted
from gateway.messages import ChatAddress, InboundMessage, OutboundMessage, Part
from gateway.outbox import records
from gateway.outbox.records import MessageRecord, PartRecord
from gateway.waiting import CONSOLE

MANY = 100  # messages that are looked at in one go
RENEW = waiting.LEASE / 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a turn stands, or how it ended."""

    turn: str  # empty: nobody has begun it
    over: bool
    error: str = ""
    input_tokens: int = 0
    output_tokens: int = 0


class Terminal:
    """Speaks and listens in one chat. `show` is given what is said there; use it in a `with`."""

    def __init__(self, kept: Kept, session: str, show: Callable[[OutboundMessage], None]) -> None:
        self.address = ChatAddress(channel=CONSOLE, chat=session)
        self._kept = kept
        self._show = show
        self._holder = secrets.token_hex(8)
        self._held_until: datetime | None = None
        self._rows: set[int] = set()  # of the inbox: what was said here
        self._before = kept.read(_newest_message, empty=lambda: 0)

    def __enter__(self) -> "Terminal":
        self._kept.write(self._hold)
        return self

    def __exit__(self, *_: object) -> None:
        chat, holder = self.address.chat, self._holder
        self._kept.write(lambda transaction: waiting.release(transaction, chat, holder))

    def say(self, text: str) -> int:
        """Put what was typed into the inbox, and wait for what is said; returns the number of its row."""
        message = InboundMessage(
            channel=CONSOLE,
            sender_id=OPERATOR,
            dedupe_keys=(),  # a line is read once
            address=self.address,
            text=text,
            received_at=self._kept.clock.now(),
            trace_id=secrets.token_hex(16),
        )

        def write(transaction: Transaction) -> Accepted | None:
            self._hold(transaction)
            return inbox.accept(transaction, routed(message))

        accepted = self._kept.write(write)
        if accepted is None:
            raise AssertionError("a message without keys is never a repetition")
        self._rows.add(accepted.seq)
        return accepted.seq

    def outcome(self, row: int) -> Outcome:
        """How the turn of this row of the inbox stands."""
        found = self._kept.read(lambda t: t.execute(sql.TURN_OF_INBOX, (row,)).fetchone(), empty=lambda: None)
        if found is None:
            return Outcome(turn="", over=False)
        turn, state, tokens_in, tokens_out, error, _ = found
        failed = state in {"failed", "abandoned", "cancelled"}
        return Outcome(
            turn=turn,
            over=state != "running",
            error=(error or state) if failed else "",
            input_tokens=tokens_in,
            output_tokens=tokens_out,
        )

    def finished(self, row: int) -> bool:
        """Whether the turn is over, and everything that was said in it has been shown. Shows what there is."""
        outcome = self.outcome(row)
        self.listen()
        return outcome.over and not any(record.message.turn == outcome.turn for record in self._open())

    def listen(self) -> None:
        """Show what is said here and nobody else shows; go on waiting for more."""
        if self._held_until is not None and self._kept.clock.now() > self._held_until:
            self._kept.write(self._hold)
        if not self._open():
            return
        for record in self._kept.write(self._take):
            self._show(record.message)
            self._kept.write(self._arrived(record))

    # -- inside -------------------------------------------------------------------------------------------

    def _hold(self, transaction: Transaction) -> None:
        now = self._kept.clock.now()
        self._held_until = now + RENEW
        waiting.hold(transaction, self.address.chat, self._holder, now=now)

    def _open(self) -> list[MessageRecord]:
        return self._kept.read(self._waiting, empty=list)

    def _waiting(self, transaction: Transaction) -> list[MessageRecord]:
        return records.open_messages(transaction, CONSOLE, self.address.chat, limit=MANY)

    def _take(self, transaction: Transaction) -> list[MessageRecord]:
        """Mark what is for us as being shown: `sending` is on the disk before a word is."""
        own = {
            turn for row in self._rows for (turn, *_) in transaction.execute(sql.TURN_OF_INBOX, (row,)).fetchall()
        }
        taken = [record for record in self._waiting(transaction) if self._is_ours(record, own)]
        for record in taken:
            fresh = () if record.parts else (Part(payload={"text": record.message.text}),)
            record.parts += [PartRecord(n, part, "pending") for n, part in enumerate(fresh)]
            records.taking(record, record.parts[0], fresh)(transaction)
        return taken

    def _is_ours(self, record: MessageRecord, own: set[str]) -> bool:
        if any(part.state != "pending" for part in record.parts):
            return False  # the gateway is showing it
        message = record.message
        answers_another = message.turn and not message.run and message.turn not in own
        return not answers_another or record.seq <= self._before

    def _arrived(self, record: MessageRecord) -> Callable[[Transaction], None]:
        at = to_text(self._kept.clock.now())
        for part in record.parts:
            part.state, part.platform_id = "sent", f"{self._holder}.{part.n}"

        def write(transaction: Transaction) -> None:
            for part in record.parts:
                records.marking(record, part)(transaction)
            records.ending(record, record.parts[-1], "sent", "", at)(transaction)

        return write


def _newest_message(transaction: Transaction) -> int:
    return int(transaction.execute(sql.LAST_MESSAGE).fetchone()[0])
