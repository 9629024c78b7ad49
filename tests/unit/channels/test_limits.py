"""docs/channels/limits.md says what the code does."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[3] / "docs" / "channels" / "limits.md"
CONSTANT = re.compile(r"`((?:channels|gateway)[\w.]*): ([\w.\[\]]+) = ([^`]+)`")
STEP = re.compile(r"\w+|\[\d+\]")


def constants() -> list[tuple[str, str, str]]:
    """Module, name and value of every constant that the page names."""
    return list(dict.fromkeys(CONSTANT.findall(PAGE.read_text(encoding="utf-8"))))


def rows() -> Iterator[list[str]]:
    """The cells of every row of its tables."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| ") and not line.startswith("| Limit"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def value_of(module: str, name: str) -> Any:
    """`RATE.per_chat`, `ACCOUNT[0].count`; a duration in seconds."""
    value: Any = import_module(module)
    for step in STEP.findall(name):
        value = value[int(step[1:-1])] if step.startswith("[") else getattr(value, step)
    return value.total_seconds() if isinstance(value, timedelta) else value


@pytest.mark.parametrize(("module", "name", "value"), constants())
def test_a_limit_on_the_page_is_the_one_in_the_code(module: str, name: str, value: str) -> None:
    assert value_of(module, name) == ast.literal_eval(value)


def test_every_limit_has_what_the_platform_says_what_we_do_and_a_source_with_its_day() -> None:
    found = list(rows())

    incomplete = [row[0] for row in found if len(row) != 5 or not all(row[:3])]
    undated = [row[0] for row in found if row[3] and not re.search(r"no page|\d{4}-\d\d-\d\d", row[4])]

    assert len(found) > 40
    assert incomplete == []
    assert undated == ["age of a signed call"]  # no limit of Feishu's: ours


@pytest.mark.parametrize("channel", ["telegram", "slack", "feishu", "wecom", "email"])
def test_every_platform_has_limits_on_the_page(channel: str) -> None:
    assert any(module.startswith(f"channels.{channel}") for module, _, _ in constants())
