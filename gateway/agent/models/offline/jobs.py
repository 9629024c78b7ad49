"""What the offline assistant remembers: the jobs that the tool spoke of, and the words they were made with."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gateway.agent.model import ModelReply, PromptItem, ToolCall, ToolResult, UserText

TOOL = "cron"
REMINDERS = "reminder"  # the tool of answers to them
TOLD = "A scheduled run ("  # how a session is told that a run has spoken in its chat
_MENTION = re.compile(r'"([^"\n]{0,200})" \(([0-9a-f]{8})\)')
_ID = re.compile(r"[0-9a-f]{8}")
_FOLLOWS = "next|over|disabled|paused|pending_approval|broken|says|does|event"
_MOMENT = re.compile(r"\b([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}):([0-9]{2})")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A job as a line of the tool's answer shows it."""

    id: str
    name: str
    line: str

    @property
    def moment(self) -> tuple[str, int] | None:
        """The date and the hour that the line names first: when the job is due next."""
        match = _MOMENT.search(self.line, self.line.find(self.id))
        return (match[1], int(match[2])) if match else None

    @property
    def clock(self) -> str:
        """The time of day that the line names first, as "08:30"; empty without one."""
        match = _MOMENT.search(self.line, self.line.find(self.id))
        return f"{match[2]}:{match[3]}" if match else ""

    @property
    def schedule(self) -> str:
        """How a list words the schedule: between the job's id and what follows, without the zone."""
        match = re.search(rf"\({self.id}\): (.{{1,200}}?)(?: \([\w/+-]+\))?, (?:{_FOLLOWS})\b", self.line)
        return match[1] if match else ""

    @property
    def once(self) -> bool:
        """Whether the line words the schedule as a single time: "once", or a date."""
        return self.schedule.startswith("once") or _MOMENT.search(self.schedule) is not None

    def means(self, words: Sequence[str], *, in_name: bool = False) -> bool:
        """Whether every word is in the line (or the name), as it is or as the beginning of one."""
        there = words_of(self.name if in_name else self.line)
        return all(any(own.startswith(stem(word)) for own in there) for word in words)


def words_of(text: str) -> list[str]:
    """The words of a text in lower case."""
    return _WORD.findall(text.lower())


def stem(word: str) -> str:
    """The word without a plural's s."""
    return word[:-1] if len(word) > 3 and word.endswith("s") else word


def jobs_in(text: str) -> list[Known]:
    """The jobs that an answer of the tool is about: one for each line of a list, else that of the first line."""
    lines = text.splitlines()
    named = [line for line in lines if line.startswith("- ")] or lines[:1]
    found = [(line, match) for line in named if (match := _MENTION.search(line))]
    return [Known(id=match[2], name=match[1], line=line) for line, match in found]


def id_in(words: str) -> str:
    """A job's id among the words, if there is one."""
    match = next((word for word in _WORD.findall(words.lower()) if _ID.fullmatch(word)), "")
    return match if any(character.isdigit() for character in match) else ""


def arguments_of(call: ToolCall) -> dict[str, str]:
    """The arguments of a call; of what is not an object of texts, nothing."""
    try:
        found = json.loads(call.arguments)
    except ValueError:
        return {}
    return (
        {str(key): value for key, value in found.items() if isinstance(value, str)}
        if isinstance(found, dict)
        else {}
    )


def exchanges(items: Sequence[PromptItem]) -> Iterator[tuple[dict[str, str], str]]:
    """Calls of the cron tool with what they gave, the latest first."""
    results = {item.call_id: item.text for item in items if isinstance(item, ToolResult)}
    for item in reversed(items):
        for call in reversed(item.calls if isinstance(item, ModelReply) else ()):
            if call.name == TOOL and call.id in results:
                yield arguments_of(call), results[call.id]


def last_spoken_of(items: Sequence[PromptItem], *, beyond_lists: bool = False) -> Known | None:
    """The job that "it" means: the only one of the latest answer that names any and has not just been removed.

    An answer with several jobs ends the search, or with `beyond_lists` is passed over.
    """
    removed: set[str] = set()
    for arguments, text in exchanges(items):
        jobs = jobs_in(text)
        if arguments.get("action") == "remove":
            removed |= {job.id for job in jobs}
        if arguments.get("action") == "remove" or not jobs or (len(jobs) > 1 and beyond_lists):
            continue
        if len(jobs) == 1 and jobs[0].id in removed:
            continue
        return jobs[0] if len(jobs) == 1 else None
    return None


def just_removed(items: Sequence[PromptItem]) -> str:
    """The name of the job that the latest answer has removed; empty when it did something else, or nothing."""
    arguments, text = next(exchanges(items), ({}, ""))
    jobs = jobs_in(text) if arguments.get("action") == "remove" else []
    return jobs[0].name if jobs else ""


def phrase_of(job: Known, items: Sequence[PromptItem]) -> str:
    """The time phrase that the job was last given in this session; empty when it was given none here."""
    for arguments, text in exchanges(items):
        if "when" in arguments and any(other.id == job.id for other in jobs_in(text)):
            return arguments["when"]
    return ""


def just_reminded(items: Sequence[PromptItem]) -> bool:
    """Whether the last thing in the session is what a run has said in it."""
    at = last_said(items)
    item = items[at] if at is not None else None
    return isinstance(item, UserText) and item.text.startswith(TOLD)


def last_said(items: Sequence[PromptItem]) -> int | None:
    """Where the person's last words stand."""
    return next((at for at in range(len(items) - 1, -1, -1) if isinstance(items[at], UserText)), None)
