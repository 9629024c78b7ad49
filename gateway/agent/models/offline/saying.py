"""How answers are worded: a tool's words for people, and what was said or asked before; pure."""

import re
from collections.abc import Sequence

from gateway.agent.model import ModelReply, PromptItem, ToolResult
from gateway.agent.models.offline import watching
from gateway.agent.models.offline.jobs import TOOL, jobs_in
from gateway.agent.models.offline.language import Talk
from gateway.agent.models.offline.scheduled import FETCH

_GONE = re.compile(r"there is no job '[^'\n]*' here\b")


def for_people(text: str, talk: Talk) -> str:
    """A tool's answer without what it says to a model only: how a right call looks, and errors about ids."""
    return talk.gone if _GONE.match(text) else text.partition(" A right call ")[0]


def asked(before: Sequence[PromptItem], *questions: str) -> bool:
    """Whether the last answer was one of these questions, each given as its template."""
    last = before[-1] if before else None
    return isinstance(last, ModelReply) and any(_begins(last.text, question) for question in questions)


def _begins(text: str, template: str) -> bool:
    beginning = template.partition("{")[0]
    return bool(beginning) and text.startswith(beginning)


def once(text: str, before: Sequence[PromptItem], talk: Talk) -> str:
    """The answer without the lines about models when this session has them already; who asks for help gets all."""
    told = [item.text for item in before if isinstance(item, ModelReply) and talk.model in item.text]
    if not told or text == talk.help:
        return text
    return talk.short if text == talk.other else text.removesuffix(talk.model).rstrip()


def watched(url: str, since: Sequence[PromptItem], talk: Talk) -> str:
    """The answer to "watch it": what the cron tool says, and whether the page can be read now."""
    made = "\n".join(for_people(text, talk) for text in _texts(since, TOOL))
    pages = _texts(since, FETCH)
    if not jobs_in(made) or not pages:
        return made
    why = watching.why_unread(pages[0])
    return f"{made}\n{talk.first_unread.format(url=url, why=why) if why else talk.first_read}"


def _texts(items: Sequence[PromptItem], tool: str) -> list[str]:
    return [item.text for item in items if isinstance(item, ToolResult) and item.name == tool]
