"""The real program, connected to one platform, for payloads that make no sense: what it weighs, what it logs."""

import asyncio
import json
import resource
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes import until
from tests.journeys import processes

FAULTS = {"error", "critical"}
UNDELIVERABLE = "a message is undeliverable"  # no fault: payloads name chats that there are not


@dataclass
class Program:
    """`tocsin run`."""

    process: asyncio.subprocess.Process
    home: Path
    web: str  # where its listener is

    def memory(self) -> int:
        """Bytes that it has in memory."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * resource.getpagesize()

    def faults(self) -> list[Any]:
        """What its log calls an error."""
        logs = [log.read_text(encoding="utf-8") for log in self.home.glob("logs/*.log")]
        lines = [json.loads(line) for log in logs for line in log.splitlines()]
        loud = [line for line in lines if line["level"] in FAULTS or "exception" in line]
        return [line for line in loud if line["event"] != UNDELIVERABLE]

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), 30)


@asynccontextmanager
async def program(folder: Path, name: str, settings: Mapping[str, Any]) -> AsyncIterator[Program]:
    """It runs, with one channel that anybody may talk to, and no limits of our own."""
    home, output, port = folder / "home", folder / "output", _free_port()
    rate = {"per_second": 1e9, "per_chat": 1e9, "per_group_minute": 1e9}
    lines = [f"{key} = {json.dumps(value)}" for key, value in {"allow": ["*"], **settings}.items()]
    lines += [f"rate.{key} = {value}" for key, value in rate.items()]
    home.mkdir(mode=0o700)
    (home / "config.toml").touch(mode=0o600)
    (home / "config.toml").write_text("\n".join([f"[web]\nport = {port}", f"[channels.{name}]", *lines, ""]))
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *processes.command(home, "run"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=processes.environment(),
        )
    try:
        await until(lambda: b"tocsin ready" in output.read_bytes(), seconds=15)
        yield Program(process, home, f"http://127.0.0.1:{port}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])
