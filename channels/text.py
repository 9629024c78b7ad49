"""Text with marks, and cutting it into parts: what every channel does by its own measure.

A text is a sequence of runs: visible words, and the marks that they stand in, from the outside in. Neighbours with
the same marks are one stretch.
"""

import re
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import accumulate
from typing import TypeAlias


class Style(StrEnum):
    """Marks that say nothing more."""

    BOLD = "bold"
    ITALIC = "italic"
    STRIKE = "strike"
    HEADING = "heading"
    CODE = "code"
    QUOTE = "quote"


@dataclass(frozen=True, slots=True)
class Href:
    """The words lead to an address."""

    url: str


@dataclass(frozen=True, slots=True)
class Fence:
    """Lines for a machine."""

    language: str = ""


Mark: TypeAlias = Style | Href | Fence


@dataclass(frozen=True, slots=True)
class Run:
    """Visible words, and the marks that they stand in, from the outside in."""

    text: str
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where a mark begins and ends in a text."""

    start: int
    end: int
    mark: Mark


Measure: TypeAlias = Callable[[str], int]
"""How long a text is to a platform: at least 1 for each character, and the sum of its pieces."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRoom:
    """How many marks a platform takes in one part: the sum of their loads. No mark alone may be more."""

    most: int
    load: Callable[[Mark], int]


def visible(runs: Sequence[Run]) -> str:
    """The words without marks."""
    return "".join(run.text for run in runs)


def stretches(runs: Sequence[Run]) -> list[Stretch]:
    """Where each mark stands, in the order of their starts, the outer first."""
    starts: list[tuple[int, Mark]] = []
    ends: list[int] = []
    open_: list[int] = []  # places in the lists of the marks that we stand in
    marks: tuple[Mark, ...] = ()
    position = 0
    for run in runs:
        if run.marks is not marks and run.text:
            kept = common(marks, run.marks)
            for place in open_[kept:]:
                ends[place] = position
            del open_[kept:]
            for mark in run.marks[kept:]:
                open_.append(len(starts))
                starts.append((position, mark))
                ends.append(0)
            marks = run.marks
        position += len(run.text)
    for place in open_:
        ends[place] = position
    return [Stretch(start, end, mark) for (start, mark), end in zip(starts, ends, strict=True)]


def spelled_out(runs: Sequence[Run]) -> str:
    """The visible text, with the addresses of its links after their words: for where there are no links."""
    text = visible(runs)
    pieces: list[str] = []
    position = 0
    for stretch in stretches(runs):
        words = text[stretch.start : stretch.end].strip()
        if isinstance(stretch.mark, Href) and words != stretch.mark.url:
            pieces += [text[position : stretch.end], f" ({stretch.mark.url})"]
            position = stretch.end
    return "".join([*pieces, text[position:]])


def common(one: Sequence[Mark], other: Sequence[Mark]) -> int:
    """How many of the outer marks are the same: these go on from one run to the other."""
    count = 0
    for ours, theirs in zip(one, other, strict=False):
        if ours != theirs:
            break
        count += 1
    return count


def split(
    runs: Sequence[Run], limit: int, measure: Measure = len, *, marks: MarkRoom | None = None
) -> list[list[Run]]:
    """Cut into parts that a platform takes, each as full as is good to read.

    - The parts joined are the whole, to the character. White space at a cut ends the earlier part, except the
      indentation of a line, which begins the next one.
    - `trim(part)` is at most `limit` long, has at most the room for marks, and is more than white space, unless
      the whole text is no more.
    - A link, a mark or a fence that fits into a part (and its marks into the room for them) is not cut; a longer
      one goes on in the next part, a fence from the start of a line if it can.
    - A cut is made between blocks, else lines, sentences, words, and at worst between characters as people see
      them: never inside one, unless it alone is longer than half a part.
    """
    text = visible(runs)
    if not text.strip():
        return [list(runs)] if text else []
    ends = list(_Cutter(text, stretches(runs), limit, measure, marks).ends())
    return list(_pieces(runs, ends))


def trim(part: Sequence[Run], limit: int, measure: Measure = len) -> list[Run]:
    """A part without what a platform would cut off: white space at its end, empty lines at its start.

    Indentation at its start stays if there is room for it.
    """
    text = visible(part)
    end = len(text.rstrip())
    first = _after_space(text, 0)
    start = text.rfind("\n", 0, first) + 1
    if measure(text[start:end]) > limit:
        start = first
    return list(_pieces(part, [start, end]))[1]


def _pieces(runs: Sequence[Run], ends: Sequence[int]) -> Iterator[list[Run]]:
    """The runs up to each end; empty ones are left out."""
    position = 0  # of the run
    rest = iter(runs)
    run = next(rest, None)
    start = 0
    for end in ends:
        piece: list[Run] = []
        while run is not None and position < end:
            stop = position + len(run.text)
            if stop <= end and position >= start:
                piece.append(run)
            else:
                piece.append(Run(run.text[max(start - position, 0) : end - position], run.marks))
            if stop > end:
                break
            position, run = stop, next(rest, None)
        yield [one for one in piece if one.text]
        start = end


_SPACE = re.compile(r"\s*")
_SENTENCE = re.compile(r"""[.!?…][)\]"'”’»]*\s+|[。！？；]+[」』”’）]*\s*""")
_BREAKS = " \n\t\u3000"  # where a line may be broken; not at spaces that are there to prevent it


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


class _Cutter:
    """Finds the ends of the parts, from left to right."""

    def __init__(
        self, text: str, marked: Sequence[Stretch], limit: int, measure: Measure, marks: MarkRoom | None
    ) -> None:
        self._text = text
        self._limit = limit
        self._measure = measure
        self._last = len(text.rstrip())
        self._whole = _Places(one for one in marked if one.mark is not Style.QUOTE and self._fits(one))
        self._fences = _Places(one for one in marked if isinstance(one.mark, Fence))
        self._marks = _MarkLimit(marked, marks) if marks else None

    def ends(self) -> Iterator[int]:
        start = 0
        while start < len(self._text):
            start = self._end(start)
            yield start

    def _fits(self, stretch: Stretch) -> bool:
        size = stretch.end - stretch.start
        return size <= self._limit and self._measure(self._text[stretch.start : stretch.end]) <= self._limit

    def _end(self, start: int) -> int:
        first = _after_space(self._text, start)  # what is seen first: a part has to go beyond it
        most = _after_space(self._text, self._reach(start, first))
        if self._marks and (room := self._marks.reach(start)) > first:
            most = min(most, room)
        if most >= self._last:
            return len(self._text)
        whole = self._whole.around(most)
        end = self._best(first, whole[0] if whole and whole[0] > first else most)
        return end if end < self._last else len(self._text)

    def _reach(self, start: int, first: int) -> int:
        """How far a part goes that is full, white space at its end not counted."""
        lead = self._measure(self._text[start:first])
        begin = first if lead > self._limit // 2 else start  # no room for so much: `trim` drops it
        low, high = first + 1, min(begin + self._limit, len(self._text))
        if self._measure(self._text[begin:high]) <= self._limit:
            low = max(low, high)
        while low < high:
            middle = (low + high + 1) // 2
            if self._measure(self._text[begin:middle]) <= self._limit:
                low = middle
            else:
                high = middle - 1
        whole = self._whole.around(low)  # it fits if `trim` drops what is before it
        return whole[1] if whole and start <= whole[0] <= first else low

    def _best(self, first: int, most: int) -> int:
        """The best place for a cut, up to `most`."""
        half, quarter = first + (most - first) // 2, first + (most - first) // 4
        line = first if self._fences.around(most) else half
        for find, low in ((self._block, half), (self._line, line), (self._sentence, half), (self._word, quarter)):
            if end := self._last_of(find, max(low, first + 1), most):
                return self._between_characters(first, end, most)
        return self._between_characters(first, most, most)

    def _last_of(self, find: Callable[[int, int], int], low: int, high: int) -> int:
        """The last place that `find` finds outside of what is not cut; 0 if there is none."""
        while (end := find(low, high)) > low:
            whole = self._whole.around(end)
            if whole is None:
                return end
            high = whole[0]
        return 0

    def _block(self, low: int, high: int) -> int:
        return self._text.rfind("\n\n", low - 1, high) + 2

    def _line(self, low: int, high: int) -> int:
        return self._text.rfind("\n", low, high) + 1

    def _sentence(self, low: int, high: int) -> int:
        return max((found.end() for found in _SENTENCE.finditer(self._text, low, high)), default=0)

    def _word(self, low: int, high: int) -> int:
        return max(self._text.rfind(one, low, high) for one in _BREAKS) + 1

    def _between_characters(self, first: int, end: int, most: int) -> int:
        """Not in the midst of what people see as one character, nor of what is not cut; else `most`."""
        while (end := character_start(self._text, first, end)) > first:
            whole = self._whole.around(end)
            if whole is None or whole[0] <= first:
                return end
            end = whole[0]
        return most


class _Places:
    """The outermost of some stretches."""

    def __init__(self, marked: Iterable[Stretch]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for stretch in marked:
            if not self._ends or stretch.start >= self._ends[-1]:
                self._starts.append(stretch.start)
                self._ends.append(stretch.end)

    def around(self, position: int) -> tuple[int, int] | None:
        """The one that would be cut here."""
        place = bisect_left(self._starts, position) - 1
        return (self._starts[place], self._ends[place]) if place >= 0 and position < self._ends[place] else None


class _MarkLimit:
    """How far a part may go until it has as many marks as there is room for; asked from left to right."""

    def __init__(self, marked: Sequence[Stretch], room: MarkRoom) -> None:
        self._most = room.most
        self._marked = marked
        self._starts = [one.start for one in marked]
        self._loads = [room.load(one.mark) for one in marked]
        self._sums = list(accumulate(self._loads, initial=0))
        self._seen = 0
        self._open: list[int] = []  # places of those that go on beyond the start of the part

    def reach(self, start: int) -> int:
        seen = bisect_left(self._starts, start)
        known = [*self._open, *range(self._seen, seen)]
        self._open = [place for place in known if self._marked[place].end > start]
        self._seen = seen
        left = self._most - sum(self._loads[place] for place in self._open)
        place = bisect_right(self._sums, self._sums[seen] + left) - 1
        return self._starts[place] if place < len(self._starts) else sys.maxsize


_ALONE = "\t -~\u00a1-\u02ff\u4e00-\u9fff\U0001f300-\U0001f3fa\U0001f400-\U0001faff"
_TWO = re.compile(
    f"[{_ALONE}]{{2}}"
)  # between two of these there is always a cut: they join nothing by themselves
_FLAG = re.compile("[\U0001f1e6-\U0001f1ff]")
_LOOK_BACK = 64


def character_start(text: str, first: int, position: int) -> int:
    """The last place up to `position` that is not inside a grapheme cluster; `first` if there is none after it."""
    if position >= len(text) or text[position - 1] == "\n" or _TWO.match(text, position - 1):
        return position
    if _FLAG.match(text[position]) and (letters := _flag_letters(text, first, position)):
        position -= letters % 2  # two are a flag, counted from the first (the library counts them anew for each)
        if letters > 1:
            return position
    known = range(position - 1, max(first, position - _LOOK_BACK), -1)
    last = next((place for place in known if _TWO.match(text, place - 1)), first)
    for cluster in _clusters()(text, last):
        if cluster.end() > position:
            break
        last = cluster.end()
    return last


def _flag_letters(text: str, first: int, position: int) -> int:
    """How many letters of flags stand in a row before this place."""
    start = position
    while start > first and _FLAG.match(text[start - 1]):
        start -= 1
    return position - start


@cache
def _clusters() -> Callable[[str, int], Iterator[re.Match[str]]]:
    import regex  # type: ignore[import-untyped]  # costs 15 ms: not before a cut is near characters that join

    find: Callable[[str, int], Iterator[re.Match[str]]] = regex.compile(r"\X").finditer
    return find
