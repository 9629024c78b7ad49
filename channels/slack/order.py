"""The order of a conversation: what was heard of one chat is handed in by its moment, chats beside each other."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from channels.slack.parse import Place

T = TypeVar("T")

HandIn = Callable[[Sequence[T]], Awaitable[Sequence[BaseException | None]]]
"""Hands in some of one chat, in this order; what became of each: None, or its error."""


@dataclass(slots=True)
class _Waiting(Generic[T]):
    moment: str
    item: T
    done: asyncio.Future[None]


class Order(Generic[T]):
    """Slack does not promise the order of events: of those in hand at the same time, the earliest goes first."""

    def __init__(self, hand_in: HandIn[T]) -> None:
        self._hand_in = hand_in
        self._waiting: dict[str, list[_Waiting[T]]] = {}  # a chat is here while somebody works on it
        self._tasks: set[asyncio.Task[None]] = set()

    async def put(self, place: Place, item: T) -> None:
        """Return when it was handed in; raises what that raised."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.get(place.chat, [])
        # What names no moment (a command) comes after what was there before it.
        waiting.append(_Waiting(place.moment or max((one.moment for one in waiting), default=""), item, done))
        if place.chat not in self._waiting:
            self._waiting[place.chat] = waiting
            task = asyncio.create_task(self._work(place.chat))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await done

    async def close(self) -> None:
        """What is not handed in by now is not handed in."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _work(self, chat: str) -> None:
        try:
            while batch := self._waiting[chat]:
                self._waiting[chat] = []
                batch.sort(key=lambda one: one.moment)
                await self._take(batch)
        finally:
            for one in self._waiting.pop(chat):
                one.done.cancel()

    async def _take(self, batch: Sequence[_Waiting[T]]) -> None:
        try:
            results = await self._hand_in([one.item for one in batch])
        except BaseException:
            for one in batch:
                one.done.cancel()
            raise
        for one, result in zip(batch, results, strict=True):
            if one.done.done():
                continue  # who waited for it has left
            if result is None:
                one.done.set_result(None)
            else:
                one.done.set_exception(result)
