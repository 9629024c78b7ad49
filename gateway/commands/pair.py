"""/pair: who is let in. An owner approves the code of a stranger, and takes that back."""

from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from gateway.commands.base import Answer, Ask, CommandInfo
from gateway.commands.text import Page, code, one_line, page_of
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.errors import NotFoundError, UserError
from gateway.messages import Button
from gateway.pairing import codes, ledger
from gateway.pairing.codes import Code, Paired
from gateway.waiting import CONSOLE

MINUTE = timedelta(minutes=1)
ASKERS = 1_000  # whose wrong codes are remembered
EXAMPLE = "/pair approve ABCD2345"


class PairCommand:
    """For owners. An owner of one channel lets people in there."""

    info = CommandInfo(
        name="pair",
        summary="Who may talk to me: let somebody in by their code",
        usage="/pair [PAGE] (who asks, and who was let in)\n/pair approve CODE\n/pair revoke USER (an id)",
        owners_only=True,
    )

    def __init__(
        self,
        database: Database,
        changed: Callable[[], Awaitable[None]],
        lists: Callable[[str, str], list[str]],
    ) -> None:
        """`changed`: somebody was let in or out. `lists`: the keys of the configuration that name a user."""
        self._database = database
        self._changed = changed
        self._lists = lists
        self._guesses = Guesses()

    async def answer(self, ask: Ask) -> Answer:
        verb, _, rest = ask.words.partition(" ")
        match verb.lower():
            case "approve" if rest.strip():
                return await self._approve(ask, rest.strip())
            case "revoke" if rest.strip():
                return await self._revoke(ask, rest.strip())
            case "approve" | "revoke":
                raise UserError(f"Whom? Write {EXAMPLE} or /pair revoke 123456; /pair lists them.")
            case "list" | "":
                return await self._list(ask, rest.strip())
            case page if page.isdecimal():
                return await self._list(ask, page)
            case _:
                raise UserError(f"{verb[:40]!r} is none of list, approve, revoke; write for example {EXAMPLE}.")

    async def _approve(self, ask: Ask, written: str) -> Answer:
        asker = f"{ask.message.address.channel}:{ask.message.sender_id}"
        self._guesses.check(asker, ask.now)
        try:
            paired = await self._database.write(
                lambda t: ledger.approve(t, written, channel=_channel(ask), by=asker, now=ask.now)
            )
        except NotFoundError as error:
            if ask.replayed:
                return Answer(f"It is done: nobody waits with the code {code(written[:40])} any more.")
            self._guesses.wrong(asker, ask.now)
            raise NotFoundError(f"{error}; /pair lists those who ask.") from error
        await self._changed()
        return Answer(f"{_named(paired)} may talk to me now, in private chats on {code(paired.channel)}.")

    async def _revoke(self, ask: Ask, user: str) -> Answer:
        asker = f"{ask.message.address.channel}:{ask.message.sender_id}"
        try:
            gone = await self._database.write(
                lambda t: ledger.revoke(t, user, channel=_channel(ask), by=asker, now=ask.now)
            )
        except NotFoundError as error:
            if ask.replayed:
                return Answer(f"It is done: {code(user[:80])} is let in by no code any more.")
            raise NotFoundError(f"{error}{self._where_listed(ask, user)}.") from error
        await self._changed()
        return Answer(f"{_named(gone)} may not talk to me any more.{self._still(gone)}")

    def _where_listed(self, ask: Ask, user: str) -> str:
        keys = self._lists(ask.message.address.channel, user)
        return f"; the configuration lists them in {' and '.join(keys)}: take them out there" if keys else ""

    def _still(self, gone: Paired) -> str:
        keys = self._lists(gone.channel, gone.user)
        return f" But the configuration lists them in {' and '.join(keys)}." if keys else ""

    async def _list(self, ask: Ask, wanted: str) -> Answer:
        def read(transaction: Transaction) -> tuple[list[Code], list[Paired]]:
            return ledger.open_codes(transaction, now=ask.now), ledger.people(transaction)

        waiting, people = await self._database.read(read)
        channel = _channel(ask)
        asking = [one for one in waiting if channel in {"", one.channel}]
        known = [one for one in people if channel in {"", one.channel}]
        return listed(asking, page_of(known, wanted), ask.now)


class Guesses:
    """Codes that were none: who tries too many of them waits."""

    def __init__(self) -> None:
        self._wrong: dict[str, deque[datetime]] = {}

    def check(self, asker: str, now: datetime) -> None:
        """UserError when they have tried too many within the last minute."""
        lately = [at for at in self._wrong.get(asker, ()) if now - at < MINUTE]
        if len(lately) >= codes.WRONG:
            raise UserError("Too many codes that are none; try again in a minute.")

    def wrong(self, asker: str, now: datetime) -> None:
        """They have tried one more."""
        if asker not in self._wrong and len(self._wrong) >= ASKERS:
            self._wrong.clear()
        self._wrong.setdefault(asker, deque(maxlen=codes.WRONG)).append(now)


def listed(asking: list[Code], page: Page[Paired], now: datetime) -> Answer:
    """Who asks, and a page of who was let in."""
    lines = ["Nobody asks to be let in."] if not asking else ["They ask to be let in:"]
    lines += [_asking_line(one, now) for one in asking]
    if page.items:
        lines += ["", "They were let in:", *map(_paired_line, page.items), *page.hint("/pair")]
    if asking:
        lines += ["", "`/pair approve CODE` lets somebody in."]
    buttons = tuple((Button(label=f"Approve {one.code}", data=f"/pair approve {one.code}"),) for one in asking[:5])
    return Answer("\n".join(lines), (*buttons, *((page.turning("/pair"),) if page.count > 1 else ())))


def _asking_line(one: Code, now: datetime) -> str:
    minutes = max(round((one.until - now) / MINUTE), 1)
    return f"- {code(one.code)}: {_named(one)} on {code(one.channel)}, for {minutes} min more"


def _paired_line(one: Paired) -> str:
    return f"- {_named(one)} on {code(one.channel)}, since {one.at:%Y-%m-%d}"


def _named(one: Code | Paired) -> str:
    return f"{one_line(one.name, widest=60)} ({code(one.user)})" if one.name else code(one.user)


def _channel(ask: Ask) -> str:
    """Where the asker may let people in; empty: everywhere."""
    here = ask.message.address.channel
    return "" if here == CONSOLE else here
