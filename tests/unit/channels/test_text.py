"""Text with marks, and cutting it."""

from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from channels.text import (
    Fence,
    Href,
    Mark,
    MarkRoom,
    Run,
    Stretch,
    Style,
    character_start,
    split,
    stretches,
    trim,
    visible,
)

FAMILY = "👨‍👩‍👧‍👦"
FLAG = "🇩🇪"
THUMB = "👍🏽"
LINK = Href("http://a.bc")


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def utf8(text: str) -> int:
    return len(text.encode())


def words(text: str) -> list[Run]:
    return [Run(text)]


def shown(parts: Sequence[Sequence[Run]]) -> list[str]:
    return [visible(part) for part in parts]


def cuts(parts: Sequence[Sequence[Run]]) -> list[int]:
    return list(accumulate(map(len, shown(parts))))[:-1]


PLACES = {
    "all of it fits": ("one two", 7, ["one two"]),
    "between words": ("one two three", 8, ["one two ", "three"]),
    "a word that just fits": ("one two three", 7, ["one two ", "three"]),
    "between lines": ("one two\nthree four five", 15, ["one two\n", "three four five"]),
    "between blocks rather than lines": ("one\n\ntwo\nthree", 9, ["one\n\n", "two\nthree"]),
    "not between blocks that leave a part empty": ("a\n\none two three four", 16, ["a\n\none two three ", "four"]),
    "between sentences": ("One two. Three four five", 15, ["One two. ", "Three four five"]),
    "between Chinese sentences": ("一二三四。五六七八九十", 8, ["一二三四。", "五六七八九十"]),
    "in a word that is too long": ("abcdefghijkl", 5, ["abcde", "fghij", "kl"]),
    "in a word that leaves a part empty": ("a bcdefghijklmnop", 10, ["a bcdefghi", "jklmnop"]),
    "not at a space that holds together": ("one 10\u00a0000 km", 8, ["one ", "10\u00a0000 ", "km"]),
    "white space ends the earlier part": ("one     two", 4, ["one     ", "two"]),
    "more white space than a part": ("one" + " " * 50 + "two", 8, ["one" + " " * 50, "two"]),
    "indentation begins the later part": ("one two\n  three four", 12, ["one two\n", "  three four"]),
    "too much indentation ends the earlier part": (" " * 20 + "one two", 4, [" " * 20 + "one ", "two"]),
    "white space at the end": ("one two   \n", 7, ["one two   \n"]),
    "nothing but white space": (" \n ", 1, [" \n "]),
    "nothing": ("", 5, []),
    "a line end of two characters": ("abc\r\ndef", 4, ["abc\r\n", "def"]),
    "flags": (FLAG * 3, 3, [FLAG, FLAG, FLAG]),
    "a letter and its accent": ("abce\u0301fg", 4, ["abc", "e\u0301fg"]),
    "an accent on a space": ("ab c \u0301d", 5, ["ab c", " \u0301d"]),
    "a character that is longer than a part": (
        "a" + "\u0301" * 9,
        4,
        ["a" + "\u0301" * 3, "\u0301" * 4, "\u0301" * 2],
    ),
}


@pytest.mark.parametrize(("text", "limit", "parts"), PLACES.values(), ids=PLACES)
def test_where_a_cut_is_made(text: str, limit: int, parts: list[str]) -> None:
    assert shown(split(words(text), limit)) == parts


@pytest.mark.parametrize(
    "one", [FAMILY, FLAG, THUMB, "é", "🏴\U000e0067\U000e0062\U000e007f", "1\ufe0f\u20e3", "각", "क्षि"]
)
def test_what_people_see_as_one_character_is_never_cut(one: str) -> None:
    parts = shown(split(words(one * 300), 40, utf16))

    assert "".join(parts) == one * 300
    assert all(part == one * (len(part) // len(one)) for part in parts)
    assert all(utf16(part) <= 40 for part in parts)


@pytest.mark.parametrize("mark", [LINK, Style.BOLD, Style.CODE, Fence("py")])
def test_a_mark_that_fits_is_not_cut(mark: Mark) -> None:
    runs = [Run("one two "), Run("three four", (mark,)), Run(" five")]

    parts = split(runs, 12)

    assert shown(parts) == ["one two ", "three four ", "five"]


def test_words_in_front_of_a_mark_that_is_not_cut_stay_with_it() -> None:
    runs = [Run("one two ("), Run("three", (LINK,)), Run(")")]

    parts = split(runs, 11)

    assert shown(parts) == ["one two ", "(three)"]


def test_a_mark_that_is_too_long_goes_on_in_the_next_part() -> None:
    bold = (Style.BOLD,)

    parts = split([Run("a "), Run("one two three four", bold), Run(" b")], 10)

    assert parts == [
        [Run("a "), Run("one two ", bold)],
        [Run("three four", bold), Run(" ")],
        [Run("b")],
    ]


def test_a_mark_inside_one_that_is_too_long_is_not_cut() -> None:
    parts = split([Run("one two ", (Style.BOLD,)), Run("three four", (Style.BOLD, LINK))], 12)

    assert shown(parts) == ["one two ", "three four"]


def test_a_fence_that_is_too_long_is_cut_at_the_ends_of_lines() -> None:
    code = "if one:\n    two. three. four. five\n\nsix = 1\n"

    parts = split([Run(code, (Fence("py"),)), Run("\nend")], 28)

    assert parts == [
        [Run("if one:\n", (Fence("py"),))],
        [Run("    two. three. four. five\n\n", (Fence("py"),))],
        [Run("six = 1\n", (Fence("py"),)), Run("\nend")],
    ]


def test_a_quote_may_be_cut_even_if_it_fits() -> None:
    parts = split([Run("one two\n\n"), Run("three four", (Style.QUOTE,))], 16)

    assert shown(parts) == ["one two\n\n", "three four"]


def test_a_part_ends_where_there_is_no_room_for_more_marks() -> None:
    bold = (Style.BOLD,)
    runs = [run for number in range(5) for run in (Run(f"a{number}", bold), Run(" "))]

    parts = split(runs, 100, marks=MarkRoom(most=2, load=lambda _: 1))

    assert shown(parts) == ["a0 a1 ", "a2 a3 ", "a4 "]


def test_marks_that_go_on_count_in_the_next_part_too() -> None:
    quote = (Style.QUOTE,)
    runs = [
        Run("one ", quote),
        Run("two", (*quote, LINK)),
        Run(" three ", quote),
        Run("four", (*quote, Style.BOLD)),
    ]
    runs += [Run(" ", quote), Run("five", (*quote, Style.ITALIC))]

    parts = split(runs, 100, marks=MarkRoom(most=2, load=lambda _: 1))

    assert shown(parts) == ["one two three ", "four ", "five"]


def test_trimming_leaves_out_what_a_platform_would() -> None:
    bold = (Style.BOLD,)

    assert trim([Run("\n \n  "), Run("a b", bold), Run(" \n", bold), Run(" ")], 9) == [Run("  "), Run("a b", bold)]
    assert trim([Run("     abc")], 5) == [Run("abc")]
    assert trim([Run(" \n")], 5) == []


def test_stretches_are_where_a_mark_begins_and_ends() -> None:
    runs = [
        Run("a", (Style.BOLD,)),
        Run("b", (Style.BOLD, LINK)),
        Run("", ()),
        Run("c", (Style.BOLD, LINK)),
        Run("d"),
        Run("e", (Style.BOLD,)),
    ]

    assert stretches(runs) == [Stretch(0, 3, Style.BOLD), Stretch(1, 3, LINK), Stretch(4, 5, Style.BOLD)]


SEEDS = [
    "a",
    "bc",
    "def. ",
    "ghij",
    " ",
    "  ",
    "\n",
    "\n\n",
    "\n    ",
    "。",
    "中文",
    "é",
    "e\u0301",
    "😀",
    FAMILY,
    FLAG,
    THUMB,
]
SEEDS += ["! ", "-", "\t", "\u00a0", "क्षि", "k" * 30, "\u3000", "1\ufe0f\u20e3", "\r\n", " " * 12]
MARKS: list[Mark] = [Style.BOLD, Style.ITALIC, Style.CODE, Style.QUOTE, LINK, Href("x"), Fence(), Fence("py")]
SOME_RUNS = st.lists(
    st.builds(
        lambda pieces, marks: Run("".join(pieces), tuple(dict.fromkeys(marks))),
        st.lists(st.sampled_from(SEEDS), min_size=1, max_size=12),
        st.lists(st.sampled_from(MARKS), max_size=3),
    ),
    max_size=25,
)
MEASURES: list[Callable[[str], int]] = [len, utf16, utf8]


@settings(max_examples=150, deadline=None)
@given(SOME_RUNS, st.integers(50, 140), st.sampled_from(MEASURES))
def test_the_laws_of_cutting_hold_for_any_text(runs: list[Run], limit: int, measure: Callable[[str], int]) -> None:
    parts = split(runs, limit, measure)

    assert_lawful(runs, parts, limit, measure)


@pytest.mark.nightly
@settings(max_examples=10_000, deadline=None)
@given(SOME_RUNS, st.integers(50, 140), st.sampled_from(MEASURES))
def test_the_laws_of_cutting_hold_for_very_many_texts(
    runs: list[Run], limit: int, measure: Callable[[str], int]
) -> None:
    parts = split(runs, limit, measure)

    assert_lawful(runs, parts, limit, measure)


def assert_lawful(
    runs: Sequence[Run], parts: Sequence[Sequence[Run]], limit: int, measure: Callable[[str], int]
) -> None:
    """What `split` promises, but for the room for marks."""
    text = visible(runs)
    assert "".join(shown(parts)) == text
    assert all(part.strip() for part in shown(parts)) or not text.strip()
    assert all(measure(visible(trim(part, limit, measure))) <= limit for part in parts)
    assert not [one for one in torn(runs, cuts(parts)) if measure(text[one.start : one.end]) <= limit]
    assert set(cuts(parts)) <= set(ends_of_characters(text))
    assert [marks_at(part, 0) for part in parts] == [marks_at(runs, place) for place in [0, *cuts(parts)] if text]


def torn(runs: Sequence[Run], places: Sequence[int]) -> list[Stretch]:
    """The marks that a cut goes through, but for quotes, which may be cut."""
    found = [one for one in stretches(runs) if one.mark is not Style.QUOTE]
    return [one for one in found if any(one.start < place < one.end for place in places)]


def ends_of_characters(text: str) -> Iterator[int]:
    return (found.end() for found in regex.finditer(r"\X", text))


def marks_at(runs: Sequence[Run], place: int) -> tuple[Mark, ...]:
    position = 0
    for run in runs:
        position += len(run.text)
        if position > place:
            return run.marks
    return ()


LINES = st.lists(st.text("ab .", min_size=1, max_size=9).filter(str.strip), min_size=1, max_size=40)


@settings(max_examples=60, deadline=None)
@given(st.lists(LINES, min_size=1, max_size=4), st.integers(40, 90))
def test_fences_with_short_lines_are_cut_at_the_ends_of_lines_only(fences: list[list[str]], limit: int) -> None:
    runs = [run for lines in fences for run in (Run("\n".join(lines), (Fence("py"),)), Run("\n\n"))]
    text = visible(runs)

    places = cuts(split(runs, limit))

    assert [place for place in places if text[place - 1] != "\n"] == []


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=40), st.integers(9, 30))
def test_the_room_for_marks_is_never_exceeded(sizes: list[int], most: int) -> None:
    runs = [Run(f"{number} ", (Href("x" * size),)) for number, size in enumerate(sizes)]

    parts = split(runs, 1_000, marks=MarkRoom(most=most, load=lambda mark: len(str(getattr(mark, "url", "")))))

    assert "".join(shown(parts)) == visible(runs)
    assert all(
        sum(len(one.mark.url) for one in stretches(part) if isinstance(one.mark, Href)) <= most for part in parts
    )


JOINING = [
    "a",
    " ",
    "\u0301",
    "\u200d",
    "👨",
    "🇩",
    "🏽",
    "\ufe0f",
    "中",
    "ᄀ",
    "ᅡ",
    "ᆨ",
    "각",
    "क",
    "्",
    "ि",
    "\u0600",
    "\r",
    "\n",
    "é",
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(JOINING), min_size=1, max_size=150).map("".join), st.data())
def test_the_start_of_a_character_is_found_from_anywhere(text: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(1, len(text)))

    found = character_start(text, 0, position)

    assert found == max((end for end in ends_of_characters(text) if end <= position), default=0)
