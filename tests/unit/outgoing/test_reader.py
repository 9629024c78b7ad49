"""The readable text of pages, odd ones too."""

import asyncio
import sys
from itertools import accumulate
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.outgoing.reader import AT_ONCE, Reader, readable

ARTICLE = "<html><head><title>Bread</title></head><body><article><p>A loaf costs 3 €.</p></article>"

SLOW = """
import os, sys, time
log = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)
os.write(log, b"+")
sys.stdin.read()
time.sleep(0.05)
os.write(log, b"-")
print('{"title": "", "text": "read"}')
"""
"""Notes when it begins and when it ends."""


def test_the_same_page_is_the_same_text_so_that_a_watch_can_compare() -> None:
    assert readable(ARTICLE) == readable(ARTICLE) == ("Bread", "A loaf costs 3 €.")


def test_a_page_of_one_number_is_read() -> None:
    assert readable("<html><body><div id=n>12</div></body></html>") == ("", "12")


@pytest.mark.parametrize(
    "page",
    [
        "",
        "<",
        "<html",
        "<div>" * 20_000,
        "<a href='" + "x" * 100_000,
        "&#0;&#xD800;",
        "\ufffd<p>\ufffd",
        "<title>",
    ],
)
def test_broken_html_has_little_text_and_does_no_harm(page: str) -> None:
    title, text = readable(page)

    assert len(title) + len(text) <= len(page)


async def test_only_a_few_pages_are_read_at_once_and_the_others_wait_for_their_turn(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.touch()
    reader = Reader(SystemClock(), command=(sys.executable, "-S", "-c", SLOW, str(log)))

    read = await asyncio.gather(*(reader.read(ARTICLE) for _ in range(3 * AT_ONCE)))

    noted = log.read_text()
    assert read == [("", "read")] * 3 * AT_ONCE
    assert (noted.count("+"), noted.count("-")) == (3 * AT_ONCE, 3 * AT_ONCE)
    assert max(accumulate(1 if sign == "+" else -1 for sign in noted)) <= AT_ONCE
