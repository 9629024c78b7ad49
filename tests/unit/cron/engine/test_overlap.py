"""What becomes of an occurrence while other runs of its job are open."""

import pytest

from cron.engine.overlap import MOST_WAITING, Meeting, Other, Way, meet
from cron.policy import Overlap

WORKS = Other(run="r1", waits=False)
WAITS = Other(run="r2", waits=True)


@pytest.mark.parametrize("overlap", list(Overlap))
def test_with_nothing_in_its_way_an_occurrence_goes_on_at_once(overlap: Overlap) -> None:
    assert meet(overlap, []) == Meeting(way=Way.AT_ONCE)


@pytest.mark.parametrize(
    ("overlap", "others", "way"),
    [
        (Overlap.SKIP, [WORKS], Way.SKIPPED),
        (Overlap.SKIP, [WAITS], Way.SKIPPED),
        (Overlap.BUFFER_ONE, [WORKS], Way.AFTER_OTHERS),
        (Overlap.BUFFER_ONE, [WORKS, WAITS], Way.SKIPPED),
        (Overlap.BUFFER_ONE, [WAITS], Way.SKIPPED),
        (Overlap.BUFFER_ALL, [WORKS, *[WAITS] * (MOST_WAITING - 1)], Way.AFTER_OTHERS),
        (Overlap.BUFFER_ALL, [WORKS, *[WAITS] * MOST_WAITING], Way.SKIPPED),
        (Overlap.CANCEL_OTHER, [WORKS, WAITS], Way.AFTER_OTHERS),
        (Overlap.ALLOW_ALL, [WORKS, WAITS], Way.AT_ONCE),
        (Overlap.FALLBACK_ISOLATED, [WORKS, WAITS], Way.ISOLATED),
    ],
)
def test_each_policy_does_what_its_name_says(overlap: Overlap, others: list[Other], way: Way) -> None:
    assert meet(overlap, others).way is way  # P-22


def test_what_is_skipped_says_why() -> None:
    assert meet(Overlap.SKIP, [WORKS]).why == "run r1 of this job is not over"
    assert meet(Overlap.BUFFER_ONE, [WORKS, WAITS]).why == "run r2 of this job waits already"
    assert meet(Overlap.BUFFER_ALL, [WAITS] * MOST_WAITING).why == "100 runs of this job wait already"
