"""The commands that the guides show work as they stand there, one after the other in one home folder."""

import re
import shlex
from pathlib import Path

import pytest

from tests.command_line import CommandLine

DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[list[str]]:
    """The commands of each block of a page."""
    blocks = BLOCK.findall((DOCS / page).read_text(encoding="utf-8"))
    return [block.strip().splitlines() for block in blocks]


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(lines, id=lines[0])
        for page in ("scheduling.md", "command-line.md")
        for lines in commands(page)
    ],
)
def test_the_commands_of_a_guide_work(lines: list[str], tocsin: CommandLine) -> None:
    for line in lines:
        before, _, command = line.rpartition("tocsin ")
        typed = shlex.split(before.rstrip("| "))[1:]

        printed = tocsin(*shlex.split(command), stdin="".join(typed).replace("\\n", "\n"))

        assert printed.status == 0, f"{line}: {printed.err}"
        assert printed.out
