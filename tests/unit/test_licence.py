"""The repository is under one licence, and nothing in it was written elsewhere."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("gateway", "channels", "cron", "tests", "deploy", "bench")
TEXTS = {".py", ".toml", ".yaml", ".yml", ".md", ".sh", ".json", ".txt", ".html", ".service"}
CLAIM = re.compile(
    r"^\W*(copyright\b|©|\(c\) |spdx-license-identifier|licensed under)", re.IGNORECASE | re.MULTILINE
)


def test_the_project_is_under_the_licence_that_lies_beside_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert (project["license"], project["license-files"]) == ("Apache-2.0", ["LICENSE"])
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")[:200]


def test_no_file_claims_an_author_or_a_licence_of_its_own() -> None:
    files = [path for top in FOLDERS for path in (ROOT / top).rglob("*") if path.suffix in TEXTS]

    claiming = [str(path.relative_to(ROOT)) for path in files if CLAIM.search(path.read_text(encoding="utf-8"))]

    assert len(files) > 300
    assert claiming == []  # HP-85
    assert CLAIM.search("# Copyright (c) 2024 somebody")
