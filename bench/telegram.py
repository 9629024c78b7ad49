"""Telegram: a bot that idles, updates that come in, answers that go out; the platform is a process of its own."""

import asyncio
import socket
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from telegram import Update
from telegram.ext import Application, MessageHandler, filters

from bench.process import gateway, memory
from bench.report import Due, Measure, median_of, percentile
from bench.run import Run
from bench.world import complain, words
from channels import telegram as channel_of
from channels.base import Surroundings
from gateway import observe
from gateway.agent.model import Hear, ModelAnswer, Prompt
from gateway.app import Gateway
from gateway.clock import SystemClock, from_text
from gateway.config import Config
from gateway.home import Home, prepare
from gateway.setup import Setup
from tests.journeys.telegram_process import telegram_process
from tests.servers.telegram import TOKEN
from tests.servers.telegram_control import Control
from tests.servers.telegram_records import Sent, Stats

GROUP = "telegram"
NAME = "telegram"
ROUNDS = 3
CHATS = 200
UPDATES = 1_000  # as many as may wait: more, and the polling stops until some are worked off
BATCH = 100  # updates of one poll
ANSWERS = 700
SINGLE = 150  # messages, one after the other
SETTLED = 5.0  # seconds after "tocsin ready"
LIFTED = {"per_second": 1e9, "per_chat": 1e9, "per_group_minute": 1e9}


# -- real processes ---------------------------------------------------------------------------------------------


def idle(run: Run) -> None:
    """`tocsin run` with a bot that polls and the offline model: what it weighs."""
    run.say("telegram: an idle bot")
    sizes = []
    with telegram_process() as server:
        for _ in range(ROUNDS):
            with run.home() as home:
                _configure(home, server.url)
                with gateway(home) as (process, _):
                    time.sleep(SETTLED)
                    assert server.stats().polled, "the bot does not poll"
                    sizes.append(memory(process.pid))
    pss = statistics.median(size["Pss"] for size in sizes)
    remark = f"PSS {pss:.1f} MiB, {SETTLED:g} s after ready"
    rss = [size["Rss"] for size in sizes]
    run.add(median_of(GROUP, "idle with a bot that polls: RSS", "MiB", rss, due=Due(limit=65), remark=remark))


def unreachable(run: Run) -> None:
    """How long it takes to be ready without Telegram."""
    run.say("telegram: ready while Telegram cannot be reached")
    for name, place in (("is refused", _refusing), ("is silent", _silent)):
        took = []
        for _ in range(ROUNDS):
            with place() as url, run.home() as home:
                _configure(home, url)
                with gateway(home) as (_, ready):
                    took.append(ready)
        run.add(median_of(GROUP, f"ready while Telegram {name}", "ms", took, due=Due(limit=2_000)))


def _configure(home: Path, url: str) -> None:
    home.chmod(0o700)
    file = home / "config.toml"
    file.write_text(f'[channels.telegram]\ntoken = "{TOKEN}"\napi_base = "{url}"\nallow = ["*"]\n')
    file.chmod(0o600)


@contextmanager
def _silent() -> Iterator[str]:
    """Connections are made, and nothing ever comes back."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def _refusing() -> Iterator[str]:
    with _silent() as url:
        pass
    yield url


# -- a gateway in this process, with a model that takes no time -------------------------------------------------


@dataclass
class Model:
    """Answers at once, unless it is held; notes when it was asked."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    asked: "asyncio.Queue[float]" = field(default_factory=asyncio.Queue)

    async def ask(self, prompt: Prompt, *, hear: Hear | None = None) -> ModelAnswer:
        self.asked.put_nowait(time.perf_counter())
        await self.open.wait()
        return words(prompt)

    async def close(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def bot(path: Path, url: str, *, held: bool = False) -> AsyncIterator[tuple[Gateway, Model]]:
    """A running gateway with one bot, whose rate limits are lifted; `held`: its model answers only at the end."""
    home, model = Home(path), Model()
    prepare(home)
    if not held:
        model.open.set()
    section = {"token": TOKEN, "api_base": url, "allow": ["*"], "rate": LIFTED}
    config = Config.layered(environment={}, file={"channels": {NAME: section}})
    channels = {NAME: channel_of.create(NAME, config, SystemClock(), Surroundings(workspace=home.workspace))}
    with open("/dev/null", "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - opens at once
        observe.start(level=config.logging.level, clock=SystemClock(), file=home.log_file, stream=nowhere)
        try:
            async with asyncio.TaskGroup() as tasks:
                gateway = Gateway(Setup(home=home, config=config, model=model, channels=channels), tasks)
                await gateway.start()
                try:
                    yield gateway, model
                finally:
                    model.open.set()
                    await gateway.stop()
        finally:
            observe.stop()


async def _say(control: Control, count: int) -> None:
    """So many messages, from all chats in turn."""
    messages = [{"text": f"m{n}", "user": 1_000 + n % CHATS} for n in range(count)]
    for n in range(0, count, 500):
        await control.say_many(messages[n : n + 500])


async def taking(run: Run, control: Control) -> None:
    """Updates into the inbox while no turn ends."""
    run.say(f"telegram: {UPDATES:,} waiting updates, and a model that does not answer")
    rates, acks = [], []
    for _ in range(ROUNDS):
        await _say(control, UPDATES)
        with run.home() as home:
            async with bot(home, control.url, held=True) as (gateway, _):
                await _until(control, lambda stats: stats.pending == 0)
                rates.append(await _taken(gateway))
        with run.home() as home:
            async with bot(home, control.url, held=True):
                acks += [await _acknowledged(control, n) for n in range(SINGLE)]
    remark = f"of {UPDATES:,}, the first {BATCH} left out; 8 turns hang, the others wait"
    run.add(
        median_of(
            GROUP,
            "updates taken into the inbox",
            "/s",
            rates,
            due=Due(limit=1_000, at_least=True),
            remark=remark,
        ),
        Measure(
            group=GROUP,
            name="from a message to its confirmed offset, p99, while all turns hang",
            unit="ms",
            value=percentile(acks, 0.99),
            samples=tuple(acks),
            remark=f"p50 {statistics.median(acks):.1f} ms, seen from outside, two requests of it our own",
        ),
    )


async def _until(control: Control, condition: Callable[[Stats], bool], *, pause: float = 0.005) -> None:
    async with asyncio.timeout(60):
        while not condition(await control.stats()):
            await asyncio.sleep(pause)


async def _taken(gateway: Gateway) -> float:
    """Updates a second, by the moments at which the first batch and the last were read."""
    texts = await gateway.database.read(
        lambda t: [row[0] for row in t.execute("SELECT received_at FROM inbox ORDER BY seq").fetchall()]
    )
    moments = [from_text(text).timestamp() for text in texts]
    assert len(moments) == UPDATES, len(moments)
    return (UPDATES - BATCH) / (moments[-1] - moments[0])


async def _acknowledged(control: Control, n: int) -> float:
    began = time.perf_counter()
    update = await control.say(f"m{n}", user=1_000 + n % CHATS)
    while (await control.stats()).confirmed <= update:
        await asyncio.sleep(0)
    return (time.perf_counter() - began) * 1000


# -- answers ----------------------------------------------------------------------------------------------------


async def answering(run: Run, control: Control) -> None:
    """Waiting messages, each answered at once; beside it the SDK's own application, in turn with ours."""
    run.say(f"telegram: {ANSWERS:,} messages answered, and the same by python-telegram-bot's Application")
    ours, theirs = [], []
    for _ in range(ROUNDS):
        with run.home() as home:
            ours.append(await _answers(control, bot(home, control.url)))
        theirs.append(await _answers(control, _application(control.url)))
    ratio = statistics.median(ours) / statistics.median(theirs)
    due = Due(limit=300, at_least=True)
    remark = f"{ratio:.2f} x the Application; each message and each answer on the disk first"
    run.add(
        median_of(GROUP, "answers sent by one bot, rates lifted", "/s", ours, due=due, remark=remark),
        median_of(
            GROUP,
            "… by python-telegram-bot's Application with an echo handler",
            "/s",
            theirs,
            remark="concurrent_updates; nothing is kept",
        ),
    )


async def _answers(control: Control, service: AbstractAsyncContextManager[object]) -> float:
    """Answers a second, from the first to the last; every message has exactly one."""
    before = (await control.stats()).sent
    await _say(control, ANSWERS)
    async with service:
        await _until(control, lambda stats: stats.sent >= before + ANSWERS and stats.pending == 0, pause=0.1)
    sent: list[Sent] = []
    while page := await control.sent(before + len(sent)):
        sent += page
    if sorted(one.text for one in sent) != sorted(f"re: m{n}" for n in range(ANSWERS)):
        complain(f"{len(sent)} answers, or other ones than those to {ANSWERS} messages")
    return (ANSWERS - 1) / (sent[-1].at - sent[0].at)


@asynccontextmanager
async def _application(url: str) -> AsyncIterator[None]:
    """The SDK as its documentation shows it."""

    async def echo(update: Update, _context: Any) -> None:
        assert update.message is not None
        await update.message.reply_text(f"re: {update.message.text}")

    application = Application.builder().token(TOKEN).base_url(f"{url}/bot").concurrent_updates(True).build()
    application.add_handler(MessageHandler(filters.TEXT, echo))
    async with application:
        await application.start()
        assert application.updater is not None
        await application.updater.start_polling()
        try:
            yield
        finally:
            await application.updater.stop()
            await application.stop()


# -- one message ------------------------------------------------------------------------------------------------


async def inbound(run: Run, control: Control) -> None:
    """From somebody's message to the beginning of its turn, beside a poller that does nothing with it."""
    run.say(f"telegram: {SINGLE} single messages on their way in")
    raw = [await _raw(control, n) for n in range(SINGLE)]
    with run.home() as home:
        async with bot(home, control.url) as (_, model):
            await _until(control, lambda stats: stats.polled)
            ours = [await _begun(control, model, n) for n in range(SINGLE)]
    base = statistics.median(raw)
    added = statistics.median(ours) - base
    run.add(
        Measure(
            group=GROUP,
            name="added to an inbound message, p50",
            unit="ms",
            value=added,
            samples=tuple(ours),
            remark=f"parsing and one commit, nothing is waited for; {base:.1f} ms of a bare poller left out, "
            f"p99 with it {percentile(ours, 0.99):.1f} ms",
        )
    )


async def _raw(control: Control, n: int) -> float:
    """Milliseconds until a waiting poll of the bench's own has the message."""
    async with aiohttp.ClientSession() as http:
        url = f"{control.url}/bot{TOKEN}/getUpdates"
        offset = (await control.stats()).next_update
        poll = asyncio.create_task(_poll(http, url, offset))
        await _until(control, lambda stats: stats.polled)
        began = time.perf_counter()
        await control.say(f"m{n}", user=1_000 + n % CHATS)
        arrived = await poll
        async with http.post(url, json={"offset": offset + 1}) as confirmed:
            await confirmed.read()
    return (arrived - began) * 1000


async def _poll(http: aiohttp.ClientSession, url: str, offset: int) -> float:
    async with http.post(url, json={"offset": offset, "timeout": 10}) as answer:
        await answer.read()
    return time.perf_counter()


async def _begun(control: Control, model: Model, n: int) -> float:
    began = time.perf_counter()
    await control.say(f"m{n}", user=1_000 + n % CHATS)
    asked = await model.asked.get()
    await _until(control, lambda stats: stats.polled and stats.pending == 0)
    return (asked - began) * 1000


async def _in_process(run: Run) -> None:
    with telegram_process("--keep", "20000") as server:
        async with Control(server.url) as control:
            for part in (taking, answering, inbound):
                await part(run, control)


def measure(run: Run) -> None:
    """All of it."""
    idle(run)
    unreachable(run)
    asyncio.run(_in_process(run))
