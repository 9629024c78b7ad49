"""Sliding windows: what they allow, that a platform which counts never has to refuse, and what is remembered."""

import heapq
import random
from collections import deque
from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.outbox.pace import MARGIN, Pace, Paces, Rate, Silences, Window, paces_of

DEFAULTS = Rate(per_second=30, per_chat=1, per_group_minute=20)


def is_group(chat: str) -> bool:
    return chat.startswith("-")


TELEGRAM = paces_of(DEFAULTS, is_group=is_group)


def send(pace: Pace, chat: str, now: float) -> None:
    """A request that takes no time."""
    pace.keep()
    pace.begin(now)
    pace.end(chat, now)


def wait(pace: Pace, chat: str, now: float) -> float:
    return max(pace.wait_of_chat(chat, now), pace.wait_of_account(now))


def test_the_rates_of_a_channel_are_windows() -> None:
    assert TELEGRAM.account == (Window(30, 1.0),)
    assert TELEGRAM.of_chat("1") == (Window(1, 1.0),)
    assert TELEGRAM.of_chat("-1") == (Window(1, 1.0), Window(20, 60.0))


@pytest.mark.parametrize(
    ("rate", "windows"),
    [
        (1.0, (Window(1, 1.0),)),
        (2.5, (Window(2, 0.8),)),
        (0.5, (Window(1, 2.0),)),
        (0.001, (Window(1, 1000.0),)),
        (1e9, ()),
        (None, ()),
    ],
)
def test_a_rate_is_a_window_of_whole_sends(rate: float | None, windows: tuple[Window, ...]) -> None:
    assert paces_of(Rate(per_chat=rate)).chat == windows


def test_of_each_number_the_first_rate_that_names_it_decides() -> None:
    own, all_channels = Rate(per_chat=2), Rate(per_chat=5, per_second=1e9)

    merged = paces_of(own, all_channels, DEFAULTS)

    assert merged == Paces(account=(), chat=(Window(2, 1.0),), group=(Window(20, 60.0),))
    assert not paces_of(Rate(per_second=1e9), Rate()).limited


def test_a_chat_has_to_wait_for_its_window_and_others_have_not() -> None:
    pace = Pace(TELEGRAM)

    send(pace, "1", 100.0)

    assert wait(pace, "1", 100.0) == pytest.approx(MARGIN)
    assert wait(pace, "1", 100.0 + MARGIN) == pytest.approx(0.0, abs=1e-9)
    assert wait(pace, "2", 100.0) == 0.0


def test_a_chats_window_counts_from_the_end_of_a_request_that_took_long() -> None:
    pace = Pace(TELEGRAM)
    pace.keep()
    pace.begin(100.0)

    pace.end("1", 130.0)

    assert wait(pace, "1", 130.5) == pytest.approx(MARGIN - 0.5)


def test_the_twenty_first_message_of_a_group_waits_for_the_minute_to_pass() -> None:
    pace = Pace(TELEGRAM)
    for n in range(20):
        send(pace, "-1", 100.0 + 2 * n)
        send(pace, "1", 100.0 + 2 * n)

    assert wait(pace, "-1", 140.0) == pytest.approx(100.0 + 60 * MARGIN - 140.0)
    assert wait(pace, "1", 140.0) == 0.0


def test_places_that_are_kept_count_until_they_are_given_back() -> None:
    pace = Pace(paces_of(Rate(per_second=2)))
    pace.keep()
    pace.keep()
    full = pace.wait_of_account(100.0)

    pace.give_back()
    again = pace.wait_of_account(100.0)
    pace.begin(100.0)
    pace.keep()
    begun = pace.wait_of_account(100.5)

    assert full > 0
    assert again == 0.0
    assert begun == pytest.approx(MARGIN - 0.5)


def test_nothing_is_remembered_of_chats_that_are_quiet() -> None:
    pace = Pace(TELEGRAM)
    for n in range(10_000):
        send(pace, f"{n}", n / 30)

    held = len(pace)
    send(pace, "last", 10_000.0)

    assert held <= 30 * 60 * MARGIN + 1
    assert len(pace) == 1


def test_nothing_is_remembered_of_chats_where_no_window_applies() -> None:
    pace = Pace(paces_of(Rate(per_group_minute=20), is_group=is_group))

    send(pace, "1", 100.0)

    assert len(pace) == 0
    assert wait(pace, "1", 100.0) == 0.0


@given(
    account=st.tuples(st.integers(1, 4), st.floats(0.1, 5.0)),
    own=st.tuples(st.integers(1, 3), st.floats(0.1, 5.0)),
    asked=st.lists(st.tuples(st.sampled_from("abc"), st.floats(0.0, 3.0)), max_size=40),
)
def test_no_window_ever_holds_more_than_it_may(
    account: tuple[int, float], own: tuple[int, float], asked: list[tuple[str, float]]
) -> None:
    paces = Paces(account=(Window(*account),), chat=(Window(*own),))
    pace, now = Pace(paces), 0.0
    sent: list[tuple[float, str]] = []

    for chat, pause in asked:
        now += pause
        now += wait(pace, chat, now)
        send(pace, chat, now)
        sent.append((now, chat))

    assert _fits([at for at, _ in sent], *account)
    assert all(_fits([at for at, chat in sent if chat == one], *own) for one in "abc")


def _fits(moments: list[float], most: int, seconds: float) -> bool:
    return all(late - early > seconds for early, late in zip(moments, moments[most:], strict=False))


class Platform:
    """Counts what it sees within its own windows, and refuses what is too much."""

    def __init__(self) -> None:
        self.seen = 0
        self.refused = 0
        self._sends: dict[tuple[str, float], deque[float]] = {}

    def see(self, chat: str, now: float) -> None:
        self.seen += 1
        limits = [("", 30, 1.0), (chat, 1, 1.0)] + ([(chat, 20, 60.0)] if is_group(chat) else [])
        for key, most, seconds in limits:
            sends = self._sends.setdefault((key, seconds), deque())
            while sends and sends[0] <= now - seconds:
                sends.popleft()
            sends.append(now)
            self.refused += len(sends) > most


@pytest.mark.parametrize("minutes", [2, pytest.param(10, marks=pytest.mark.nightly)])
def test_a_platform_that_counts_refuses_nothing_at_full_load(minutes: int) -> None:
    platform = Platform()  # P-61

    _full_load(platform, seconds=minutes * 60.0, chats=[f"{n}" for n in range(60)] + [f"-{n}" for n in range(20)])

    assert platform.refused == 0
    assert platform.seen > 0.9 * minutes * 60 * 30 / MARGIN


def _full_load(platform: Platform, *, seconds: float, chats: list[str]) -> None:
    """Every chat always has something to say; commits and the network take their time, each time another."""
    pace, chance, asking = Pace(TELEGRAM), random.Random(7), deque[str]()
    speaking = {chat: _speaks(chat, pace, platform, chance, asking) for chat in chats}
    events = [(next(steps), chat) for chat, steps in speaking.items()]
    heapq.heapify(events)
    while events[0][0] < seconds:
        now, chat = heapq.heappop(events)
        heapq.heappush(events, (now + speaking[chat].send(now), chat))


def _speaks(
    chat: str, pace: Pace, platform: Platform, chance: random.Random, asking: deque[str]
) -> Generator[float, float, None]:
    """Yields how long its next step takes, is sent the moment at which that is over."""
    now = yield 0.0
    while True:
        asking.append(chat)
        while asking[0] != chat or pace.wait_of_account(now):
            now = yield pace.wait_of_account(now) + 0.01
        pace.keep()
        asking.popleft()
        now = yield chance.uniform(0.001, 0.2)  # it is written down
        pace.begin(now)
        now = yield chance.uniform(0.001, 0.04)  # it travels
        platform.see(chat, now)
        now = yield chance.uniform(0.01, 0.3)  # the answer travels
        pace.end(chat, now)
        now = yield pace.wait_of_chat(chat, now)


def test_a_silence_lasts_as_long_as_was_asked_and_is_never_shortened() -> None:
    silences = Silences()
    silences.add("1", 220.0)

    silences.add("1", 130.0)

    assert [silences.wait("1", now) for now in (100.0, 219.0, 220.0)] == [120.0, 1.0, 0.0]
    assert silences.wait("2", 100.0) == 0.0


def test_a_silence_that_is_made_longer_is_kept_to_its_new_end() -> None:
    silences = Silences()
    silences.add("1", 110.0)
    silences.add("1", 120.0)

    assert silences.wait("2", 115.0) == 0.0
    assert silences.wait("1", 115.0) == 5.0


def test_silences_that_are_over_are_forgotten_whoever_asks() -> None:
    silences = Silences()
    for n in range(1_000):
        silences.add(f"{n}", 100.0 + n)

    silences.wait("another", 1_098.0)
    nearly = len(silences)
    silences.wait("another", 1_099.0)

    assert nearly == 1
    assert len(silences) == 0
