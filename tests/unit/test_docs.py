"""The documentation is true: its examples are accepted, its commands work, its links lead somewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway import configfile
from gateway.config import Config, load

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("deploy/**/*.md")])
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)[^)]*\)")


def blocks(language: str) -> list[object]:
    """Every fenced block whose opening line says exactly this, with its page and number as the test's name."""
    return [
        pytest.param(match[2], id=f"{page.relative_to(ROOT)}-{number}")
        for page in PAGES
        for number, match in enumerate(BLOCK.finditer(page.read_text(encoding="utf-8")), start=1)
        if match[1].strip() == language
    ]


@pytest.mark.parametrize("text", blocks("toml"))
def test_every_configuration_in_the_documentation_is_accepted(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(text, encoding="utf-8")

    assert load(tmp_path, environ={}).warnings == ()


@pytest.mark.parametrize("commands", blocks("sh run"))
def test_every_command_in_the_documentation_works(commands: str, tmp_path: Path) -> None:
    environment = {
        "HOME": str(tmp_path),
        "TOCSIN_HOME": str(tmp_path / "home"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }

    result = subprocess.run(
        ["sh", "-euc", commands],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page: Path) -> None:
    links = LINK.findall(page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", ["architecture.md", "configuration.md", "security.md"])
def test_the_contents_lead_to_a_page_of_this_name_that_says_something(page: str) -> None:
    contents = ROOT / "docs" / "README.md"

    text = (contents.parent / page).read_text(encoding="utf-8")

    assert page in LINK.findall(contents.read_text(encoding="utf-8"))  # AB-82
    assert [link for link in LINK.findall(text) if not (contents.parent / link).exists()] == []
    assert text.startswith("# ")
    assert len(text) > 1_000


def test_every_key_of_the_configuration_is_documented() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")

    missing = [key for key in _keys(Config) if not re.search(rf"\b{key}\b", text)]

    assert missing == []


def _keys(model: type) -> list[str]:
    """The names of a model's fields and of those of the sections in it."""
    found = []
    for name, field in getattr(model, "model_fields", {}).items():
        found.append(name)
        found += _keys(field.annotation)
    return found


def test_the_names_of_the_configuration_files_are_documented() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")

    assert all(name in text for name in configfile.NAMES[:2])
