"""Taking what Telegram brings, polled or called: read one by one, handed in; and the small answers beside it."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from itertools import groupby

import structlog
from telegram import BotCommandScopeAllGroupChats, BotCommandScopeAllPrivateChats, BotCommandScopeChat, Update

from channels.base import Inlet
from channels.telegram.albums import Albums
from channels.telegram.client import Client, Identity
from channels.telegram.parse import Heard, Listener, Membership, Moved, Nothing, Pressed, Said
from channels.telegram.refusals import MovedError
from gateway.clock import Clock
from gateway.errors import DeliveryError, StoreError
from gateway.messages import Json

logger = structlog.get_logger()

OFFER_AGAIN = timedelta(minutes=1)  # after menus that could not be told
LONGEST_SUMMARY = 256  # of a command, as Telegram has it


class Intake:
    """One bot's updates, from either way in."""

    def __init__(self, name: str, client: Client, clock: Clock) -> None:
        self._name = name
        self._client = client
        self._clock = clock
        self._albums = Albums()
        self._listener: Listener | None = None
        self._inlet: Inlet | None = None
        self._offer_at = 0.0  # when the menus are to be told, monotonic
        self._chores: set[asyncio.Task[None]] = set()

    def open(self, inlet: Inlet, me: Identity) -> None:
        """From here on something can be taken."""
        names = frozenset(command.name for command in inlet.commands)
        self._inlet = inlet
        self._listener = Listener(channel=self._name, me=me, commands=names)

    def alive(self) -> None:
        """Telegram was heard: it is healthy, and can be told our menus if it does not know them."""
        if self._inlet is None:
            return
        self._inlet.alive()
        if self._clock.monotonic() >= self._offer_at:
            self._offer_at = self._clock.monotonic() + OFFER_AGAIN.total_seconds()
            self._do(partial(self._offer_commands, self._inlet))

    async def rest(self) -> None:
        """Nothing small is done any more."""
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)

    # -- taking -------------------------------------------------------------------------------------------

    async def take(self, updates: Sequence[Json]) -> None:
        """Hand in a batch, in order; all of it is safe on return. StoreError when it is not."""
        heard = self.read(updates)
        # What follows a move is said in a chat that is only known after it.
        for _, together in groupby(heard, lambda one: isinstance(one, Moved)):
            await self.hand_in(together)

    def read(self, updates: Sequence[Json]) -> list[Heard]:
        """What came together, each update by itself: one that nobody can read must not hide the others."""
        heard = [self._parsed(update) for update in updates]
        self._albums.notice(one.message for one in heard if isinstance(one, Said))
        return [Said(self._albums.whole(one.message)) if isinstance(one, Said) else one for one in heard]

    async def hand_in(self, heard: Iterable[Heard]) -> None:
        """Begun in order, written together: one commit for all of them."""
        results = await asyncio.gather(*map(self._hear, heard), return_exceptions=True)
        for result in results:
            if isinstance(result, StoreError):
                raise result  # Telegram brings the whole batch again
            if isinstance(result, BaseException):  # a fault of ours, which the same message would meet again
                logger.error("an update cannot be taken", channel=self._name, exc_info=result)

    def _parsed(self, update: Json) -> Heard:
        if self._listener is None:
            raise StoreError("the channel is not open yet")
        try:
            return self._listener.parse(Update.de_json(update, None), self._clock.now())
        except Exception as error:  # noqa: BLE001 - logged; what nobody can read must not hide the others
            logger.warning(
                "an update cannot be read", channel=self._name, update=number_of(update), error=repr(error)
            )
            return Nothing("unreadable")

    async def _hear(self, heard: Heard) -> None:
        if self._inlet is None:
            raise StoreError("the channel is not open yet")
        match heard:
            case Said(message):
                await self._inlet.receive(message)
            case Pressed(query, message, told):
                if message is not None:
                    await self._inlet.receive(message)
                self._do(partial(self._client.answer_press, query, told))
            case Moved(chat, to):
                await self._inlet.moved(chat, to)
            case Membership(chat, status, by):
                logger.info(
                    "the bot's place in a chat has changed", channel=self._name, chat=chat, now=status, by=by
                )
            case Nothing(reason):
                logger.debug("an update starts nothing", channel=self._name, reason=reason)

    # -- beside the reading -------------------------------------------------------------------------------

    def _do(self, chore: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(self._try(chore))
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    async def _try(self, chore: Callable[[], Awaitable[None]]) -> None:
        try:
            await chore()
        except (DeliveryError, MovedError) as error:
            logger.warning("a small thing could not be done on Telegram", channel=self._name, error=str(error))

    async def _offer_commands(self, inlet: Inlet) -> None:
        """What there is for everybody in everybody's menu, and all of it in the menus of owners."""
        every = [(one.name, one.summary[:LONGEST_SUMMARY]) for one in inlet.commands]
        common = [one for one, info in zip(every, inlet.commands, strict=True) if not info.owners_only]
        for scope in (BotCommandScopeAllPrivateChats(), BotCommandScopeAllGroupChats()):
            await self._client.offer(common, scope)
        self._offer_at = math.inf  # they are known from here on
        for owner in inlet.owners:  # Telegram refuses it for who has never written to the bot: no harm is done
            self._do(partial(self._client.offer, every, BotCommandScopeChat(owner)))


def number_of(update: Json) -> int | None:
    """The number of an update; None where it has none."""
    number = update.get("update_id") if isinstance(update, dict) else None
    return number if isinstance(number, int) else None
