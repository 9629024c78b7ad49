"""Flow: what joins a person's turn, and what its chat is shown while it works; the parts for it, built here."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog

from channels.base import Editing, Reacting, Signing
from gateway.agent.arrivals import Arrivals
from gateway.agent.draft import Drafts, Rhythm
from gateway.agent.joining import Joining, Rules, Waiting
from gateway.agent.journal import Claim
from gateway.agent.model import UserText
from gateway.agent.person import Surroundings
from gateway.chats import Chats
from gateway.config import Config
from gateway.database.writer import Database
from gateway.errors import DeliveryError, TransientDeliveryError
from gateway.messages import ChatAddress, InboundMessage
from gateway.outbox.delivery import Outbox
from gateway.outbox.line import Line
from gateway.outbox.pace import Paces
from gateway.outbox.port import Paced
from gateway.presence import Presence
from gateway.setup import Setup
from gateway.tools.message import Say
from gateway.waiting import CONSOLE

logger = structlog.get_logger()

SHARE = 2  # of what a chat's windows allow, edits use one in so many: the end of an answer finds room


class Flow:
    """How messages of people become turns, and how these look while they work."""

    def __init__(
        self,
        setup: Setup,
        *,
        database: Database,
        outbox: Outbox,
        chats: Chats,
        say: Say,
        spawn: Callable[[Coroutine[None, None, None]], asyncio.Task[None]],
    ) -> None:
        self._setup = setup
        self._database = database
        self._outbox = outbox
        self._chats = chats
        self.drafts = Drafts(
            say,
            setup.clock,
            rhythm=self._rhythm,
            fits=lambda message: len(outbox.render(message)) <= 1,
            spawn=spawn,
        )
        self.presence = Presence(self._sign, setup.clock)
        self._seen: asyncio.Queue[tuple[Reacting, InboundMessage]] = asyncio.Queue()  # to be acknowledged
        self.loops = (self.presence.run, self.drafts.run, self._react_to_all)

    def around(
        self,
        *,
        waiting: Waiting,
        arrivals: Arrivals,
        words: Callable[[InboundMessage], UserText],
        until_written: Callable[[Callable[[], Awaitable[object]]], Awaitable[None]],
    ) -> Surroundings:
        """What the turns of people have around them."""
        joining = Joining(
            waiting=waiting,
            database=self._database,
            clock=self._setup.clock,
            arrivals=arrivals,
            words=words,
            until_written=until_written,
            rules=rules_of(self._setup.config, self._chats),
        )
        return Surroundings(joining=joining, drafts=self.drafts, model_of=self._model_of)

    @contextmanager
    def working(self, claim: Claim) -> Iterator[None]:
        """Inside, a person's turn is worked on, and its chat can see that."""
        if not claim.again:
            self._acknowledge(claim.message)
        with self.presence.working(claim.turn, claim.message.address):
            yield

    # -- inside -------------------------------------------------------------------------------------------

    def _model_of(self, address: ChatAddress) -> str:
        """The model that was chosen in the chat, if it is still offered."""
        chosen = self._chats.model(address)
        return chosen if chosen in self._setup.config.model.choices else ""

    def _rhythm(self, address: ChatAddress) -> Rhythm | None:
        channel, config = self._setup.channels.get(address.channel), self._setup.config
        if not isinstance(channel, Editing):
            return None
        paces = channel.paces if isinstance(channel, Paced) else Paces()
        section = config.channels.get(address.channel)
        stream = config.agent.stream if section is None or section.stream is None else section.stream
        return Rhythm(
            stream=stream,
            progress=config.agent.progress and config.model.provider != "offline",
            every=max(channel.edits_every, SHARE * pause_of(paces, address.chat)),
        )

    def _acknowledge(self, message: InboundMessage) -> None:
        """Only asked for: an answer does not wait for it."""
        section = self._setup.config.channels.get(message.address.channel)
        channel = self._setup.channels.get(message.address.channel)
        if section is not None and section.react and message.message_id and isinstance(channel, Reacting):
            self._seen.put_nowait((channel, message))

    async def _react_to_all(self) -> None:
        """For ever; the end of this loop is that of the reactions under way."""
        async with asyncio.TaskGroup() as reactions:
            while True:
                channel, message = await self._seen.get()
                reactions.create_task(self._react(channel, message))

    async def _react(self, channel: Reacting, message: InboundMessage) -> None:
        address = message.address
        line = self._begin(address)
        if line is None:
            return
        try:
            await channel.react(address, message.message_id)
        except DeliveryError as error:
            if isinstance(error, TransientDeliveryError) and error.retry_after is not None:
                line.close_for(address.chat, error.retry_after)
            logger.debug("a message was not acknowledged", chat=str(address), error=str(error))
        except Exception:
            logger.exception("a channel failed in a way of its own", channel=message.address.channel)

    async def _sign(self, address: ChatAddress) -> None:
        channel = self._setup.channels.get(address.channel)
        if isinstance(channel, Signing) and self._begin(address) is not None:
            await channel.sign(address)

    def _begin(self, address: ChatAddress) -> Line | None:
        """A call that only shows something begins: it has its place among those of the account.

        None while there is no place, or words wait for one, or the chat is to be left alone: nothing is shown.
        """
        line = self._outbox.lines.get(address.channel)
        if line is None or line.halted or line.closed_for(address.chat) is not None or not line.take_place():
            return None
        line.begin()
        return line


def rules_of(config: Config, chats: Chats) -> Rules:
    """What joins a turn. The offline assistant answers each message by itself: it reads no two at once."""
    offline = config.model.provider == "offline"
    return Rules(
        debounce=timedelta() if offline else config.agent.debounce,
        steer=config.agent.steer and not offline,
        alone=lambda message: message.channel == CONSOLE,  # a terminal waits for the turn of its own line
        begins=chats.begins,
    )


def pause_of(paces: Paces, chat: str) -> timedelta:
    """The pause between two sends at which no window of the chat ever fills up."""
    return timedelta(seconds=max((one.seconds / one.count for one in paces.of_chat(chat)), default=0.0))
