"""What becomes of a callback after each try."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.callbacks import signing
from gateway.callbacks.policy import (
    Callback,
    CallbackKind,
    CallbackState,
    Target,
    Verdict,
    call,
    callback_id,
    judge,
)
from gateway.errors import ErrorClass, OutgoingError
from gateway.outgoing.calls import Reply
from tests.fakes import NOON

CALLBACK = Callback(
    id="r1",
    run="r1",
    job="11111111-1111-4111-8111-111111111111",
    kind=CallbackKind.RESULT,
    target=Target(url="https://user.example/hooks/s3cret?key=1", token="t0ken"),
    body=b'{"a":1}',
    trace_id="0af7651916cd43dd8448eb211c80319c",
)


def reply(status: int, **headers: str) -> Reply:
    return Reply(
        status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}, body=b"", url=""
    )


def after(attempts: int, answer: Reply | OutgoingError, **target: int) -> Verdict:
    changed = replace(CALLBACK.target, **target)  # type: ignore[arg-type]
    return judge(replace(CALLBACK, attempts=attempts, target=changed), answer)


def test_it_is_tried_again_after_5_s_5_min_30_min_and_2_h_and_then_given_up() -> None:  # P-83
    verdicts = [after(n, reply(500)) for n in range(5)]

    assert [verdict.wait.total_seconds() for verdict in verdicts[:4]] == [5, 300, 1_800, 7_200]
    assert {verdict.state for verdict in verdicts[:4]} == {CallbackState.OPEN}
    assert verdicts[4].state is CallbackState.FAILED
    assert verdicts[4].error == "webhook result to user.example: it answered 500 (tried 5 times)"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_an_arrival(status: int) -> None:
    assert after(0, reply(status)) == Verdict(state=CallbackState.SENT)


def test_410_is_the_end_and_disables_the_hook() -> None:  # P-83
    verdict = after(0, reply(410))

    assert (verdict.state, verdict.gone) == (CallbackState.FAILED, True)


@pytest.mark.parametrize("status", [300, 301, 302, 400, 401, 404, 429, 500, 503])
def test_any_other_answer_is_tried_again(status: int) -> None:
    verdict = after(0, reply(status))

    assert (verdict.state, verdict.gone) == (CallbackState.OPEN, False)
    assert str(status) in verdict.error


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        (ErrorClass.TIMEOUT, CallbackState.OPEN),
        (ErrorClass.NETWORK_ERROR, CallbackState.OPEN),
        (ErrorClass.PERMISSION, CallbackState.FAILED),
        (ErrorClass.PERMANENT, CallbackState.FAILED),
    ],
)
def test_a_refused_address_is_given_up_at_once_and_a_fault_of_the_network_is_not(
    kind: ErrorClass, state: CallbackState
) -> None:
    verdict = after(0, OutgoingError("why", kind))

    assert (verdict.state, verdict.error) == (state, "webhook result to user.example: why")


def test_a_hook_may_say_how_often_it_is_tried() -> None:  # HP-84
    assert after(0, reply(500), retries=0).state is CallbackState.FAILED
    assert after(1, reply(500), retries=2).state is CallbackState.OPEN
    assert after(2, reply(500), retries=2).state is CallbackState.FAILED
    assert after(8, reply(500), retries=9).wait == timedelta(hours=2)


def test_a_machine_may_ask_for_a_longer_pause_but_not_for_ever() -> None:
    assert after(0, reply(429, retry_after="60")).wait == timedelta(seconds=60)
    assert after(1, reply(429, retry_after="60")).wait == timedelta(minutes=5)
    assert after(0, reply(503, retry_after="99999999999")).wait == timedelta(hours=2)
    assert after(0, reply(503, retry_after="²")).wait == timedelta(seconds=5)


def test_a_request_is_signed_typed_traced_and_bears_its_token() -> None:  # P-83, OC-06, HP-82, NOX-54
    request = call(CALLBACK, secret=signing.new_secret(), now=NOON)

    assert (request.method, request.url, request.body) == ("POST", CALLBACK.target.url, b'{"a":1}')
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Authorization"] == "Bearer t0ken"
    assert request.headers["webhook-id"] == "r1"
    assert request.headers["traceparent"].startswith(f"00-{CALLBACK.trace_id}-")
    assert request.within == timedelta(seconds=15)


def test_neither_a_token_nor_the_path_of_a_url_is_shown() -> None:  # HP-82
    request = call(CALLBACK, secret=signing.new_secret(), now=NOON)

    assert "t0ken" not in f"{CALLBACK!r} {request!r} {after(0, reply(500))!r}"
    assert "s3cret" not in after(0, reply(500)).error


def test_each_kind_of_a_run_has_an_id_of_its_own() -> None:
    assert [callback_id("r1", kind) for kind in CallbackKind] == ["r1", "r1-complete", "r1-fail"]
