"""People: who may talk to the bot, and what they are there; the parts for it, built and handed to each other."""

from collections.abc import Callable
from functools import partial

from channels.base import Administered
from gateway.access import Access
from gateway.admins import Admins
from gateway.agent import overheard
from gateway.agent.sessions import Overhearing
from gateway.chats import Chats
from gateway.commands.pair import PairCommand
from gateway.database.writer import Database
from gateway.exchanges import Exchanges
from gateway.messages import ChatAddress
from gateway.pairing.door import Door
from gateway.setup import Setup
from gateway.tools.message import Say
from gateway.waiting import CONSOLE


class People:
    """Strangers, users, owners, admins of groups, and other bots."""

    def __init__(self, setup: Setup, *, database: Database, chats: Chats, say: Say) -> None:
        self._channels = setup.channels
        self._database = database
        self.door = Door(database, setup.clock, say)
        self.exchanges = Exchanges(database, setup.clock)
        self.access = Access(setup.config.channels, chats.present, self.door.paired)
        self.admins = Admins(self._ask_who_manages, setup.clock)

    async def start(self) -> None:
        """Know what earlier lives have written."""
        await self.door.refresh()
        await self.exchanges.start()

    def is_owner(self, address: ChatAddress, user: str) -> bool:
        """Whether they may see everything of the channel. Whoever sits at the console may."""
        return address.channel == CONSOLE or self.access.is_owner(address.channel, user)

    def admits(self, address: ChatAddress, user: str) -> bool:
        """Whether somebody who has made a job in this chat may still talk there."""
        channel = self._channels.get(address.channel)
        return channel is None or channel.operated or self.access.still_admits(address, user)

    def overhearing(self, zone_of: Callable[[ChatAddress], str]) -> Overhearing:
        """What groups talk about besides, as far as their sections say that it is seen."""
        return Overhearing(
            count=self.access.context_of,
            words=lambda messages: overheard.words(messages, zone_of(messages[0].address)),
        )

    def pair_command(self, look: Callable[[], None]) -> PairCommand:
        """`look`: something was put into the outbox."""
        return PairCommand(self._database, partial(self._let_in_or_out, look), self.access.lists)

    async def _let_in_or_out(self, look: Callable[[], None]) -> None:
        look()  # first: it reads them, too, and again if the database does not answer now
        await self.door.refresh()

    async def _ask_who_manages(self, address: ChatAddress, user: str) -> bool:
        channel = self._channels.get(address.channel)
        return isinstance(channel, Administered) and await channel.is_admin(address, user)
