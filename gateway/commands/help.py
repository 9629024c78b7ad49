"""/start and /help: what this is, and what can be asked of it."""

import re
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import structlog

from gateway.commands import text
from gateway.commands.base import Answer, Ask, CommandInfo
from gateway.errors import UserError
from gateway.messages import Button
from gateway.pairing import codes

logger = structlog.get_logger()

EXAMPLES = (
    "/remind in 20 minutes to stretch",
    "/remind every weekday at 9 to write the report",
    "/cron list",
)

OFFLINE = (
    "In plain words I understand reminders and what is scheduled (`remind me tomorrow at 9 to call Bob`, "
    "`what is scheduled?`, `help`); for more than that a language model has to be configured."
)
MODEL = (
    "Anything else that you write is answered by a language model, which can make and change reminders and other "
    "jobs too: `remind me tomorrow at 9 to call Bob`."
)


REFERENCE = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What a link to the bot may carry along: https://core.telegram.org/bots/features#deep-linking"""

PAIR = re.compile(rf"pair-([{codes.ALPHABET}]{{{codes.LENGTH}}})", re.IGNORECASE)
"""In a link for an owner: somebody's code."""


class StartCommand:
    """Says hello to somebody who sees this for the first time.

    A link to the bot may carry a word along. Whoever made the link chose it, so it is never taken for what the
    person says: it is noted in the log, and an owner who follows a link with a code is asked about that code.
    """

    info = CommandInfo(name="start", summary="What I am, and how to begin")

    async def answer(self, ask: Ask) -> Answer:
        if REFERENCE.fullmatch(ask.words):
            logger.info("somebody came by a link", ref=ask.words, user=ask.message.sender_id)
        pair = PAIR.fullmatch(ask.words)
        if pair and ask.owner and not ask.message.group:
            return _asked_about(pair[1].upper())
        return self._welcome(ask)

    def _welcome(self, ask: Ask) -> Answer:
        local = ask.now.astimezone(ZoneInfo(ask.zone))
        lines = [
            "I am Tocsin. I answer here, remind you of things, and do things on a schedule.",
            f"Times are read in {ask.zone}, where it is {local:%H:%M}; /timezone changes that.",
            "",
            *(f"- {text.code(example)}" for example in EXAMPLES),
            "",
            "/help shows everything.",
        ]
        return Answer("\n".join(lines))


def _asked_about(code: str) -> Answer:
    """An act of the owner's own is needed: the link was made by somebody else."""
    question = f"Shall the person with the code {text.code(code)} be let in? {text.code('/pair')} shows who it is."
    return Answer(question, ((Button(label=f"Let them in ({code})", data=f"/pair approve {code}"),),))


class HelpCommand:
    """Lists the commands, or shows how one is written."""

    info = CommandInfo(
        name="help", summary="What can be asked, and how", usage="/help\n/help COMMAND (such as /help cron)"
    )

    def __init__(self, others: Sequence[CommandInfo], *, words: str) -> None:
        """`words`: what is understood besides commands."""
        self._infos = sorted((*others, self.info), key=lambda info: info.name)
        self._words = words

    async def answer(self, ask: Ask) -> Answer:
        return self._one(ask.words) if ask.words else self._all(ask)

    def _all(self, ask: Ask) -> Answer:
        shown = [info for info in self._infos if ask.owner or not info.owners_only]
        lines = [f"- /{info.name}: {info.summary}" for info in shown]
        more = "`/help cron`, for example, shows how one is written."
        return Answer("\n".join([*lines, "", more, self._words]))

    def _one(self, wanted: str) -> Answer:
        name = wanted.split(maxsplit=1)[0].lstrip("/").lower()
        info = next((info for info in self._infos if info.name == name), None)
        if info is None:
            raise UserError(f"There is no command {wanted[:40]!r}. /help lists them.")
        owners = "\n\nFor owners only." if info.owners_only else ""
        return Answer(f"{info.summary}.\n\n```\n{info.usage or f'/{info.name}'}\n```{owners}")
