"""The `reminder` tool: what people answer to a reminder that was said, in their own words."""

from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from cron.book import Viewer
from cron.clerk import Asker
from cron.commands import answers
from cron.reminders import reminding
from cron.reminders.answering import Reminders
from gateway.errors import UserError
from gateway.messages import Due
from gateway.tools.base import Effect, Turn


class ReminderArguments(BaseModel):
    """The last reminder of this chat: mark it done, or have it said again later. For "done" and "snooze 10m"."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    action: Literal["done", "snooze"]
    when: str = Field("", description='snooze: "10m", "1h", "tomorrow", "until 17:30".')

    @field_validator("action", mode="before")
    @classmethod
    def _any_case(cls, given: object) -> object:
        return given.strip().lower() if isinstance(given, str) else given


class ReminderTool:
    """Done, or once more later."""

    name: ClassVar[str] = "reminder"
    arguments: ClassVar[type[BaseModel]] = ReminderArguments
    effect: ClassVar[Effect] = Effect.REPEATABLE  # an answer carries the id of its call
    example: ClassVar[str] = '{"action": "snooze", "when": "10m"}'

    def __init__(self, reminders: Reminders) -> None:
        self._reminders = reminders

    async def call(self, arguments: ReminderArguments, turn: Turn) -> str:
        if isinstance(turn.occasion, Due):
            raise UserError("only a person answers a reminder")
        asker = _asker(turn)
        if arguments.action == "done":
            dealing = await self._reminders.done(asker)
            return reminding.done_text(dealing.reminder.job, already=dealing.done_before)
        return answers.said(await self._reminders.snooze(asker, arguments.when)).text


def _asker(turn: Turn) -> Asker:
    return Asker(
        viewer=Viewer(owner=turn.address.owner, user=turn.sender_id),
        address=turn.home,
        session=turn.session,
        zone=turn.zone,
        now=turn.now,
        stamp=turn.call_id,
    )
