"""Sending: a part becomes a message of Feishu, a reply in a thread, an edit, or a file."""

import asyncio
import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import orjson

from channels.feishu.client import LONGEST_UUID, Client
from channels.feishu.intake import Ours
from channels.feishu.memory import Recent
from channels.feishu.refusals import FixedError, GoneError
from channels.feishu.render import CARD, TEXT, as_card, marked, words_of
from channels.files import FILE, open_file
from gateway.errors import (
    AmbiguousDeliveryError,
    FormattingRefusedError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from gateway.messages import Json, Parcel

LARGEST_PICTURE = 10_000_000  # bytes: https://open.feishu.cn/document/server-docs/im-v1/image/create
LARGEST_FILE = 30_000_000  # bytes: https://open.feishu.cn/document/server-docs/im-v1/file/create
UNKNOWN = ""  # kind of a message that is to be replaced: it is tried as a card, which nearly all of them are
PICTURES = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif", "image/bmp", "image/tiff"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Written:
    """A message as it is sent."""

    kind: str
    content: str
    reply_to: str = ""


class Sender:
    """Sends the parcels of one app, and remembers what it said where."""

    def __init__(self, client: Client, ours: Recent[str, Ours], workspace: Path) -> None:
        self._client = client
        self._ours = ours
        self._workspace = workspace

    async def send(self, parcel: Parcel) -> str:
        """As `Carrier.send` says."""
        payload = parcel.payload
        if FILE in payload:
            return await self._new(parcel, await self._uploaded(payload))
        if parcel.edits:
            try:
                await self._edit(parcel.edits, payload)
            except FixedError:  # it cannot be replaced: what there is to say is said anew
                if parcel.passing:
                    raise
            else:
                self._remember(parcel.edits, payload["type"], words_of(payload))
                return parcel.edits
        shown = marked(payload) if parcel.repeat else payload
        written = _Written(kind=shown["type"], content=shown["content"], reply_to=shown.get("reply_to", ""))
        sent = await self._new(parcel, written)
        self._remember(sent, payload["type"], words_of(payload))
        return sent

    # -- new messages -------------------------------------------------------------------------------------

    async def _new(self, parcel: Parcel, written: _Written) -> str:
        """In its thread if it has one: under what it answers, or at least under the first message there."""
        address = parcel.address
        # What is marked as a repeat has other words, and so another id: Feishu has forgotten the first by then.
        uuid = uuid_of(f"{parcel.id}/again" if parcel.repeat else parcel.id)
        if not address.thread:
            return await self._client.send(address.chat, written.kind, written.content, uuid=uuid)
        if written.reply_to and written.reply_to != address.thread:
            with suppress(GoneError):  # certainly not sent
                return await self._client.reply(written.reply_to, written.kind, written.content, uuid=uuid)
        return await self._client.reply(address.thread, written.kind, written.content, uuid=uuid)

    def _remember(self, message: str, kind: str, words: str) -> None:
        self._ours.put(message, Ours(kind=kind, words=words[:2_000]))

    # -- edits --------------------------------------------------------------------------------------------

    async def _edit(self, message: str, payload: Mapping[str, Json]) -> None:
        """An edit that is made twice is seen once, so a repeat needs no sign."""
        was, kind = await self._kind_of(message), payload["type"]
        if was in {CARD, UNKNOWN}:
            content = as_card(payload) if kind == TEXT else payload["content"]
            try:
                await self._client.edit(message, CARD, content)
            except FormattingRefusedError as error:
                raise (error if was == CARD else FixedError(str(error))) from error
        elif kind == CARD:
            raise FormattingRefusedError("Feishu: a card cannot take the place of what is none")
        else:
            await self._client.edit(message, kind, payload["content"])

    async def _kind_of(self, message: str) -> str:
        if ours := self._ours.get(message):
            return ours.kind
        try:
            return (await self._client.message(message)).kind
        except GoneError as error:
            raise FixedError(str(error)) from error
        except AmbiguousDeliveryError as error:
            raise TransientDeliveryError(str(error)) from error  # nothing was changed by asking
        except PermanentDeliveryError:  # the app may write messages, and not read them
            return UNKNOWN

    # -- files --------------------------------------------------------------------------------------------

    async def _uploaded(self, payload: Mapping[str, Json]) -> _Written:
        """The file, brought to Feishu. PermanentDeliveryError, by its name, where it is too large."""
        described, data = payload[FILE], await asyncio.to_thread(self._read, payload)
        name = str(described["name"])
        if described.get("media_type") in PICTURES and len(data) <= LARGEST_PICTURE:
            form = {"image_type": "message", "image": (name, data)}
            key = await self._client.upload("images", "image_key", form)
            return _written("image", {"image_key": key}, payload)
        voice = described.get("kind") == "voice" and name.lower().endswith(".opus")
        form = {"file_type": "opus" if voice else "stream", "file_name": name, "file": (name, data)}
        key = await self._client.upload("files", "file_key", form)
        return _written("audio" if voice else "file", {"file_key": key}, payload)

    def _read(self, payload: Mapping[str, Json]) -> bytes:
        name = payload[FILE]["name"]
        with open_file(self._workspace, payload) as file:
            data = file.read(LARGEST_FILE + 1)
        if not data:
            raise PermanentDeliveryError(f"the file {name} is empty, and Feishu takes no empty files")
        if len(data) > LARGEST_FILE:
            raise PermanentDeliveryError(f"the file {name} is larger than the 30 MB that Feishu takes")
        return data


def _written(kind: str, content: Json, payload: Mapping[str, Json]) -> _Written:
    return _Written(kind=kind, content=orjson.dumps(content).decode(), reply_to=payload.get("reply_to", ""))


def uuid_of(parcel: str) -> str:
    """The parcel's id as Feishu takes it: requests with the same one are one message."""
    if len(parcel) <= LONGEST_UUID and parcel.isascii() and parcel.isprintable():
        return parcel
    return hashlib.sha256(parcel.encode()).hexdigest()[:40]
