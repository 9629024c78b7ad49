"""/usage: what language models have cost in a chat."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from cron.clerk import Clerk
from cron.commands.asking import asker_of
from cron.endings.spend import Spend
from cron.endings.spent import Spent, day_of, of_job, of_owner, spent_on, spent_since
from cron.job import Job
from gateway.commands.base import Answer, Ask, CommandInfo
from gateway.commands.text import code, one_line
from gateway.database.driver import Transaction
from gateway.database.writer import Database

DAYS = (1, 7, 30)
MOST_JOBS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class _Book:
    """What was read of it: the chat over so many days, its jobs today, and what a cap still leaves."""

    days: tuple[tuple[int, Spent], ...]
    jobs: tuple[tuple[Job, Spent], ...]
    left: int | None
    refusal: str


class UsageCommand:
    """Tells tokens and money of the chat's conversations and jobs; the days are those of the configured zone."""

    info = CommandInfo(name="usage", summary="Tokens and money that were used here")

    def __init__(self, clerk: Clerk, spend: Spend, database: Database, *, zone: str) -> None:
        self._clerk = clerk
        self._spend = spend
        self._database = database
        self._zone = zone

    async def answer(self, ask: Ask) -> Answer:
        jobs = [job for job, _ in await self._clerk.all(asker_of(ask))]
        owner = ask.message.address.owner
        book = await self._database.read(lambda transaction: self._read(transaction, ask, owner, jobs))
        if not any(spent.tokens for _, spent in book.days):
            return Answer("No tokens were used here in the last 30 days.")
        return Answer("\n".join(_lines(book)))

    def _read(self, transaction: Transaction, ask: Ask, owner: str, jobs: list[Job]) -> _Book:
        subject = of_owner(owner)
        first = [day_of(ask.now - timedelta(days=days - 1), self._zone) for days in DAYS]
        of_jobs = [(job, spent_on(transaction, day_of(ask.now, job.tz), of_job(job.uid))) for job in jobs]
        room = self._spend.room_for(transaction, owner, ask.now)
        return _Book(
            days=tuple(
                (days, spent_since(transaction, day, subject)) for days, day in zip(DAYS, first, strict=True)
            ),
            jobs=tuple(sorted(of_jobs, key=lambda one: -one[1].tokens)[:MOST_JOBS]),
            left=room.tokens,
            refusal=room.refusal,
        )


def _lines(book: _Book) -> Iterator[str]:
    for days, spent in book.days:
        yield f"- {'Today' if days == 1 else f'In {days} days'}: {_words(spent)}"
    for job, spent in book.jobs:
        if spent.tokens:
            yield f"- Today by {one_line(job.name)} ({code(job.id)}): {_words(spent)}"
    if book.refusal:
        yield f"- Nothing is left: {book.refusal}."
    elif book.left is not None:
        yield f"- Left today: about {book.left:,} tokens."


def _words(spent: Spent) -> str:
    money = f", {spent.money:.4f} in money" if spent.money else ""
    return f"{spent.input_tokens:,} tokens in, {spent.output_tokens:,} out{money}"
