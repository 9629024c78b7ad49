"""Taking what Slack brings: read, put in order, handed in. Only what is safe may be acknowledged."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial

import structlog

from channels.base import Inlet
from channels.slack.client import Client, Identity
from channels.slack.heard import Heard, Nothing, Said, Told, Wanted
from channels.slack.order import Order
from channels.slack.parse import Listener, in_chat, people_of, place_of
from channels.slack.people import People
from channels.slack.words import Names
from gateway.clock import Clock
from gateway.errors import DeliveryError, PermanentDeliveryError, StoreError
from gateway.messages import InboundMessage, Json

logger = structlog.get_logger()

PATIENCE = timedelta(seconds=1)  # for a private chat to be named: what else is said there waits for it
MOST_DIRECTS = 5_000


class Intake:
    """One instance's payloads, from either way in."""

    def __init__(self, name: str, client: Client, clock: Clock, *, thread_replies: bool) -> None:
        self._name = name
        self._client = client
        self._clock = clock
        self._thread_replies = thread_replies
        self._people = People(client, clock)
        self._order: Order[Json] = Order(self._hand_in)
        self._listener: Listener | None = None
        self._inlet: Inlet | None = None
        self._chores: set[asyncio.Task[None]] = set()
        self._directs: OrderedDict[str, str] = OrderedDict()  # private chats by user; they never change

    def open(self, inlet: Inlet, me: Identity) -> None:
        """From here on something can be taken."""
        self._inlet = inlet
        self._listener = Listener(channel=self._name, me=me, thread_replies=self._thread_replies)

    @property
    def me(self) -> Identity | None:
        """Who we are; None until that is known."""
        return self._listener.me if self._listener else None

    def alive(self) -> None:
        """Slack was heard."""
        if self._inlet is not None:
            self._inlet.alive()

    async def take(self, body: Json) -> None:
        """Return when it may be acknowledged: it is in the inbox, or nothing to us; StoreError when it is not."""
        await self._order.put(place_of(body), body)

    async def close(self) -> None:
        await self._order.close()
        await self._people.close()
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)

    async def _hand_in(self, bodies: Sequence[Json]) -> list[BaseException | None]:
        """Begun in order, written together: one commit for all of them."""
        listener, inlet = self._listener, self._inlet
        if listener is None or inlet is None:
            return [StoreError("the channel has not begun yet")] * len(bodies)
        names = await self._people.names(dict.fromkeys(user for body in bodies for user in people_of(body)))
        heard = [self._parsed(listener, body, names) for body in bodies]
        results = await asyncio.gather(*(self._hear(inlet, one) for one in heard), return_exceptions=True)
        return [self._outcome(result) for result in results]

    def _outcome(self, result: BaseException | None) -> BaseException | None:
        if result is None or isinstance(result, StoreError):
            return result  # not kept: Slack brings it again
        # Nobody knows that it was kept. Slack brings it again a few times, and no more.
        logger.error("a payload cannot be taken", channel=self._name, exc_info=result)
        return StoreError(f"it could not be taken: {type(result).__name__}")

    def _parsed(self, listener: Listener, body: Json, names: Names) -> Heard:
        try:
            return listener.parse(body, names, self._clock.now())
        except Exception as error:  # noqa: BLE001 - logged; what nobody can read must not hide the others
            logger.warning("a payload cannot be read", channel=self._name, error=repr(error))
            return Nothing("unreadable")

    async def _hear(self, inlet: Inlet, heard: Heard) -> None:
        match heard:
            case Said():
                await inlet.receive(await self._placed(heard))
            case Told(address=address, user=user, text=text):
                self._do(partial(self._client.tell, address, user, text))
            case Wanted(trigger, view):
                self._do(partial(self._client.show, trigger, view))
            case Nothing(reason):
                logger.debug("a payload starts nothing", channel=self._name, reason=reason)

    async def _placed(self, said: Said) -> InboundMessage:
        """The message, in the private chat with its sender if it belongs there.

        StoreError if that cannot be found: who has filled a dialog sees that it failed, and still has the words.
        """
        message = said.message
        if not said.private:
            return message
        try:
            return in_chat(message, await self._direct(message.sender_id))
        except TimeoutError as error:
            raise StoreError("there is no chat for it: Slack does not say which") from error
        except DeliveryError as error:
            if message.address.chat and isinstance(error, PermanentDeliveryError):
                return message  # without the scope: as far as we may know it is this one
            raise StoreError(f"there is no chat for it: {error}") from error

    async def _direct(self, user: str) -> str:
        """The private chat with this user; TimeoutError if that takes longer than an acknowledgement may."""
        if user not in self._directs:
            async with asyncio.timeout(PATIENCE.total_seconds()):
                self._directs[user] = await self._client.direct(user)
            if len(self._directs) > MOST_DIRECTS:
                self._directs.popitem(last=False)
        return self._directs[user]

    # -- beside the reading -------------------------------------------------------------------------------

    def _do(self, chore: Callable[[], Awaitable[None]]) -> None:
        task = asyncio.create_task(self._try(chore))
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    async def _try(self, chore: Callable[[], Awaitable[None]]) -> None:
        try:
            await chore()
        except DeliveryError as error:
            logger.warning("a small thing could not be done on Slack", channel=self._name, error=str(error))
