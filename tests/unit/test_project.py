"""What the project is made of: the packages it was given, and the folders where things are."""

import ast
import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OURS = ("gateway", "channels", "cron")
GIVEN = {  # the distribution and the package that it brings
    "python-telegram-bot": "telegram",
    "slack-bolt": "slack_bolt",
    "croniter": "croniter",
    "dateparser": "dateparser",
    "tinydb": "tinydb",
    "httpx": "httpx",
}


def imported() -> Iterator[str]:
    """The packages that our code imports, wherever it does so."""
    for file in (file for folder in OURS for file in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from (name.name.partition(".")[0] for name in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield node.module.partition(".")[0]


def test_the_given_packages_are_base_dependencies_and_are_installed() -> None:
    """CARD-05"""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    named = {re.split(r"[\s\[<>=]", entry)[0] for entry in project["dependencies"]}

    assert set(GIVEN) <= named
    assert all(metadata.version(name) for name in GIVEN)


def test_the_given_packages_are_in_use() -> None:
    """CARD-05"""
    used = set(imported())

    assert used >= set(GIVEN.values())


@pytest.mark.parametrize("name", ["pyproject.toml", "gateway", "channels", "cron", "tests", "deploy"])
def test_the_parts_of_the_project_lie_at_its_root(name: str) -> None:
    """CARD-06"""
    assert (ROOT / name).is_file() == (name == "pyproject.toml")
    assert (ROOT / name).is_dir() == (name != "pyproject.toml")
