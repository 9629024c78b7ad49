"""What is kept of chats: the zone and model that one has chosen, its present id, where its conversation begins."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import unquote

from gateway.database import statements as sql
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.messages import ChatAddress


@dataclass(slots=True)
class _Chat:
    zone: str = ""
    moved_to: str = ""
    model: str = ""


class Chats:
    """Few and small, so all of them are in memory; the tables hold the same."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._chats: dict[str, _Chat] = {}
        self._begins: dict[str, int] = {}

    async def start(self) -> None:
        """Read what earlier lives have kept."""

        def load(transaction: Transaction) -> None:
            for owner, *chosen in transaction.execute(sql.CHATS).fetchall():
                self._chats[owner] = _Chat(*chosen)
            self._begins = dict(transaction.execute(sql.BEGINNINGS).fetchall())

        await self._database.read(load)
        for channel, chat, to in self.moves():  # a turn that ran while its chat moved has the old session
            await self._database.write(partial(_move_turns, channel=channel, chat=chat, to=to))

    def zone(self, address: ChatAddress) -> str:
        """The zone that was chosen in this chat; empty if none was."""
        chat = self._chats.get(address.owner)
        return chat.zone if chat else ""

    async def choose_zone(self, address: ChatAddress, zone: str) -> None:
        """From now on; an empty one takes the choice back."""
        await self._database.write(lambda transaction: _put(transaction, sql.CHOOSE_ZONE, address.owner, zone))
        self._chats.setdefault(address.owner, _Chat()).zone = zone

    def model(self, address: ChatAddress) -> str:
        """The model that was chosen in this chat; empty if none was."""
        chat = self._chats.get(address.owner)
        return chat.model if chat else ""

    async def choose_model(self, address: ChatAddress, model: str) -> None:
        """From the next turn on; an empty one takes the choice back."""
        await self._database.write(lambda transaction: _put(transaction, sql.CHOOSE_MODEL, address.owner, model))
        self._chats.setdefault(address.owner, _Chat()).model = model

    def present(self, channel: str, chat: str) -> str:
        """The id that the chat has now."""
        found = self._chats.get(ChatAddress(channel=channel, chat=chat).owner)
        return found.moved_to if found and found.moved_to else chat

    def address(self, address: ChatAddress) -> ChatAddress:
        """The same chat and thread, by the id that the chat has now."""
        present = self.present(address.channel, address.chat)
        return address if present == address.chat else replace(address, chat=present)

    def moves(self) -> Iterator[tuple[str, str, str]]:
        """Every (channel, chat, its id now) of chats that were given another one."""
        for owner, chat in self._chats.items():
            if chat.moved_to:
                channel, _, name = owner.partition(":")
                yield channel, unquote(name), chat.moved_to

    async def move(self, channel: str, chat: str, to: str, *, words: bool = True) -> bool:
        """The chat has another id: its choices and its conversation go along. False if that was known.

        `words`: also what is still to be said there.
        """
        if self.present(channel, chat) == to:
            return False
        old, new = ChatAddress(channel=channel, chat=chat), ChatAddress(channel=channel, chat=to)
        zone, model = self.zone(old), self.model(old)

        def write(transaction: Transaction) -> None:
            _put(transaction, sql.MOVE_CHAT, old.owner, to)
            _put(transaction, sql.CHOOSE_ZONE, new.owner, zone)
            _put(transaction, sql.CHOOSE_MODEL, new.owner, model)
            _move_turns(transaction, channel, chat, to)
            transaction.execute(sql.MOVE_BEGINNING, (new.session, old.session))
            if words:
                transaction.execute(sql.MOVE_WORDS, (to, channel, chat))

        await self._database.write(write)
        self._chats.setdefault(old.owner, _Chat()).moved_to = to
        moved = self._chats.setdefault(new.owner, _Chat())
        moved.zone, moved.model = zone, model
        if old.session in self._begins:
            self._begins[new.session] = self._begins.pop(old.session)
        return True

    def begins(self, session: str) -> int:
        """The last row of the inbox that is not part of the session's conversation any more."""
        return self._begins.get(session, 0)

    async def begin_anew(self, session: str, seq: int) -> None:
        """What was said up to the row `seq` of the inbox is forgotten in this session."""
        await self._database.write(lambda transaction: _put(transaction, sql.BEGIN_ANEW, session, seq))
        self._begins[session] = max(seq, self._begins.get(session, 0))


def _move_turns(transaction: Transaction, channel: str, chat: str, to: str) -> None:
    old, new = ChatAddress(channel=channel, chat=chat), ChatAddress(channel=channel, chat=to)
    transaction.execute(sql.MOVE_TURNS, (new.session, old.session))
    transaction.execute(sql.MOVE_OVERHEARD, (new.session, old.session))


def _put(transaction: Transaction, statement: str, key: str, value: str | int) -> None:
    transaction.execute(statement, (key, value))
