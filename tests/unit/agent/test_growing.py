"""What a turn looks like while it works."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.agent.growing import MORE, Growth, longest, stopped


def growth(*, stream: bool = True, progress: bool = True) -> Growth:
    return Growth(stream=stream, progress=progress, began=100.0)


def test_a_text_is_shown_when_it_has_been_coming_for_a_second() -> None:
    one = growth()
    one.heard("Good", 101.0)

    seen = [one.view(101.9, standing=False), one.view(102.0, standing=False)]

    assert seen == ["", "Good …"]


def test_what_stands_is_kept_up_to_date_at_once() -> None:
    one = growth()
    one.heard("Good", 101.0)
    one.heard("Good morning", 101.1)

    assert one.view(101.2, standing=True) == "Good morning …"


def test_a_new_answer_takes_the_place_of_the_one_before() -> None:
    one = growth()
    one.heard("Let me see", 101.0)
    one.heard("It", 105.0)

    assert one.view(105.1, standing=True) == "It …"


def test_silence_is_explained_after_fifteen_seconds_and_then_every_fifteen() -> None:
    one = growth()
    moments = [114.9, 115.0, 120.0, 129.9, 130.0]

    seen = [one.view(moment, standing=True) for moment in moments]

    assert seen == ["", *["⏳ thinking … (15 s)"] * 3, "⏳ thinking … (30 s)"]


def test_what_works_is_named_below_the_words_so_far() -> None:
    one = growth()
    one.heard("Let me see", 101.0)
    one.tool = "web_fetch"

    assert one.view(117.0, standing=True) == "Let me see\n\n⏳ working: web_fetch … (17 s)"


def test_words_in_the_chat_begin_a_new_silence() -> None:
    one = growth()
    one.heard("Let me see", 101.0)
    one.spoke(110.0)

    seen = [one.view(124.0, standing=False), one.view(125.0, standing=False)]

    assert seen == ["", "⏳ thinking … (25 s)"]


def test_without_streaming_texts_are_neither_shown_nor_words() -> None:
    one = growth(stream=False)
    one.heard("Good", 110.0)

    seen = [one.view(112.0, standing=False), one.view(115.0, standing=False)]

    assert seen == ["", "⏳ thinking … (15 s)"]


def test_without_progress_silence_stays_silent() -> None:
    assert growth(progress=False).view(900.0, standing=True) == ""


@given(st.text(min_size=1, max_size=3_000), st.integers(80, 2_000))
def test_the_longest_beginning_fits_and_is_a_beginning(text: str, room: int) -> None:
    def fits(piece: str) -> bool:
        return len(piece) <= room

    begun = longest(text, fits)

    assert text.startswith(begun)
    assert fits(begun + MORE)
    assert begun.strip() == text[: len(begun)].strip()
    assert len(begun) + len(text[len(begun) :]) - len(text[len(begun) :].lstrip()) >= min(len(text), room) - 66


def test_a_stopped_answer_says_so() -> None:
    assert (stopped("Good"), stopped("")) == ("Good\n\n(stopped)", "(stopped)")
