"""/outbox: what was not sent, and what to do about it."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from gateway.clock import from_text, to_text
from gateway.commands.base import Answer, Ask, Buttons, CommandInfo
from gateway.commands.text import Page, code, one_line, page_of
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.errors import NotFoundError, UserError
from gateway.outbox import unsent
from gateway.outbox.unsent import Unsent
from gateway.waiting import CONSOLE

MOST = 1_000
EXAMPLE = "/outbox retry ID (an id that /outbox lists)"


class OutboxCommand:
    """For owners. An owner of one channel sees what was meant for that channel."""

    info = CommandInfo(
        name="outbox",
        summary="What was not sent",
        usage="/outbox [PAGE]\n/outbox retry ID\n/outbox drop ID",
        owners_only=True,
    )

    def __init__(self, database: Database, left_words: Callable[[], None]) -> None:
        """`left_words`: something is to be sent again."""
        self._database = database
        self._left_words = left_words

    async def answer(self, ask: Ask) -> Answer:
        verb, _, rest = ask.words.partition(" ")
        reference = rest.strip()
        match verb.lower():
            case "retry" | "drop" if not reference:
                raise UserError(f"Which one? Write {EXAMPLE}.")
            case "retry" | "drop":
                return await self._change(ask, verb.lower(), reference)
            case "list" | "":
                return await self._list(ask, reference)
            case page if page.isdecimal():
                return await self._list(ask, page)
            case _:
                raise UserError(f"{verb[:40]!r} is none of list, retry, drop; write for example {EXAMPLE}.")

    async def _list(self, ask: Ask, page: str) -> Answer:
        found = await self._database.read(lambda transaction: unsent.listed(transaction, limit=MOST))
        return listed(page_of([one for one in found if _may_see(ask, one)], page), ask.now)

    async def _change(self, ask: Ask, verb: str, reference: str) -> Answer:
        try:
            return await (self._retry if verb == "retry" else self._drop)(ask, reference)
        except NotFoundError:
            if not ask.replayed:
                raise
            return Answer(f"It is done: there is no unsent message {code(reference[:80])} any more.")

    async def _retry(self, ask: Ask, reference: str) -> Answer:
        def write(transaction: Transaction) -> str:
            found = _the_one(transaction, ask, reference)
            if found.state != "open":
                unsent.retry(transaction, found)
            return found.id

        done = await self._database.write(write)
        self._left_words()
        return Answer(f"{code(done)} is sent once more, as soon as its chat can be reached.")

    async def _drop(self, ask: Ask, reference: str) -> Answer:
        def write(transaction: Transaction) -> str:
            found = _the_one(transaction, ask, reference)
            if unsent.being_sent(transaction, found):
                raise UserError(f"{found.id} is being sent at this moment; look again in a while.")
            unsent.drop(transaction, found, at=to_text(ask.now))
            return found.id

        return Answer(f"{code(await self._database.write(write))} was given up: it will not be sent.")


def listed(page: Page[Unsent], now: datetime) -> Answer:
    """A page of the list, newest first."""
    if not page.items:
        return Answer("Everything was sent.")
    lines = [_line(one, now) for one in page.items]
    hints = ["`/outbox retry ID` sends one once more, `/outbox drop ID` gives it up.", *page.hint("/outbox")]
    buttons: Buttons = (page.turning("/outbox"),) if page.count > 1 else ()
    return Answer("\n".join([*lines, "", *hints]), buttons)


def _line(one: Unsent, now: datetime) -> str:
    age = _age(now - from_text(one.created_at))
    error = f": {one_line(one.error, widest=200)}" if one.error else ""
    return f"- {code(one.id)} to {code(str(one.message.address))}, {one.state}, {age} old{error}"


def _age(duration: timedelta) -> str:
    seconds = max(int(duration.total_seconds()), 0)
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _may_see(ask: Ask, one: Unsent) -> bool:
    here = ask.message.address.channel
    return here in {CONSOLE, one.message.address.channel}


def _the_one(transaction: Transaction, ask: Ask, reference: str) -> Unsent:
    """The message with this id, or whose id begins so; one of another channel is answered like one that is not."""
    found: Sequence[Unsent] = [one for one in unsent.named(transaction, reference) if _may_see(ask, one)]
    if len(found) > 1:
        ids = ", ".join(one.id for one in found)
        raise UserError(f"{reference[:80]!r} is the beginning of several ids, such as {ids}; give more of it.")
    if not found:
        raise NotFoundError(f"There is no unsent message {reference[:80]!r}; /outbox lists them.")
    return found[0]
