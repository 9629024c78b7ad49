"""/whoami and /timezone: this chat, who writes in it, and by which clock."""

import asyncio
import zoneinfo
from collections.abc import Callable
from datetime import datetime

from gateway import zones
from gateway.chats import Chats
from gateway.commands.base import Answer, Ask, CommandInfo
from gateway.commands.text import code
from gateway.errors import UserError
from gateway.messages import ChatAddress

DEFAULT = "default"


class WhoAmICommand:
    """Tells the ids that an operator needs to admit somebody."""

    info = CommandInfo(name="whoami", summary="Your id, and the ids of this chat and topic")

    async def answer(self, ask: Ask) -> Answer:
        message, address = ask.message, ask.message.address
        lines = [
            f"- You: {code(message.sender_id)} ({'an owner' if ask.owner else 'a user'})",
            f"- Chat: {code(address.chat)}{' (a group)' if message.group else ''}",
            *([f"- Topic: {code(address.thread)}"] if address.thread else []),
            f"- Channel: {code(address.channel)}",
            f"- Time zone: {ask.zone}",
        ]
        return Answer("\n".join(lines))


class TimezoneCommand:
    """Chooses the zone of a chat."""

    info = CommandInfo(
        name="timezone",
        summary="In which zone times are read here",
        usage="/timezone\n/timezone Area/City (such as /timezone Europe/Berlin)\n/timezone default",
    )

    def __init__(self, chats: Chats, default: Callable[[ChatAddress], str]) -> None:
        """`default`: the zone of a chat that has chosen none."""
        self._chats = chats
        self._default = default

    async def answer(self, ask: Ask) -> Answer:
        address = ask.message.address
        if not ask.words:
            how = "`/timezone Europe/Berlin`, for example, changes that."
            return Answer(f"Times are read in {_local(ask.zone, ask.now)}.\n{how}")
        if ask.words.lower() == DEFAULT:
            await self._chats.choose_zone(address, "")
            return Answer(_chosen(self._default(address), ask.now))
        zone = await asyncio.to_thread(named, ask.words)
        await self._chats.choose_zone(address, zone)
        return Answer(_chosen(zone, ask.now))


def named(words: str) -> str:
    """The zone of this name, or of this place if there is only one; UserError names the nearest one."""
    wanted = "_".join(words.split()).lower()
    known = zoneinfo.available_timezones()
    found = [zone for zone in known if zone.lower() == wanted]
    found = found or [zone for zone in known if zone.rpartition("/")[2].lower() == wanted]
    try:
        return zones.check(found[0] if len(found) == 1 else words.strip())
    except ValueError as error:
        raise UserError(f"{words[:40]!r} {error}.") from error


def _chosen(zone: str, now: datetime) -> str:
    return f"From now on times are read here in {_local(zone, now)}.\nJobs that exist already keep their zone."


def _local(zone: str, now: datetime) -> str:
    return f"{zone}, where it is {now.astimezone(zoneinfo.ZoneInfo(zone)):%A %Y-%m-%d %H:%M}"
