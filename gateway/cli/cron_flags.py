"""The flags that say what a job is: shared by `cron add` and `cron update`."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from cron.making.draft import Draft
from gateway.errors import UserError
from gateway.messages import ChatAddress, Json

Command = TypeVar("Command", bound=Callable[..., Any])

SWITCH = ""  # the metavar of a flag that stands alone
SWITCHED = "yes"
LARGEST_SCHEMA_FILE = 1_000_000

GROUPS: dict[str, tuple[tuple[tuple[str, ...], str, str], ...]] = {
    "What it does": (
        (("--job",), "FILE", "The whole job as JSON (with comments), TOML or YAML; - reads standard input."),
        (("--name",), "NAME", "What to call it."),
        (("--message", "--prompt"), "TEXT", "A prompt: a full turn of the agent."),
        (("--say",), "TEXT", "Exact words, without a model."),
        (("--event",), "TEXT", "Text put into the session by the system, then a turn."),
        (("--command",), "TEXT", "A shell command; it waits for the sandbox: until then its runs fail."),
        (("--action",), "agent|shell|say", "What --message is: a prompt, a command, or the words themselves."),
        (("--description",), "TEXT", "A note for people."),
    ),
    "When": (
        (("--every",), "DURATION", "A fixed interval: seconds, or 90s, 5m, 2h, 1d."),
        (("--cron",), "EXPR", "minute hour day month weekday, or @daily."),
        (("--at",), "ISO", "Once: 2026-12-24T18:00, in the zone of the job unless it has an offset."),
        (("--when",), "PHRASE", "In words: 'tomorrow at 9am', 'every weekday at 9'."),
        (("--schedule",), "EXPR", "Any of the forms of --cron, --every and --at."),
        (("--tz",), "ZONE", "The job's zone, such as Europe/Berlin."),
        (("--every-nth",), "N", "With --cron: only each Nth day, week or month that it names, from now on."),
        (("--start", "start_at"), "TIME", "Nothing before it: ISO, or words such as 'next monday at 9'."),
        (("--expires", "expires_at"), "TIME", "Nothing from it on."),
        (("--max-runs",), "N", "Over after N runs by the schedule."),
        (("--jitter",), "DURATION", "Each run later by the same part of it, another one for each job."),
        (("--exclude-date", "exclude_date"), "DATES", "Not on these dates: 2026-12-24,2026-12-31."),
        (("--exclude-weekday", "exclude_weekday"), "DAYS", "Not on these weekdays: sat,sun."),
        (("--exclude-holidays", "exclude_holidays"), "PLACE", "Not on public holidays: DE, or DE-BY."),
        (("--misfire",), "WORD", "What passed while nothing ran: fire_once (default), skip, fire_all."),
        (("--misfire-window",), "DURATION", "How late a run may still be."),
        (
            ("--overlap",),
            "WORD",
            "skip (default), buffer_one, buffer_all, cancel_other, allow_all, fallback_isolated.",
        ),
        (("--after-run",), "WORD", "Of a job that runs once: delete (default), disable, keep."),
    ),
    "Where it speaks": (
        (("--channel",), "NAME", "The channel it speaks to, with --to."),
        (("--to",), "CHAT", "The chat it speaks to."),
        (("--thread",), "THREAD", "The thread in that chat."),
        (("--notify",), "WORD", "auto (default), always, never."),
        (("--nag",), "DURATION", "Say the words of --say again this often until somebody presses Done."),
    ),
    "Where results and alerts go": (
        (("--delivery",), "MODE", "session (default), webhook, log, channel; or a JSON object."),
        (("--webhook",), "URL", "Post each result to this address: --delivery webhook."),
        (("--webhook-token",), "TOKEN", "Sent with --webhook as a bearer token; never shown again."),
        (("--on-complete",), "URL", "Called with the run after it succeeded."),
        (("--on-fail",), "URL", "Called with the run after it failed."),
        (("--notify-on",), "WORDS", "Ends of runs published on the bus: completed,failed,cancelled."),
        (("--alert-after",), "N", "Alert after N failed runs in a row."),
        (("--alert-cooldown",), "DURATION", "At most one alert in this time."),
        (("--alert-channel",), "NAME", "The channel of the alert, with --alert-to; else the job's own chat."),
        (("--alert-to",), "CHAT", "The chat of the alert."),
        (("--then",), "JOBS", "Jobs to start after a success: report, or failure=cleanup,done=event:x."),
    ),
    "How it runs": (
        (("--session",), "SESSION", "isolated (default), main, session:<name>."),
        (("--context-messages",), "N", "Show an isolated run the last N messages of the chat: 0 to 50."),
        (("--timeout",), "DURATION", "How long a run may take."),
        (("--type",), "WORD", "light (default), medium, resource-intensive."),
        (("--retries",), "N", "Attempts after the first one; 2 by default."),
        (("--retry",), "DELAYS", "standard (default), fast, or delays such as 10s,1m,5m."),
        (("--retry-unsafe",), SWITCH, "Also after the run has said or done something."),
        (("--model",), "NAME", "Another model than the configured one."),
        (("--tools",), "NAMES", "Only these tools: web_fetch,message; none for none."),
        (("--output-format",), "WORD", "text (default), json, structured."),
        (("--output-schema",), "FILE|JSON", "The JSON Schema that the answer must match."),
        (("--tokens-per-run",), "N", "Stop a run that has used so many tokens."),
        (("--tokens-per-day",), "N", "No more tokens than these on one day."),
        (("--money-per-day",), "AMOUNT", "No more money than this on one day, by model.price."),
        (
            ("--check",),
            "COMMAND",
            "A command that decides whether there is anything to do (waits for the sandbox).",
        ),
        (("--work-dir",), "FOLDER", "A folder inside the workspace."),
        (("--may-schedule",), SWITCH, "Its runs may make and change other jobs."),
    ),
}
"""Flag, what it takes, what it means; by the heading under which --help shows it."""

EXAMPLES = """\
Examples:

\b
  tocsin cron add --name standup --say "Stand-up!" --cron "0 9 * * 1-5" --exclude-holidays DE
  tocsin cron add --name digest --prompt "What is new?" --when "every day at 8" --retries 2 --retry fast
  tocsin cron add --prompt "Sum up the sales" --cron "0 18 * * *" --webhook https://example.org/hook
  tocsin cron add --job daily-sales.json

The word default sets a setting back.
"""

_ALL = tuple(option for group in GROUPS.values() for option in group)
USUAL = ("--name", "--message", "--say", "--cron", "--when")
"""Those that are changed most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    """What was given, as it was typed; None where nothing was."""

    job: str | None = None
    name: str | None = None
    message: str | None = None
    say: str | None = None
    event: str | None = None
    command: str | None = None
    action: str | None = None
    description: str | None = None
    every: str | None = None
    cron: str | None = None
    at: str | None = None
    when: str | None = None
    schedule: str | None = None
    tz: str | None = None
    every_nth: str | None = None
    start_at: str | None = None
    expires_at: str | None = None
    max_runs: str | None = None
    jitter: str | None = None
    exclude_date: str | None = None
    exclude_weekday: str | None = None
    exclude_holidays: str | None = None
    misfire: str | None = None
    misfire_window: str | None = None
    overlap: str | None = None
    after_run: str | None = None
    channel: str | None = None
    to: str | None = None
    thread: str | None = None
    notify: str | None = None
    nag: str | None = None
    delivery: str | None = None
    webhook: str | None = None
    webhook_token: str | None = None
    on_complete: str | None = None
    on_fail: str | None = None
    notify_on: str | None = None
    alert_after: str | None = None
    alert_cooldown: str | None = None
    alert_channel: str | None = None
    alert_to: str | None = None
    then: str | None = None
    session: str | None = None
    context_messages: str | None = None
    timeout: str | None = None
    type: str | None = None
    retries: str | None = None
    retry: str | None = None
    retry_unsafe: str | None = None
    model: str | None = None
    tools: str | None = None
    output_format: str | None = None
    output_schema: str | None = None
    tokens_per_run: str | None = None
    tokens_per_day: str | None = None
    money_per_day: str | None = None
    check: str | None = None
    work_dir: str | None = None
    may_schedule: str | None = None

    def said(self) -> list[str]:
        """The flags that were given, but --job."""
        given = [field.name for field in fields(self) if getattr(self, field.name) is not None]
        return [f"--{name.removesuffix('_at').replace('_', '-')}" for name in given if name != "job"]

    def draft(self) -> Draft:
        """What the job is to do, when and how; UserError where the flags contradict each other."""
        if self.name is not None and not self.name.strip():
            raise UserError("--name is empty: give a name, or leave --name out")
        same = {name: getattr(self, name) for name in _SAME}
        return Draft(**same, **self._words(), **self._nested())

    def address(self) -> ChatAddress | None:
        """Where the job speaks; None where nothing was said of it."""
        if self.channel is None and self.to is None and self.thread is None:
            return None
        if not self.channel or not self.to:
            raise UserError("a target needs --channel and --to together, such as --channel telegram --to 123456")
        return ChatAddress(channel=self.channel, chat=self.to, thread=self.thread or "")

    def _words(self) -> dict[str, str | None]:
        """--message under the name of what --action says that it is."""
        action = (self.action or "").strip().lower()
        kinds = {"": "prompt", "agent": "prompt", "say": "say", "shell": "command"}
        if action not in kinds:
            raise UserError(f"--action: {action[:80]!r} is none of agent, say, shell")
        given = {"prompt": self.message, "say": self.say, "command": self.command, "event": self.event}
        meant = kinds[action]
        if meant != "prompt" and self.message is not None:
            if given[meant] is not None:
                raise UserError(f"--{meant} and --message are both given: a job does one thing")
            given |= {meant: self.message, "prompt": None}
        odd = [name for name, words in given.items() if words is not None and name != meant]
        if action and odd:
            raise UserError(f"--{odd[0]} does not go with --action {action}, which takes --{meant}")
        return given

    def _nested(self) -> dict[str, Json]:
        """The settings that have parts, from the flags of their parts."""
        parts: dict[str, dict[str, Json]] = {
            "exclude": {
                "dates": self.exclude_date,
                "weekdays": self.exclude_weekday,
                "holidays": self.exclude_holidays,
            },
            "retry": {"retries": self.retries, "backoff": self.retry, "unsafe": self.retry_unsafe},
            "failure_alert": {
                "after": self.alert_after,
                "cooldown": self.alert_cooldown,
                "channel": self.alert_channel,
                "to": self.alert_to,
            },
            "spend": {
                "tokens_per_run": self.tokens_per_run,
                "tokens_per_day": self.tokens_per_day,
                "money_per_day": self.money_per_day,
            },
        }
        said = {
            name: {key: part for key, part in group.items() if part is not None} for name, group in parts.items()
        }
        nested: dict[str, Json] = {name: group for name, group in said.items() if group}
        return nested | {"delivery": self._delivery(), "then": self._then(), "output_schema": self._schema()}

    def _delivery(self) -> Json:
        if self.webhook is None:
            if self.webhook_token is not None:
                raise UserError("--webhook-token goes with --webhook, the address that it is sent to")
            return self.delivery
        if (self.delivery or "webhook").strip().lower() != "webhook":
            raise UserError(f"--webhook goes with --delivery webhook, not with {self.delivery}")
        token = {} if self.webhook_token is None else {"token": self.webhook_token}
        return {"mode": "webhook", "to": self.webhook} | token

    def _then(self) -> Json:
        """a,failure=b as a list; JSON and words for nothing as they are."""
        written = (self.then or "").strip()
        if not written or written[0] in "[{" or written.lower() in {"none", "default"}:
            return self.then
        return [each.strip() for each in written.split(",") if each.strip()]

    def _schema(self) -> Json:
        """The schema itself, or the text of the file that is named."""
        written = (self.output_schema or "").strip()
        if not written or written[0] == "{" or written.lower() in {"none", "default", "true", "false"}:
            return self.output_schema
        try:
            with Path(written).open(encoding="utf-8") as file:
                return file.read(LARGEST_SCHEMA_FILE)
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise UserError(f"--output-schema: {written[:200]} cannot be read: {reason}") from error


_NAMED = {field.name for field in fields(Flags)}
_SAME = tuple(
    field.name
    for field in fields(Draft)
    if field.name in _NAMED - {"say", "command", "event", "retry", "delivery", "then", "output_schema"}
)


class JobCommand(click.Command):
    """A command with the flags of jobs, shown in groups."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        records = {param.opts[0]: param.get_help_record(ctx) for param in self.get_params(ctx) if param.opts}
        for heading, options in GROUPS.items():
            rows = [record for names, _, _ in options if (record := records.pop(names[0], None))]
            with formatter.section(heading):
                formatter.write_dl(rows)
        rest = [record for record in records.values() if record]
        with formatter.section("Options"):
            formatter.write_dl(rest)


def job_flags(command: Command) -> Command:
    """Give a command all of them; it takes them as keywords, for `Flags`."""
    for names, metavar, text in reversed(_ALL):
        if metavar == SWITCH:
            command = click.option(*names, is_flag=True, flag_value=SWITCHED, default=None, help=text)(command)
        else:
            command = click.option(*names, metavar=metavar, help=text)(command)
    return command
