"""What can go wrong between a bot and Feishu, on request: for the next calls, or for a while."""

from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "code",  # a refusal: `code`, `message` and the HTTP `status` (400 where Feishu refuses)
    "status",  # an error of the machines in front: `status` and a page of HTML
    "flood",  # 429 with code 99991400 and x-ogw-ratelimit-reset; earlier calls are counted as violations
    "drop",  # the connection ends, and nothing was done
    "lost",  # the call is carried out, and the connection ends instead of an answer
    "hang",  # the call is taken and never answered
    "slow",  # the answer comes `delay` seconds late
    "garbage",  # 200 with something that is no JSON
    "truncated",  # the call is carried out, and the answer ends in the middle
]
ACTS = frozenset({"lost", "slow", "truncated"})
"""The faults after which the call was carried out."""


@dataclass(slots=True, kw_only=True, eq=False)
class Fault:
    """One thing that goes wrong, and for which calls."""

    kind: Kind
    call: str = ""  # a name from `CALLS` in feishu_http.py; empty: every call
    chat: str = ""  # only calls that write to this chat, by its oc_ id
    times: int | None = 1  # so many calls; None: until `until`
    until: float | None = None
    acts: bool = False  # the call is carried out all the same
    status: int = 400
    code: int = 230001
    message: str = "Your request contains an invalid request parameter."
    retry_after: int = 5  # of a flood, in seconds
    delay: float = 1.0
    used: int = 0

    def fits(self, call: str, chat: str) -> bool:
        return self.call in {"", call} and self.chat in {"", chat}


class Faults:
    """The faults that are on, in the order in which they were asked for."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        self.used = 0

    def add(self, fault: Fault) -> None:
        if fault.kind not in get_args(Kind):
            raise ValueError(f"unknown fault: {fault.kind}")
        self.active.append(fault)

    def clear(self) -> None:
        self.active.clear()

    def take(self, call: str, chat: str, now: float) -> Fault | None:
        """The fault of this call, if it has one; counted as used."""
        self.active = [one for one in self.active if one.times != 0 and (one.until is None or now < one.until)]
        for fault in self.active:
            if fault.fits(call, chat):
                fault.used += 1
                self.used += 1
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None
