"""`manage_cron_job`: create, list and delete, with stricter limits than the cron tool has."""

from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from cron.job import Job
from cron.making.draft import Draft, Maker
from cron.times.schedule_text import check_instant, parse_duration, parse_instant
from cron.times.walltime import zone_of
from cron.tools.base import Alias, AliasArguments
from cron.tools.request import Check, Request
from gateway.errors import ScheduleError, UserError
from gateway.tools.base import Turn

SHORTEST = timedelta(minutes=5)
LEAD = timedelta(minutes=1)

FORMS = {
    "at": "an ISO time such as 2026-04-25T09:00:00, at least one minute ahead",
    "cron": "five fields: minute hour day month weekday, such as 0 9 * * *",
    "every": "an interval of at least 5m: 30m, 2h, 1d",
}


class ManageArguments(AliasArguments):
    """Create, list or delete scheduled jobs of this chat."""

    action: Literal["create", "list", "delete"]
    name: str | None = Field(None, description="Name of the job.")
    schedule_type: Literal["at", "cron", "every"] | None = None
    schedule_value: str | None = Field(None, description="; ".join(f"{k}: {form}" for k, form in FORMS.items()))
    prompt: str | None = Field(None, description="What to do at that time: the prompt of a full turn.")
    execution_mode: Literal["isolated", "main"] | None = Field(
        None, description="isolated (default): a session of its own for each run; main: the present one"
    )
    job_id: str | None = Field(None, description="delete: the id, instead of the name.")
    tz: str | None = Field(None, description="IANA zone; left out: the chat's.")


class ManageCronJob(Alias):
    """Three verbs in one tool; a one-time job stays, disabled, after its run."""

    name: ClassVar[str] = "manage_cron_job"
    arguments: ClassVar[type[BaseModel]] = ManageArguments
    example: ClassVar[str] = (
        '{"action": "create", "name": "Daily digest", "schedule_type": "cron", "schedule_value": "0 9 * * *", '
        '"prompt": "Write a digest of the news."}'
    )

    def request(self, arguments: ManageArguments, _turn: Turn) -> Request:
        match arguments.action:
            case "list":
                return Request(action="list", table=True)
            case "delete":
                reference = arguments.job_id or arguments.name
                if not reference:
                    raise UserError("name is missing: delete needs the name or the id of a job; list shows them")
                return Request(action="remove", reference=reference)
        kind, value = arguments.schedule_type, (arguments.schedule_value or "").strip()
        if kind is None or not value:
            told = "; ".join(f"{name}: {form}" for name, form in FORMS.items())
            raise ScheduleError(f"schedule_type and schedule_value are both needed. {told}")
        if not (arguments.prompt or "").strip():
            raise UserError("prompt is missing: it says what is done at that time")
        return Request(action="add", draft=_draft(arguments, kind, value), check=_limits(arguments, kind, value))

    def acts(self, arguments: ManageArguments) -> bool:
        return arguments.action != "list"


def _draft(given: ManageArguments, kind: str, value: str) -> Draft:
    return Draft(
        name=given.name,
        prompt=given.prompt,
        **{kind: value},
        tz=given.tz,
        session=given.execution_mode,
        after_run="disable" if kind == "at" else None,
    )


def _limits(given: ManageArguments, kind: str, value: str) -> Check:
    """The limits of this tool, on top of those that hold for all jobs."""

    def check(maker: Maker, _jobs: Sequence[Job]) -> None:
        zone = zone_of(given.tz or maker.zone).key
        try:
            if kind == "every" and parse_duration(value) < SHORTEST:
                raise ScheduleError(f"{value} is too often: at least 5m here")
            if kind == "at":
                moment = parse_instant(value, zone=zone, now=maker.now)
                check_instant(moment, now=maker.now, zone=zone, min_lead=LEAD)
        except ScheduleError as error:
            raise ScheduleError(f"schedule_value: {error} (expected is {FORMS[kind]})") from error

    return check
