"""Intake: an event becomes a message in the inbox, completed with what Feishu leaves out."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace

import structlog

from channels.base import Inlet
from channels.feishu.client import Client, Identity, Told
from channels.feishu.contents import read
from channels.feishu.memory import Recent
from channels.feishu.parse import (
    Chosen,
    Entered,
    Heard,
    Listener,
    Membership,
    Nothing,
    Pressed,
    Said,
    chosen_in,
)
from channels.feishu.payloads import opened
from channels.feishu.people import People
from channels.feishu.seal import Seal
from gateway.clock import Clock
from gateway.errors import DeliveryError, PermanentDeliveryError
from gateway.messages import InboundMessage, Json

logger = structlog.get_logger()

MESSAGES = 2_000  # of ours, and as many of others that were answered, that are remembered
CHATS = 10_000
LONGEST_QUOTE = 2_000  # characters of what a message answers

LATER = "That did not work. Press it again in a moment."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """A message of the bot."""

    kind: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Theirs:
    """A message of somebody else, as far as it is needed for what answers it."""

    sender: str
    words: str
    card: bool  # what is told of one is not what it says


class Intake:
    """Takes the events of one app, over whichever way they come."""

    def __init__(
        self, name: str, client: Client, clock: Clock, *, seal: Seal, groups: Collection[str], threads: bool
    ) -> None:
        """`groups`: those that are listed. `threads`: see `Listener`."""
        self.people = People(client)
        self.ours: Recent[str, Ours] = Recent(MESSAGES)
        self._name = name
        self._client = client
        self._clock = clock
        self._seal = seal
        self._threads = threads
        self._others: Recent[str, Theirs | None] = Recent(MESSAGES)  # None: there is no such message
        self._is_group: Recent[str, bool] = Recent(CHATS)
        self._groups = frozenset(groups)
        self._private: Recent[str, str] = Recent(CHATS)  # chats by who is in them
        self._listener: Listener | None = None
        self._inlet: Inlet | None = None
        self._last: dict[str, asyncio.Event] = {}  # of each chat with messages under way: the last one's

    @property
    def ready(self) -> bool:
        """Whether events can be taken: we know who we are, and where they go."""
        return self._inlet is not None

    def begin(self, me: Identity, inlet: Inlet) -> None:
        """From here on events are handed in there."""
        names = frozenset(command.name for command in inlet.commands)
        self._listener = Listener(
            channel=self._name, me=me, commands=names, seal=self._seal, threads=self._threads
        )
        self._inlet = inlet

    async def take(self, payload: bytes) -> Json:
        """What the platform is to be answered, None for nothing but that it was taken: it is safe on return.

        StoreError when it could not be kept, so that the platform brings it again.
        """
        event = opened(payload)
        if event is None or self._listener is None:
            logger.warning("an event cannot be read", channel=self._name, size=len(payload))
            return None
        return await self._hear(self._listener.parse(event, self._clock.now()))

    async def _hear(self, heard: Heard) -> Json:
        match heard:
            case Said(message=message):
                await self._in_order(message.address.chat, lambda: self._completed(heard))
            case Pressed():
                return await self._press(heard)
            case Chosen():
                await self._choose(heard)
            case Entered(user=user, chat=chat):
                self._private.put(user, chat)
            case Membership(chat=chat, status=status, by=by):
                logger.info(
                    "the bot's place in a chat has changed", channel=self._name, chat=chat, now=status, by=by
                )
            case Nothing(reason, odd):
                log = logger.warning if odd else logger.debug
                log("an event starts nothing", channel=self._name, reason=reason)
        return None

    async def _receive(self, message: InboundMessage) -> None:
        if self._inlet is not None:
            await self._inlet.receive(message)

    async def _in_order(self, chat: str, complete: Callable[[], Awaitable[InboundMessage]]) -> None:
        """Complete it and hand it in, after all that came before it in the same chat."""
        before, mine = self._last.get(chat), asyncio.Event()
        self._last[chat] = mine
        try:
            message = await complete()
            if before is not None:
                await before.wait()
            safe = asyncio.ensure_future(self._receive(message))  # begun: the next one may follow
        finally:
            mine.set()
            if self._last.get(chat) is mine:
                del self._last[chat]
        await safe

    # -- what Feishu leaves out ---------------------------------------------------------------------------

    async def _completed(self, said: Said) -> InboundMessage:
        message = said.message
        self._is_group.put(message.address.chat, message.group)
        if not message.group:
            self._private.put(message.sender_id, message.address.chat)
        for user, name in said.mentioned:
            self.people.learn(user, name)
        message = replace(message, sender_name="" if message.bot else self.people.known(message.sender_id))
        heard = (
            not message.group or message.address.chat in self._groups
        )  # others are not answered: nothing is asked
        return await self._with_parent(message, said.parent) if said.parent and heard else message

    async def _with_parent(self, message: InboundMessage, parent: str) -> InboundMessage:
        """With the words that it answers. What answers us is meant for us."""
        me = self._listener.me if self._listener else None
        if me is not None and (ours := self.ours.get(parent)):
            words = ours.words[:LONGEST_QUOTE]
            return replace(message, reply_text=words, reply_author=me.name, addressed=True)
        theirs = await self._looked_up(parent)
        if theirs is None or me is None:
            return message
        if theirs.sender in {me.id, me.app}:
            words = "" if theirs.card else theirs.words
            return replace(message, reply_text=words, reply_author=me.name, addressed=True)
        return replace(message, reply_text=theirs.words, reply_author=self.people.known(theirs.sender))

    async def _looked_up(self, parent: str) -> Theirs | None:
        """A message, asked for once and briefly: the ack of what answers it waits for that.

        Where there was no answer in time, the next message that needs it asks again.
        """
        if parent in self._others:
            return self._others.get(parent)
        try:
            async with self._clock.timeout(self._client.waits.lookup):
                found = _theirs(await self._client.message(parent))
        except PermanentDeliveryError as error:
            logger.debug("what a message answers cannot be known", channel=self._name, error=str(error))
            found = None
        except (DeliveryError, TimeoutError) as error:
            logger.debug("what a message answers is not known yet", channel=self._name, error=str(error))
            return None
        self._others.put(parent, found)
        return found

    # -- buttons and menus --------------------------------------------------------------------------------

    async def _press(self, pressed: Pressed) -> Json:
        message = pressed.message
        if message is None:
            return _toast(pressed.told)
        group = await self._known_as_group(message.address.chat)
        if group is None:
            return _toast(LATER)
        await self._receive(replace(message, group=group, sender_name=self.people.known(message.sender_id)))
        return {}

    async def _known_as_group(self, chat: str) -> bool | None:
        """Whether others read along, which a press does not tell; None if that cannot be known now."""
        known = True if chat in self._groups else self._is_group.get(chat)
        if known is None:
            try:
                async with self._clock.timeout(self._client.waits.lookup):
                    known = (await self._client.chat(chat)).group
            except (DeliveryError, TimeoutError) as error:
                logger.warning("a chat is not known", channel=self._name, chat=chat, error=str(error))
                return None
            self._is_group.put(chat, known)
        return known

    async def _choose(self, chosen: Chosen) -> None:
        chat = self._private.get(chosen.user)
        if chat is None:
            logger.warning("a menu was used in a chat that is not known yet", channel=self._name, user=chosen.user)
            return
        await self._receive(chosen_in(chosen, self._name, chat, self._clock.now()))


def _theirs(told: Told) -> Theirs:
    words = read(told.kind, told.content, "", {}).words[:LONGEST_QUOTE].encode(errors="replace").decode()
    return Theirs(sender=told.sender, words=words, card=told.kind == "interactive")


def _toast(words: str) -> Json:
    return {"toast": {"type": "info", "content": words}}
