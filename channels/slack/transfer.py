"""Files to and from Slack. The bot's token goes to Slack's own hosts and nowhere else."""

import asyncio
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

import aiohttp

from channels.files import FILE, open_file
from channels.slack.api import CONNECT_TIMEOUT, our_errors
from channels.slack.client import Client
from channels.slack.history import reading
from channels.slack.refusals import RefusedError
from channels.slack.render import REPEAT
from channels.slack.words import table_of, tables_of, text_of
from gateway.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    MediaError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from gateway.messages import Json, Parcel

FILE_HOSTS = frozenset({"files.slack.com"})
CHUNK = 256 * 1024
TRANSFER_SECONDS = 300
MOST_PLACED = 1_000

GONE = "the file is not on Slack any more"
UNREADABLE = "the bot may not read files here: it needs the scope files:read"


class Transfer:
    """Uploads and downloads of one bot."""

    def __init__(self, client: Client, workspace: Path) -> None:
        self._client = client
        self._workspace = workspace
        self._placed: OrderedDict[str, str] = OrderedDict()  # files of parcels that were, or may have been, shared
        base = urlsplit(client.api.base)
        self._hosts = FILE_HOSTS | {base.netloc}
        self._schemes = {"https", base.scheme}

    # -- out ----------------------------------------------------------------------------------------------

    async def send(self, parcel: Parcel) -> str:
        """Upload the file of a part and share it; its id on Slack.

        Until it is shared nobody sees it: only the last call can be ambiguous.
        """
        name = text_of(parcel.payload[FILE], "name")
        file = await asyncio.to_thread(open_file, self._workspace, parcel.payload)
        try:
            identifier = await self._place(file, name)
        except AmbiguousDeliveryError as error:
            raise TransientDeliveryError(str(error)) from error
        finally:
            file.close()
        self._placed[parcel.id] = identifier
        if len(self._placed) > MOST_PLACED:
            self._placed.popitem(last=False)
        await self._client.call(
            "files.completeUploadExternal",
            files=[{"id": identifier, "title": name}],
            channel_id=parcel.address.chat,
            thread_ts=parcel.address.thread or None,
            initial_comment=REPEAT.strip() if parcel.repeat else None,
        )
        return identifier

    async def found(self, parcel: Parcel, messages: Sequence[Json]) -> str | None:
        """The id of the parcel's file if one of these messages of ours shares it.

        After a restart it is known by its name and size only: files carry no id of ours.
        """
        shared = [file for one in messages for file in tables_of(one, "files")]
        if known := self._placed.get(parcel.id):
            return next((known for file in shared if text_of(file, "id") == known), None)
        name, others = text_of(parcel.payload[FILE], "name"), set(self._placed.values())
        try:
            size: Json = await asyncio.to_thread(self._size, parcel)
        except DeliveryError:
            size = None  # it is not here any more: its name has to do
        alike = (file for file in shared if text_of(file, "title") == name and size in {None, file.get("size")})
        ids = (text_of(file, "id") for file in alike)
        return next((one for one in ids if one not in others), None)

    def _size(self, parcel: Parcel) -> int:
        with open_file(self._workspace, parcel.payload) as file:
            return os.fstat(file.fileno()).st_size

    async def _place(self, file: BinaryIO, name: str) -> str:
        length = os.fstat(file.fileno()).st_size
        slot = await self._client.call("files.getUploadURLExternal", filename=name, length=length)
        identifier = slot.text("file_id")
        await self._upload(slot.text("upload_url"), file, length)
        return identifier

    async def _upload(self, address: str, file: BinaryIO, length: int) -> None:
        # The address is good once and for this file: the token has no business there.
        async with (
            our_errors(),
            self._client.api.opened().post(
                address,
                data=_chunks(file),
                headers={"Content-Type": "application/octet-stream", "Content-Length": str(length)},
                allow_redirects=False,
                timeout=_timeout(),
            ) as response,
        ):
            status = response.status
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TransientDeliveryError(f"Slack did not take the file (it answered {status})")
        if status != HTTPStatus.OK:
            raise PermanentDeliveryError(f"Slack did not take the file (it answered {status})")

    # -- in -----------------------------------------------------------------------------------------------

    async def fetch(self, source: str, sink: BinaryIO, *, limit: int) -> None:
        """Write the file that `source` names, "<id> <address>", into `sink`; as `Fetching.fetch` says."""
        identifier, _, address = source.partition(" ")
        address = address or await self._address(identifier)
        parts = urlsplit(address)
        if parts.netloc not in self._hosts or parts.scheme not in self._schemes:
            raise MediaError("the file is not on Slack itself, so it was not fetched")
        with reading():
            async with our_errors():
                await self._download(address, identifier, sink, limit)

    async def _address(self, identifier: str) -> str:
        """Of a file that came without one, as those of other workspaces do."""
        file = await self._info(identifier)
        address = text_of(file, "url_private_download") or text_of(file, "url_private")
        if not address:
            raise MediaError(GONE)
        return address

    async def _info(self, identifier: str) -> Json:
        try:
            return table_of((await self._client.call("files.info", file=identifier)).body, "file")
        except RefusedError as error:
            raise MediaError(UNREADABLE if error.word == "missing_scope" else GONE) from error
        except AmbiguousDeliveryError as error:
            raise TransientDeliveryError(str(error)) from error

    async def _download(self, address: str, identifier: str, sink: BinaryIO, limit: int) -> None:
        async with self._client.api.opened().get(
            address, headers=self._client.authorization(), allow_redirects=False, timeout=_timeout()
        ) as response:
            if (
                response.status == HTTPStatus.TOO_MANY_REQUESTS
                or response.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            ):
                raise TransientDeliveryError(f"Slack did not give the file (it answered {response.status})")
            if HTTPStatus.MULTIPLE_CHOICES <= response.status < HTTPStatus.BAD_REQUEST:
                raise MediaError(UNREADABLE)  # to the page where people log in
            if response.status != HTTPStatus.OK:
                raise MediaError(GONE)
            # Who may not read a file is shown the page where people log in, as if all were well.
            if response.content_type == "text/html" and await self._is_no_page(identifier):
                raise MediaError(UNREADABLE)
            await _copy(response, sink, limit)

    async def _is_no_page(self, identifier: str) -> bool:
        return text_of(await self._info(identifier), "mimetype") != "text/html"


async def _copy(response: aiohttp.ClientResponse, sink: BinaryIO, limit: int) -> None:
    if (response.content_length or 0) > limit:
        raise _too_large(limit)
    taken = 0
    async for chunk in response.content.iter_chunked(CHUNK):
        taken += len(chunk)
        if taken > limit:
            raise _too_large(limit)
        await asyncio.to_thread(sink.write, chunk)


def _too_large(limit: int) -> MediaError:
    return MediaError(f"the file is larger than {limit / 1_000_000:g} MB")


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    while chunk := await asyncio.to_thread(file.read, CHUNK):
        yield chunk


def _timeout() -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(total=TRANSFER_SECONDS, connect=CONNECT_TIMEOUT.total_seconds())
