"""Job ⇄ JSON: what is written is read again, and what cannot be understood is kept."""

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cron import json_text
from cron.codec import Given, check_state, decode_job, encode_job, upgrade
from cron.codec.columns import FIELDS
from cron.job import AgentPrompt, Job, JobStatus, Payload, Say, SystemEvent
from cron.policy import (
    AfterRun,
    FailureAlert,
    Misfire,
    Overlap,
)
from cron.schedule import At, Cron, Every, Schedule
from tests.jobs import NOON, json_values, new_job

UID = "0d9c4a51-7a3b-4c0e-9f52-3f1f5a0c7e11"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GIVEN = Given(uid=UID, created_at=NOON, tz="Asia/Tokyo")

# -- what we write --------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(stored=json_values | st.dictionaries(st.sampled_from([*FIELDS, "schedule", "payload", "at"]), json_values))
@example(stored={"tz": [], "schedule": {"kind": {}}, "payload": {"kind": 7}})
@example(stored={"every": -5, "prompt": "x"})
@example(stored={"at": "0001-01-01T00:00:00+14:00", "prompt": "x"})
def test_what_cannot_be_understood_is_broken_says_why_and_is_written_back_as_it_was(stored: Any) -> None:
    job = decode_job(stored, GIVEN)

    assert job.status is JobStatus.BROKEN
    assert job.status_reason
    assert job.schedule is None
    assert json_text.dump(encode_job(job)) == json_text.dump(stored)


def test_every_field_of_a_job_is_kept() -> None:
    kept = {*FIELDS, "schedule", "payload", "broken", "extra"}

    assert {field.name for field in fields(Job)} == kept


def test_a_stored_job_is_short_and_canonical() -> None:
    job = new_job(uid=UID, id=UID[:8], revision=3, timeout=timedelta(minutes=90), misfire=Misfire.FIRE_ALL)

    stored = encode_job(job)

    assert stored == {
        "id": "0d9c4a51",
        "uid": UID,
        "name": "news",
        "status": "enabled",
        "schedule": {"kind": "cron", "expr": "0 9 * * *"},
        "payload": {"kind": "agent", "prompt": "What is new?"},
        "tz": "Europe/Berlin",
        "address": {"channel": "telegram", "chat": "123"},
        "owner": "telegram:123",
        "created_at": "2026-03-01T12:00:00Z",
        "misfire": "fire_all",
        "timeout": "90m",
        "revision": 3,
        "state_revision": 0,
        "state": None,
    }


@pytest.mark.parametrize(
    ("schedule", "stored"),
    [
        (Cron("30 2 * * *", "Europe/Berlin"), {"kind": "cron", "expr": "30 2 * * *"}),
        (Cron("30 2 * * *", "UTC"), {"kind": "cron", "expr": "30 2 * * *", "tz": "UTC"}),
        (Every(timedelta(minutes=5), NOON), {"kind": "every", "every": "5m", "anchor": "2026-03-01T12:00:00Z"}),
        (Every(timedelta(seconds=90), NOON), {"kind": "every", "every": 90, "anchor": "2026-03-01T12:00:00Z"}),
        (At(NOON), {"kind": "at", "at": "2026-03-01T12:00:00Z"}),
        (At(NOON.replace(microsecond=1)), {"kind": "at", "at": "2026-03-01T12:00:00.000001Z"}),
    ],
)
def test_a_schedule_has_one_form(schedule: Schedule, stored: Any) -> None:
    job = new_job(schedule=schedule)

    assert encode_job(job)["schedule"] == stored


# -- what people and other programs write -------------------------------------------------------------------------


def test_a_job_that_was_written_by_hand_gets_what_it_does_not_say() -> None:
    job = decode_job({"name": "water", "schedule": "every 2h", "say": "Drink."}, GIVEN)

    assert (job.uid, job.id, job.revision) == (UID, UID[:8], 1)
    assert (job.tz, job.created_at) == ("Asia/Tokyo", NOON)
    assert (job.status, job.payload) == (JobStatus.ENABLED, Say(text="Drink."))
    assert job.schedule == Every(timedelta(hours=2), NOON)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"schedule": "0 9 * * *"}, Cron("0 9 * * *", "Asia/Tokyo")),
        ({"schedule": "@daily"}, Cron("@daily", "Asia/Tokyo")),
        ({"cron": "0 9 * * *", "tz": "UTC"}, Cron("0 9 * * *", "UTC")),
        ({"cronExpr": "0 9 * * *"}, Cron("0 9 * * *", "Asia/Tokyo")),
        (
            {"schedule": {"kind": "cron", "expr": "0 9 * * *", "tz": "Europe/Berlin"}},
            Cron("0 9 * * *", "Europe/Berlin"),
        ),
        ({"every": "1h30m"}, Every(timedelta(minutes=90), NOON)),
        ({"every_seconds": 90}, Every(timedelta(seconds=90), NOON)),
        ({"schedule": {"kind": "every", "everyMs": 1500}}, Every(timedelta(seconds=1.5), NOON)),
        (
            {"schedule": {"every": 60, "anchor": "2026-01-01T00:00:00Z"}},
            Every(timedelta(minutes=1), datetime(2026, 1, 1, tzinfo=UTC)),
        ),
        ({"at": "2026-03-01T21:00:00+09:00"}, At(NOON)),
        ({"schedule": {"kind": "AT", "at": "2026-03-01 21:00"}}, At(NOON)),
    ],
)
def test_a_schedule_is_understood_in_many_forms(written: dict[str, Any], meant: Schedule) -> None:
    job = decode_job({"name": "x", "prompt": "y", **written}, GIVEN)

    assert job.status_reason == ""
    assert job.schedule == meant


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"prompt": "hi"}, AgentPrompt(prompt="hi")),
        ({"message": "hi"}, AgentPrompt(prompt="hi")),
        ({"text": "hi"}, AgentPrompt(prompt="hi")),
        ({"action": "say", "text": "hi"}, Say(text="hi")),
        ({"say": "hi"}, Say(text="hi")),
        ({"payload": {"kind": "agentTurn", "message": "hi"}}, AgentPrompt(prompt="hi")),
        ({"payload": {"kind": "systemEvent", "text": "hi"}}, SystemEvent(text="hi")),
    ],
)
def test_a_payload_is_understood_in_many_forms(written: dict[str, Any], meant: Payload) -> None:
    job = decode_job({"name": "x", "every": "5m", **written}, GIVEN)

    assert job.status_reason == ""
    assert job.payload == meant


def test_names_and_words_are_understood_in_any_spelling() -> None:
    job = decode_job(
        {
            "name": "x",
            "every": "5m",
            "prompt": "y",
            "misfireWindow": "10m",
            "MISFIRE": "Fire-All",
            "overlap": "QUEUE",
            "afterRun": "keep",
            "failure-alert": {"after": 2, "coolDown": 60},
            "enabled": False,
            "timezone": "Europe/Berlin",
        },
        GIVEN,
    )

    assert job.status_reason == "failure_alert: does not know cool_down"
    fixed = decode_job({**job.broken, "failure-alert": {"after": 2, "Cooldown": 60}}, GIVEN)
    assert (fixed.misfire_window, fixed.misfire) == (timedelta(minutes=10), Misfire.FIRE_ALL)
    assert (fixed.overlap, fixed.after_run) == (Overlap.BUFFER_ONE, AfterRun.KEEP)
    assert fixed.failure_alert == FailureAlert(after=2, cooldown=timedelta(minutes=1))
    assert (fixed.status, fixed.tz, fixed.extra) == (JobStatus.DISABLED, "Europe/Berlin", None)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ({"schedule": {"kind": "cron", "expr": "61 * * * *"}}, "schedule: "),
        ({"schedule": {"kind": "moon"}}, "schedule: says none of"),
        ({"schedule": {"kind": "at", "every": "5m"}}, "schedule: of the kind 'at' cannot be told by 'every'"),
        ({"every": "5m", "cron": "0 9 * * *"}, "schedule: says two things: cron and every"),
        ({"every": "5m", "schedule": "0 9 * * *"}, "schedule: is given twice, also by every"),
        ({"every": 0}, "schedule: needs an interval"),
        ({"at": "2026-03-01"}, "schedule: '2026-03-01' has no time of day"),
        ({"every": "5m", "say": "hi"}, "payload: says two things: prompt and say"),
        ({"every": "5m", "payload": {"kind": "shell", "command": "ls"}}, "payload: is given twice"),
        ({"every": "5m", "tz": "Europe/Atlantis"}, "tz: 'Europe/Atlantis' is not a time zone"),
        ({"every": "5m", "misfire": "never"}, "misfire: 'never' is not one of fire_once, skip, fire_all"),
        ({"every": "5m", "misfire": "skip", "Misfire": "skip"}, "misfire: given twice"),
        ({"every": "5m", "status": "enabled", "enabled": False}, "status: is enabled, but enabled is false"),
        ({"every": "5m", "status": "broken"}, "status: broken is found out"),
        ({"every": "5m", "id": "7"}, "id: is not 8 hexadecimal digits"),
        ({"every": "5m", "uid": "7"}, "uid: is not a UUID"),
        ({"every": "5m", "revision": -1}, "revision: -1 is not a whole number"),
    ],
)
def test_a_job_that_means_two_things_or_nothing_is_broken_and_says_why(written: dict[str, Any], why: str) -> None:
    stored = {"name": "x", "owner": "telegram:123", "prompt": "y", **written}

    job = decode_job(stored, GIVEN)

    assert job.status is JobStatus.BROKEN
    assert job.status_reason.startswith(why)
    assert (job.name, job.owner) == ("x", "telegram:123")  # its owner still finds it


def test_a_payload_that_we_do_not_have_breaks_the_job_and_is_kept() -> None:
    stored = {"name": "x", "every": "5m", "payload": {"kind": "teleport", "text": "home"}}

    job = decode_job(stored, GIVEN)

    assert "teleport" in job.status_reason
    assert encode_job(job) == stored


def test_fields_that_we_do_not_know_are_kept_as_they_are_spelled() -> None:
    stored = {"name": "x", "every": "5m", "prompt": "y", "newThing": {"camelCase": 1}}

    job = decode_job(stored, GIVEN)

    assert job.extra == {"newThing": {"camelCase": 1}}
    assert encode_job(job)["newThing"] == {"camelCase": 1}


def test_the_state_is_nobodys_to_respell() -> None:
    job = decode_job({"name": "x", "every": "5m", "prompt": "y", "state": {"camelCase": {"Kebab-Key": 1}}}, GIVEN)

    assert job.state == {"camelCase": {"Kebab-Key": 1}}


def test_a_job_that_its_neighbours_refuse_is_broken_under_the_uid_it_is_given() -> None:
    stored = encode_job(new_job(uid="ffffffff-0000-4000-8000-000000000000", id="ffffffff", revision=1))

    job = decode_job(stored, GIVEN, refusal="the uid is taken")

    assert (job.uid, job.id, job.status) == (UID, UID[:8], JobStatus.BROKEN)
    assert encode_job(job) == stored


def test_a_line_of_an_older_program_is_read_and_written_unchanged() -> None:
    line = (
        b'{"id":"0d9c4a51","uid":"0d9c4a51-7a3b-4c0e-9f52-3f1f5a0c7e11","name":"news","status":"paused",'
        b'"schedule":{"kind":"every","every":"5m","anchor":"2026-03-01T12:00:00Z"},"payload":{"kind":"say","text":"x"},'
        b'"status_reason":"it failed","tz":"UTC","address":{"channel":"telegram","chat":"123","thread":"7"},'
        b'"owner":"telegram:123","created_at":"2026-03-01T12:00:00Z","session":"main","notify":"always",'
        b'"misfire":"skip","misfire_window":"90m","overlap":"allow_all","after_run":"keep","timeout":90,'
        b'"failure_alert":{"after":2,"cooldown":"10m","address":{"channel":"telegram","chat":"9"}},'
        b'"stamp":"t1.1.0","revision":3,"state_revision":1,"state_stamp":"t2.1.0","state":{"n":1}}'
    )

    job = decode_job(json_text.load(line), GIVEN)

    assert (job.status, job.status_reason) == (JobStatus.PAUSED, "it failed")
    assert json_text.load(json_text.dump(encode_job(job))) == json_text.load(line)


# -- versions and JSON ----------------------------------------------------------------------------------------


def test_an_older_object_goes_through_every_step_of_the_upgrade() -> None:
    steps = {1: lambda job: {"b": job["a"]}, 2: lambda job: {**job, "c": job["b"] + 1}}

    assert upgrade({"a": 1}, 1, to=3, upgrades=steps) == {"b": 1, "c": 2}
    assert upgrade({"a": 1}, 3, to=3, upgrades=steps) == {"a": 1}


def test_an_object_of_an_unknown_old_version_is_refused() -> None:
    with pytest.raises(ValueError, match="version 0"):
        upgrade({}, 0)


@pytest.mark.parametrize("value", [2**64, -(2**70), 123456789012345678901234567890, "1" * 40, 1e300, 0.1, -0.0])
def test_numbers_are_kept_exactly(value: Any) -> None:
    read = json_text.load(json_text.dump({"n": value}))

    assert repr(read) == repr({"n": value})


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[1,]",
        b"{'a':1}",
        b"[NaN]",
        b"[Infinity]",
        b"[1] // x",
        b"/* x */ []",
        b'"\xff"',
        b"[1e999]",
        b"[11111111111111111111, NaN]",
        b"[11111111111111111111] x",
        b"[" * 100_000 + b"11111111111111111111",
    ],
)
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        json_text.load(text)


@settings(max_examples=100, deadline=None)
@given(state=json_values)
def test_any_json_may_be_a_state(state: Any) -> None:
    assert repr(check_state(state)) == repr(state)


def test_the_payload_and_name_of_a_job_do_not_change_its_schedule_object() -> None:
    job = new_job(uid=UID, id=UID[:8], revision=1)

    renamed = encode_job(replace(job, name="other", payload=Say(text="x")))

    assert renamed["schedule"] == encode_job(job)["schedule"]
