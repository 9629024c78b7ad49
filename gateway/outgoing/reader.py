"""The readable text of a page, in a process of its own: a page that is made to be slow harms nothing but itself.

`python -m gateway.outgoing.reader` reads a page from standard input and prints {"title", "text"} as JSON.
"""

import asyncio
import contextlib
import json
import logging
import os
import resource
import sys
from collections.abc import Sequence
from datetime import timedelta

from gateway.clock import Clock
from gateway.errors import UserError

WITHIN = timedelta(seconds=10)
MEMORY = 1024**3
AT_ONCE = 2  # pages, each of which may take all of MEMORY
NOT_INSTALLED = 3  # the exit status without the library

# -P: nothing of the working folder is imported.
_COMMAND = (sys.executable, "-P", "-m", "gateway.outgoing.reader")


class Reader:
    """Reads pages, a few at a time; the others wait for their turn."""

    def __init__(self, clock: Clock, *, command: Sequence[str] = _COMMAND) -> None:
        """`command` is for tests."""
        self._clock = clock
        self._command = command
        self._free = asyncio.Semaphore(AT_ONCE)

    async def read(self, html: str) -> tuple[str, str]:
        """Title and text of a page without its menus and scripts; UserError when it cannot be read in time."""
        async with self._free:
            return await _read(html, self._clock, self._command)


async def _read(html: str, clock: Clock, command: Sequence[str]) -> tuple[str, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONUTF8": "1"},  # not ours, which may hold secrets
    )
    try:
        async with clock.timeout(WITHIN):
            output, _ = await process.communicate(html.encode("utf-8", errors="replace"))
    except TimeoutError:
        raise UserError("it could not be read: the page is too much to find its text in time") from None
    finally:
        with contextlib.suppress(ProcessLookupError):  # it has ended by itself
            process.kill()
        await process.wait()
    if process.returncode == NOT_INSTALLED:
        raise UserError("pages cannot be read: install the extra, pip install 'tocsin[fetch]'")
    if process.returncode:
        raise UserError("it could not be read: the page is broken")
    found = json.loads(output)
    return found["title"], found["text"]


def main() -> int:
    os.nice(10)  # the chats go first
    resource.setrlimit(resource.RLIMIT_CPU, (int(WITHIN.total_seconds()) + 2,) * 2)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    try:
        title, text = readable(sys.stdin.buffer.read().decode("utf-8"))
    except ImportError:
        return NOT_INSTALLED
    sys.stdout.write(json.dumps({"title": title, "text": text}))
    return 0


def readable(html: str) -> tuple[str, str]:
    """Title and text of a page."""
    import trafilatura  # with lxml it takes 0.2 s and 30 MiB: never in the gateway itself

    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # a page without text is no fault of ours
    tree = trafilatura.load_html(html)
    if tree is None:
        return "", ""
    title = tree.findtext(".//title") or ""
    found = trafilatura.bare_extraction(tree, include_comments=False, favor_recall=True, with_metadata=False)
    text = found.text if found is not None and not isinstance(found, dict) else ""
    return title, text or trafilatura.html2txt(html) or ""


if __name__ == "__main__":
    sys.exit(main())
