"""From a published message to its answer, recorded as sent: latency, throughput, and a session that grows."""

import asyncio
import itertools
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bench.lag import lags
from bench.report import Due, Measure, median_of, percentile
from bench.run import Run
from bench.world import LIST_CALL, MESSAGE_CALL, Script, World, counted, words, world

GROUP = "path"
RATE = 100  # messages a second
SECONDS = 4
ROUNDS = 3
CHATS = 200


async def latency(run: Run) -> None:
    """100 messages a second that do not wait for each other, over 200 chats."""
    run.say(f"path: {RATE} messages/s over {CHATS} chats, {ROUNDS} rounds of {SECONDS} s of each kind")
    scripts: dict[str, Script] = {"words": words, "message": MESSAGE_CALL, "list": LIST_CALL}
    p50: dict[str, list[float]] = {name: [] for name in scripts}
    p99: dict[str, list[float]] = {name: [] for name in scripts}
    floors: list[float] = []
    with run.home() as home:
        async with world(home) as one:
            names = (f"m{n}" for n in itertools.count())
            for _ in range(ROUNDS):
                for name, script in scripts.items():
                    floors.append(await asyncio.to_thread(run.measure_floor))
                    one.model.script = script
                    samples = await _open_loop(one, names, SECONDS)
                    p50[name].append(statistics.median(samples))
                    p99[name].append(percentile(samples, 0.99))
    plain = statistics.median(p50["words"])
    due = Due(limit=3, fsyncs=4)
    floor = f"fsync beside it {statistics.median(floors):.2f} ms"
    run.add(
        _latency("publish → sent at 100/s, p50", p50["words"], p99["words"], due, remark=floor),
        _with_tool("… with a call of the message tool first", p50["message"], p99["message"], plain),
        _with_tool("… with a call of the cron tool (list) first", p50["list"], p99["list"], plain),
    )


def _latency(name: str, p50: list[float], p99: list[float], due: Due | None, *, remark: str) -> Measure:
    tail = f"p99 {statistics.median(p99):.1f} ms"
    return median_of(GROUP, name, "ms", p50, due=due, remark=f"{tail}; {remark}")


def _with_tool(name: str, p50: list[float], p99: list[float], plain: float) -> Measure:
    ratio = statistics.median(p50) / plain
    return _latency(name, p50, p99, Due(limit=1.6 * plain), remark=f"{ratio:.2f} x without, due 1.6 x")


async def _open_loop(one: World, names: Iterator[str], seconds: float) -> list[float]:
    """Publish at a fixed rate, whatever becomes of it; the latency of each."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    async with asyncio.TaskGroup() as tasks:
        asked = []
        for n in range(round(RATE * seconds)):
            await asyncio.sleep(max(began + n / RATE - loop.time(), 0))
            text = next(names)
            asked.append(tasks.create_task(one.ask(text, f"c{n % CHATS}", int(text[1:]))))
    return [task.result() for task in asked]


async def throughput(run: Run) -> None:
    """As fast as it goes: everybody writes the next message when the last one is answered."""
    run.say("path: throughput")
    many = Load(sessions=200, each=30)
    due = Due(limit=3000, at_least=True)
    run.add(await _rate(run, "throughput, 200 sessions", many, due))
    wide = replace(many, settings={"agent": {"max_turns": 200}})
    run.add(await _rate(run, "… agent.max_turns = 200 (default 8)", wide, due))
    quiet = replace(many, settings={**wide.settings, "logging": {"level": "warning"}})
    run.add(await _rate(run, '… and logging.level = "warning" (default "info")', quiet, due))
    due = Due(limit=600, at_least=True)
    run.add(await _rate(run, "throughput, one session, 32 messages ahead", Load(each=1000, ahead=32), due))
    run.add(await _rate(run, "throughput, one session, one at a time", Load(each=300), None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Who writes how much: `each` messages in a session, `ahead` of them without waiting for an answer."""

    sessions: int = 1
    each: int
    ahead: int = 1
    settings: Mapping[str, Any] = field(default_factory=dict)


async def _rate(run: Run, name: str, load: Load, due: Due | None) -> Measure:
    rates, floors, wrong = [], [], ""
    messages = load.sessions * load.each
    for _ in range(ROUNDS):
        with run.home() as home:
            async with world(home, **load.settings) as one:
                floors.append(await asyncio.to_thread(run.measure_floor))
                loop = asyncio.get_running_loop()
                began = loop.time()
                await _closed_loop(one, load)
                rates.append(messages / (loop.time() - began))
                wrong = wrong or await _miscounted(one, messages)
    floor = statistics.median(floors)
    fsyncs = 1000 / statistics.median(rates) / floor
    remark = wrong or f"{fsyncs:.2f} fsyncs a message (beside it {floor:.2f} ms); each sent once"
    return median_of(GROUP, name, "msg/s", rates, due=due, remark=remark)


async def _closed_loop(one: World, load: Load) -> None:
    async def person(chat: str, numbers: Iterator[int]) -> None:
        for n in numbers:
            await one.ask(f"{chat}.{n}", chat, n)

    async with asyncio.TaskGroup() as tasks:
        for s in range(load.sessions):
            numbers = iter(range(load.each))  # shared by those who write in the same chat
            for _ in range(load.ahead):
                tasks.create_task(person(f"c{s}", numbers))


async def _miscounted(one: World, wanted: int) -> str:
    """Empty when the tables hold exactly one sent answer for each message."""
    found = await counted(one)
    found["platform"] = one.channel.sent
    wrong = {name: count for name, count in found.items() if count != (0 if name == "other" else wanted)}
    return f"WRONG COUNTS, wanted {wanted}: {wrong}" if wrong else ""


async def growth(run: Run) -> None:
    """500 turns of one session, one at a time."""
    run.say("path: 500 turns of one session")
    for name, script in (("words", words), ("a call of the cron tool in each", LIST_CALL)):
        first, last = [], []
        for _ in range(ROUNDS):
            with run.home() as home:
                async with world(home, script, agent={"context_tokens": 1_000_000}) as one:
                    took = [await one.ask(f"m{n}", "c", n) for n in range(500)]
            first.append(statistics.median(took[1:21]))  # the very first opens the session
            last.append(statistics.median(took[-20:]))
        ratios = [b / a for a, b in zip(first, last, strict=True)]
        remark = f"turns 2–21: {statistics.median(first):.1f} ms, 481–500: {statistics.median(last):.1f} ms"
        run.add(
            median_of(
                GROUP, f"the 500th turn beside the first, {name}", "x", ratios, due=Due(limit=1.5), remark=remark
            )
        )


async def lag(run: Run) -> None:
    """How late the loop's timers are while messages flow."""
    run.say("path: lag of the loop at 100 messages/s")
    idle: list[float] = []
    busy: list[float] = []
    with run.home() as home:
        async with world(home) as one:
            names = (f"m{n}" for n in itertools.count())
            for _ in range(ROUNDS):
                async with lags() as found:
                    await asyncio.sleep(2)
                idle.append(percentile(found, 0.99))
                async with lags() as found:
                    await _open_loop(one, names, 2)
                busy.append(percentile(found, 0.99))
    run.add(lag_measure(GROUP, "loop lag p99 at 100 messages/s", busy, idle))


def lag_measure(group: str, name: str, busy: list[float], idle: list[float]) -> Measure:
    """Beside an idle loop's lag."""
    base = statistics.median(idle)
    return median_of(
        group, name, "ms", busy, due=Due(limit=base + 10), remark=f"idle {base:.2f} ms, due that + 10 ms"
    )


async def measure(run: Run) -> None:
    """All of it."""
    for part in (latency, throughput, growth, lag):
        await part(run)
