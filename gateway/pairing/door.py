"""Door: who was let in by a code, as far as anybody asks; and what strangers are told who knock."""

import asyncio
import secrets
from collections.abc import Callable

import structlog

from gateway.clock import Clock
from gateway.database.driver import Transaction
from gateway.database.writer import Database
from gateway.errors import StoreError
from gateway.messages import Caller, InboundMessage, OutboundMessage
from gateway.pairing import codes, ledger
from gateway.pairing.codes import Code, Paired, Silence
from gateway.tools.message import Say

logger = structlog.get_logger()


def draw() -> str:
    """A code that nobody can guess."""
    return "".join(secrets.choice(codes.ALPHABET) for _ in range(codes.LENGTH))


class Door:
    """Few people and fewer codes, so all of them are in memory; the tables hold the same."""

    def __init__(self, database: Database, clock: Clock, say: Say, *, draw: Callable[[], str] = draw) -> None:
        self._database = database
        self._clock = clock
        self._say = say
        self._draw = draw
        self._people: dict[tuple[str, str], Paired] = {}
        self._codes: dict[tuple[str, str], Code] = {}
        self._knocking = asyncio.Lock()  # two messages of one stranger get one code
        self._full: set[str] = set()  # channels of which the log has said so

    async def refresh(self) -> None:
        """Read what this or another process has written."""
        now = self._clock.now()

        def load(transaction: Transaction) -> tuple[list[Paired], list[Code]]:
            return ledger.people(transaction), ledger.open_codes(transaction, now=now)

        async with self._knocking:  # a code that is told meanwhile would be forgotten
            people, waiting = await self._database.read(load)
            self._people = {(one.channel, one.user): one for one in people}
            self._codes = {(one.channel, one.user): one for one in waiting}

    def paired(self, channel: str, user: str) -> str:
        """The private chat of somebody whom an owner has let in; empty if nobody has."""
        found = self._people.get((channel, user))
        return found.chat if found else ""

    async def knock(self, message: InboundMessage) -> None:
        """A stranger has written in a private chat: they are told how to be let in, now and then."""
        async with self._knocking:
            try:
                await self._answer(message)
            except StoreError as error:  # who is let in anyway is heard the better for it
                logger.error("a stranger could not be told how to be let in", error=str(error))

    async def _answer(self, message: InboundMessage) -> None:
        channel, who = message.address.channel, (message.address.channel, message.sender_id)
        asking = self._code_for(message)
        others = [
            code
            for key, code in self._codes.items()
            if code.channel == channel and key != who and code.until > asking.told_at
        ]
        told = codes.answer(self._codes.get(who), asking, waiting=len(others))
        if isinstance(told, Silence):
            self._note(channel, told)
            return
        self._full.discard(channel)
        await self._say(
            OutboundMessage(
                delivery_id=f"pair.{secrets.token_hex(8)}",
                address=message.address,
                caller=Caller.COMMAND,
                text=codes.asking_words(told),
                reply_to=message.message_id,
            ),
            along=lambda transaction: ledger.keep(transaction, told),
        )
        # After that: what was refused by the database was not told.
        self._codes = {key: code for key, code in self._codes.items() if code.until > asking.told_at}
        self._codes[who] = told

    def _code_for(self, message: InboundMessage) -> Code:
        now = self._clock.now()
        return Code(
            channel=message.address.channel,
            user=message.sender_id,
            name=message.sender_name[:200],
            chat=message.address.chat,
            code=self._draw(),
            until=now + codes.GOOD_FOR,
            told=1,
            told_at=now,
        )

    def _note(self, channel: str, silence: Silence) -> None:
        """Said once, until there is room again."""
        if silence is Silence.FULL and channel not in self._full:
            self._full.add(channel)
            logger.warning(
                "too many strangers wait for an owner; more get no code", channel=channel, codes=codes.OPEN
            )
