"""What text costs, in MB of UTF-8 a second: reading Markdown, cutting it, and the way to Telegram's HTML."""

import time
from collections.abc import Callable

from bench.report import Due, Measure, median_of
from bench.run import Run
from channels.layout import lay_out
from channels.markdown import parse
from channels.telegram.render import LIMIT, ROOM, is_linkable, render, utf16
from channels.text import split
from gateway.messages import Caller, ChatAddress, OutboundMessage

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


def measure(run: Run) -> None:
    """Each kind of text."""
    run.say("text: what cutting and rendering cost")
    parse("*")  # the parser's import is not what is measured
    for name, text in TEXTS.items():
        run.add(*_measured(name, text))


def _measured(name: str, text: str) -> list[Measure]:
    runs = lay_out(parse(text), is_linkable)
    size = len(text.encode()) / 1e6
    works: list[tuple[str, Callable[[], object], Due | None]] = [
        ("cut", lambda: split(runs, LIMIT, utf16, marks=ROOM), CUT),
        ("read and laid out", lambda: lay_out(parse(text), is_linkable), None),
        ("the whole way", lambda: render(_message(text)), None),
    ]
    return [
        median_of(GROUP, f"{name}, {what}", "MB/s", [size / seconds for seconds in _times(work)], due=due)
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
    address = ChatAddress(channel="telegram", chat="1")
    return OutboundMessage(delivery_id="bench", address=address, caller=Caller.REPLY, text=text)
