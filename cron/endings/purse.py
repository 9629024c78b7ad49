"""OwnerPurse: the turns of people draw on what their chat may spend in a day, as its jobs do."""

from cron.endings.spend import Spend
from gateway.agent.model import Usage
from gateway.agent.turn import SpentError
from gateway.clock import Clock
from gateway.database.driver import Work
from gateway.database.writer import Database


class OwnerPurse:
    """The Purse of the agent, from the book of what was spent."""

    def __init__(self, spend: Spend, database: Database, clock: Clock) -> None:
        self._spend = spend
        self._database = database
        self._clock = clock

    async def room(self, owner: str) -> int | None:
        if self._spend.unlimited:
            return None  # a turn that waits for nobody does not wait for the database either
        now = self._clock.now()
        room = await self._database.read(lambda transaction: self._spend.room_for(transaction, owner, now))
        if room.refusal:
            raise SpentError(room.refusal)
        return room.tokens

    def paying(self, owner: str, usage: Usage) -> Work[None]:
        now = self._clock.now()
        return lambda transaction: self._spend.charge(transaction, owner, usage, now)
