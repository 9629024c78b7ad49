"""Job ⇄ JSON: any job is read as it was written."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cron import json_text
from cron.codec import Given, decode_job, encode_job
from cron.job import AgentPrompt, Job, JobStatus, Say, Shell, SystemEvent
from cron.policy import (
    AfterRun,
    Backoff,
    Delivery,
    DeliveryMode,
    Exclude,
    FailureAlert,
    Hook,
    JobType,
    Lifecycle,
    Misfire,
    Notify,
    OutputFormat,
    Overlap,
    Retry,
    SpendCap,
    Then,
    ThenOn,
)
from cron.schedule import At, Cron, Every
from gateway.messages import ChatAddress
from tests.jobs import NOON, json_values, texts

UID = "0d9c4a51-7a3b-4c0e-9f52-3f1f5a0c7e11"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
GIVEN = Given(uid=UID, created_at=NOON, tz="Asia/Tokyo")

_moments = st.integers(0, 7_000_000_000_000_000).map(lambda n: EPOCH + timedelta(microseconds=n))
_durations = st.timedeltas(timedelta(microseconds=1), timedelta(days=36500))
_zones = st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York"])
_names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
_addresses = st.builds(ChatAddress, channel=_names, chat=_names, thread=texts)
_schedules = (
    st.builds(At, _moments)
    | st.builds(Every, _durations, _moments)
    | st.builds(Cron, st.sampled_from(["0 9 * * *", "*/5 * * * 1-5", "@daily"]), _zones)
    | st.builds(Cron, st.just("0 9 * * *"), _zones, st.integers(1, 9), _moments)
)
_payloads = (
    st.builds(AgentPrompt, prompt=texts)
    | st.builds(Say, text=texts)
    | st.builds(SystemEvent, text=texts)
    | st.builds(Shell, command=texts)
)
_words = st.text("abcxyzäö0189:/-.", min_size=1, max_size=12)
_hooks = st.builds(
    Hook,
    url=_words,
    token=texts,
    timeout=st.none() | _durations,
    retries=st.none() | st.integers(0, 9),
)
_deliveries = (
    st.sampled_from([Delivery(), Delivery(mode=DeliveryMode.LOG)])
    | st.builds(Delivery, mode=st.just(DeliveryMode.WEBHOOK), hook=_hooks)
    | st.builds(Delivery, mode=st.just(DeliveryMode.CHANNEL), address=st.none() | _addresses)
)
_then = st.builds(Then, on=st.sampled_from(ThenOn), job=_words) | st.builds(
    Then, on=st.sampled_from(ThenOn), event=_words
)
_limits = st.none() | st.integers(1, 2**40)


def _each_once(elements: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.sets(elements, max_size=3).map(sorted).map(tuple)


_unknown = st.dictionaries(texts.map("x-{}".format), json_values, min_size=1, max_size=3)
_jobs = st.builds(
    Job,
    uid=st.uuids(version=4).map(str),
    id=st.from_regex(r"[0-9a-f]{8}", fullmatch=True),
    name=texts,
    schedule=_schedules,
    payload=_payloads,
    address=st.none() | _addresses,
    tz=_zones,
    created_at=_moments,
    created_by=texts,
    created_in=texts,
    owner=st.none() | texts,
    description=texts,
    status=st.sampled_from([status for status in JobStatus if status is not JobStatus.BROKEN]),
    status_reason=texts,
    session=st.sampled_from(["isolated", "main", "session:Büro"]),
    notify=st.sampled_from(Notify),
    misfire=st.sampled_from(Misfire),
    misfire_window=st.none() | _durations,
    overlap=st.sampled_from(Overlap),
    retry=st.builds(
        Retry,
        attempts=st.integers(1, 100),
        backoff=st.sampled_from(Backoff) | st.lists(_durations, min_size=1, max_size=3).map(tuple),
        unsafe=st.booleans(),
    ),
    type=st.sampled_from(JobType),
    after_run=st.sampled_from(AfterRun),
    start_at=st.none() | _moments,
    expires_at=st.none() | _moments,
    max_runs=_limits,
    jitter=st.just(timedelta()) | _durations,
    exclude=st.builds(
        Exclude,
        dates=_each_once(st.dates()),
        weekdays=_each_once(st.integers(0, 6)),
        holidays=st.sampled_from(["", "DE", "DE-BY"]),
    ),
    context_messages=st.integers(0, 50),
    delivery=_deliveries,
    on_complete=st.none() | _hooks,
    on_fail=st.none() | _hooks,
    notify_on=st.sets(st.sampled_from(Lifecycle)).map(lambda ends: tuple(end for end in Lifecycle if end in ends)),
    then=st.lists(_then, max_size=3).map(tuple),
    output_format=st.sampled_from(OutputFormat),
    output_schema=st.none() | st.just({"type": "object", "required": ["total"]}),
    spend=st.builds(
        SpendCap, tokens_per_run=_limits, tokens_per_day=_limits, money_per_day=st.none() | st.floats(0.01, 1e6)
    ),
    check=texts,
    model=texts,
    tools=st.none() | st.lists(_words, unique=True, max_size=3).map(tuple),
    work_dir=st.sampled_from(["", "reports", "a/b c"]),
    may_schedule=st.booleans(),
    nag=st.none() | _durations,
    timeout=st.none() | _durations,
    failure_alert=st.builds(
        FailureAlert,
        after=st.none() | st.integers(0, 100),
        cooldown=st.none() | _durations,
        address=st.none() | _addresses,
    ),
    declared=st.booleans(),
    stamp=texts,
    state=json_values,
    state_revision=st.integers(0, 2**70),
    state_stamp=texts,
    revision=st.integers(1, 2**70),
    broken=st.none(),
    extra=st.none() | _unknown,
)


@settings(max_examples=40, deadline=None)
@given(job=_jobs)
def test_any_job_is_read_as_it_was_written(job: Job) -> None:
    _assert_that_it_is_read_as_it_was_written(job)


@pytest.mark.nightly
@settings(max_examples=5000, deadline=None)
@given(job=_jobs)
def test_any_of_many_jobs_is_read_as_it_was_written(job: Job) -> None:
    _assert_that_it_is_read_as_it_was_written(job)


def _assert_that_it_is_read_as_it_was_written(job: Job) -> None:
    text = json_text.dump(encode_job(job))

    read = decode_job(json_text.load(text), GIVEN)

    assert read == job
    assert repr(read) == repr(job)  # which tells 1 from True and from 1.0
    assert json_text.dump(encode_job(read)) == text
