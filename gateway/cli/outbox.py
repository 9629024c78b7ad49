"""tocsin outbox: what was not sent, and what to do about it."""

import click

from gateway.cli.kept import Kept
from gateway.cli.main import Call, Commands
from gateway.cli.words import line, table
from gateway.clock import to_text
from gateway.database.driver import Transaction
from gateway.errors import NotFoundError, TocsinError, UserError
from gateway.messages import Json
from gateway.outbox import unsent
from gateway.outbox.unsent import Unsent

HEADINGS = ("ID", "STATE", "WHERE", "MADE", "TEXT", "ERROR")


@click.group("outbox", cls=Commands)
def command() -> None:
    """What was not sent: still open, unknown (it may have arrived), or dead (it has not, and will not)."""


@command.command("list")
@click.option("--all", "all_", is_flag=True, help="Also what was dropped by hand.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="At most so many.")
@click.pass_obj
def list_messages(call: Call, *, all_: bool, limit: int) -> None:
    """List the messages that are not sent, newest first."""
    kept = Kept(call.home, call.warn)
    found = kept.read(
        lambda transaction: unsent.listed(transaction, limit=limit, dropped=all_), empty=list[Unsent]
    )
    if call.json:
        call.document({"messages": [_document(one) for one in found]})
        return
    if not found:
        call.say("Everything was sent.")
    else:
        for text in table(HEADINGS, [_row(one) for one in found]):
            call.say(text)


@command.command("retry")
@click.argument("reference", metavar="ID")
@click.pass_obj
def retry(call: Call, *, reference: str) -> None:
    """Send a message once more; one that may have arrived is marked as a repeat."""
    kept = Kept(call.home, call.warn)
    _find(kept, reference)  # a database that is not there is not made for this

    def write(transaction: Transaction) -> Unsent:
        found = _the_one(transaction, reference)
        if found.state == "open":
            raise TocsinError(f"{found.id} is still on its way; there is nothing to repeat")
        unsent.retry(transaction, found)
        return _the_one(transaction, found.id)

    done = kept.write(write)
    running = kept.gateway() is not None
    call.say(f"{done.id} is sent once more{'' if running else ' when the gateway runs'}.")
    if call.json:
        call.document(_document(done))


@command.command("drop")
@click.argument("reference", metavar="ID")
@click.pass_obj
def drop(call: Call, *, reference: str) -> None:
    """Give a message up: it will not be sent."""
    kept = Kept(call.home, call.warn)
    _find(kept, reference)
    at = to_text(kept.clock.now())

    def write(transaction: Transaction) -> Unsent:
        found = _the_one(transaction, reference)
        if unsent.being_sent(transaction, found):
            raise TocsinError(f"{found.id} is being sent at this moment; look again in a while")
        unsent.drop(transaction, found, at=at)
        return _the_one(transaction, found.id)

    done = kept.write(write)
    call.say(f"{done.id} was dropped.")
    if call.json:
        call.document(_document(done))


def _find(kept: Kept, reference: str) -> Unsent:
    return kept.read(lambda transaction: _the_one(transaction, reference), empty=lambda: _unknown(reference))


def _the_one(transaction: Transaction, reference: str) -> Unsent:
    """The message with this id, or whose id begins so."""
    found = unsent.named(transaction, reference.strip())
    if len(found) > 1:
        ids = ", ".join(one.id for one in found)
        raise UserError(f"{reference[:80]!r} is the beginning of several ids, such as {ids}; give more of it")
    return found[0] if found else _unknown(reference)


def _unknown(reference: str) -> Unsent:
    raise NotFoundError(f"there is no unsent message {reference[:80]!r}; tocsin outbox list shows them")


def _row(one: Unsent) -> tuple[str, ...]:
    made = one.created_at[:16].replace("T", " ") + " UTC"
    return one.id, one.state, str(one.message.address), made, line(one.message.text, widest=40), one.error


def _document(one: Unsent) -> dict[str, Json]:
    message = one.message
    return {
        "id": one.id,
        "state": one.state,
        "channel": message.address.channel,
        "chat": message.address.chat,
        "thread": message.address.thread or None,
        "caller": message.caller.value,
        "text": message.text,
        "failures": one.failures,
        "error": one.error or None,
        "created_at": one.created_at,
    }
