"""The order in which what was heard of one chat is handed in."""

import asyncio
from collections.abc import Sequence

import pytest

from channels.slack.order import Order
from channels.slack.parse import Place
from gateway.errors import StoreError


class Desk:
    """Takes what is handed in; each batch waits until it is let go on."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.batches: list[list[str]] = []
        self.open = asyncio.Event()
        self.order: Order[str] = Order(self._take)

    async def _take(self, items: Sequence[str]) -> list[BaseException | None]:
        self.batches.append(list(items))
        await self.open.wait()
        self.taken += items
        return [StoreError("full") if item == "bad" else None for item in items]

    def put(self, chat: str, moment: str, item: str) -> asyncio.Task[None]:
        return asyncio.create_task(self.order.put(Place(chat, moment), item))


async def test_p50_what_is_in_hand_goes_by_its_moment() -> None:
    # P-50
    desk = Desk()
    puts = [desk.put("C1", moment, moment) for moment in ("3", "1", "5", "2", "4")]

    desk.open.set()
    await asyncio.gather(*puts)

    assert desk.taken == ["1", "2", "3", "4", "5"]


async def test_p50_what_comes_meanwhile_is_handed_in_next_in_its_order() -> None:
    # P-50
    desk = Desk()
    first = desk.put("C1", "1", "first")
    await asyncio.sleep(0.01)
    later = [desk.put("C1", moment, moment) for moment in ("9", "7")]
    await asyncio.sleep(0.01)

    desk.open.set()
    await asyncio.gather(first, *later)

    assert desk.batches == [["first"], ["7", "9"]]


async def test_p50_what_has_no_moment_stays_behind_what_came_before_it() -> None:
    # P-50
    desk = Desk()
    first = desk.put("C1", "1", "first")
    await asyncio.sleep(0.01)
    later = [desk.put("C1", moment, name) for moment, name in (("5", "five"), ("", "/stop"), ("7", "seven"))]
    await asyncio.sleep(0.01)

    desk.open.set()
    await asyncio.gather(first, *later)

    assert desk.batches == [["first"], ["five", "/stop", "seven"]]


async def test_p50_chats_do_not_wait_for_each_other() -> None:
    # P-50
    desk = Desk()
    puts = [desk.put("C1", "1", "one"), desk.put("C2", "1", "two")]
    await asyncio.sleep(0.01)

    assert desk.batches == [["one"], ["two"]]

    desk.open.set()
    await asyncio.gather(*puts)


async def test_an_error_belongs_to_what_it_is_about() -> None:
    desk = Desk()
    desk.open.set()
    puts = [desk.put("C1", "1", "good"), desk.put("C1", "2", "bad"), desk.put("C1", "3", "fine")]

    results = await asyncio.gather(*puts, return_exceptions=True)

    assert results[0] is None
    assert isinstance(results[1], StoreError)
    assert results[2] is None


async def test_nothing_is_kept_of_a_chat_that_is_quiet() -> None:
    desk = Desk()
    desk.open.set()

    await desk.put("C1", "1", "x")
    await asyncio.sleep(0)

    assert not desk.order._waiting  # a leak is seen nowhere else


async def test_who_does_not_wait_any_more_holds_up_nobody() -> None:
    desk = Desk()
    left, stays = desk.put("C1", "1", "left"), desk.put("C1", "2", "stays")
    await asyncio.sleep(0.01)
    left.cancel()

    desk.open.set()
    await stays

    assert desk.taken == ["left", "stays"]


async def test_what_is_not_handed_in_at_the_end_is_cancelled() -> None:
    desk = Desk()
    put = desk.put("C1", "1", "x")
    await asyncio.sleep(0.01)

    await desk.order.close()

    with pytest.raises(asyncio.CancelledError):
        await put
