"""The soak: people who write all the time, jobs that are due all the time, and something that breaks all the time.

The first half of the time has kills in it. The second half is one life, so that its memory can be compared with
itself: when every cache is warm, and at the end.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from gateway.home import Home, prepare
from tests.journeys.crash_child import look, open_rows
from tests.journeys.soak.faults import Faults
from tests.journeys.soak.ledger import AHEAD, Ledger
from tests.journeys.soak.life import Life, Sample
from tests.journeys.soak.outcome import Outcome, Plan
from tests.journeys.soak.phone import Phone
from tests.servers.telegram import TOKEN
from tests.servers.telegram_control import Control

CHATS = tuple(range(7_000, 7_050))
SAMPLE_EVERY = 5.0
LISTEN_EVERY = 0.25
PATIENCE = 180.0  # seconds for everything to come to its end
CONFIG = """\
[channels.telegram]
token = "{token}"
api_base = "{url}"
allow = ["*"]
rate = {{ per_second = 1e9, per_chat = 1e9, per_group_minute = 1e9 }}

[cron]
min_interval = "1s"

[limits]
jobs_per_owner = 1000
creations_per_hour = 100000

[agent]
context_tokens = 2000  # full within a minute: what is kept of the conversations is no growth then
"""


@dataclass(slots=True)
class Soak:
    """Everything that goes on at the same time."""

    plan: Plan
    phone: Phone
    life: Life
    tell: Callable[[str], None]
    ledger: Ledger = field(default_factory=lambda: Ledger(CHATS))
    samples: list[Sample] = field(default_factory=list)
    tasks: list[int] = field(default_factory=list)
    faults: Faults = field(init=False)
    _heard: int = 0
    _began: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        self.faults = Faults(self.phone, self.life)

    async def run(self) -> Outcome:
        """Until the time is over and everything has come to its end, or will not any more."""
        await self.life.start()
        self._began = time.monotonic()
        async with asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(self._listen()), tasks.create_task(self._look())]
            breaking = tasks.create_task(self._break())
            await self._write()
            await breaking
            await self.phone.ask(Control.heal)
            await self._drain()
            for task in beside:
                task.cancel()
        self.tasks.append(await self.life.tasks())
        status = await self.life.end()
        return self._outcome(status)

    def _outcome(self, status: int) -> Outcome:
        home = Home(self.life.home)
        with look(home) as database:
            unknown = database.execute("SELECT count(*) FROM outbox WHERE state = 'unknown'").fetchone()[0]
        return Outcome(
            plan=self.plan,
            ledger=self.ledger,
            faults=dict(self.faults.done),
            samples=self.samples,
            left=open_rows(home),
            unknown=unknown,
            tasks=(self.tasks[0], self.tasks[-1]),
            status=status,
        )

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    # -- what goes on -------------------------------------------------------------------------------------

    async def _write(self) -> None:
        """People write, at their rate, whatever becomes of it."""
        n = 0
        while self._elapsed < self.plan.seconds:
            await asyncio.sleep(max(n / self.plan.rate - self._elapsed, 0))
            await self.phone.ask(self._say)
            n += 1

    async def _say(self, telegram: Control) -> None:
        chat, text = self.ledger.said(time.time())
        await telegram.say(text, user=chat)

    async def _listen(self) -> None:
        while True:
            for sent in await self.phone.ask(lambda telegram: telegram.sent(self._heard)):
                self._heard = sent.number
                self.ledger.heard(sent)
            await asyncio.sleep(LISTEN_EVERY)

    async def _look(self) -> None:
        told = 0
        while True:
            await asyncio.sleep(SAMPLE_EVERY)
            pending = (await self.phone.ask(Control.stats)).pending
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):  # it was killed a moment ago
                self.samples.append(await asyncio.to_thread(self.life.sample, pending))
            if self._elapsed > 60 * (told + 1):
                told += 1
                self.tell(f"{told} min: {self.ledger.counts}; {self.samples[-1]}")
            if not self.tasks and self._elapsed > self.plan.seconds / 2 and self.life.age > self.plan.warm:
                self.tasks.append(await self.life.tasks())

    async def _break(self) -> None:
        """A fault every so often; in the first half now and then a kill instead."""
        n = kills = 0
        while (at := (n + 1) * self.plan.fault_every) < self.plan.seconds:
            await asyncio.sleep(max(at - self._elapsed, 0))
            if (kills + 1) * self.plan.kill_every <= at < self.plan.seconds / 2:
                kills += 1
                await self.faults.kill()
            else:
                await self.faults.strike()
            n += 1

    async def _drain(self) -> None:
        """Until all is answered and every reminder has come, or patience ends."""
        until = time.monotonic() + AHEAD + PATIENCE
        while time.monotonic() < until:
            await asyncio.sleep(SAMPLE_EVERY)
            if not self.ledger.open and not self.samples[-1].queue:
                return


@contextlib.asynccontextmanager
async def soaking(folder: Path, url: str, plan: Plan, tell: Callable[[str], None]) -> AsyncIterator[Soak]:
    """A soak that is ready to run; nothing of it is left afterwards."""
    home = Home(folder / "home")
    prepare(home)
    home.file("config.toml").write_text(CONFIG.format(token=TOKEN, url=url))
    life = Life(home.path)
    async with Control(url) as telegram:
        for chat in CHATS:
            await telegram.person(chat, f"Person {chat}")
        try:
            yield Soak(plan, Phone(telegram), life, tell)
        finally:
            await life.clear_away()
