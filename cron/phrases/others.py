"""Dates and days that a sentence names beside its time phrase, and that the phrase does not hold.

"On 24.12. at 18:00" is no time of today: where such words are left over, a question is better than a guess.
"""

import re
from collections.abc import Iterable, Iterator

from cron.phrases.grammar import Reader
from cron.phrases.language import bounded, unnamed

_DAY, _MONTH = "(?:0?[1-9]|[12][0-9]|3[01])", "(?:0?[1-9]|1[0-2])"
_YEAR = "(?:[0-9]{4}|[0-9]{2})"
_NUMERIC = re.compile(
    r"(?<![\w.,:/-])(?:"
    rf"{_DAY}\.{_MONTH}\.(?: ?{_YEAR})?"  # 24.12. and 24.12.2026
    rf"|[0-9]{{4}}-{_MONTH}-{_DAY}"
    rf"|(?!24/7\b|[123]/[2-4]\b)(?:{_DAY}/{_MONTH}|{_MONTH}/{_DAY})(?:/{_YEAR})?"  # not "24/7", "1/2"
    r")(?![\w/-])(?![.,:][0-9])"
)
_BESIDE = r"[ ,;:()\-–—]*"  # what may stand between a phrase and a day beside it

Span = tuple[int, int]


class Others:
    """Finds what else a sentence says about when, in one language."""

    def __init__(self, reader: Reader) -> None:
        language = reader.words.language
        self._reader = reader
        self._dates = re.compile(unnamed(bounded(language.dates, language)))
        self._days = re.compile(bounded(language.beside, language))
        self._day_before = re.compile(f"(?:{bounded(language.beside, language)}){_BESIDE}$")

    def first(self, folded: str, spans: Iterable[Span]) -> Span | None:
        """The first date anywhere, or day right beside the spans, that the spans do not hold."""
        taken = sorted(spans)
        free = (span for span in self._all(folded, taken) if not _touches(span, taken))
        return min(free, default=None)

    def _all(self, folded: str, taken: list[Span]) -> Iterator[Span]:
        for pattern in (_NUMERIC, self._dates):
            for match in pattern.finditer(folded):
                if not self._reader.about.search(folded, 0, match.start()):  # "the taxes before 31.12."
                    yield match.span()
        for start, end in taken:
            yield from self._beside(folded, start, end)

    def _beside(self, folded: str, start: int, end: int) -> Iterator[Span]:
        before = self._day_before.search(folded, max(0, start - 40), start)
        if before is not None:
            yield before.span()
        gap = re.compile(_BESIDE).match(folded, end)
        after = self._days.match(folded, gap.end() if gap else end)
        if after is not None:
            yield after.span()


def _touches(span: Span, taken: Iterable[Span]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in taken)
