"""Telegram, Slack and Feishu together: what they weigh, how soon an event is safe, and a flood of them."""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench import text
from bench.feeding import CALLED, LIFTED, REPOSITORY, Feeder, platform, section, served
from bench.process import TOCSIN, gateway, memory
from bench.report import Due, Measure, median_of, percentile
from bench.run import Run
from bench.telegram import Model
from bench.world import complain
from channels.base import Surroundings
from gateway import observe
from gateway.app import Gateway
from gateway.clock import SystemClock
from gateway.config import Config
from gateway.home import Home, prepare
from gateway.plugins import find
from gateway.setup import Setup
from tests.servers import feishu_records, slack_records
from tests.servers.telegram import TOKEN

GROUP = "channels"
NAMES = ("telegram", "slack", "feishu")
ROUNDS = 3
SETTLED = 5.0  # seconds after "tocsin ready"
PEOPLE = 200
SINGLE, CALM = 500, 50.0  # messages, and how many of them come in a second
FLOOD, PACE = 10_000, 1_000.0
WAITING = 1_000  # messages; then polling stops
ANSWERS = 1_000
AT_ONCE = 1e9

OWN = ("channels.telegram", "channels.slack", "channels.feishu", "channels.email", "channels.wecom", "gateway.web")
FOREIGN = ("telegram", "slack_bolt", "slack_sdk", "lark_oapi", "aiohttp", "starlette", "uvicorn", "aiosmtplib")
HEAVY = (*OWN, *FOREIGN)
"""Modules that only a channel, or the listener, needs."""

PORTIONS: dict[str, Sequence[str]] = {
    "the gateway": ("gateway.observe", "gateway.app", "gateway.cli.run"),
    "aiohttp, and the certificates of the machine": ("aiohttp",),
    "Telegram: the SDK's types, httpx, ours": ("channels.telegram",),
    "Slack: bolt, the SDK, ours": ("channels.slack",),
    "Feishu: ours": ("channels.feishu",),
}


# -- what it weighs ---------------------------------------------------------------------------------------------


def idle(run: Run) -> None:
    """`tocsin run` connected to one platform, to all three, and to none; each server is a process of its own."""
    run.say("channels: idle")
    kinds: dict[str, tuple[str, ...]] = {"no channel": (), **{name: (name,) for name in NAMES}, "all three": NAMES}
    sizes: dict[str, list[dict[str, float]]] = {kind: [] for kind in kinds}
    with ExitStack() as stack:
        servers = {name: stack.enter_context(served(f"tests.servers.{name}")) for name in NAMES}
        for _ in range(ROUNDS):
            for kind, names in kinds.items():
                sizes[kind].append(_weigh(run, {name: servers[name] for name in names}))
    base = statistics.median(size["Rss"] for size in sizes["no channel"])
    for kind, found in sizes.items():
        rss, pss = [one["Rss"] for one in found], statistics.median(one["Pss"] for one in found)
        more = statistics.median(rss) - base
        remark = f"PSS {pss:.1f} MiB, {SETTLED:g} s after ready" + (f"; + {more:.1f} MiB" if kinds[kind] else "")
        due = Due(limit=100) if kind == "all three" else None
        run.add(median_of(GROUP, f"idle, {kind}: RSS", "MiB", rss, due=due, remark=remark))


def _weigh(run: Run, servers: dict[str, str]) -> dict[str, float]:
    with run.home() as home:
        _configure(home, {name: _section(name, url) for name, url in servers.items()})
        with gateway(home) as (process, _):
            time.sleep(SETTLED)
            for name, url in servers.items():
                assert _is_connected(name, url), f"{name} is not connected"
            return memory(process.pid)


def _section(name: str, url: str) -> dict[str, Any]:
    """As `bench.feeding.section`, with what the strict servers of the tests ask for."""
    strict: dict[str, dict[str, Any]] = {
        "telegram": {"token": TOKEN},
        "slack": {"bot_token": slack_records.BOT_TOKEN, "app_token": slack_records.APP_TOKEN},
        "feishu": {"app_id": feishu_records.APP_ID, "app_secret": "baBqE5um9LbFGDy3X7LcfxQX1sqpXlwy"},
    }
    return section(name, url, **strict[name])


def _is_connected(name: str, url: str) -> bool:
    stats = httpx.post(f"{url}/control/stats", json={}).json()["result"]
    return bool(stats[{"telegram": "polled", "slack": "sockets", "feishu": "live"}[name]])


def _configure(home: Path, sections: dict[str, dict[str, Any]]) -> None:
    lines = []
    for name, table in sections.items():
        lines += [f"[channels.{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
    home.chmod(0o700)
    file = home / "config.toml"
    file.write_text("\n".join([*lines, ""]))
    file.chmod(0o600)


def _toml(value: Any) -> str:
    return "[" + ", ".join(map(_toml, value)) + "]" if isinstance(value, list) else f'"{value}"'


def portions(run: Run) -> None:
    """What importing each of them adds, one after the other in one process; before them, Python by itself."""
    code = (
        "import importlib, sys\n"
        "def rss():\n"
        "    lines = open('/proc/self/smaps_rollup').read().splitlines()\n"
        "    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith('Rss'))\n"
        "print(rss())\n"
        "for names in sys.argv[1:]:\n"
        "    for name in names.split(','):\n"
        "        importlib.import_module(name)\n"
        "    print(rss())\n"
    )
    asked = [",".join(names) for names in PORTIONS.values()]
    rows = []
    for _ in range(ROUNDS):
        done = subprocess.run(
            [sys.executable, "-c", code, *asked], cwd=REPOSITORY, check=True, capture_output=True, text=True
        )
        rows.append([float(line) for line in done.stdout.split()])
    run.add(median_of(GROUP, "of it: Python that imports nothing", "MiB", [row[0] for row in rows]))
    for place, name in enumerate(PORTIONS, 1):
        more = [row[place] - row[place - 1] for row in rows]
        run.add(median_of(GROUP, f"of it, by importing: {name}", "MiB", more))


def imports(run: Run) -> None:
    """Which of the heavy modules a gateway loads that has no channel."""
    with run.home() as home:
        process = subprocess.Popen(
            (str(TOCSIN), "--home", str(home), "run"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "TZ": "UTC", "PYTHONPROFILEIMPORTTIME": "1"},
        )
        time.sleep(SETTLED)
        process.terminate()
        output, timed = process.communicate()
        assert b"tocsin ready" in output, "the gateway was not ready in time"
    loaded = {line.rpartition(b"|")[2].strip().decode() for line in timed.splitlines()}
    heavy = sorted(name for name in loaded for one in HEAVY if name == one or name.startswith(f"{one}."))
    run.add(
        Measure(
            group=GROUP,
            name="modules of channels that a gateway without any loads",
            unit="",
            value=len(heavy),
            due=Due(limit=0),
            remark=", ".join(heavy[:5]) or f"of {len(loaded):,} in all",
        )
    )


# -- a gateway in this process ----------------------------------------------------------------------------------


@asynccontextmanager
async def connected(
    path: Path, name: str, url: str, *, held: bool, called: bool = False
) -> AsyncIterator[tuple[Gateway, Model]]:
    """A running gateway with one channel, its rates lifted.

    `held`: its model answers only when it is opened. `called`: by webhooks, at the address of its listener.
    """
    home, model = Home(path), Model()
    prepare(home)
    if not held:
        model.open.set()
    table = section(name, url, rate=LIFTED, **(CALLED[name] if called else {}))
    config = Config.layered(environment={}, file={"channels": {name: table}, "web": {"port": 0}})
    clock = SystemClock()
    channel = find("channels", name).create(name, config, clock, Surroundings(workspace=home.workspace))
    with open("/dev/null", "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - opens at once
        observe.start(level=config.logging.level, clock=clock, file=home.log_file, stream=nowhere)
        try:
            async with asyncio.TaskGroup() as tasks:
                gateway = Gateway(Setup(home=home, config=config, model=model, channels={name: channel}), tasks)
                await gateway.start()
                try:
                    yield gateway, model
                finally:
                    model.open.set()
                    await gateway.stop()
        finally:
            observe.stop()


@dataclass(frozen=True, slots=True)
class Rows:
    """What is in the inbox."""

    all: int
    different: int

    @property
    def doubled(self) -> int:
        return self.all - self.different


async def _rows(gateway: Gateway) -> Rows:
    counted = "SELECT count(*), count(DISTINCT json_extract(message, '$.text')) FROM inbox"
    return Rows(*await gateway.database.read(lambda t: t.execute(counted).fetchone()))


async def safe(run: Run, name: str, feeder: Feeder, url: str) -> None:
    """From an event, one by one, to its row in the inbox: its ack comes after that."""
    run.say(f"channels: {name}, {SINGLE} single events")
    with run.home() as home:
        async with connected(home, name, url, held=True):
            await feeder.feed(SINGLE, rate=CALM, people=PEOPLE)
            acks = (await feeder.acks()).milliseconds
    seen = "the offset of the next poll" if name == "telegram" else "the ack"
    run.add(
        Measure(
            group=GROUP,
            name=f"{name}: event to inbox row, p99",
            unit="ms",
            value=percentile(acks, 0.99),
            due=Due(limit=50),
            samples=tuple(acks),
            remark=f"p50 {statistics.median(acks):.1f} ms, to {seen}, seen from outside; {CALM:g} a second",
        )
    )


async def flood(run: Run, name: str, feeder: Feeder, url: str, *, called: bool = False) -> None:
    """Ten seconds of a thousand events each, while no turn ends."""
    title = f"{name}, by calls" if called else name
    run.say(f"channels: {title}, {FLOOD:,} events while the model hangs")
    polls = name == "telegram" and not called
    with run.home() as home:
        async with connected(home, name, url, held=True, called=called) as (gateway, model):
            assert gateway.listener is not None
            address = f"{gateway.listener.address}/webhooks/{name}"
            pace = await feeder.feed(FLOOD, rate=PACE, people=PEOPLE, address=address)
            acks = await feeder.acks(patience=1.0 if polls else 30.0)
            before = await _rows(gateway)
            if polls:  # it stops by design when so many wait; the rest comes when they are worked off
                model.open.set()
                late = await feeder.acks(patience=60.0)
                acks = type(acks)(milliseconds=acks.milliseconds, missing=late.missing)
            rows = await _rows(gateway)
    lost = FLOOD - rows.different
    if acks.missing:
        complain(f"{acks.missing} events of {title} were never acknowledged")
    held = f"; polling stopped at {before.all:,} rows, the rest after the model went on" if polls else ""
    remark = f"{pace:,.0f} events/s reached, {len(acks.milliseconds):,} acknowledged{held}"
    run.add(
        Measure(group=GROUP, name=f"{title}: lost of {FLOOD:,} in 10 s", unit="", value=lost, due=Due(limit=0)),
        Measure(group=GROUP, name=f"{title}: doubled", unit="", value=rows.doubled, due=Due(limit=0)),
        Measure(
            group=GROUP,
            name=f"{title}: ack p99 while the model hangs",
            unit="ms",
            value=percentile(acks.milliseconds, 0.99),
            due=Due(limit=500),
            samples=acks.milliseconds,
            remark=f"p50 {statistics.median(acks.milliseconds):.1f} ms; {remark}",
        ),
    )


async def answers(run: Run, name: str, feeder: Feeder, url: str) -> None:
    """As many messages as may wait come at once, each is answered at once."""
    run.say(f"channels: {name}, {ANSWERS:,} answers")
    rates = []
    for _ in range(ROUNDS):
        before = len(await feeder.sent())
        with run.home() as home:
            async with connected(home, name, url, held=False):
                await feeder.feed(ANSWERS, rate=AT_ONCE, people=PEOPLE)
                await _until(feeder, before + ANSWERS)
        sent = (await feeder.sent())[before:]
        await feeder.acks()
        if len(sent) != ANSWERS:
            complain(f"{len(sent)} answers of {name} to {ANSWERS} messages")
        rates.append((len(sent) - 1) / (sent[-1] - sent[0]))
    remark = f"to {PEOPLE} chats; each message and each answer on the disk first"
    run.add(median_of(GROUP, f"{name}: answers sent, rates lifted", "/s", rates, remark=remark))


async def _until(feeder: Feeder, count: int) -> None:
    """So much has been said in all."""
    async with asyncio.timeout(120):
        while len(await feeder.sent()) < count:
            await asyncio.sleep(0.1)


async def _events(run: Run) -> None:
    for name in NAMES:
        for part in (safe, flood, answers):
            with platform(name) as url:
                async with Feeder(url) as feeder:
                    await part(run, name, feeder, url)
        with platform(name, "call") as url:
            async with Feeder(url) as feeder:
                await flood(run, name, feeder, url, called=True)


def measure(run: Run) -> None:
    """All of it."""
    idle(run)
    portions(run)
    imports(run)
    text.cuts(run, GROUP)
    asyncio.run(_events(run))
