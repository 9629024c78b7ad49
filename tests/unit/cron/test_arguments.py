"""The arguments of the cron tool: lenient in form, strict in meaning."""

from typing import Any

import pytest
from pydantic import ValidationError

from cron.arguments import ACTIONS, CronArguments


def read(**given: Any) -> CronArguments:
    return CronArguments.model_validate(given)


def said(**given: Any) -> dict[str, Any]:
    return read(**given).model_dump(exclude_unset=True)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ({"prompt": "look"}, {"message": "look"}),
        ({"task": "look"}, {"message": "look"}),
        ({"reminder": "tea"}, {"say": "tea"}),
        ({"cronExpr": "0 9 * * *"}, {"cron_expr": "0 9 * * *"}),
        ({"cron_expression": "0 9 * * *"}, {"cron_expr": "0 9 * * *"}),
        ({"everySeconds": 60}, {"every_seconds": 60}),
        ({"every_seconds": "60"}, {"every_seconds": 60}),
        ({"every_ms": 90_000}, {"every_seconds": 90}),
        ({"jobId": "a1b2c3d4"}, {"job_id": "a1b2c3d4"}),
        ({"id": "a1b2c3d4"}, {"job_id": "a1b2c3d4"}),
        ({"timezone": "Europe/Berlin"}, {"tz": "Europe/Berlin"}),
        ({"after-run": "keep"}, {"options": {"after_run": "keep"}}),
        ({"settings": '{"contextMessages": 5}'}, {"options": {"context_messages": 5}}),
        ({"options": {"notify": "always"}}, {"notify": "always"}),
        # what weak models send for nothing
        ({"at": None, "cron_expr": "", "every_seconds": 0, "job_id": None}, {}),
    ],
)
def test_other_spellings_are_understood(given: dict[str, Any], meant: dict[str, Any]) -> None:
    assert said(action="add", **given) == {"action": "add", **meant}


@pytest.mark.parametrize("action", ["LIST", " list ", "List"])
def test_an_action_is_understood_in_any_case(action: str) -> None:
    assert read(action=action).action == "list"


def test_set_state_may_be_written_with_a_dash() -> None:
    assert read(action="set-state").action == "set_state"


@pytest.mark.parametrize("state", [None, {}, [], "", 0, False, 1.5, {"a": [1, None]}, "text", [[[]]]], ids=repr)
def test_a_state_is_taken_as_it_is(state: Any) -> None:
    arguments = read(action="set_state", job_id="x", state=state)  # AB-17

    assert "state" in arguments.model_fields_set
    assert arguments.state == state


def test_an_unknown_action_is_answered_with_those_that_there_are() -> None:
    with pytest.raises(ValidationError) as caught:  # AB-37
        read(action="foo")

    assert all(action in str(caught.value) for action in ACTIONS)


@pytest.mark.parametrize(
    ("name", "near"), [("mesage", "message"), ("evry_seconds", "every_seconds"), ("wen", "when")]
)
def test_an_unknown_argument_is_an_error_that_names_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ValidationError, match=f"did you mean {near}"):
        read(action="add", **{name: "x"})


def test_one_thing_under_two_names_with_two_values_is_an_error() -> None:
    with pytest.raises(ValidationError, match="message is given twice"):
        read(action="add", message="one", prompt="two")


def test_one_thing_under_two_names_with_one_value_is_none() -> None:
    assert read(action="add", message="one", prompt="one").message == "one"


@pytest.mark.parametrize(
    ("seconds", "every"),
    [
        (60, "60"),
        (1.5, "1.5"),
        (604_800, "604800"),
        (1_209_600, "1209600"),
        (2_592_000, "2592000"),
        (1234567.5, "1234567.5"),
    ],
)
def test_an_interval_in_seconds_keeps_every_digit(seconds: float, every: str) -> None:
    assert read(action="add", every_seconds=seconds).draft().every == every  # AB-05


def test_a_draft_holds_what_was_said_and_nothing_else() -> None:
    draft = read(action="add", message="look", when="every day at 9", name="n", notify="always").draft()

    assert {name: getattr(draft, name) for name in draft.said()} == {
        "prompt": "look",
        "when": "every day at 9",
        "name": "n",
        "notify": "always",
    }
