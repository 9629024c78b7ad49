"""Conversations with the offline assistant, its tools answered from a table."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from cron.phrases import find, understand
from cron.times.describe import describe
from gateway.agent.model import ModelReply, Prompt, PromptItem, ToolResult, ToolSpec, TurnContext, UserText
from gateway.agent.models.offline import OfflineModel

NOW = "2026-11-18T13:00:00.000000Z"  # a Wednesday, 14:00 in Berlin
BERLIN = "Europe/Berlin"
TOOLS = tuple(
    ToolSpec(name=name, description="", schema={}) for name in ("cron", "message", "reminder", "web_fetch")
)
NOON = datetime(2026, 11, 18, 13, 0, tzinfo=UTC)
REPORT = (
    '- "write my report" (a1b2c3d4): At 09:00, Monday through Friday (Europe/Berlin), next 2026-11-19 09:00 Thu'
)
REPORT += " (Europe/Berlin), says: write my report"
STRETCH = '- "stretch" (b2c3d4e5): once at 2026-11-18 17:00 (Europe/Berlin), next 2026-11-18 17:00 Wed'
STRETCH += " (Europe/Berlin), says: stretch"
TWO = f"2 jobs:\n{REPORT}\n{STRETCH}"
ONE = f"1 job:\n{REPORT}"
NONE = "Nothing is scheduled."

Call = dict[str, str]


def tool_answer(listed: str) -> Callable[[Call], str]:
    """What the cron tool says, in its words."""

    def answer(call: Call) -> str:
        if call["action"] == "list":
            return listed
        if "when" not in call or ("job_id" not in call and call["action"] != "add"):
            return f'Done: "it" ({call.get("job_id", "reminder")}).'
        words = describe(understand(call["when"], now=NOON, zone=BERLIN, languages=("en", "zh")), zone=BERLIN)
        job = f'"{call.get("say", "it")}" ({call.get("job_id", "c3d4e5f6")})'
        return f"Scheduled {job}: {words}.\nNext: 2026-11-19 09:00 (Europe/Berlin).\nIt says: something"

    return answer


@dataclass
class Conversation:
    """A session with the assistant, its tools answered from a table."""

    listed: str = NONE
    items: list[PromptItem] = field(default_factory=list)
    turns: int = 0
    model: OfflineModel = field(default_factory=lambda: OfflineModel(partial(find, languages=("en", "zh"))))
    tools: Sequence[ToolSpec] = TOOLS
    page: str = "<page>\nURL: https://example.com/a\n\nBread 2.50\n</page>"  # what web_fetch answers
    removed: str = ""  # what the cron tool says to a removal; empty: as ever

    async def say(self, text: str, *, quoted: str = "") -> tuple[list[Call], str]:
        """The tool calls of one turn, and its final text. `quoted`: the message that it answers."""
        self.items.append(UserText(text, quoted=quoted))
        return await self.goes_on()

    async def goes_on(self) -> tuple[list[Call], str]:
        """The same for what was said last."""
        self.turns += 1
        calls: list[Call] = []
        for step in range(1, 6):
            reply = await self._ask(step)
            self.items.append(reply)
            if not reply.calls:
                return calls, reply.text
            for call in reply.calls:
                calls.append(json.loads(call.arguments))
                answer = self._done(call.name, calls[-1])
                self.items.append(ToolResult(call_id=call.id, name=call.name, text=answer))
        raise AssertionError("the assistant does not come to an end")

    def _done(self, tool: str, call: Call) -> str:
        if tool == "web_fetch":
            return self.page
        gone = self.removed if call.get("action") == "remove" else ""
        return gone or tool_answer(self.listed)(call)

    async def _ask(self, step: int) -> ModelReply:
        context = TurnContext(turn=f"t{self.turns}", step=step, zone=BERLIN, now=NOW)
        prompt = Prompt(instructions="", items=self.items, tools=self.tools, context=context)
        return (await self.model.ask(prompt)).reply
