"""What was said to the bot, what it must answer, what came back: a byte for each message, for days if need be."""

import re
from collections import Counter
from dataclasses import dataclass, field

from tests.servers.telegram_records import Sent

MARK = "↻"
REMIND_EVERY = 20  # every so many messages ask for a reminder
AHEAD = 30  # seconds until a reminder is due

ASKED, DUE = 0, 1  # the answer to a message; the reminder that it asked for
UNMARKED, MARKED = 1, 2  # bits of one of them; a reminder's are shifted by two

_ANSWERS = (
    (ASKED, re.compile(r'When should I say "drink (\d+)"\?')),
    (ASKED, re.compile(r'Scheduled "stretch (\d+)"')),
    (DUE, re.compile(r"stretch (\d+)$")),
)


def sentence(n: int) -> str:
    """Message number n: the offline assistant has exactly one answer to it, with the number in it."""
    if n % REMIND_EVERY == 0:
        return f"remind me in {AHEAD} seconds to stretch {n}"
    return f"remind me to drink {n}"


@dataclass(slots=True)
class Ledger:
    """Counts everything; keeps only what is still open."""

    chats: tuple[int, ...]
    open: dict[tuple[int, int], float] = field(default_factory=dict)  # (ASKED or DUE, n): since when
    seen: bytearray = field(default_factory=bytearray)
    counts: Counter[str] = field(default_factory=Counter)
    said_again: list[str] = field(default_factory=list)  # without a mark, or marked for the second time
    others: list[str] = field(default_factory=list)  # that nobody asked for
    misplaced: list[str] = field(default_factory=list)  # in the chat of somebody else
    reordered: list[str] = field(default_factory=list)
    slowest: float = 0.0  # seconds between a message and its answer
    latest: float = 0.0  # seconds between the time of a reminder and its arrival
    _last: dict[int, int] = field(default_factory=dict)  # chat: the highest number that was answered there

    def chat_of(self, n: int) -> int:
        return self.chats[(n * 7 + n // len(self.chats)) % len(self.chats)]

    def said(self, now: float) -> tuple[int, str]:
        """The next message, as chat and text; it must be answered from now on."""
        n = len(self.seen)
        self.seen.append(0)
        self.counts["said"] += 1
        self.open[ASKED, n] = now
        if n % REMIND_EVERY == 0:
            self.counts["reminders asked for"] += 1
            self.open[DUE, n] = now + AHEAD
        return self.chat_of(n), sentence(n)

    def heard(self, sent: Sent) -> None:
        """The bot has said something."""
        text = sent.text.removeprefix(MARK).lstrip()
        found = ((kind, pattern.match(text)) for kind, pattern in _ANSWERS)
        kind, match = next(((kind, match) for kind, match in found if match), (ASKED, None))
        n = int(match[1]) if match else -1
        if not 0 <= n < len(self.seen):
            self.others.append(sent.text)
            return
        if sent.chat != self.chat_of(n):
            self.misplaced.append(sent.text)
        self._note(kind, n, sent, repeat=sent.text.startswith(MARK))

    def _note(self, kind: int, n: int, sent: Sent, *, repeat: bool) -> None:
        before = self.seen[n] >> (2 * kind) & (UNMARKED | MARKED)
        if before & MARKED or (before and not repeat):
            self.said_again.append(sent.text)
        self.seen[n] |= (MARKED if repeat else UNMARKED) << (2 * kind)
        self.counts["marked" if repeat else ("reminded" if kind == DUE else "answered")] += 1
        since = self.open.pop((kind, n), None)
        if since is None:
            return
        if kind == DUE:
            self.latest = max(self.latest, sent.at - since)
            return
        self.slowest = max(self.slowest, sent.at - since)
        if n < self._last.get(sent.chat, -1):
            self.reordered.append(sent.text)
        self._last[sent.chat] = n

    @property
    def only_marked(self) -> int:
        """Answers and reminders of which only the marked repeat arrived: the first never did."""
        return sum(
            (seen >> (2 * kind)) & (UNMARKED | MARKED) == MARKED for seen in self.seen for kind in (ASKED, DUE)
        )
