"""What is lost on the way to another program: the job is left out, or the setting named."""

import json
from datetime import timedelta
from typing import Any

import pytest

from cron.forms.form import UnsayableError
from cron.forms.reading import FORMS, Circumstances, read
from cron.forms.unsaid import SETTINGS, written
from cron.job import Job, Say
from cron.planner import Cursor
from cron.policy import (
    AfterRun,
    Delivery,
    DeliveryMode,
    FailureAlert,
    Hook,
    Misfire,
    Notify,
    Overlap,
    Retry,
    Then,
)
from cron.schedule import At, Cron, Every
from gateway.messages import ChatAddress
from tests.jobs import NOON, new_job

OTHERS = ["openclaw", "nanobot", "hermes", "hotplex", "autobot"]
DAILY = Cron("0 9 * * *", "UTC")
ELSEWHERE = ChatAddress(channel="telegram", chat="9")


def plain(**changes: Any) -> Job:
    return new_job(**{"schedule": DAILY, "tz": "UTC", "notify": Notify.ALWAYS} | changes)


@pytest.mark.parametrize("name", ["openclaw", "nanobot", "hermes", "autobot"])
@pytest.mark.parametrize("schedule", [DAILY, Every(timedelta(hours=2), NOON), At(NOON + timedelta(days=1))])
def test_a_plain_job_loses_nothing(name: str, schedule: Any) -> None:
    assert written(FORMS[name], plain(schedule=schedule))[1] == []


def test_hotplex_keeps_no_chat() -> None:
    assert written(FORMS["hotplex"], plain())[1] == ["address", "notify"]


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("nag", timedelta(minutes=5)),
        ("then", (Then(event="done"),)),
        ("check", "test -f news"),
        ("may_schedule", True),
        ("misfire", Misfire.SKIP),
        ("overlap", Overlap.ALLOW_ALL),
        ("tools", ("web_fetch",)),
        ("reply_to", "7"),
        ("retry", Retry(unsafe=True)),
    ],
    ids=str,
)
def test_a_setting_that_no_other_program_has_is_named(name: str, setting: str, value: Any) -> None:
    payload = {"payload": Say(text="Stand up!")} if setting == "nag" else {}

    assert setting in written(FORMS[name], plain(**{setting: value}, **payload))[1]


@pytest.mark.parametrize(
    ("name", "setting", "value", "kept"),
    [
        ("openclaw", "description", "why", True),
        ("hermes", "description", "why", False),
        ("hermes", "model", "opus", True),
        ("nanobot", "model", "opus", False),
        ("hermes", "work_dir", "reports", True),
        ("openclaw", "session", "main", True),
        ("hermes", "session", "main", False),
        ("openclaw", "timeout", timedelta(seconds=90), True),
        ("hotplex", "timeout", timedelta(minutes=2), True),
        ("hotplex", "timeout", timedelta(seconds=90), False),
        ("hotplex", "retry", Retry(attempts=2, backoff=(timedelta(seconds=5),)), True),
        ("hotplex", "retry", Retry(backoff=(timedelta(seconds=5), timedelta(seconds=9))), False),
        ("hotplex", "on_fail", Hook(url="https://example.org/x"), True),
        ("hotplex", "on_fail", Hook(url="https://example.org/x", token="t"), False),
        ("openclaw", "failure_alert", FailureAlert(after=2, address=ELSEWHERE), True),
        ("nanobot", "failure_alert", FailureAlert(after=2), False),
        ("autobot", "state", {"n": 1}, True),
        ("nanobot", "state", {"n": 1}, False),
        ("nanobot", "state", {}, True),
    ],
    ids=str,
)
def test_each_form_says_what_its_program_has_and_names_the_rest(
    name: str, setting: str, value: Any, *, kept: bool
) -> None:
    _, unsaid = written(FORMS[name], plain(**{setting: value}))

    assert (setting not in unsaid) is kept


def test_a_recurring_job_has_no_use_for_what_becomes_of_a_one_shot() -> None:
    recurring, once = plain(after_run=AfterRun.DISABLE), plain(schedule=At(NOON), after_run=AfterRun.DISABLE)

    assert written(FORMS["nanobot"], recurring)[1] == []
    assert written(FORMS["nanobot"], once)[1] == ["after_run"]


@pytest.mark.parametrize("name", ["openclaw", "nanobot", "hermes", "autobot"])
def test_a_delivery_to_a_channel_is_an_announcement_there(name: str) -> None:
    delivery = Delivery(mode=DeliveryMode.CHANNEL, address=ELSEWHERE)

    document, unsaid = written(FORMS[name], plain(delivery=delivery, notify=Notify.AUTO))

    found = read(json.dumps([document]).encode(), Circumstances(tz="UTC", now=NOON), form=name).found[0]
    assert found.job is not None
    assert (found.job.address, found.job.notify, unsaid) == (ELSEWHERE, Notify.ALWAYS, [])


def test_an_interval_that_is_counted_from_elsewhere_is_named_where_no_anchor_can_be_said() -> None:
    job = plain(schedule=Every(timedelta(hours=2), NOON + timedelta(minutes=7)))

    assert written(FORMS["openclaw"], job)[1] == []
    assert written(FORMS["nanobot"], job)[1] == ["anchor"]


# -- what would fire at other times ---------------------------------------------------------------------------


def test_an_expression_in_a_zone_is_not_written_for_hermes_which_has_one_zone_for_all() -> None:
    with pytest.raises(UnsayableError, match="is in Europe/Berlin, and Hermes has one zone"):
        written(FORMS["hermes"], plain(schedule=Cron("30 2 * * *", "Europe/Berlin")))


@pytest.mark.parametrize("name", ["openclaw", "nanobot", "hotplex", "autobot"])
def test_a_job_that_ends_after_some_runs_is_not_written_where_it_would_go_on(name: str) -> None:
    with pytest.raises(UnsayableError, match="max_runs"):
        written(FORMS[name], plain(max_runs=3))


def test_hermes_repeats_what_is_left_of_the_runs() -> None:
    cursor = Cursor(fingerprint="", handled_until=NOON, next_at=None, runs=2)

    document, unsaid = written(FORMS["hermes"], plain(max_runs=7), cursor)

    assert (document["repeat"], unsaid) == ({"times": 5, "completed": 0}, [])
    with pytest.raises(UnsayableError, match="all its runs"):
        written(FORMS["hermes"], plain(max_runs=2), cursor)


def test_openclaw_staggers_an_expression_by_its_jitter_and_no_interval() -> None:
    jitter = timedelta(seconds=30)

    document, unsaid = written(FORMS["openclaw"], plain(jitter=jitter))

    assert (document["schedule"]["staggerMs"], unsaid) == (30_000, [])
    with pytest.raises(UnsayableError, match="jitter"):
        written(FORMS["openclaw"], plain(schedule=Every(timedelta(hours=1), NOON), jitter=jitter))


def test_an_hour_that_openclaw_would_stagger_by_itself_is_written_as_exact() -> None:
    document, _ = written(FORMS["openclaw"], plain())

    assert document["schedule"]["staggerMs"] == 0


@pytest.mark.parametrize("expression", ["0 9 * * 1#2", "0 9 L * *", "0 9 * * 5L"])
def test_days_that_hotplex_cannot_name_are_not_written_for_it(expression: str) -> None:
    with pytest.raises(UnsayableError, match="no L and no #"):
        written(FORMS["hotplex"], plain(schedule=Cron(expression, "UTC")))


def test_a_long_interval_is_written_for_hotplex_in_digits() -> None:
    document, _ = written(FORMS["hotplex"], plain(schedule=Every(timedelta(days=14, seconds=1), NOON)))

    assert document["cron_expr"] == "@every 1209601s"


def test_every_setting_of_a_job_is_compared_or_is_no_setting() -> None:
    of_the_job = {"uid", "id", "name", "created_at", "changed_at", "created_by", "created_in", "owner", "declared"}
    of_the_store = {"stamp", "state_revision", "state_stamp", "state_change", "revision", "broken", "extra"}
    compared_otherwise = {"payload", "schedule", "tz", "status", "status_reason"}
    refused = {"start_at", "expires_at", "max_runs", "jitter", "exclude"}

    others = of_the_job | of_the_store | compared_otherwise | refused

    assert set(Job.__dataclass_fields__) == others | set(SETTINGS)
