"""Sizes and lengths as people say them."""

import pytest

from gateway.media.sizes import length, words


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1 kB"),
        (1_500_000, "1.5 MB"),
        (20_000_000, "20 MB"),
        (2_000_000_000, "2 GB"),
    ],
)
def test_a_size_is_said_in_its_unit(size: int, said: str) -> None:
    assert words(size) == said


@pytest.mark.parametrize(("seconds", "said"), [(0, "0:00"), (5, "0:05"), (754, "12:34"), (3723, "1:02:03")])
def test_a_length_is_said_in_minutes(seconds: int, said: str) -> None:
    assert length(seconds) == said
