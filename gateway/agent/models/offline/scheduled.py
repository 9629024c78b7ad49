"""A scheduled turn without a language model: a page that is watched, or the prompt said as it is; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.agent.model import ModelReply, PromptItem, ToolResult, UserText
from gateway.agent.models.offline import watching
from gateway.agent.models.offline.jobs import TOOL
from gateway.agent.models.offline.language import Speech
from gateway.messages import Json


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call without its id."""

    name: str
    arguments: Mapping[str, Json]


Reply = str | list[Call]

FETCH = "web_fetch"


def scheduled(items: Sequence[PromptItem], tools: set[str], speech: Speech) -> Reply:
    """Nobody can think about the prompt: do what is known, or say it once."""
    texts = [at for at, item in enumerate(items) if isinstance(item, UserText)]
    fenced = [at for at in texts if task(words(items[at]))]
    if not texts:
        return ""
    at = (fenced or texts)[-1]
    prompt, since = words(items[at]), items[at + 1 :]
    url = watching.url_of(task(prompt), speech)
    if url and FETCH in tools:
        return _watch(url, prompt, since, tools, speech)
    if "message" in _called(since) or "message" not in tools:
        return ""
    return [Call("message", {"text": speech.talk.scheduled.format(prompt=task(prompt) or prompt.strip())})]


def _watch(url: str, prompt: str, since: Sequence[PromptItem], tools: set[str], speech: Speech) -> Reply:
    answer = next((item.text for item in since if isinstance(item, ToolResult) and item.name == FETCH), None)
    if answer is None:
        return [Call(FETCH, {"url": url})]
    if _called(since) != {FETCH}:
        return ""
    seen = watching.looked(url, answer, watching.state_of(prompt), speech)
    calls = []
    if seen.say and "message" in tools:
        calls.append(Call("message", {"text": seen.say}))
    if seen.state is not None:
        job = watching.job_of(prompt)
        calls.append(Call(TOOL, {"action": "set_state", "job_id": job, "state": seen.state}))
    return calls or ""


def _called(items: Sequence[PromptItem]) -> set[str]:
    return {call.name for item in items if isinstance(item, ModelReply) for call in item.calls}


def words(item: PromptItem) -> str:
    return item.text if isinstance(item, UserText) else ""


def task(text: str) -> str:
    """The job's own prompt between the lines that fence it."""
    for tag in ("prompt", "system-event"):
        head, opened, rest = text.partition(f"<{tag}>\n")
        inside, closed, _ = rest.rpartition(f"\n</{tag}>")
        if opened and closed and (not head or head.endswith("\n")):
            return inside.replace("<\\", "<").strip()
    return ""
