"""Rig: a platform as the conformance suite sees it, so that one test runs over all of them.

A rig has the platform's server for tests and a bot's settings for it. What people do is in `people`, what they
see is in `screen`, what goes wrong is in `trouble`. Chats, threads and messages are named as the platform does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from channels.base import Channel, Surroundings
from gateway import plugins
from gateway.clock import Clock
from gateway.config import Config
from gateway.messages import ChatAddress
from gateway.outbox.port import Repeat


class Who(StrEnum):
    """Everybody there is, besides other bots."""

    OLGA = "Olga"  # an owner
    ANNA = "Anna"
    BORIS = "Boris"  # both are allowed
    MALLORY = "Mallory"  # in no list


@dataclass(frozen=True, slots=True)
class Place:
    """A chat, or a thread in it, as the platform calls them."""

    chat: str
    thread: str = ""


@dataclass(frozen=True, slots=True)
class Said:
    """A message of somebody: its id, who wrote it where, and where the platform puts what answers it."""

    ref: str
    who: Who | None  # None: another bot
    place: Place
    answers: Place


class Events(Protocol):
    """What the platform brings besides words, and what it brings again."""

    def press(self, place: Place, label: str, who: Who) -> None:
        """Press a button under the newest message of the bot in the place that has it."""

    def press_again(self) -> None:
        """The platform brings the last press once more."""

    def again(self, said: Said) -> None:
        """The platform brings the same event once more."""

    def anew(self, said: Said) -> None:
        """The platform brings the event once more, under other ids."""

    def forge(self, sender: str) -> None:
        """Something is brought that this sender has written, in a private chat."""


class People(Events, Protocol):
    """What people do. None of it is awaited; the bot hears of it as on the real platform."""

    group: Place  # the bot is in it, and it is in the configuration
    elsewhere: Place  # the bot is in it, and it is not
    ids: Mapping[Who, str]
    other_bot: str  # the id of another bot in the group, as lists have it

    def private(self, who: Who) -> Place:
        """Their chat with the bot."""

    def thread(self) -> Place:
        """Open a thread or topic in the group, with words that are not for the bot."""

    def say(
        self, text: str, who: Who, place: Place | None = None, *, mention: bool = False, reply_to: str = ""
    ) -> Said:
        """Write, alone with the bot if no place is named. `reply_to`: the id of what it answers."""

    def command(self, text: str, who: Who, place: Place | None = None) -> Place:
        """Give a command as people do it here; where its answer stands."""

    def chatter(self, who: Who) -> int:
        """Say in the group all that looks like a word to the bot and is none; how many messages these are."""

    def bot_says(self, text: str) -> Said:
        """The other bot mentions ours in the group."""

    def change(self, said: Said, text: str) -> None:
        """Edit a message, or take it back where the platform tells of no edits."""

    def rename(self, who: Who, name: str) -> None:
        """Somebody is called differently from now on."""

    def promote(self, who: Who) -> None:
        """Somebody manages the group from now on."""

    def bring(self, name: str, data: bytes, who: Who) -> Said:
        """Send the bot a file."""


class Screen(Protocol):
    """What is seen."""

    def texts(self, place: Place) -> list[str]:
        """What the bot's messages say now, as they are read, in their order; without a thread, those in none."""

    def last(self, place: Place) -> str:
        """The id of the bot's newest message there."""

    def files(self, place: Place) -> list[str]:
        """The names of the files that the bot has sent there."""

    def reactions(self, said: Said) -> int:
        """How many small signs stand under somebody's message."""

    def taken(self, said: Said) -> bool:
        """Whether the platform was told that this is taken, as often as it was brought."""

    def slowest(self) -> float:
        """Seconds of the slowest acknowledgement."""

    def connected(self) -> bool:
        """Whether the bot listens, in its way."""

    def pending(self) -> int:
        """How many events are not acknowledged yet."""

    def misuse(self) -> list[str]:
        """What a well-behaved bot would not have done: too long, not well-formed, too early."""

    def most_connections(self) -> int:
        """How many connections for events there have been at once, at most."""

    def floods(self) -> int:
        """How often the platform has asked for silence."""

    def edits(self) -> int:
        """How often a message was edited."""


class Trouble(Protocol):
    """What goes wrong, on request. Each concerns the next sends of messages, and files are no messages."""

    def flood(self, place: Place, seconds: int) -> None:
        """The next send into this chat is refused: so many seconds of silence are asked for."""

    def lose(self, times: int | None = 1) -> None:
        """So many sends arrive, and their answers do not. None: all."""

    def fail(self, times: int | None = 1) -> None:
        """So many sends are answered with 502; whether they arrived is not said, and they did not."""

    def spoil(self, times: int | None = 1) -> None:
        """So many sends are refused for their formatting."""

    def shut(self, place: Place) -> None:
        """Nothing can be sent into this chat any more."""

    def refuse_files(self) -> None:
        """No file can be brought to the platform any more; words can."""

    def refuse_token(self) -> None:
        """The bot's token is worthless from now on."""

    async def vanish(self, seconds: float) -> None:
        """All connections end, and none can be made for some seconds."""

    def drop(self) -> None:
        """The connection on which events come ends without a word."""

    def freeze(self) -> None:
        """The connection on which events come stays, and is deaf and dumb."""

    def limits(self) -> None:
        """The platform keeps to its rate limits from now on."""

    def heal(self) -> None:
        """End what has no end of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """What a platform is like, where that decides what a test can ask."""

    repeat: Repeat
    renumbers: bool = True  # it may bring an event under other ids
    threads_open: bool = True  # an answer at the top level of a group opens a thread
    splits: bool = True  # a message has a longest length
    refuses_formatting: bool = True  # and not only what nobody can render


@dataclass(kw_only=True)
class Rig:
    """One platform, with a bot that is connected in one of its ways."""

    name: str  # of the instance, and its kind
    settings: dict[str, Any]
    people: People
    screen: Screen
    trouble: Trouble
    nature: Nature
    hook: Callable[[str], None] | None = None  # tells the platform at which address the bot is called
    make: Callable[[Config, Clock, Surroundings], Channel] | None = None  # None: as the configuration does it
    impatient: bool = False  # waits for answers that do not come only for moments
    sections: dict[str, Any] = field(default_factory=dict)  # of the configuration, besides the channel's

    def channel(self, config: Config, clock: Clock, around: Surroundings) -> Channel:
        if self.make is not None:
            return self.make(config, clock, around)
        made: Channel = plugins.find("channels", self.name).create(self.name, config, clock, around)
        return made

    def address(self, place: Place) -> ChatAddress:
        """The place as the gateway calls it."""
        return ChatAddress(channel=self.name, chat=place.chat, thread=place.thread)


UNLIMITED = {"per_second": 1e9, "per_chat": 1e9, "per_group_minute": 1e9}


def usual(people: People) -> dict[str, Any]:
    """What every section has: who is allowed, who owns, one group, no limits of ours."""
    return {
        "allow": [people.ids[Who.ANNA], people.ids[Who.BORIS]],
        "owners": [people.ids[Who.OLGA]],
        "groups": {people.group.chat: {}},
        "rate": UNLIMITED,
    }
