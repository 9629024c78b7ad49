"""The state behind Slack's server for tests: people, channels, messages and deliveries."""

import itertools
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.servers.slack_faults import Faults
from tests.servers.slack_limits import Flood
from tests.servers.slack_records import (
    BOT_ID,
    BOT_USER,
    SCOPES,
    Channel,
    Delivery,
    File,
    Message,
    Person,
    View,
    Whisper,
)
from tests.servers.slack_waits import Waits

BOT_NAME = "Tocsin"


class World(Waits):
    """Everything that Slack would know, kept in memory.

    With `keep` the lists are bounded: about so many entries each, and so many messages in a channel. The counters
    go on.
    """

    def __init__(self, *, keep: int | None = None, now: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.keep = keep
        self.now = now
        self.skew = 0.0  # seconds by which this server's clock is ahead, in its header Date
        self.echo = True  # the bot's own messages come back as events, as Slack does it
        self.scopes = set(SCOPES)
        self.granted = "connections:write"  # of the app token
        self.faults = Faults()
        self.flood = Flood()
        self.people: dict[str, Person] = {}
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, File] = {}
        self.counts: Counter[str] = Counter()  # all calls that arrived, by method
        self.deliveries: list[Delivery] = []
        self.delivered = self.acked = self.doubled = self.lost = self.pending = 0
        self.slowest = 0.0
        self.violations: list[str] = []
        self.whispers: list[Whisper] = []
        self.views: dict[str, View] = {}
        self.tickets: set[str] = set()  # of sockets that may be opened
        self.triggers: dict[str, tuple[str, float]] = {}  # id: (user, made at); used ones are gone
        self.spent: set[str] = set()  # triggers that were exchanged
        self.responses: dict[str, tuple[str, str, str]] = {}  # ticket: (user, channel, ts)
        self.statuses: list[tuple[str, str, str]] = []  # (channel, thread, status)
        self.trigger_life = 3.0  # seconds: docs.slack.dev/interactivity/handling-user-interaction
        self._last_ts = 0
        self._ids = itertools.count(1)
        self.people[BOT_USER] = Person(id=BOT_USER, name=BOT_NAME, bot_id=BOT_ID)

    @property
    def url(self) -> str:
        """Where this server listens."""
        raise NotImplementedError

    # What there is

    def person(
        self,
        id: str,  # noqa: A002
        name: str = "",
        *,
        admin: bool = False,
        owner: bool = False,
        bot_id: str = "",
    ) -> Person:
        """Somebody new, or somebody known with other rights."""
        found = Person(id=id, name=name or id.title(), admin=admin, owner=owner, bot_id=bot_id)
        self.people[id] = found
        return found

    def channel(self, id: str, name: str = "", *, kind: str = "", **details: Any) -> str:  # noqa: A002
        """A conversation: a public channel if its id begins with C, a private one with G, or what `kind` says.

        `details` are the fields of `Channel`: members, creator, bot (is a member), archived.
        """
        usual = "group" if id.startswith("G") else "im" if id.startswith("D") else "channel"
        members = list(details.pop("members", ()))
        made = Channel(id=id, name=name, kind=kind or usual, members=members, **details)  # type: ignore[arg-type]
        self.channels[id] = made
        return id

    def im(self, user: str) -> str:
        """The conversation of somebody with the bot; made if there is none."""
        identifier = f"D{user[1:]}"
        if identifier not in self.channels:
            self.channel(identifier, kind="im", members=[user])
        return identifier

    def file(
        self, name: str, data: bytes | str, mimetype: str = "application/octet-stream", *, user: str = ""
    ) -> str:
        """A file that can be part of what somebody says."""
        content = data.encode() if isinstance(data, str) else data
        made = File(id=self.fresh("F0"), name=name, data=content, mimetype=mimetype, user=user, uploaded=True)
        self.files[made.id] = made
        return made.id

    def grant(self, *scopes: str) -> None:
        """The app has these scopes, too."""
        self.scopes.update(scopes)

    def revoke(self, *scopes: str) -> None:
        """The app has these scopes no longer."""
        self.scopes.difference_update(scopes)

    def messages(self, channel: str, thread: str | None = None) -> list[Message]:
        """The messages of a channel now; `thread=""` is the top level, a ts its replies without the parent."""
        kept = self.channels[channel].messages.values()
        return [one for one in kept if thread is None or one.thread == thread]

    def name(self, identifier: str) -> str:
        """The name of a user or a channel."""
        if identifier in self.people:
            return self.people[identifier].name
        return self.channels[identifier].name if identifier in self.channels else identifier

    # How it changes

    def fresh(self, prefix: str) -> str:
        """An id that nothing has."""
        return f"{prefix}{next(self._ids):08d}"

    def stamp(self) -> str:
        """A ts that no message has, later than all before."""
        self._last_ts = max(self._last_ts + 1, int(self.now() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def trim(self, kept: list[Any]) -> None:
        """Forget the oldest entries of a list, in slices so that it costs little."""
        if self.keep and len(kept) > self.keep + self.keep // 4:
            del kept[: -self.keep]
