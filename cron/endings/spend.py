"""Spend: what models have cost, for each job and each owner and day, and what may still be spent."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cron.endings.alerts import told_in
from cron.endings.ending import Ended
from cron.endings.notices import spent_notice
from cron.endings.spent import Spent, day_of, of_job, of_owner, spent_on, under_way, used_by
from cron.job import Job, Say, Shell
from gateway.agent.model import Usage
from gateway.clock import to_text
from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.errors import ErrorClass
from gateway.messages import ChatAddress
from gateway.tools import message as messages

MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Money per million tokens; zero: unknown, and nothing is counted in money."""

    input: float = 0.0
    output: float = 0.0

    def of(self, usage: Usage) -> float:
        """What these tokens cost."""
        return (usage.input_tokens * self.input + usage.output_tokens * self.output) / MILLION

    def tokens_for(self, money: float) -> int | None:
        """How many tokens can be had without spending more, whichever kind they are; None: any number."""
        dearest = max(self.input, self.output)
        return int(money * MILLION / dearest) if dearest else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the models of one owner may cost in a day, runs and conversations together. None: no limit."""

    tokens_per_day: int | None = None
    money_per_day: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What is left. With a refusal, nothing: a sentence that names the cap."""

    tokens: int | None = None  # None: no cap
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cap:
    subject: str
    day: str
    whose: str  # "this job", "this chat"
    zone: str
    tokens: int | None
    money: float | None


class Spend:
    """The book of what was spent. A Consequence: what a run has cost is written with its end."""

    def __init__(
        self, *, limits: Limits, price: Price, zone: str, default_target: ChatAddress | None = None
    ) -> None:
        """`zone`: of the days of owners; those of a job are days of its own zone."""
        self._limits = limits
        self._price = price
        self._zone = zone
        self._default_target = default_target

    @property
    def unlimited(self) -> bool:
        """Whether owners may spend what they like."""
        return self._limits == Limits()

    def write(self, transaction: Transaction, ended: Ended) -> None:
        """What all attempts of the run have cost; and once a day, that a cap has stopped it."""
        job, run = ended.job, ended.run
        usage = Usage(
            input_tokens=max(run.input_tokens, ended.ending.usage.input_tokens),
            output_tokens=max(run.output_tokens, ended.ending.usage.output_tokens),
        )
        self._add(transaction, of_job(job.uid), day_of(ended.now, job.tz), usage)
        self.charge(transaction, job.owner, usage, ended.now)
        if ended.ending.capped or ended.ending.error_class is ErrorClass.PERMISSION:
            self._tell(transaction, ended)

    def charge(self, transaction: Transaction, owner: str | None, usage: Usage, now: datetime) -> None:
        """An owner has spent this, in a run or a conversation."""
        self._add(transaction, of_owner(owner), day_of(now, self._zone), usage)

    def room(self, transaction: Transaction, run: str, job: Job, now: datetime) -> Room:
        """How many tokens an attempt of the run that begins now may spend.

        Those that run at the same time are not known yet.
        """
        if isinstance(job.payload, Say | Shell):
            return Room()  # no model is asked
        reached = self._reached(transaction, job, now)
        if reached is not None:
            return Room(tokens=0, refusal=reached[1])
        own = job.spend.tokens_per_run
        if own is not None:
            own -= used_by(transaction, run)
            if own <= 0:
                return Room(tokens=0, refusal=f"the {job.spend.tokens_per_run:,} tokens of this run are used up")
        left = [self._left(transaction, cap) for cap in self._caps(job, now)]
        return Room(tokens=min((tokens for tokens in (own, *left) if tokens is not None), default=None))

    def room_for(self, transaction: Transaction, owner: str, now: datetime) -> Room:
        """What is left for the conversations of an owner."""
        cap = self._cap_of_owner(owner, now)
        refusal = self._refusal(transaction, cap)
        return Room(tokens=0 if refusal else self._left(transaction, cap), refusal=refusal)

    def _caps(self, job: Job, now: datetime) -> Iterator[_Cap]:
        yield _Cap(
            subject=of_job(job.uid),
            day=day_of(now, job.tz),
            whose="this job",
            zone=job.tz,
            tokens=job.spend.tokens_per_day,
            money=job.spend.money_per_day,
        )
        yield self._cap_of_owner(job.owner, now)

    def _cap_of_owner(self, owner: str | None, now: datetime) -> _Cap:
        return _Cap(
            subject=of_owner(owner),
            day=day_of(now, self._zone),
            whose="this chat" if owner else "the command line",
            zone=self._zone,
            tokens=self._limits.tokens_per_day,
            money=self._limits.money_per_day,
        )

    def _reached(self, transaction: Transaction, job: Job, now: datetime) -> tuple[_Cap, str] | None:
        """The first cap that leaves nothing, and the sentence about it."""
        found = ((cap, self._refusal(transaction, cap)) for cap in self._caps(job, now))
        return next(((cap, refusal) for cap, refusal in found if refusal), None)

    def _refusal(self, transaction: Transaction, cap: _Cap) -> str:
        if cap.tokens is None and cap.money is None:
            return ""
        spent = self._spent(transaction, cap)
        until = f"until the end of {cap.day} ({cap.zone})"
        if cap.tokens is not None and spent.tokens >= cap.tokens:
            return f"the spend cap of {cap.whose}, {cap.tokens:,} tokens a day, is reached {until}"
        if cap.money is not None and spent.money >= cap.money:
            return f"the spend cap of {cap.whose}, {cap.money:g} in money a day, is reached {until}"
        return ""

    def _spent(self, transaction: Transaction, cap: _Cap) -> Spent:
        """What counts against the cap: also what runs have cost that wait for their next attempt."""
        booked, open_ = spent_on(transaction, cap.day, cap.subject), under_way(transaction, cap.subject)
        usage = Usage(input_tokens=open_.input_tokens, output_tokens=open_.output_tokens)
        return Spent(
            subject=cap.subject,
            input_tokens=booked.input_tokens + usage.input_tokens,
            output_tokens=booked.output_tokens + usage.output_tokens,
            money=booked.money + self._price.of(usage),
        )

    def _left(self, transaction: Transaction, cap: _Cap) -> int | None:
        """Money is counted at the price of the dearer tokens: the cap is never passed by more than one answer."""
        if cap.tokens is None and cap.money is None:
            return None
        spent = self._spent(transaction, cap)
        by_money = None if cap.money is None else self._price.tokens_for(cap.money - spent.money)
        by_tokens = None if cap.tokens is None else cap.tokens - spent.tokens
        known = [tokens for tokens in (by_tokens, by_money) if tokens is not None]
        return max(min(known), 1) if known else None  # something is left: at least one answer

    def _tell(self, transaction: Transaction, ended: Ended) -> None:
        reached = self._reached(transaction, ended.job, ended.now)
        if reached is None:
            return
        cap, why = reached
        notice = spent_notice(ended.job, cap.subject, cap.day, why, told_in(ended.job, self._default_target))
        messages.leave(transaction, notice, at=to_text(ended.now))

    def _add(self, transaction: Transaction, subject: str, day: str, usage: Usage) -> None:
        if usage.input_tokens or usage.output_tokens:
            row = (day, subject, usage.input_tokens, usage.output_tokens, self._price.of(usage))
            transaction.execute(sql.ADD_SPEND, row)
