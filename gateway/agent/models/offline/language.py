"""What a language is to the offline assistant: which words ask for what, and what it says. Patterns are tables."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto


class Intent(Enum):
    """What a person wants."""

    HELP = auto()
    HELLO = auto()
    THANKS = auto()
    NOW = auto()
    ZONE = auto()
    WATCH = auto()
    LIST = auto()
    SAY = auto()  # words at a time: a reminder
    MAKE = auto()  # something at a time that only a model could make: a digest
    CHANGE = auto()  # the time of a job
    TEXT = auto()  # its words
    DONE = auto()  # with a reminder that was said
    SNOOZE = auto()
    YES = auto()
    NO = auto()
    LEAVE = auto()  # a terminal
    UNCLEAR = auto()  # a reminder with words that are no time and not what to say
    REMOVE = auto()
    PAUSE = auto()
    RESUME = auto()
    RUN = auto()
    SHOW = auto()


ACTIONS: Mapping[Intent, str] = {
    Intent.REMOVE: "remove",
    Intent.PAUSE: "disable",
    Intent.RESUME: "enable",
    Intent.RUN: "run",
    Intent.SHOW: "show",
}
"""What is done to a job that has been picked."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern for a whole sentence. Groups: `what` (words to say, or a job), `when`, `amount`."""

    intent: Intent
    pattern: re.Pattern[str]
    default: str = ""  # what to say when the sentence names nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """Everything that the assistant says by itself; in braces what is filled in."""

    help: str
    hello: str
    thanks: str
    now: str  # {now} {zone}
    no_now: str
    zone: str  # {now} {zone}
    watch: str
    watching: str  # {url}: the prompt of the job
    page_changed: str  # {url}
    more_lines: str  # {count}
    unreachable: str  # {url} {why}
    unread: str  # {url} {why}: it could not be read yet
    first_read: str
    first_unread: str  # {url} {why}
    sure: str  # {jobs}
    when: str  # {say}
    what: str  # {phrase}
    make: str  # {what}
    unsure: str  # {phrase}
    about: str  # {phrase}: a reminder of "this" that answers no message
    unclear: str  # {odd}
    dropped: str
    kept: str  # to a no, after `sure`
    gone: str
    removed: str  # {job}
    leave: str
    no_match: str  # {what}
    several: str  # {jobs}
    whole_time: str  # {job}
    which_half: str  # {clock} {early} {late}
    model: str  # how a language model is configured: the end of `other` and `make`
    other: str
    short: str  # `other`, when it has been said before
    no_tool: str
    no_text: str
    unopened: str
    too_long: str  # {most}: characters that are looked at
    scheduled: str  # {prompt}


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """One language of the offline assistant."""

    talk: Talk
    courtesy: re.Pattern[str]  # at the beginning, without meaning
    unopened: re.Pattern[str]  # what stands for a picture or a file that came without words
    ending: re.Pattern[str]  # at the end, without meaning
    script: re.Pattern[str] | None  # characters by which it is recognised; None: where no other is
    nag: re.Pattern[str]  # "and nag me every 10 minutes until done"; group nag
    amounts: Mapping[str, str]  # units and amounts that the tool would not understand, as it does
    watched: re.Pattern[str]  # `Talk.watching`; group url
    usual_watch: str  # how often, where nobody says it
    rules: Sequence[Rule]  # the first that fits a sentence
    sayings: Sequence[Rule]  # for a sentence without its time phrase
    picked: Sequence[Rule]  # what is done to a job by its name; asked last, for their words are common ones
    quoted: frozenset[str]  # words that mean the message which is answered
    pronouns: frozenset[str]  # "it": the job that was spoken of
    everything: frozenset[str]
    times: frozenset[str]  # words of days: what is nearly one of them is taken for a slip of the pen
    fillers: frozenset[str]  # words that do not tell jobs apart
    clock: re.Pattern[str]  # a time of day and nothing else; groups hour, minute, half, or word
    clock_inside: re.Pattern[str]  # the time of day inside a phrase; the same groups
    at_clock: str  # {clock}
    on_date: str  # {date} {clock}
    day_at: str  # {day} {clock}
    amount: re.Pattern[str]  # an amount of time and nothing else; group amount
    once_amount: str  # {amount}
    every_amount: str  # {amount}
    every: re.Pattern[str]  # at the beginning of a repetition
