"""tocsin pair: who is let in by a code, beside what the configuration lists."""

import click

from gateway.cli.kept import Kept
from gateway.cli.main import Call, Commands
from gateway.cli.words import line, minute, table, utc
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.errors import NotFoundError
from gateway.messages import Json
from gateway.pairing import ledger
from gateway.pairing.codes import Code, Paired

ASKING = ("CODE", "CHANNEL", "USER", "NAME", "UNTIL")
LET_IN = ("CHANNEL", "USER", "NAME", "SINCE", "BY")

channel_option = click.option("--channel", metavar="CHANNEL", default="", help="Only there.")


@click.group("pair", cls=Commands)
def command() -> None:
    """Who asks to be let in, and who was: people whom the configuration does not list."""


@command.command("list")
@click.pass_obj
def list_people(call: Call) -> None:
    """List the codes that wait, and the people who were let in."""
    kept = Kept(call.home, call.warn)
    now = kept.clock.now()

    def read(transaction: Transaction) -> tuple[list[Code], list[Paired]]:
        if not transaction.execute(sql.HAS_PAIRED).fetchone()[0]:
            return [], []  # a database of an older version, which no gateway has opened since
        return ledger.open_codes(transaction, now=now), ledger.people(transaction)

    asking, people = kept.read(read, empty=lambda: ([], []))
    if call.json:
        call.document(
            {"codes": [_code_document(one) for one in asking], "people": [_document(one) for one in people]}
        )
        return
    if not asking and not people:
        call.say("Nobody asks to be let in, and nobody was.")
    lines: list[str] = []
    if asking:
        cells = [(one.code, one.channel, one.user, one.name, minute(one.until, kept.zone)) for one in asking]
        lines += table(ASKING, cells)
    if people:
        known = [(one.channel, one.user, one.name, minute(one.at, kept.zone), one.by) for one in people]
        lines += table(LET_IN, known)
    for text in lines:
        call.say(text)


@command.command("approve")
@click.argument("code")
@channel_option
@click.pass_obj
def approve(call: Call, *, code: str, channel: str) -> None:
    """Let in whoever was given this code; they are told."""
    kept = Kept(call.home, call.warn)
    now, by = kept.clock.now(), kept.user()
    _expect_tables(kept, f"there is no code {code[:40]!r} that is still good")
    paired = kept.write(lambda t: ledger.approve(t, code, channel=channel, by=by, now=now))
    when = "" if kept.gateway() is not None else " when the gateway runs"
    call.say(f"{_named(paired)} may talk to the bot on {paired.channel}, and is told{when}.")
    if call.json:
        call.document(_document(paired))


@command.command("revoke")
@click.argument("user")
@channel_option
@click.pass_obj
def revoke(call: Call, *, user: str, channel: str) -> None:
    """Make somebody who was let in a stranger again, by their id; at once."""
    kept = Kept(call.home, call.warn)
    now, by = kept.clock.now(), kept.user()
    try:
        _expect_tables(kept, f"nobody with the id {user[:80]!r} was let in by a code")
        gone = kept.write(lambda t: ledger.revoke(t, user, channel=channel, by=by, now=now))
    except NotFoundError as error:
        keys = _listed(call, user)
        where = f"; the configuration lists them in {' and '.join(keys)}: take them out there" if keys else ""
        raise NotFoundError(f"{error}{where}") from error
    call.say(f"{_named(gone)} may not talk to the bot on {gone.channel} any more.")
    if keys := _listed(call, gone.user, gone.channel):
        call.warn(f"note: the configuration still lists them in {' and '.join(keys)}")
    if call.json:
        call.document(_document(gone))


def _expect_tables(kept: Kept, otherwise: str) -> None:
    """A database that is not there is not made for this."""

    def none() -> bool:
        raise NotFoundError(otherwise)

    kept.read(lambda _transaction: True, empty=none)


def _listed(call: Call, user: str, channel: str = "") -> list[str]:
    from gateway import config  # heavy, and rarely asked for
    from gateway.access import listed_in

    sections = config.load(call.home.path).config.channels
    return [
        key
        for name, section in sections.items()
        if channel in {"", name}
        for key in listed_in(name, section, user)
    ]


def _named(one: Paired) -> str:
    return f"{line(one.name, widest=40)} ({one.user})" if one.name else one.user


def _code_document(one: Code) -> dict[str, Json]:
    return {
        "code": one.code,
        "channel": one.channel,
        "user": one.user,
        "name": one.name or None,
        "chat": one.chat,
        "until": utc(one.until),
        "told": one.told,
    }


def _document(one: Paired) -> dict[str, Json]:
    return {
        "channel": one.channel,
        "user": one.user,
        "name": one.name or None,
        "chat": one.chat,
        "approved_by": one.by,
        "at": utc(one.at),
    }
