"""Files to and from Telegram, read and written piece by piece."""

import asyncio
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

from telegram import InputFile, InputMediaDocument, InputMediaPhoto

from channels.files import FILE, open_file
from channels.telegram.client import Client, reply_of, thread_of
from channels.telegram.forms import DOCUMENT, HEAD, PHOTO, Form, form_of
from channels.telegram.refusals import UnfitError, our_errors
from channels.telegram.render import MORE, REPEAT
from gateway.errors import (
    AmbiguousDeliveryError,
    CredentialsRefusedError,
    MediaError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from gateway.messages import ChatAddress, Json

GONE = "is not on Telegram any more"
TOO_LARGE = "is too large: 20 MB at most is what Telegram gives to bots"
"""https://core.telegram.org/bots/api#getfile"""


class Transfer:
    """Uploads and downloads of one bot."""

    def __init__(self, client: Client, workspace: Path) -> None:
        self._client = client
        self._workspace = workspace

    # -- out ----------------------------------------------------------------------------------------------

    async def send(self, address: ChatAddress, payload: Mapping[str, Json], *, repeat: bool) -> str:
        """Send the file of a part, or its album; the id of the message, of an album the first one's.

        What Telegram refuses as a picture or a voice is sent as a document, which is certainly no repeat.
        """
        files = [payload[FILE], *payload.get(MORE, ())]
        forms = await asyncio.to_thread(self._forms, files)
        if len(files) > 1 and any(form is not PHOTO for form in forms):
            forms = [DOCUMENT] * len(files)  # an album is of one kind
        try:
            return await self._upload(address, payload, files, forms, repeat=repeat)
        except UnfitError:
            if all(form is DOCUMENT for form in forms):
                raise
        return await self._upload(address, payload, files, [DOCUMENT] * len(files), repeat=repeat)

    def _forms(self, files: Sequence[Json]) -> list[Form]:
        return [self._form(file) for file in files]

    def _form(self, file: Json) -> Form:
        with open_file(self._workspace, {FILE: file}) as opened:
            size = os.fstat(opened.fileno()).st_size
            return form_of(file["media_type"], size, opened.read(HEAD))

    async def _upload(
        self,
        address: ChatAddress,
        payload: Mapping[str, Json],
        files: Sequence[Json],
        forms: Sequence[Form],
        *,
        repeat: bool,
    ) -> str:
        opened = await asyncio.to_thread(self._open, files)
        with _closing(opened):
            uploads = [
                InputFile(one, filename=file["name"], attach=len(files) > 1, read_file_handle=False)
                for one, file in zip(opened, files, strict=True)
            ]
            caption = REPEAT.strip() if repeat else None
            if len(files) == 1:
                content = {forms[0].kind: uploads[0], "caption": caption}
                return await self._ask(forms[0].method, address, payload, content)
            item = InputMediaDocument if forms[0] is DOCUMENT else InputMediaPhoto
            media = [item(one, caption=None if n else caption) for n, one in enumerate(uploads)]
            return await self._ask("SendMediaGroup", address, payload, {"media": media})

    def _open(self, files: Sequence[Json]) -> list[BinaryIO]:
        opened: list[BinaryIO] = []
        try:
            opened += (open_file(self._workspace, {FILE: file}) for file in files)
        except PermanentDeliveryError:
            for one in opened:
                one.close()
            raise
        return opened

    async def _ask(
        self, method: str, address: ChatAddress, payload: Mapping[str, Json], content: Mapping[str, Json]
    ) -> str:
        async with our_errors():
            sent = await self._client.call(
                method,
                wait=self._client.waits.file,
                chat_id=address.chat,
                message_thread_id=thread_of(address),
                reply_parameters=reply_of(payload),
                **content,
            )
            return str((sent[0] if isinstance(sent, list) else sent)["message_id"])

    # -- in -----------------------------------------------------------------------------------------------

    async def fetch(self, source: str, sink: BinaryIO, *, limit: int) -> None:
        """Write the file of this id into `sink`; as `Fetching.fetch` says."""
        with _reading():
            status = await self._client.download(await self._path(source), sink, limit=limit)
        if status == HTTPStatus.OK:
            return
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TransientDeliveryError(f"Telegram did not give the file (it answered {status})")
        raise MediaError(GONE)

    async def _path(self, source: str) -> str:
        """Where the file lies for an hour."""
        try:
            async with our_errors():
                path = (await self._client.call("GetFile", file_id=source)).get("file_path", "")
        except CredentialsRefusedError:
            raise
        except PermanentDeliveryError as error:
            raise MediaError(TOO_LARGE if "too big" in str(error).lower() else GONE) from error
        if not path or path.startswith("/") or ".." in path.split("/"):
            # A Bot API server of one's own that runs with --local names a file of its own disk.
            raise MediaError("cannot be had: this Bot API server keeps files to itself (it runs with --local)")
        return str(path)


@contextmanager
def _closing(files: Sequence[BinaryIO]) -> Iterator[None]:
    try:
        yield
    finally:
        for one in files:
            one.close()


@contextmanager
def _reading() -> Iterator[None]:
    """Nothing is changed by reading: where an answer was lost, it may be asked for again."""
    try:
        yield
    except AmbiguousDeliveryError as error:
        raise TransientDeliveryError(str(error)) from error
