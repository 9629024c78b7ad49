"""The poll loop: updates are in the inbox before Telegram is asked for the next ones, which confirms them."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from itertools import groupby

import structlog
from telegram import BotCommandScopeAllGroupChats, BotCommandScopeAllPrivateChats, BotCommandScopeChat, Update

from channels.base import Inlet
from channels.telegram.client import Client, MovedError, RivalError
from channels.telegram.parse import Heard, Listener, Membership, Moved, Nothing, Pressed, Said
from gateway.clock import Clock
from gateway.errors import (
    CredentialsRefusedError,
    DeliveryError,
    ReadingError,
    StoreError,
    TransientDeliveryError,
)
from gateway.messages import Json

logger = structlog.get_logger()

RIVAL_PAUSE = timedelta(seconds=5)
LONGEST_RIVAL_PAUSE = timedelta(seconds=30)
OFFER_AGAIN = timedelta(minutes=1)  # after menus that could not be told
STORE_PAUSE = timedelta(seconds=2)
LONGEST_SUMMARY = 256  # of a command, as Telegram has it


class Poller:
    """Reads one bot's updates. What it has confirmed and who it is outlive a `run` that fails."""

    def __init__(self, name: str, client: Client, clock: Clock) -> None:
        self._name = name
        self._client = client
        self._clock = clock
        self._offset = 0
        self._offer_at = 0.0  # when the menus are to be told, monotonic
        self._chores: set[asyncio.Task[None]] = set()

    async def run(self, inlet: Inlet) -> None:
        """Until cancelled; CredentialsRefusedError or ReadingError as `Channel.run` says."""
        try:
            await self._read(inlet)
        except CredentialsRefusedError:
            raise
        except RivalError as error:
            raise ReadingError(_rival(str(error)), pause=RIVAL_PAUSE, longest=LONGEST_RIVAL_PAUSE) from error
        except DeliveryError as error:
            asked = error.retry_after if isinstance(error, TransientDeliveryError) else None
            raise ReadingError(str(error), pause=asked or timedelta()) from error
        except StoreError as error:
            raise ReadingError(f"what was written cannot be kept: {error}", pause=STORE_PAUSE) from error
        finally:
            for chore in self._chores:
                chore.cancel()
            await asyncio.gather(*self._chores, return_exceptions=True)

    async def _read(self, inlet: Inlet) -> None:
        me = await self._client.identify()
        names = frozenset(command.name for command in inlet.commands)
        listener = Listener(channel=self._name, me=me, commands=names)
        wait = timedelta()  # the first poll tells at once whether all is well
        while True:
            await inlet.room()
            updates = await self._client.updates(self._offset, wait=wait)
            await self._take(updates, listener, inlet)
            inlet.alive()
            wait = self._client.waits.poll
            if self._clock.monotonic() >= self._offer_at:
                self._offer_at = self._clock.monotonic() + OFFER_AGAIN.total_seconds()
                self._do(partial(self._offer_commands, inlet))

    async def _take(self, updates: Sequence[Json], listener: Listener, inlet: Inlet) -> None:
        """Hand in a batch, in order; only when all of it is safe, the next poll confirms it."""
        heard = [self._parsed(update, listener) for update in updates]
        # What follows a move is said in a chat that is only known after it.
        for _, together in groupby(heard, lambda one: isinstance(one, Moved)):
            await self._hand_in(together, inlet)
        numbers = [update["update_id"] for update in updates if _number(update) is not None]
        if numbers:
            self._offset = max(numbers) + 1
        elif updates:
            raise ReadingError("Telegram's updates have no numbers", pause=RIVAL_PAUSE)

    async def _hand_in(self, heard: Iterable[Heard], inlet: Inlet) -> None:
        """Begun in order, written together: one commit for all of them."""
        results = await asyncio.gather(*(self._hear(one, inlet) for one in heard), return_exceptions=True)
        for result in results:
            if isinstance(result, StoreError):
                raise result  # Telegram brings the whole batch again
            if isinstance(result, BaseException):  # a fault of ours, which the same message would meet again
                logger.error("an update cannot be taken", channel=self._name, exc_info=result)

    def _parsed(self, update: Json, listener: Listener) -> Heard:
        try:
            return listener.parse(Update.de_json(update, None), self._clock.now())
        except Exception as error:  # noqa: BLE001 - logged; what nobody can read must not hide the others
            logger.warning(
                "an update cannot be read", channel=self._name, update=_number(update), error=repr(error)
            )
            return Nothing("unreadable")

    async def _hear(self, heard: Heard, inlet: Inlet) -> None:
        match heard:
            case Said(message):
                await inlet.receive(message)
            case Pressed(query, message, told):
                if message is not None:
                    await inlet.receive(message)
                self._do(partial(self._client.answer_press, query, told))
            case Moved(chat, to):
                await inlet.moved(chat, to)
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


def _number(update: Json) -> int | None:
    number = update.get("update_id") if isinstance(update, dict) else None
    return number if isinstance(number, int) else None


def _rival(reason: str) -> str:
    if "webhook" in reason.lower():
        return (
            "a webhook is set for this bot, so it cannot be polled; another program uses this token. "
            "If none should, remove the webhook (docs/channels/telegram.md says how)"
        )
    return "another program polls this bot; only one may: stop it, or make a bot of your own with @BotFather"
