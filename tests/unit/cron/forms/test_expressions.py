"""Expressions of other programs."""

import pytest

from cron.codec.values import FieldError
from cron.forms.expressions import schedule_of
from cron.forms.source import Notes, Seconds


@pytest.mark.parametrize(
    ("written", "seconds", "expression"),
    [
        ("0 9 * * *", None, "0 9 * * *"),
        ("  0   9 * * * ", None, "0 9 * * *"),
        ("0 0 9 * * *", "first", "0 9 * * *"),
        ("00 */30 * * * *", "first", "*/30 * * * *"),
        ("0 9 * * * 0", "last", "0 9 * * *"),
        ("0 0 9 * * MON *", "first", "0 9 * * MON"),
        ("0 9 ? * MON-FRI", None, "0 9 * * MON-FRI"),
        ("0 9 15 * ?", None, "0 9 15 * *"),
        ("0 9 8-14 * +TUE", None, "0 9 * * TUE#2"),
        ("0 9 22-28 * +MON,FRI", None, "0 9 * * MON#4,FRI#4"),
        ("0 9 * * +MON", None, "0 9 * * MON"),
        ("0 9 */2 * +MON", None, "0 9 */2 * MON"),  # our rule: a day field that begins with * is and
        ("@daily", None, "@daily"),
    ],
)
def test_an_expression_becomes_one_of_five_fields(written: str, seconds: Seconds | None, expression: str) -> None:
    assert schedule_of(written, seconds=seconds, notes=Notes()) == {"expr": expression}  # C-13


def test_a_zone_in_front_is_the_zone_of_the_schedule() -> None:
    assert schedule_of("CRON_TZ=Asia/Tokyo 30 4 * * *", seconds="first", notes=Notes()) == {
        "expr": "30 4 * * *",
        "tz": "Asia/Tokyo",
    }


def test_what_became_another_expression_is_told() -> None:
    notes = Notes()

    schedule_of("0 0 9 * * *", seconds="first", notes=notes)

    assert notes.taken == ["schedule 0 0 9 * * * → 0 9 * * *"]


@pytest.mark.parametrize(
    ("written", "seconds", "why"),
    [
        ("0 0 9 * * *", None, "--seconds first or --seconds last"),
        ("30 0 9 * * *", "first", "the second 30"),
        ("*/10 * * * * *", "first", "the second"),
        ("0 9 * * * *", "last", "the second"),
        ("0 9 1-8 * +MON", None, "make two jobs"),
        ("0 9 15 * +5", None, "make two jobs"),
        ("0 9 * *", None, "4 fields"),
        ("0 0 9 * * * 2027", "first", "7 fields"),
        ("", None, "not a cron expression"),
        ("0 " * 400, None, "not a cron expression"),
        ("@reboot", None, "is not a time"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_its_reason(written: str, seconds: Seconds | None, why: str) -> None:
    with pytest.raises(FieldError, match=why):
        schedule_of(written, seconds=seconds, notes=Notes())
