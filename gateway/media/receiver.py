"""Receiver: fetches the files that came with a message into the workspace, and has voices written down."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import BinaryIO, Protocol

import structlog

from gateway import durations
from gateway.agent.arrivals import Arrived
from gateway.clock import Clock
from gateway.errors import DeliveryError, MediaError, TransientDeliveryError
from gateway.media import kinds, naming, sizes
from gateway.media.notes import Taken, told
from gateway.media.workspace import Workspace
from gateway.messages import Attachment, InboundMessage, Media

logger = structlog.get_logger()

AT_ONCE = 4  # files of one channel
MOST = 20  # files of one message
FETCH_TIMEOUT = timedelta(minutes=2)  # of one file
PAUSES = (timedelta(seconds=1), timedelta(seconds=3))  # before a platform is asked again for the same file
LONGEST_PAUSE = timedelta(seconds=10)  # a platform that asks for more patience is not waited for


class Source(Protocol):
    """Where a channel's files are."""

    async def fetch(self, source: str, sink: BinaryIO, *, limit: int) -> None:
        """Write the file into `sink`: MediaError where it cannot be had, TransientDeliveryError to ask again."""


class Transcriber(Protocol):
    """Who listens to voice."""

    async def write_down(self, file: BinaryIO, name: str, media_type: str) -> str:
        """The words of the recording; MediaError, as the rest of a sentence that begins with its name."""


class Receiver:
    """`Arrivals` over a workspace."""

    def __init__(
        self,
        workspace: Workspace,
        clock: Clock,
        *,
        source_of: Callable[[str], Source | None],
        largest: int,
        transcriber: Transcriber | None = None,
        vision: bool = False,
    ) -> None:
        """`source_of`: by a channel's name. `largest`: bytes of one file. `vision`: the model sees pictures."""
        self._workspace = workspace
        self._clock = clock
        self._source_of = source_of
        self._largest = largest
        self._transcriber = transcriber
        self._vision = vision
        self._places: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))

    async def arrived(self, message: InboundMessage, seq: int) -> Arrived:
        """Keep the files of the message, which is the row `seq` of the inbox; the note says what could not be."""
        async with asyncio.TaskGroup() as tasks:
            taking = [
                tasks.create_task(self._take(message, seq, n, one)) for n, one in enumerate(message.attachments)
            ]
        return told([task.result() for task in taking], vision=self._vision)

    async def _take(self, message: InboundMessage, seq: int, n: int, one: Attachment) -> Taken:
        """What became of one file; nothing that is wrong with it is wrong with the message."""
        taken = Taken(attachment=one, name=kinds.name_of(one), size=one.size)
        try:
            if n >= MOST:
                raise MediaError(f"was left out: a message may bring {MOST} files")
            async with self._places[message.channel]:
                kept = await self._kept(message, seq, n, taken)
            return await self._heard(kept) if one.kind is Media.VOICE else await self._seen(kept)
        except MediaError as error:
            return replace(taken, trouble=str(error))
        except Exception:
            logger.exception("a file that came could not be kept", channel=message.channel)
            return replace(taken, trouble="could not be kept: something went wrong here")

    async def _kept(self, message: InboundMessage, seq: int, n: int, taken: Taken) -> Taken:
        """The file in the workspace: it is there already after a replay."""
        one = taken.attachment
        if not one.source:
            size = await self._size(one.path)
            if size is None:
                raise MediaError("is not there")
            return replace(taken, path=one.path, size=size)
        path = naming.received_at(message.received_at, message.address.owner, seq, n, taken.name)
        size = await self._size(path)
        if size is None or (one.size and size != one.size):
            await self._fetched(message.channel, one, path)
            size = await self._size(path)
        return replace(taken, path=path, size=size or 0)

    async def _fetched(self, channel: str, one: Attachment, path: str) -> None:
        source = self._source_of(channel)
        if source is None:
            raise MediaError("could not be had: this channel hands out no files")
        if one.size > self._largest:
            raise MediaError(f"is too large: {sizes.words(self._largest)} at most")
        try:
            async with self._clock.timeout(FETCH_TIMEOUT):
                await self._tried(source, one.source, path)
        except TimeoutError:
            waited = durations.to_text(FETCH_TIMEOUT)
            raise MediaError(f"could not be had: it did not come within {waited}") from None
        except DeliveryError as error:
            raise MediaError(f"could not be had: {error}") from error

    async def _tried(self, source: Source, handle: str, path: str) -> None:
        """Ask a few times where that may help."""
        for pause in PAUSES:
            try:
                return await self._once(source, handle, path)
            except TransientDeliveryError as error:
                wait = error.retry_after or pause
                if wait > LONGEST_PAUSE:
                    raise
                logger.warning("a file is asked for again", error=str(error))
            await self._clock.sleep(wait)
        return await self._once(source, handle, path)

    async def _once(self, source: Source, handle: str, path: str) -> None:
        try:
            async with _in_threads(self._workspace.writing(path, limit=self._largest)) as sink:
                await source.fetch(handle, sink, limit=self._largest)
        except MediaError as error:
            why = str(error).removeprefix(f"{path}: ")  # where it would have been tells nobody anything
            raise MediaError(why if why.startswith("is ") else f"could not be had: {why}") from error

    async def _heard(self, kept: Taken) -> Taken:
        if self._transcriber is None:
            return replace(kept, unheard=True)
        try:
            with await asyncio.to_thread(self._workspace.open, kept.path) as file:
                words = await self._transcriber.write_down(
                    file, naming.safe(kept.name), kept.attachment.media_type
                )
        except MediaError as error:
            return replace(kept, trouble=str(error))
        return replace(kept, spoken=words)

    async def _seen(self, kept: Taken) -> Taken:
        head = await asyncio.to_thread(self._head, kept.path)
        return replace(kept, picture=bool(kinds.picture_type(head)))

    def _head(self, path: str) -> bytes:
        with self._workspace.open(path) as file:
            return file.read(kinds.HEAD)

    async def _size(self, path: str) -> int | None:
        return await asyncio.to_thread(self._workspace.size, path)


@asynccontextmanager
async def _in_threads(writing: AbstractContextManager[BinaryIO]) -> AsyncIterator[BinaryIO]:
    """The same, opened and closed in threads: a slow disk that must be sure of 20 MB holds up no chat."""
    sink = await asyncio.to_thread(writing.__enter__)
    try:
        yield sink
    except BaseException as error:
        await asyncio.to_thread(writing.__exit__, type(error), error, error.__traceback__)
        raise
    await asyncio.to_thread(writing.__exit__, None, None, None)
