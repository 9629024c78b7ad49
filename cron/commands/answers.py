"""/done and /snooze: answers to a reminder, by a button or in words, without a model."""

import re

from cron.commands.asking import asker_of
from cron.reminders import reminding
from cron.reminders.answering import Dealing, Reminders
from cron.reminders.answers import Dealt
from cron.reminders.snooze import EXAMPLE
from gateway.commands.base import Answer, Ask, CommandInfo
from gateway.commands.text import plain
from gateway.errors import NotFoundError, UserError
from gateway.messages import Press

_RUN = re.compile(r"(?:^|\s)(?P<run>[0-9a-f]{16})$")


class DoneCommand:
    """Marks the last reminder of a chat, or the one whose button was pressed, as done."""

    info = CommandInfo(name="done", summary="A reminder is done, and not said again", usage="/done (the last one)")

    def __init__(self, reminders: Reminders) -> None:
        self._reminders = reminders

    async def answer(self, ask: Ask) -> Answer:
        words, run = _parted(ask.words)
        if words:
            raise UserError("Write /done alone: it is about the last reminder here")
        dealing = await self._reminders.done(asker_of(ask), run)
        return Answer(reminding.done_text(dealing.reminder.job, already=dealing.done_before))


class SnoozeCommand:
    """Says a reminder once more, later."""

    info = CommandInfo(
        name="snooze",
        summary=f"Say the last reminder again later: {EXAMPLE}",
        usage="/snooze (10 minutes)\n/snooze 1h\n/snooze tomorrow\n/snooze until 17:30",
    )

    def __init__(self, reminders: Reminders) -> None:
        self._reminders = reminders

    async def answer(self, ask: Ask) -> Answer:
        words, run = _parted(ask.words)
        try:
            dealing = await self._reminders.snooze(asker_of(ask), words, run)
        except NotFoundError:
            raise
        except UserError as error:
            if not isinstance(ask.message.occasion, Press):
                raise
            # The answer takes the reminder's place: its words stay, and so do its buttons.
            return Answer(await self._refused(ask, run, error), reminding.buttons(run), shared=True)
        return said(dealing)

    async def _refused(self, ask: Ask, run: str, error: UserError) -> str:
        reminder = await self._reminders.find(asker_of(ask), run)
        why = str(error)
        return f"{reminding.words_of_reminder(reminder.job)}\n\n{plain(why[:1].upper() + why[1:])}"


def said(dealing: Dealing) -> Answer:
    """What a snooze has come to."""
    job, run = dealing.reminder.job, dealing.reminder.run
    if dealing.reminder.dealt is Dealt.DONE:
        return Answer(reminding.done_text(job, already=True))
    if dealing.later is None:
        return Answer(f"⏰ {reminding.words_of_reminder(job)}\n\nIt was put off before, and has been said again.")
    return Answer(reminding.snoozed_text(job, dealing.later), reminding.undo(run), shared=True)


def _parted(words: str) -> tuple[str, str]:
    """The words, and the run of a button; both may be empty."""
    match = _RUN.search(words)
    return (words[: match.start()].strip(), match["run"]) if match else (words.strip(), "")
