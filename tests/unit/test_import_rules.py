"""The import rules cover every module, and the innermost ones need no installed package."""

import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_module_of_the_gateway_has_its_place_in_the_layers() -> None:
    rules = ConfigParser()
    rules.read(ROOT / ".importlinter")
    layers = rules["importlinter:contract:inward"]["layers"]
    placed = {word.strip("()") for word in layers.split()}
    modules = {path.stem for path in (ROOT / "gateway").iterdir() if path.suffix == ".py" or path.is_dir()}

    missing = {f"gateway.{name}" for name in modules - {"__init__", "__pycache__"}} - placed

    assert missing == set()


def test_the_innermost_modules_need_only_the_standard_library() -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import gateway.messages, gateway.clock, gateway.errors"

    result = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, check=False)

    assert result.stderr == b""


OUTGREW_A_FILE = {"cron/codec", "cron/phrases", "gateway/agent/models/hosted", "gateway/agent/models/offline"}
"""Parts that are folders because one file became too small for them; their package file is the part itself."""


def test_every_other_package_file_stays_empty() -> None:
    packages = [
        *ROOT.glob("gateway/**/__init__.py"),
        *ROOT.glob("cron/**/__init__.py"),
        ROOT / "channels/__init__.py",
    ]

    full = {str(path.parent.relative_to(ROOT)) for path in packages if path.read_text().strip()}
    assert full == OUTGREW_A_FILE
