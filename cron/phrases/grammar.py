"""Reads the pieces of a time phrase with the table of a language. Knows no word of any language itself."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from cron.phrases.language import UNIVERSAL, Language, Piece, Words, bounded, unnamed
from cron.phrases.readers import READERS
from cron.phrases.values import Meaning
from gateway.errors import ScheduleError


@dataclass(frozen=True, slots=True)
class Read:
    """A piece that was read: where it stands, and what it means or why it cannot be meant."""

    start: int
    end: int
    follows: bool
    meanings: tuple[Meaning, ...] = ()
    refusal: str = ""


def fold(text: str) -> str:
    """Lower case, plain spaces and half-width characters: one character for one, so that places stay the same."""
    return "".join(map(_fold_one, text))


@lru_cache(maxsize=4096)
def _fold_one(character: str) -> str:
    if character.isspace():
        return " "
    folded = unicodedata.normalize("NFKC", character).lower()
    return folded if len(folded) == 1 else character.lower()[:1]


class Reader:
    """Finds pieces of one language in folded text."""

    def __init__(self, language: Language) -> None:
        self.words = Words(language)
        self.recurrence = re.compile(bounded(language.recurrence, language))
        self.about = re.compile(f"(?:{language.before})(?:{language.about}){language.gap}$")
        self.perhaps_about = re.compile(f"(?:{language.before})(?:{language.perhaps_about}){language.gap}$")
        self.described = re.compile(f"(?:{language.before})(?:{language.described}){language.gap}$")
        self.possessive = re.compile(language.possessive)
        self._script = re.compile(language.script)
        self._letters = str.maketrans(dict(language.letters))
        self._glue = re.compile(language.glue)
        self._counted = re.compile(bounded(language.counted, language))
        self._limits = [
            (setting, re.compile(bounded(pattern, language))) for setting, pattern in language.limits.items()
        ]
        pieces = (*UNIVERSAL, *language.pieces)
        self._patterns = [(piece, re.compile(bounded(piece.pattern, language))) for piece in pieces]

    @cached_property
    def _start(self) -> re.Pattern[str]:
        """Where any piece begins; only for sentences, because it takes long to compile."""
        return re.compile(unnamed("|".join(pattern.pattern for _, pattern in self._patterns)))

    def writes(self, text: str) -> bool:
        """Whether a text can be in this language at all."""
        return self._script.search(text) is not None

    @property
    def has_script(self) -> bool:
        """Whether its letters tell it from most other languages."""
        return bool(self._script.pattern)

    def spelled(self, folded: str) -> str:
        """The text with the letters that the table uses; places stay the same."""
        return folded.translate(self._letters)

    def runs(self, text: str) -> Iterator[list[Read]]:
        """Pieces inside a sentence, those that stand next to each other together."""
        place = 0
        while (found := self._start.search(text, place)) is not None:
            first = self._read(text, found.start(), sentence=True)
            if first is None or first.follows:
                place = found.start() + 1
                continue
            run = [first, *self._rest_of_run(text, first.end, sentence=True)]
            yield run
            place = run[-1].end

    def run(self, text: str) -> list[Read]:
        """The pieces that the text begins with, for a text that should be nothing else."""
        first = self._read(text, 0, sentence=False)
        return [] if first is None else [first, *self._rest_of_run(text, first.end, sentence=False)]

    def reads(self, text: str, place: int) -> bool:
        """Whether a piece begins here."""
        return self._read(text, place, sentence=True) is not None

    def limit(self, text: str, place: int) -> tuple[str, str]:
        """The words after a phrase that would narrow it ("until friday"), and the job's setting that does so."""
        place = self.skip_glue(text, place)
        for setting, pattern in self._limits:
            match = pattern.match(text, place)
            if match:
                return match[0], setting
        return "", ""

    def counted(self, text: str, place: int) -> str:
        """The word after an amount that says from when it is counted ("before"); empty when there is none."""
        match = self._counted.match(text, self.skip_glue(text, place))
        return match[0] if match else ""

    def skip_glue(self, text: str, place: int) -> int:
        match = self._glue.match(text, place)
        return match.end() if match else place

    def _rest_of_run(self, text: str, place: int, *, sentence: bool) -> Iterator[Read]:
        while (following := self._read(text, self.skip_glue(text, place), sentence=sentence)) is not None:
            yield following
            place = following.end

    def _read(self, text: str, place: int, *, sentence: bool) -> Read | None:
        """The longest piece that begins here."""
        best: tuple[int, Piece, re.Match[str]] | None = None
        for piece, pattern in self._patterns:
            match = None if sentence and piece.alone else pattern.match(text, place)
            if match and (best is None or match.end() > best[0]):
                best = (match.end(), piece, match)
        if best is None:
            return None
        end, piece, match = best
        try:
            meanings = tuple(READERS[piece.kind](match, self.words))
        except ScheduleError as error:
            return Read(place, end, piece.follows, refusal=str(error))
        return Read(place, end, piece.follows, meanings)
