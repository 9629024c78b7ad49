"""The flags that say what a job is: shared by `cron add` and `cron update`."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, TypeVar

import click

from cron.draft import Draft
from gateway.errors import UserError
from gateway.messages import ChatAddress

Command = TypeVar("Command", bound=Callable[..., Any])

NO_SHELL = (
    "shell jobs are not built yet; give --prompt for a turn of the agent, or --say for exact words without a model"
)

_OPTIONS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("--job",), "FILE", "The whole job as JSON; - reads standard input."),
    (("--name",), "NAME", "What to call it."),
    (("--message", "--prompt"), "TEXT", "A prompt: a full turn of the agent."),
    (("--say",), "TEXT", "Exact words, without a model."),
    (("--command",), "TEXT", "Not built yet."),
    (("--every",), "DURATION", "A fixed interval: seconds, or 90s, 5m, 2h, 1d."),
    (("--cron",), "EXPR", "minute hour day month weekday, or @daily."),
    (("--at",), "ISO", "Once: 2026-12-24T18:00, in the zone of the job unless it has an offset."),
    (("--when",), "PHRASE", "In words: 'tomorrow at 9am', 'every weekday at 9'."),
    (("--schedule",), "EXPR", "Any of the forms of --cron, --every and --at."),
    (("--action",), "agent|say", "What --message is: a prompt, or the words themselves."),
    (("--tz",), "ZONE", "The job's zone, such as Europe/Berlin."),
    (("--description",), "TEXT", "A note for people."),
    (("--channel",), "NAME", "The channel it speaks to, with --to."),
    (("--to",), "CHAT", "The chat it speaks to."),
    (("--thread",), "THREAD", "The thread in that chat."),
    (("--session",), "SESSION", "isolated (default), main, session:<name>."),
    (("--notify",), "WORD", "auto (default), always, never."),
    (
        ("--overlap",),
        "WORD",
        "skip (default), buffer_one, buffer_all, cancel_other, allow_all, fallback_isolated.",
    ),
    (("--misfire",), "WORD", "fire_once (default), skip, fire_all."),
    (("--after-run",), "WORD", "Of a job that runs once: delete (default), disable, keep."),
    (("--timeout",), "DURATION", "How long a run may take."),
)

NAMES = tuple(names[0] for names, _, _ in _OPTIONS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What was given, as it was typed; None where nothing was."""

    job: str | None = None
    name: str | None = None
    message: str | None = None
    say: str | None = None
    command: str | None = None
    every: str | None = None
    cron: str | None = None
    at: str | None = None
    when: str | None = None
    schedule: str | None = None
    action: str | None = None
    tz: str | None = None
    description: str | None = None
    channel: str | None = None
    to: str | None = None
    thread: str | None = None
    session: str | None = None
    notify: str | None = None
    overlap: str | None = None
    misfire: str | None = None
    after_run: str | None = None
    timeout: str | None = None

    def said(self) -> list[str]:
        """The flags that were given, but --job."""
        given = [field.name for field in fields(self) if getattr(self, field.name) is not None]
        return [f"--{name.replace('_', '-')}" for name in given if name != "job"]

    def draft(self) -> Draft:
        """What the job is to do, and when; UserError where the flags contradict each other."""
        self._refuse_shell()
        said_words = (self.action or "").strip().lower() == "say"
        if said_words and self.say is not None and self.message is not None:
            raise UserError("--say and --message are both given: a job does one thing")
        same = {name: getattr(self, name) for name in _SAME}
        if said_words:
            return Draft(say=self.message if self.say is None else self.say, **same)
        return Draft(prompt=self.message, say=self.say, **same)

    def _refuse_shell(self) -> None:
        action = (self.action or "").strip().lower()
        if self.command is not None or action == "shell":
            raise UserError(NO_SHELL)
        if action not in {"", "agent", "say"}:
            raise UserError(f"--action: {action[:80]!r} is none of agent, say")
        if action == "agent" and self.say is not None:
            raise UserError("--action agent takes --prompt; --say is of --action say")

    def address(self) -> ChatAddress | None:
        """Where the job speaks; None where nothing was said of it."""
        if self.channel is None and self.to is None and self.thread is None:
            return None
        if not self.channel or not self.to:
            raise UserError("a target needs --channel and --to together, such as --channel telegram --to 123456")
        return ChatAddress(channel=self.channel, chat=self.to, thread=self.thread or "")


_SAME = tuple({field.name for field in fields(Draft)} & {field.name for field in fields(Flags)} - {"say"})


def job_flags(command: Command) -> Command:
    """Give a command all of them; it takes them as keywords, for `Flags`."""
    for names, metavar, text in reversed(_OPTIONS):
        command = click.option(*names, metavar=metavar, help=text)(command)
    return command
