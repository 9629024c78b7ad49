"""What people are called. A name is for the prompt only, so nothing waits for one."""

import asyncio

import structlog

from channels.feishu.client import Client
from channels.feishu.memory import Recent
from channels.feishu.refusals import plain_words
from gateway.errors import DeliveryError, PermanentDeliveryError

logger = structlog.get_logger()

REMEMBERED = 5_000
AT_ONCE = 4  # requests
LONGEST = 100  # characters of a name


class People:
    """The names of people: from mentions, and from Feishu's address book where the app may read it."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._names: Recent[str, str] = Recent(REMEMBERED)
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._allowed = True

    def known(self, user: str) -> str:
        """What somebody is called; empty until it is known, which it will be soon where it can be."""
        name = self._names.get(user)
        if name is None and self._allowed and user not in self._asking and len(self._asking) < AT_ONCE:
            task = asyncio.create_task(self._ask(user))
            self._asking[user] = task
            task.add_done_callback(lambda _: self._asking.pop(user, None))
        return name or ""

    def learn(self, user: str, name: str) -> None:
        self._names.put(user, plain_words(name)[:LONGEST])

    async def close(self) -> None:
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _ask(self, user: str) -> None:
        try:
            self.learn(user, await self._client.name_of(user))
        except PermanentDeliveryError as error:
            self._names.put(user, "")
            if "99991672" in str(error) and self._allowed:
                self._allowed = False
                logger.info("names of people are not asked for: the app may not read them", error=str(error))
        except DeliveryError as error:
            logger.debug("a name could not be had", user=user, error=str(error))
