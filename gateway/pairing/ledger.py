"""The rows of pairing: codes that wait, and people who were let in. Each function is part of a transaction."""

from datetime import datetime

import orjson

from gateway import audit
from gateway.clock import from_text, to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.errors import NotFoundError, UserError
from gateway.messages import Caller, ChatAddress, OutboundMessage
from gateway.pairing import codes
from gateway.pairing.codes import Code, Paired
from gateway.tools import message as messages


def open_codes(transaction: Transaction, *, now: datetime) -> list[Code]:
    """Codes that an owner may approve, the one that ends first at the beginning."""
    return [_code(*row) for row in transaction.execute(sql.PAIRING_CODES, (to_text(now),)).fetchall()]


def people(transaction: Transaction) -> list[Paired]:
    """Everybody who was let in, by channel and id."""
    return [_paired(*row) for row in transaction.execute(sql.PAIRED).fetchall()]


def keep(transaction: Transaction, code: Code) -> None:
    """Write a code, in place of an earlier one of the same person; those that are over go."""
    transaction.execute(sql.FORGET_CODES, (to_text(code.told_at),))
    texts = code.channel, code.user, code.name, code.chat, code.code, to_text(code.until)
    transaction.execute(sql.KEEP_CODE, (*texts, code.told, to_text(code.told_at)))


def approve(transaction: Transaction, written: str, *, channel: str = "", by: str, now: datetime) -> Paired:
    """Let in whoever has this code, tell them, and write down who has done it.

    `channel`: only a code of this one. NotFoundError if there is none that is still good.
    """
    wanted = codes.read(written)
    found = [
        code for code in open_codes(transaction, now=now) if code.code == wanted and channel in {"", code.channel}
    ]
    if not found:
        raise NotFoundError(f"there is no code {written[:40]!r} that is still good")
    (code,) = found
    paired = Paired(channel=code.channel, user=code.user, name=code.name, chat=code.chat, by=by, at=now)
    transaction.execute(sql.PAIR, (paired.channel, paired.user, paired.name, paired.chat, paired.by, to_text(now)))
    transaction.execute(sql.DROP_CODE, (code.channel, code.user))
    audit.write(transaction, _entry("pair.approve", paired, by=by, now=now, after=_shown(paired)))
    welcome = OutboundMessage(
        delivery_id=f"paired.{code.channel}.{code.user}.{code.code}",
        address=ChatAddress(channel=code.channel, chat=code.chat),
        caller=Caller.COMMAND,
        text=codes.WELCOME,
    )
    messages.leave(transaction, welcome, at=to_text(now))
    return paired


def revoke(transaction: Transaction, user: str, *, channel: str = "", by: str, now: datetime) -> Paired:
    """From now on this person is a stranger again.

    `channel`: only there. NotFoundError if nobody of this id was let in; UserError if more than one channel has
    let them in and none is named.
    """
    found = [one for one in people(transaction) if one.user == user and channel in {"", one.channel}]
    if not found:
        raise NotFoundError(f"nobody with the id {user[:80]!r} was let in by a code")
    if len(found) > 1:
        names = ", ".join(one.channel for one in found)
        raise UserError(f"{user[:80]!r} was let in on several channels ({names}); say which one")
    (gone,) = found
    transaction.execute(sql.UNPAIR, (gone.channel, gone.user))
    audit.write(transaction, _entry("pair.revoke", gone, by=by, now=now, before=_shown(gone)))
    return gone


def _entry(
    what: str, paired: Paired, *, by: str, now: datetime, before: str | None = None, after: str | None = None
) -> audit.Entry:
    subject = f"{paired.channel} {paired.user}"[:200]
    return audit.Entry(at=now, who=by, what=what, subject=subject, before=before, after=after)


def _shown(paired: Paired) -> str:
    return orjson.dumps({"name": paired.name[:200], "chat": paired.chat}).decode()


def _code(channel: str, user: str, name: str, chat: str, code: str, until: str, told: int, told_at: str) -> Code:
    return Code(
        channel=channel,
        user=user,
        name=name,
        chat=chat,
        code=code,
        until=from_text(until),
        told=told,
        told_at=from_text(told_at),
    )


def _paired(channel: str, user: str, name: str, chat: str, by: str, at: str) -> Paired:
    return Paired(channel=channel, user=user, name=name, chat=chat, by=by, at=from_text(at))
