"""cron_add, cron_list, cron_remove, cron_update, cron_run, cron_runs: the cron tool, one verb each."""

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from cron.job import Job
from cron.making.draft import Draft, Maker, name_of, uid_of
from cron.tools.base import Alias, AliasArguments, payload
from cron.tools.request import Check, Request
from gateway.errors import ScheduleError, UserError
from gateway.tools.base import Effect, Turn

EXPRESSION = "five fields: minute hour day month weekday, such as 0 9 * * 1-5"


class AddArguments(AliasArguments):
    """Add a scheduled job."""

    name: str = Field(min_length=1, description="Unique name of the job.")
    schedule: str = Field(min_length=1, description=f"A cron expression, {EXPRESSION}.")
    action: Literal["agent", "shell"]
    prompt: str | None = Field(None, description="With action = agent: the prompt of a full turn.")
    command: str | None = Field(None, description="With action = shell: the command.")
    description: str | None = None


class CronAdd(Alias):
    """Adds a job under a name that no other job has."""

    name: ClassVar[str] = "cron_add"
    arguments: ClassVar[type[BaseModel]] = AddArguments
    example: ClassVar[str] = (
        '{"name": "daily-report", "schedule": "0 9 * * *", "action": "agent", "prompt": "Write the report."}'
    )

    def request(self, arguments: AddArguments, _turn: Turn) -> Request:
        draft = replace(
            payload(arguments.action, prompt=arguments.prompt, command=arguments.command),
            name=arguments.name,
            cron=_expression(arguments.schedule),
            description=arguments.description,
        )
        return Request(action="add", draft=draft, check=name_is_free(arguments.name))


def name_is_free(name: str) -> Check:
    """A check that no other job has the name; the job that this very call has made may."""

    wanted = name_of(name).casefold()

    def check(maker: Maker, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if job.name.casefold() == wanted and job.uid != uid_of(maker.stamp):
                named = f'there is a job named "{job.name}" already ({job.id})'
                raise UserError(f"{named}; choose another name, or change that one")

    return check


def _expression(text: str) -> str:
    if len(text.split()) != 5 and not text.strip().startswith("@"):
        raise ScheduleError(f"schedule: {text[:80]!r} is not a cron expression: {EXPRESSION}")
    return text


class ListArguments(AliasArguments):
    """List all jobs of this chat in a table, those that are disabled too."""


class CronList(Alias):
    """A table of all jobs."""

    name: ClassVar[str] = "cron_list"
    arguments: ClassVar[type[BaseModel]] = ListArguments
    effect: ClassVar[Effect] = Effect.READ
    example: ClassVar[str] = "{}"

    def request(self, _arguments: ListArguments, _turn: Turn) -> Request:
        return Request(action="list", table=True)


class NameArguments(AliasArguments):
    """A job by its name."""

    name: str = Field(min_length=1, description="Name or id of the job.")


class RemoveArguments(NameArguments):
    """Remove a scheduled job for good."""


class CronRemove(Alias):
    """Removes a job."""

    name: ClassVar[str] = "cron_remove"
    arguments: ClassVar[type[BaseModel]] = RemoveArguments
    example: ClassVar[str] = '{"name": "daily-report"}'

    def request(self, arguments: RemoveArguments, _turn: Turn) -> Request:
        return Request(action="remove", reference=arguments.name)


class UpdateArguments(NameArguments):
    """Change the schedule, command, prompt or description of a job; what is left out stays as it is."""

    schedule: str | None = Field(None, description=f"A cron expression, {EXPRESSION}.")
    prompt: str | None = None
    command: str | None = None
    description: str | None = None


class CronUpdate(Alias):
    """Changes a job."""

    name: ClassVar[str] = "cron_update"
    arguments: ClassVar[type[BaseModel]] = UpdateArguments
    example: ClassVar[str] = '{"name": "daily-report", "schedule": "30 8 * * *"}'

    def request(self, arguments: UpdateArguments, _turn: Turn) -> Request:
        given = arguments.model_dump(exclude={"name"}, exclude_none=True)
        if not given:
            raise UserError("nothing to change: give at least one of schedule, command, prompt, description")
        schedule = given.pop("schedule", None)
        draft = Draft(**given, cron=_expression(schedule) if schedule else None)
        return Request(action="update", reference=arguments.name, draft=draft)


class RunArguments(NameArguments):
    """Run a job at once, beside its schedule, which stays as it is."""


class CronRun(Alias):
    """Runs a job out of turn."""

    name: ClassVar[str] = "cron_run"
    arguments: ClassVar[type[BaseModel]] = RunArguments
    example: ClassVar[str] = '{"name": "daily-report"}'

    def request(self, arguments: RunArguments, _turn: Turn) -> Request:
        return Request(action="run", reference=arguments.name)


class RunsArguments(AliasArguments):
    """Show the last runs of one job, or of all jobs of this chat, newest first."""

    name: str | None = Field(None, description="Name or id of the job; left out: all jobs.")
    limit: int = Field(20, ge=1, description="How many runs at most.")


class CronRuns(Alias):
    """The history of runs."""

    name: ClassVar[str] = "cron_runs"
    arguments: ClassVar[type[BaseModel]] = RunsArguments
    effect: ClassVar[Effect] = Effect.READ
    example: ClassVar[str] = '{"name": "daily-report", "limit": 10}'

    def request(self, arguments: RunsArguments, _turn: Turn) -> Request:
        return Request(action="runs", reference=arguments.name or "", limit=arguments.limit, table=True)
