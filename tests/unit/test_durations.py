"""Durations as people write them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway import durations


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (90, 90),
        (0.5, 0.5),
        ("90", 90),
        ("30s", 30),
        ("5m", 300),
        ("2h", 7200),
        ("1d", 86400),
        ("1h30m", 5400),
        (" 2 H ", 7200),
        ("1.5h", 5400),
        (timedelta(minutes=1), 60),
    ],
)
def test_every_documented_form_is_understood(written: object, seconds: float) -> None:
    assert durations.parse(written) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "written",
    ["", "soon", "5 moons", "-5m", "1e3", "٣s", "m", "5mm5", True, None, float("nan"), -1, "999999d", [5]],
)
def test_what_is_no_duration_is_refused(written: object) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        durations.parse(written)


@given(st.integers(min_value=0, max_value=10**9))
def test_what_is_written_can_be_read_back(seconds: int) -> None:
    duration = timedelta(seconds=seconds)

    assert durations.parse(durations.to_text(duration)) == duration
