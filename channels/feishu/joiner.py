"""Events that come in several frames, put together; pure.

A frame says of how many it is (`sum`) and which one (`seq`, from 0). They need not come in order.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

MOST_FRAMES = 256  # of one event
MOST_EVENTS = 256  # that are not complete
MOST_BYTES = 16 * 1024 * 1024  # of all of them
PATIENCE = 10.0  # seconds; Feishu's own clients forget after five


@dataclass(slots=True)
class _Pieces:
    total: int
    until: float
    found: dict[int, bytes] = field(default_factory=dict)


class Joiner:
    """Holds what is not complete, for a while and within bounds."""

    def __init__(self) -> None:
        self._events: OrderedDict[str, _Pieces] = OrderedDict()  # by their first frames
        self._bytes = 0

    def __len__(self) -> int:
        """How many events are not complete."""
        return len(self._events)

    def add(self, event: str, total: int, place: int, piece: bytes, now: float) -> bytes | None:
        """The whole event with its last missing piece; None before. ValueError for numbers that cannot be.

        `now` only ever grows.
        """
        if total <= 1:
            return piece
        if total > MOST_FRAMES or not 0 <= place < total:
            raise ValueError(f"frame {place} of {total}")
        self._forget(now)
        pieces = self._events.setdefault(event, _Pieces(total, now + PATIENCE))
        if pieces.total != total:
            raise ValueError(f"an event of {pieces.total} frames has {total} all at once")
        self._bytes += len(piece) - len(pieces.found.get(place, b""))
        pieces.found[place] = piece
        if len(pieces.found) == total:
            self._drop(event)
            return b"".join(pieces.found[one] for one in range(total))
        while self._events and (len(self._events) > MOST_EVENTS or self._bytes > MOST_BYTES):
            self._drop(next(iter(self._events)))
        return None

    def _forget(self, now: float) -> None:
        while self._events and next(iter(self._events.values())).until <= now:
            self._drop(next(iter(self._events)))

    def _drop(self, event: str) -> None:
        self._bytes -= sum(map(len, self._events.pop(event).found.values()))
