"""Pace: how fast a channel may be spoken to. Sliding windows, and chats that asked for silence; pure."""

import heapq
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields

MARGIN = 1.05  # a platform does not see our requests at the moments at which we see them
LIFTED = 10_000.0  # a rate beyond this is no limit: nothing here sends that fast

SECOND = 1.0
MINUTE = 60.0


@dataclass(frozen=True, slots=True)
class Window:
    """At most `count` sends in any `seconds`."""

    count: int
    seconds: float


def nobody(_chat: str) -> bool:
    """For a platform whose groups have no limits of their own."""
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Paces:
    """The windows of a channel: of the whole account, of each chat, and of each group in addition."""

    account: tuple[Window, ...] = ()
    chat: tuple[Window, ...] = ()
    group: tuple[Window, ...] = ()
    is_group: Callable[[str], bool] = nobody

    @property
    def limited(self) -> bool:
        """Whether there is any window at all."""
        return bool(self.account or self.chat or self.group)

    def of_chat(self, chat: str) -> tuple[Window, ...]:
        """The chat's own windows."""
        return self.chat + self.group if self.group and self.is_group(chat) else self.chat


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Sends a second of the account and of a chat, and a minute of a group; None: nothing is said about it."""

    per_second: float | None = None
    per_chat: float | None = None
    per_group_minute: float | None = None


def paces_of(*rates: Rate, is_group: Callable[[str], bool] = nobody) -> Paces:
    """The windows of these rates; of each number, the first rate that names it decides. 1e9 lifts a limit."""
    merged = Rate(**{field.name: _first(getattr(rate, field.name) for rate in rates) for field in fields(Rate)})
    return Paces(
        account=_windows(merged.per_second, SECOND),
        chat=_windows(merged.per_chat, SECOND),
        group=_windows(merged.per_group_minute, MINUTE),
        is_group=is_group,
    )


def _first(values: Iterable[float | None]) -> float | None:
    return next((value for value in values if value is not None), None)


def _windows(rate: float | None, seconds: float) -> tuple[Window, ...]:
    """Whole sends only: 2.5 a second are 2 in 0.8 s, half a one is 1 in 2 s."""
    if rate is None or rate > LIFTED:
        return ()
    count = max(int(rate), 1)
    return (Window(count, seconds * count / rate),)


class _Room:
    """What was sent within one window."""

    def __init__(self, window: Window) -> None:
        self.seconds = window.seconds * MARGIN
        self._count = window.count
        self._sends: deque[float] = deque(maxlen=window.count)

    def wait(self, now: float, kept: int = 0) -> float:
        """Seconds until there is room for one more send, besides `kept` ones that will begin at any moment."""
        free = self._count - kept
        if free <= 0:
            return self.seconds  # they have not begun: nobody knows yet when their places are free again
        if len(self._sends) < free:
            return 0.0
        return max(self._sends[-free] + self.seconds - now, 0.0)

    def add(self, now: float) -> None:
        self._sends.append(now)


class Pace:
    """What was sent on one account, and so how long the next send has to wait. Moments only ever grow.

    A send keeps its place from the decision to make it until it begins, because it is written down in between.
    A chat has one request under way at most, so that its own windows count from the ends of its requests: the
    platform saw the last one before its answer came, and sees the next one after it has begun.
    """

    def __init__(self, paces: Paces) -> None:
        self._paces = paces
        self._kept = 0
        self._account = [_Room(window) for window in paces.account]
        self._chats: OrderedDict[str, tuple[float, list[_Room]]] = OrderedDict()  # by their last send
        self._longest = MARGIN * max((window.seconds for window in paces.chat + paces.group), default=0.0)

    def __len__(self) -> int:
        """How many chats are remembered."""
        return len(self._chats)

    def wait_of_chat(self, chat: str, now: float) -> float:
        """Seconds until the chat's own windows have room for a send; 0: now."""
        _, rooms = self._chats.get(chat, (0.0, ()))
        return max((room.wait(now) for room in rooms), default=0.0)

    def wait_of_account(self, now: float) -> float:
        """Seconds until the account's windows have room for a send, as far as can be told; 0: now."""
        return max((room.wait(now, self._kept) for room in self._account), default=0.0)

    def keep(self) -> None:
        """A send will begin soon: its place in the account's windows is taken."""
        self._kept += 1

    def give_back(self) -> None:
        """A send that had a place will not begin."""
        self._kept -= 1

    def begin(self, now: float) -> None:
        """A send that had a place begins."""
        self._kept -= 1
        for room in self._account:
            room.add(now)

    def end(self, chat: str, now: float) -> None:
        """A send to this chat came to its end, whatever that was."""
        if windows := self._paces.of_chat(chat):
            _, rooms = self._chats.get(chat) or (now, [_Room(window) for window in windows])
            for room in rooms:
                room.add(now)
            self._chats[chat] = (now, rooms)
            self._chats.move_to_end(chat)
        self._forget(now)

    def _forget(self, now: float) -> None:
        """Nothing is kept of a chat that has been quiet for longer than any of its windows."""
        while self._chats:
            last, _ = next(iter(self._chats.values()))
            if last + self._longest > now:
                return
            self._chats.popitem(last=False)


class Silences:
    """Chats that are to be left alone for a while; those whose time is over are forgotten."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._ends: list[tuple[float, str]] = []  # a heap

    def __len__(self) -> int:
        """How many chats are remembered."""
        return len(self._until)

    def add(self, chat: str, until: float) -> None:
        """Never shortens one that was asked for before."""
        if until > self._until.get(chat, 0.0):
            self._until[chat] = until
            heapq.heappush(self._ends, (until, chat))

    def copy(self, chat: str, to: str) -> None:
        """What holds for one chat holds for the other too."""
        if chat in self._until:
            self.add(to, self._until[chat])

    def wait(self, chat: str, now: float) -> float:
        """Seconds that the chat must still be left alone; 0: it need not be."""
        while self._ends and self._ends[0][0] <= now:
            end, ended = heapq.heappop(self._ends)
            if self._until.get(ended) == end:  # else it was made longer
                del self._until[ended]
        return max(self._until.get(chat, now) - now, 0.0)
