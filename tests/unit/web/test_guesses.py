"""Wrong tokens are counted, and who has presented too many waits."""

from gateway.web.guesses import MOST, REMEMBERED, Guesses


def failed(guesses: Guesses, times: int, *, caller: str = "a", now: float = 0.0) -> None:
    for _ in range(times):
        guesses.failed(caller, now)


def test_ten_wrong_tokens_in_a_minute_are_the_last() -> None:  # P-81
    guesses = Guesses()

    failed(guesses, MOST - 1)
    before = guesses.wait("a", 1)
    failed(guesses, 1, now=1)

    assert before == 0
    assert guesses.wait("a", 2) == 58
    assert guesses.wait("a", 60) == 0


def test_the_minute_slides() -> None:
    guesses = Guesses()
    for second in range(MOST):
        guesses.failed("a", second * 6)

    waits = [guesses.wait("a", 55), guesses.wait("a", 60)]
    guesses.failed("a", 60)

    assert waits == [5, 0]
    assert guesses.wait("a", 61) == 5


def test_others_do_not_wait() -> None:
    guesses = Guesses()

    failed(guesses, MOST)

    assert guesses.wait("b", 0) == 0


def test_callers_are_forgotten_after_their_minute_and_never_too_many_are_remembered() -> None:
    guesses = Guesses()
    for number in range(REMEMBERED + 5):
        guesses.failed(str(number), 0)
    many = len(guesses)

    guesses.failed("late", 60)

    assert (many, len(guesses)) == (REMEMBERED, 1)


def test_who_goes_on_guessing_is_not_forgotten_for_others() -> None:
    guesses = Guesses()
    failed(guesses, MOST)
    for number in range(REMEMBERED - 1):
        guesses.failed(str(number), 1)

    guesses.failed("a", 2)
    guesses.failed("late", 3)

    assert guesses.wait("a", 3) > 0
