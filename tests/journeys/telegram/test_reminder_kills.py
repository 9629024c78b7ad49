"""A gateway that is killed between a reminder and its answer: the buttons work in its next life."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.fakes import until
from tests.journeys import processes
from tests.journeys.telegram.story import ANNA
from tests.servers.telegram import TOKEN, TelegramServer

pytestmark = pytest.mark.nightly


async def _life(tmp_path: Path, telegram: TelegramServer) -> asyncio.subprocess.Process:
    output = tmp_path / f"output.{len(list(tmp_path.iterdir()))}"
    settings = {"TOKEN": TOKEN, "API_BASE": telegram.url, "ALLOW": str(ANNA)}
    variables = {f"TOCSIN__CHANNELS__TELEGRAM__{key}": value for key, value in settings.items()}
    with output.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *processes.command(tmp_path / "home", "run"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            env=processes.environment(**variables),
        )
    await until(lambda: b"tocsin ready" in output.read_bytes(), seconds=15)
    return process


async def _killed(process: asyncio.subprocess.Process) -> None:
    process.send_signal(signal.SIGKILL)
    await process.wait()


async def test_presses_after_a_kill_do_what_they_say(tmp_path: Path, telegram: TelegramServer) -> None:
    process = await _life(tmp_path, telegram)
    try:
        for words in ("stretch", "call Bob"):
            telegram.say(f"/remind in 2 seconds to {words}", user=ANNA)
        await telegram.wait_for(lambda: {"stretch", "call Bob"} <= set(telegram.texts(ANNA)), 15)
        await _killed(process)
        messages = {message.text: message.id for message in telegram.chats[ANNA].messages.values()}
        telegram.press(messages["stretch"], "✓ Done", user=ANNA)  # nobody is there
        telegram.press(messages["call Bob"], "⏰ Tomorrow", user=ANNA)

        process = await _life(tmp_path, telegram)
        await telegram.wait_for(lambda: "✓ stretch" in telegram.texts(ANNA), 15)
        await telegram.wait_for(lambda: any("Again" in text for text in telegram.texts(ANNA)), 15)
        await _killed(process)
        process = await _life(tmp_path, telegram)
        telegram.press(messages["call Bob"], "✓ Done", user=ANNA)
        await telegram.wait_for(lambda: "✓ call Bob" in telegram.texts(ANNA), 15)

        texts = telegram.texts(ANNA)
        assert [texts.count(text) for text in ("✓ stretch", "✓ call Bob")] == [1, 1]
        assert (
            len([text for text in texts if not text.startswith("↻")]) == 4
        )  # a kill may leave one of each marked
        assert '"call Bob"' not in (tmp_path / "home" / "cron.json").read_text()
    finally:
        if process.returncode is None:
            await _killed(process)
