"""What text costs, in MB of UTF-8 a second: reading Markdown, cutting it, and the way to each platform's form."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module

from bench.report import Due, Measure, median_of
from bench.run import Run
from channels.feishu.seal import Seal
from channels.layout import lay_out
from channels.markdown import parse
from channels.text import Href, Mark, MarkRoom, split
from channels.text import Run as Words
from gateway.messages import Caller, ChatAddress, OutboundMessage, Part

GROUP = "text"
SIZE = 200_000
TIMES = 7
CUT = Due(limit=5, at_least=True)

ANSWER = """\
## What I found

The **nightly backup** did not run on *Monday*: the disk was full (`df -h` says 100 %). I looked at three things —
the log, the timer and the mount — and only the last one is at fault. See [the manual](https://example.org/b?page=2)
for what each of them does.

1. Free some space: `journalctl --vacuum-size=1G` is safe.
2. Start the backup by hand, and look at its end.
   - It takes about 20 minutes.
   - It says “done” and nothing else.

```python
for path in sorted(root.iterdir()):
    if path.stat().st_size > LIMIT and path.suffix == ".log":
        print(path, path.stat().st_size)
```

| Day | Size | State |
|-----|-----:|-------|
| Sat | 1.2 GB | ok |
| Sun | 1.3 GB | ok |
| Mon | 0 | **failed** |

> Nothing that was kept is lost: the last good copy is from Sunday night.

Shall I tell you when the next one has run? 😀 I can also write to the others.

"""
TEXTS = {
    "an answer of a model": (ANSWER * (SIZE // len(ANSWER) + 1))[:SIZE],
    "3,999 emoji again and again": ("😀" * 3999 + "\n\n") * 12,
    "one line of ASCII": ("All work and no play makes a dull line. " * (SIZE // 40))[:SIZE],
}
USUAL = next(iter(TEXTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a platform's messages are made of Markdown."""

    linkable: Callable[[str], bool]
    limit: int
    size: Callable[[str], int]
    room: MarkRoom
    render: Callable[[OutboundMessage], Sequence[Part]]

    def read(self, text: str) -> list[Words]:
        return list(lay_out(parse(text), self.linkable))

    def cut(self, runs: Sequence[Words]) -> object:
        return split(runs, self.limit, self.size, marks=self.room)

    def whole(self, text: str) -> object:
        return self.render(_message(text))


# By name: in each package its function of the same name hides the module.
telegram, slack, feishu = (import_module(f"channels.{name}.render") for name in ("telegram", "slack", "feishu"))


def _in_a_card(mark: Mark) -> int:
    return 10 + (len(mark.url.encode()) if isinstance(mark, Href) else 0)


WAYS = {
    "telegram": Way(
        linkable=telegram.is_linkable,
        limit=telegram.LIMIT,
        size=telegram.utf16,
        room=telegram.ROOM,
        render=telegram.render,
    ),
    "slack": Way(
        linkable=slack.is_linkable, limit=slack.LIMIT, size=slack.size, room=slack.ROOM, render=slack.render
    ),
    "feishu": Way(
        linkable=feishu.is_linkable,
        limit=feishu.LIMIT,
        size=feishu.measure,
        room=MarkRoom(most=feishu.MARKS, load=_in_a_card),
        render=partial(feishu.render, seal=Seal("bench")),
    ),
}


def measure(run: Run) -> None:
    """Each kind of text, on each platform."""
    run.say("text: what cutting and rendering cost")
    parse("*")  # the parser's import is not what is measured
    for platform, way in WAYS.items():
        for name, text in TEXTS.items():
            run.add(*_measured(f"{platform}: {name}", way, text))


def cuts(run: Run, group: str) -> None:
    """A model's answer only: how fast each platform's messages are cut of it, and made of it."""
    run.say(f"{group}: what cutting costs")
    parse("*")
    text = TEXTS[USUAL]
    for platform, way in WAYS.items():
        cut, _, whole = _measured(f"{platform}: {USUAL}", way, text, group)
        run.add(cut, whole)


def _measured(name: str, way: Way, text: str, group: str = GROUP) -> list[Measure]:
    runs = way.read(text)
    size = len(text.encode()) / 1e6
    works: list[tuple[str, Callable[[], object], Due | None]] = [
        ("cut", partial(way.cut, runs), CUT),
        ("read and laid out", partial(way.read, text), None),
        ("the whole way", partial(way.whole, text), None),
    ]
    return [
        median_of(group, f"{name}, {what}", "MB/s", [size / seconds for seconds in _times(work)], due=due)
        for what, work, due in works
    ]


def _times(work: Callable[[], object]) -> list[float]:
    seconds = []
    for _ in range(TIMES):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return seconds


def _message(text: str) -> OutboundMessage:
    address = ChatAddress(channel="bench", chat="1")
    return OutboundMessage(delivery_id="bench", address=address, caller=Caller.REPLY, text=text)
