"""Watching a page without a language model: what a run compares, says and keeps; pure."""

import difflib
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.agent.models.offline.language import Speech
from gateway.messages import Json

KEPT = 12_000  # characters of a page that the state holds
_UNREAD = "it could not be read: "  # how web_fetch begins what went wrong

SHOWN = 3  # lines that are new, and as many that are gone
WIDEST = 200  # characters of each

_APART = "\u2060"  # WORD JOINER: not seen, and no name follows the @

_PAGE = re.compile(r"<page>\n(?P<page>.*)\n</page>", re.DOTALL)
_STATE = re.compile(r"^<state>\n(?P<state>.*)\n</state>$", re.MULTILINE)
_JOB = re.compile(r"\(id (?P<id>[0-9a-f]{8})\)")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at the page has come to: words for the person, and what the next look has to know."""

    say: str
    state: dict[str, Json] | None  # None: as it was


def url_of(task: str, speech: Speech) -> str:
    """The address that a job's prompt asks to watch; empty if it asks for something else."""
    match = speech.watched.fullmatch(task.strip())
    return match["url"] if match else ""


def job_of(prompt: str) -> str:
    """The id of the job whose run this is."""
    match = _JOB.search(prompt)
    return match["id"] if match else ""


def state_of(prompt: str) -> dict[str, Json]:
    """What the last run has kept; nothing if there is none, or another kind of it."""
    match = _STATE.search(prompt)
    try:
        found = json.loads(match["state"]) if match else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def looked(url: str, answer: str, before: dict[str, Json], speech: Speech) -> Seen:
    """Compare what web_fetch has answered with what was kept."""
    page = _PAGE.search(answer)
    if page is None:
        if before.get("unreachable"):
            return Seen("", None)  # said once, not every time
        words = speech.talk.unreachable if "hash" in before else speech.talk.unread
        return Seen(words.format(url=url, why=why_unread(answer)), {**before, "unreachable": True})
    text = _words(page["page"])
    mark = hashlib.sha256(text.encode()).hexdigest()[:16]
    present = {"hash": mark, "text": text[:KEPT]}
    if before.get("hash") == mark:
        return Seen("", present if before.get("unreachable") else None)
    if "hash" not in before:
        return Seen("", present)
    changes = _changes(str(before.get("text", "")), text[:KEPT], speech)
    return Seen("\n".join([speech.talk.page_changed.format(url=url), *changes]), present)


def why_unread(answer: str) -> str:
    """Why web_fetch has brought no page, in its words; empty when it has brought one."""
    return "" if _PAGE.search(answer) else " ".join(answer.split()).removeprefix(_UNREAD)[:WIDEST]


def _words(page: str) -> str:
    """The page without its address. What would look like a fence of the prompt is written otherwise."""
    lines = page.split("\n")
    kept = lines[1:] if lines[0].startswith("URL: ") else lines
    return "\n".join(line.strip() for line in kept if line.strip()).replace("<", "‹")


def _changes(before: str, now: str, speech: Speech) -> Sequence[str]:
    """Some lines that are new, and some that are gone, as a fenced diff: right with marks and without."""
    old, new = before.split("\n"), now.split("\n")
    matcher = difflib.SequenceMatcher(a=old, b=new, autojunk=False)
    gone, come = [], []
    for kind, i, j, m, n in matcher.get_opcodes():
        if kind != "equal":
            gone += old[i:j]
            come += new[m:n]
    shown = [f"+ {_line(line)}" for line in come[:SHOWN]] + [f"- {_line(line)}" for line in gone[:SHOWN]]
    more = max(len(come) - SHOWN, 0) + max(len(gone) - SHOWN, 0)
    return ["```diff", *shown, "```", *([speech.talk.more_lines.format(count=more)] if more else [])]


def _line(text: str) -> str:
    """A line of a stranger's page, shown as it is: it ends no fence, and calls nobody by an @."""
    line = " ".join(text.split())
    cut = line if len(line) <= WIDEST else f"{line[: WIDEST - 1]}…"
    return cut.replace("`", "'").replace("@", f"@{_APART}")
