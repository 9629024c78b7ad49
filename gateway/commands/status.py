"""/status: what is going on in this chat, and for owners in the whole gateway."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.clock import from_text
from gateway.commands import routing
from gateway.commands.base import Answer, Ask, CommandInfo
from gateway.commands.conversation import Turns
from gateway.commands.text import one_line
from gateway.database.writer import Database
from gateway.messages import Json
from gateway.outbox import unsent
from gateway.status import Status, to_json

ERRORS = 5

Jobs = Callable[[Ask], Awaitable[Sequence[str]]]
"""The jobs of the chat that asks, in a few lines of Markdown."""


class StatusCommand:
    """Reads everything, changes nothing."""

    info = CommandInfo(name="status", summary="What is running and what is due, here")

    def __init__(self, status: Callable[[], Status], *, turns: Turns, jobs: Jobs, database: Database) -> None:
        self._status = status
        self._turns = turns
        self._jobs = jobs
        self._database = database

    async def answer(self, ask: Ask) -> Answer:
        status = self._status()
        lines = [f"Up since {_moment(status.since or status.at, ask.zone)} ({ask.zone}).", self._here(ask.session)]
        lines += await self._jobs(ask)
        if ask.owner and not ask.message.group:  # the others there need not know of other chats
            waiting = await self._database.read(unsent.counts)
            lines += ["", "**The gateway**", *whole(status, waiting, ask.zone)]
        return Answer("\n".join(lines))

    def _here(self, session: str) -> str:
        running = "I am working on a message here" if self._turns.running_in(session) else "I work on nothing here"
        waiting = self._turns.waiting_in(session)
        return f"{running}, and {waiting} more wait." if waiting else f"{running}."


def whole(status: Status, waiting: Mapping[str, Mapping[str, int]], zone: str) -> list[str]:
    """What an owner sees of everything; `waiting`: unsent messages by channel and state."""
    told = to_json(status)
    turns = sum(not routing.is_command(session) for session in status.running)
    lines = [_channel(name, channel, zone) for name, channel in told["channels"].items()]
    lines.append(f"- scheduler: {_scheduler(told['scheduler'], zone)}")
    lines.append(f"- turns: {turns} running, {status.waiting} waiting")
    lines.append(f"- outbox: {_outbox(waiting)}")
    lines += [f"- trouble: {one_line(str(trouble), widest=300)}" for trouble in told["trouble"]]
    errors = told.get("errors") or []
    return lines + [f"- error: {_error(error, zone)}" for error in errors[:ERRORS]]


def _channel(name: str, channel: Mapping[str, Json], zone: str) -> str:
    reason = f" ({one_line(channel['reason'], widest=300)})" if channel["reason"] else ""
    heard = f", last heard {_moment(from_text(channel['last_alive']), zone)}" if channel["last_alive"] else ""
    return f"- {one_line(name)}: {channel['state']}{reason}{heard}"


def _scheduler(scheduler: Mapping[str, Json], zone: str) -> str:
    if not scheduler["enabled"]:
        return "off"
    parts = [f"{scheduler['jobs']} job{'' if scheduler['jobs'] == 1 else 's'}"]
    if scheduler["next_fire"]:
        parts.append(f"next {_moment(from_text(scheduler['next_fire']), zone)}")
    heartbeat = scheduler["heartbeat"]
    parts.append(f"last beat {_moment(from_text(heartbeat), zone, seconds=True)}" if heartbeat else "no beat yet")
    return ", ".join(parts)


def _outbox(waiting: Mapping[str, Mapping[str, int]]) -> str:
    count = {state: sum(of.get(state, 0) for of in waiting.values()) for state in ("open", "unknown", "dead")}
    more = "; /outbox lists them" if sum(count.values()) else ""
    return f"{count['open']} to send, {count['unknown']} unknown, {count['dead']} dead{more}"


def _error(error: Mapping[str, Json], zone: str) -> str:
    at = f"{_moment(from_text(error['at']), zone, seconds=True)} " if error.get("at") else ""
    words = ": ".join(str(error[key]) for key in ("event", "error") if error.get(key))
    return f"{at}{one_line(words, widest=300)}"


def _moment(moment: datetime, zone: str, *, seconds: bool = False) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):{'%Y-%m-%d %H:%M:%S' if seconds else '%Y-%m-%d %H:%M'}}"
