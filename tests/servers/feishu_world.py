"""The state behind Feishu's server for tests: people, chats, messages, events, and how they look to a bot."""

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Protocol

import orjson

from tests.servers.feishu_faults import Faults
from tests.servers.feishu_limits import Flood
from tests.servers.feishu_records import APP_ID, TENANT, Ack, Chat, Event, Json, Message, Person, Resource, Sent
from tests.servers.feishu_text import buttons_of, readable
from tests.servers.feishu_tokens import Tokens

LATE = 3.0  # seconds; an answer after them is none
RETRIES = (15.0, 300.0, 3600.0, 21600.0)
"""When an event comes again that nobody took: open.feishu.cn/document/ukTMukTMukTM/uUTNz4SN1MjL1UzM."""
SCOPES = frozenset(
    {
        "im:message",
        "im:message:send_as_bot",
        "im:message.group_msg",
        "im:message.p2p_msg:readonly",
        "im:resource",
        "im:chat:readonly",
    }
)


class Carrier(Protocol):
    """A way to the bot."""

    def give(self, event: Event) -> bool:
        """Begin to push; False if this way is not open."""


class World:
    """Everything that Feishu would know, kept in memory.

    With `keep` the lists are bounded: about so many entries each. The counters go on.
    """

    def __init__(self, *, keep: int | None = None, now: Callable[[], float] = time.time) -> None:
        self.app_id = APP_ID
        self.app_secret = "baBqE5um9LbFGDy3X7LcfxQX1sqpXlwy"
        self.encrypt_key = "kqT4VX9mQ2rJb7WcZ1nL"
        self.verification_token = "v7PGdUeYpSH3kNcA"
        self.keep = keep
        self.now = now
        self.scopes = set(SCOPES)
        self.bot_enabled = True
        self.edit_window = (
            14 * 86400.0
        )  # seconds in which a text or post may be edited; an administrator's setting
        self.retries: tuple[float, ...] = RETRIES
        self.tokens = Tokens()
        self.faults = Faults()
        self.flood = Flood()
        self.people: dict[str, Person] = {}
        self.chats: dict[str, Chat] = {}
        self.messages_by_id: dict[str, Message] = {}
        self.files: dict[str, Resource] = {}
        self.uuids: dict[str, tuple[float, Message, str]] = {}  # when, what, its content then
        self.sent: deque[Message] = deque(maxlen=keep)
        self.sent_count = 0
        self.events: dict[str, Event] = {}
        self.event_count = 0
        self.given = 0
        self.acked = 0
        self.late = 0
        self.slowest_ack = 0.0
        self.acks: deque[Ack] = deque(maxlen=keep)
        self.violations: list[str] = []
        self.calls: Counter[str] = Counter()  # all that arrived, those that met a fault too
        self.statuses: Counter[int] = Counter()
        self.carriers: tuple[Carrier, ...] = ()
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._changed: set[asyncio.Event] = set()
        self._last = 0

    # What there is

    def private(self, person: str) -> str:
        """The oc_ id of somebody's private chat with the bot."""
        return next(chat.id for chat in self.chats.values() if chat.person and chat.person.id == person)

    def texts(self, chat: str = "", root: str | None = None) -> list[str]:
        """What the bot's messages say now, in their order; `root=""` is outside chains and topics."""
        return [readable(one.kind, one.content) for one in self._mine(chat) if root in {None, one.root}]

    def messages(self, chat: str = "") -> list[Sent]:
        """The bot's messages as they are now, recalled ones too."""
        return [_as_sent(one) for one in self._mine(chat, recalled=True)]

    def buttons(self, message: str) -> list[tuple[str, Json]]:
        """The label and the value of every button of a card."""
        return buttons_of(self.messages_by_id[message].content)

    def reactions(self, message: str) -> list[str]:
        """The emoji under a message."""
        return [emoji for emoji, _ in self.messages_by_id[message].reactions.values()]

    def expire_tokens(self) -> None:
        """Every token is worthless from now on."""
        self.tokens.expire()

    # How it changes

    def fresh(self, prefix: str) -> str:
        """An id that nobody has, as Feishu writes them: a prefix and 32 characters."""
        self._last += 1
        return f"{prefix}{self._last:032x}"

    def write(self, chat: Chat, sender: Person | None, kind: str, content: str, **details: Any) -> Message:
        """Put a message into a chat."""
        created = int(self.now() * 1000)
        message = Message(
            id=self.fresh("om_"), chat=chat, sender=sender, kind=kind, content=content, created=created, **details
        )
        message.updated = created
        if chat.topics and not message.root:
            message.thread = self.fresh("omt_")
        self.messages_by_id[message.id] = message
        self._bound(self.messages_by_id)
        if sender is None:
            self.sent.append(message)
            self.sent_count += 1
        self.change()
        return message

    def answer_to(self, parent: Message, *, thread: bool) -> dict[str, str]:
        """Where a reply stands: in a topic all of them answer its first message."""
        root = self.messages_by_id.get(parent.root, parent) if parent.root else parent
        if thread and not parent.thread:
            opened = self.fresh("omt_")
            parent.thread = opened
            return {"root": parent.id, "parent": parent.id, "thread": opened}
        if parent.thread:
            top = parent.root or parent.id
            return {"root": top, "parent": top, "thread": parent.thread}
        return {"root": root.id, "parent": parent.id, "thread": ""}

    # What the bot is told

    def tell(self, kind: str, event: Json, *, message: str = "", event_id: str = "") -> str:
        """Push an event, by the first way that is open; returns its id."""
        identifier = event_id or self.fresh("")
        header = {
            "event_id": identifier,
            "token": self.verification_token,
            "create_time": str(int(self.now() * 1000)),
            "event_type": kind,
            "tenant_key": TENANT,
            "app_id": self.app_id,
        }
        body = orjson.dumps({"schema": "2.0", "header": header, "event": event})
        made = self.events[identifier] = Event(id=identifier, kind=kind, body=body, message=message)
        self.event_count += 1
        self._bound(self.events)
        self.push_out(made)
        return identifier

    def push_out(self, event: Event) -> None:
        """Push an event now, and again after a while if it is not taken."""
        if not any(carrier.give(event) for carrier in self.carriers):
            if event.given and self.retries:  # the next try may find a way
                self._arm(event, self.retries[min(event.given, len(self.retries)) - 1])
            return
        self.given += 1
        event.given += 1
        event.last = time.monotonic()
        if event.given <= len(self.retries):
            self._arm(event, self.retries[event.given - 1])

    def push_waiting(self) -> None:
        """A way has opened: what had none goes out."""
        for event in [one for one in self.events.values() if not one.acked and not one.given]:
            self.push_out(event)

    def take_ack(self, event: Event, code: int, data: Json = None) -> None:
        """The bot has answered a push."""
        seconds = time.monotonic() - event.last
        self.acks.append(Ack(event=event.id, code=code, seconds=seconds, data=data))
        self.slowest_ack = max(self.slowest_ack, seconds)
        self.late += seconds > LATE
        if code == 200 and seconds <= LATE:
            self.acked += not event.acked
            event.acked = True
            if timer := self._timers.pop(event.id, None):
                timer.cancel()
        self.change()

    def forget_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    # Waiting

    def change(self) -> None:
        """Something is different: wake up who waits."""
        for event in self._changed:
            event.set()

    async def wait_for(self, count: int, seconds: float = 5.0) -> None:
        """Until the bot has sent so many messages in all; TimeoutError says how many there are."""
        await self.wait_until(lambda: self.sent_count >= count, f"{count} messages", seconds)

    async def wait_acked(self, count: int, seconds: float = 5.0) -> None:
        """Until the bot has taken so many different events."""
        await self.wait_until(lambda: self.acked >= count, f"{count} acks", seconds)

    async def wait_until(self, reached: Callable[[], bool], what: str, seconds: float = 5.0) -> None:
        changed = asyncio.Event()
        self._changed.add(changed)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    while not reached():
                        await changed.wait()
                        changed.clear()
                    return
            raise TimeoutError(f"no {what} within {seconds} s: {self.sent_count} sent, {self.acked} acked")
        finally:
            self._changed.discard(changed)

    # How it is done

    def _mine(self, chat: str, *, recalled: bool = False) -> list[Message]:
        return [one for one in self.sent if chat in {"", one.chat.id} and (recalled or not one.recalled)]

    def _arm(self, event: Event, seconds: float) -> None:
        def again() -> None:
            self._timers.pop(event.id, None)
            if not event.acked:
                self.push_out(event)

        self._timers[event.id] = asyncio.get_running_loop().call_later(seconds, again)

    def _bound(self, kept: dict[str, Any]) -> None:
        if self.keep and len(kept) > self.keep:
            del kept[next(iter(kept))]


def _as_sent(message: Message) -> Sent:
    return Sent(
        id=message.id,
        chat=message.chat.id,
        kind=message.kind,
        text=readable(message.kind, message.content),
        content=message.content,
        root=message.root,
        parent=message.parent,
        thread=message.thread,
        uuid=message.uuid,
        edits=message.edits,
        recalled=message.recalled,
    )
