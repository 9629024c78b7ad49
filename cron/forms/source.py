"""A job as another program has written it, read part by part: what is not looked at is known afterwards. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from cron.codec.values import FieldError, shown, snake
from gateway.messages import Json

Seconds: TypeAlias = Literal["first", "last"]

_MEANINGLESS: tuple[Json, ...] = (None, "", [], {})


@dataclass(slots=True)
class Notes:
    """What is worth telling of a job that was read."""

    taken: list[str] = field(default_factory=list)  # what became something that has another name here
    left: list[str] = field(default_factory=list)  # what was not taken, and why


class Source:
    """One object of the file. Names may be written in camelCase or snake_case; null is as if it were not there."""

    def __init__(self, stored: Mapping[str, Json], notes: Notes | None = None, *, inside: str = "") -> None:
        self.notes = notes or Notes()
        self._stored = stored
        self._inside = inside
        self._parts = {snake(str(name)): value for name, value in stored.items() if value is not None}
        self._seen: set[str] = set()

    def has(self, *names: str) -> bool:
        """Whether any of them holds something."""
        return any(self._parts.get(name) not in _MEANINGLESS for name in names)

    def any(self, *names: str) -> Json:
        """The first of these that is there; None where none is. All of them count as looked at."""
        self._seen.update(names)
        return next((self._parts[name] for name in names if name in self._parts), None)

    def text(self, *names: str) -> str:
        """Text, or a number as text; empty where there is none."""
        value = self.any(*names)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        return self._of_kind(value, str, names, "text") or ""

    def flag(self, *names: str) -> bool | None:
        value: bool | None = self._of_kind(self.any(*names), bool, names, "true or false")
        return value

    def number(self, *names: str) -> int | float | None:
        """A finite number that is not negative."""
        value: int | float | None = self.any(*names)
        if isinstance(value, bool) or not 0 <= (self._of_kind(value, int | float, names, "a number") or 0) < 1e17:
            raise FieldError(f"{self._named(names[0])} is not a number from 0 on")
        return value

    def texts(self, *names: str) -> list[str]:
        """A list of texts; empty where there is none."""
        found = self._of_kind(self.any(*names), list, names, "a list") or []
        return [str(self._of_kind(item, str, names, "a list of texts")) for item in found]

    def part(self, *names: str) -> "Source":
        """An object inside this one; an empty one where there is none."""
        value = self._of_kind(self.any(*names), dict, names, "an object")
        return Source(value or {}, self.notes, inside=self._named(names[0]))

    def everything(self) -> dict[str, Json]:
        """The whole object as it was written; all of it counts as looked at."""
        self._seen.update(self._parts)
        return dict(self._stored)

    def ignore(self, *names: str) -> None:
        """Looked at, and meant to be left behind without a word."""
        self._seen.update(names)

    def lose(self, why: str, *names: str) -> None:
        """Left behind, and told if there was something."""
        if self.has(*names):
            self.notes.left.append(f"{self._named(names[0])}: {why}")
        self._seen.update(names)

    def close(self) -> None:
        """Tell of everything that nobody has asked for."""
        odd = [name for name in self._parts if name not in self._seen and self.has(name)]
        self.notes.left += [f"{self._named(name)}: not known here" for name in sorted(odd)]

    def _named(self, name: str) -> str:
        return f"{self._inside}.{name}" if self._inside else name

    def _of_kind(self, value: Json, kind: type | object, names: tuple[str, ...], words: str) -> Json:
        if value is None or isinstance(value, kind):  # type: ignore[arg-type]  # also a union of types
            return value
        raise FieldError(f"{self._named(names[0])}: {shown(value)} is not {words}")
