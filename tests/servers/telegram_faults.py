"""What can go wrong between a bot and Telegram, on request: for the next calls, or for a while."""

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "status",  # an error of the machines in front: `status` and a page of HTML
    "flood",  # 429 with `retry_after`; the chat that was written to has to wait
    "conflict",  # 409: somebody else polls
    "drop",  # the connection ends, and nothing was done
    "lost",  # the call is carried out, and the connection ends instead of an answer
    "hang",  # the call is taken and never answered
    "slow",  # the answer comes `delay` seconds late
    "garbage",  # 200 with something that is no JSON
    "truncated",  # the call is carried out, and the answer ends in the middle
    "refused",  # the Bot API says no: `status` and `description`
    "unknown",  # ok: false with a code that nobody knows
]
ACTS = frozenset({"lost", "slow", "truncated"})
"""The faults after which the call was carried out."""


@dataclass(slots=True, kw_only=True, eq=False)
class Fault:
    """One thing that goes wrong, and for which calls."""

    kind: Kind
    method: str = ""  # in any case of letters; empty: every method
    chat: int | None = None  # only calls for this chat
    times: int | None = 1  # so many calls; None: until `until`
    until: float | None = None
    acts: bool = False  # the call is carried out all the same
    status: int = 502
    retry_after: int = 5
    description: str = "Bad Request: no"
    delay: float = 1.0
    used: int = 0

    def fits(self, method: str, chat: object) -> bool:
        if self.method and self.method != method:
            return False
        return self.chat is None or str(self.chat) == str(chat)


class Faults:
    """The faults that are on, in the order in which they were asked for."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        self.used = 0

    def add(self, fault: Fault) -> None:
        if fault.kind not in get_args(Kind):
            raise ValueError(f"unknown fault: {fault.kind}")
        fault.method = fault.method.lower()
        self.active.append(fault)

    def clear(self) -> None:
        self.active.clear()

    def take(self, method: str, chat: object, now: float) -> Fault | None:
        """The fault of this call, if it has one; counted as used."""
        self.active = [one for one in self.active if one.times != 0 and (one.until is None or now < one.until)]
        for fault in self.active:
            if fault.fits(method, chat):
                fault.used += 1
                self.used += 1
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None
