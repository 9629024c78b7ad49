"""What a run keeps: any JSON, shown to the next run and to the operator."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.agent.model import Prompt, ToolResult, UserText
from gateway.agent.models.scripted import Line, calls
from tests.command_line import CommandLine
from tests.fakes import NOON
from tests.journeys.conftest import Opener
from tests.journeys.steps import add_job, go_to, runs_that_ended

HOUR = timedelta(hours=1)
STATES: list[Any] = [{"step_count": 4976}, [1, "a"], "text", 0, 1.5, False, None]


async def test_a_state_of_any_kind_is_in_the_next_prompt_and_in_what_show_prints(
    open_world: Opener, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """AB-15, AB-17, AB-18"""
    tocsin, name = CommandLine(tmp_path / "home", capsys, monkeypatch), ""
    asked: list[str] = []
    states = iter(STATES)

    def watch(prompt: Prompt) -> Line:
        if isinstance(prompt.items[-1], ToolResult):
            return "kept"
        assert isinstance(prompt.items[-1], UserText)
        asked.append(prompt.items[-1].text)
        return calls(("cron", {"action": "set_state", "job_id": name, "state": next(states)}))

    shown = []
    async with open_world(watch) as world:
        name = (await add_job(world, prompt="look", every="3600")).id
        for n in range(1, len(STATES) + 1):
            await go_to(world, NOON + n * HOUR)
            await runs_that_ended(world, n)
            (line,) = [line for line in tocsin("cron", "show", name).lines if line.startswith("State:")]
            shown.append(line.removeprefix("State:").strip())

    kept = [json.dumps(state, separators=(",", ":")) for state in STATES]
    assert shown[:-1] == kept[:-1]
    assert "There is no previous state" in asked[0]
    assert [f"<state>\n{text}\n</state>" in later for text, later in zip(kept, asked[1:], strict=False)] == [
        True
    ] * 6
