"""Feishu's Open API as the channel uses it: one call each, and its refusals as our errors."""

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO

import orjson

from channels.feishu.http import WAITS, Http, Request, Waits, asked_for
from channels.feishu.refusals import (
    TOKEN,
    FixedError,
    GoneError,
    Refusal,
    error_of,
    error_of_edit,
    plain_words,
)
from channels.feishu.tokens import Tokens
from gateway.clock import Clock
from gateway.errors import (
    AmbiguousDeliveryError,
    CredentialsRefusedError,
    DeliveryError,
    MediaError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from gateway.messages import Json

IM = "/open-apis/im/v1"
LONGEST_UUID = 50
"""Characters; requests with the same one within an hour are one message (…/im-v1/message/create)."""

PERSON = "ou_"
"""What the id of a person begins with: an owner is told in the private chat, known by who that is."""

ID = re.compile(r"[\w-]{1,128}", re.ASCII)
CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the bot is."""

    id: str  # open_id
    name: str
    app: str
    active: bool  # the app is published, and the bot can be used


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is known of a message."""

    sender: str  # the open_id of a person, the app_id of an app
    kind: str  # text, post, interactive, …
    content: str  # JSON, as Feishu keeps it
    root: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatInfo:
    """What is known of a chat."""

    group: bool
    admins: frozenset[str]  # open_ids of its owner and managers
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Where the long connection is to be made, and what the endpoint says about it; seconds."""

    url: str = field(repr=False)  # with a ticket
    config: Json  # ClientConfig, as it came


class LineRefusedError(TransientDeliveryError):
    """The endpoint gives no address for the long connection now."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"Feishu gives no long connection: {words} ({code})")
        self.code = code


FORBIDDEN = 403
WRONG = frozenset({514, 1000040344, 1000040346})
TOO_MANY = 1000040350
"""Codes of the endpoint: github.com/larksuite/oapi-sdk-go, ws/const.go; the last two as seen in
github.com/chenhg5/cc-connect/issues/312 and github.com/mateaix/mateclaw/issues/85."""


class Client:
    """One app's calls. It repeats none, but one whose token was refused: that was certainly not carried out."""

    def __init__(self, app_id: str, app_secret: str, *, api_base: str, clock: Clock, waits: Waits = WAITS) -> None:
        self.app_id = app_id
        self.waits = waits
        self.http = Http(api_base, waits)
        self._secret = app_secret
        self._tokens = Tokens(self.http, app_id, app_secret, clock)

    async def close(self) -> None:
        """Close the connections; the next call opens them again."""
        await self.http.close()

    def ahead(self, now: datetime) -> timedelta:
        """How far our clock is ahead of Feishu's, by its last answer."""
        return self.http.ahead(now)

    # -- who, where ---------------------------------------------------------------------------------------

    async def identify(self) -> Identity:
        """Who we are; CredentialsRefusedError when the secret is wrong."""
        answer = await self._call(Request(method="GET", path="/open-apis/bot/v3/info"))
        bot = _table(answer.get("bot"))
        if not _text(bot, "open_id"):  # without an id of our own, nobody could be told from us
            raise PermanentDeliveryError("Feishu: the answer names no bot")
        return Identity(
            id=_text(bot, "open_id"),
            name=_text(bot, "app_name"),
            app=self.app_id,
            active=bot.get("activate_status") == 2,
        )

    async def line(self) -> Line:
        """Where to make the long connection. LineRefusedError or CredentialsRefusedError."""
        body = {"AppID": self.app_id, "AppSecret": self._secret}
        request = Request(method="POST", path="/callback/ws/endpoint", body=body)
        answer = await self.http.ask(request)
        if isinstance(answer, Refusal):
            raise no_line(answer)
        data = _table(answer.get("data"))
        url = data.get("URL")
        if not isinstance(url, str) or not url.startswith(("ws://", "wss://")):
            raise LineRefusedError(0, "the answer has no address")
        return Line(url=url, config=data.get("ClientConfig"))

    async def chat(self, chat: str) -> ChatInfo:
        """A chat, as Feishu knows it now; needs one of the scopes im:chat, im:chat:readonly."""
        query = {"user_id_type": "open_id"}
        request = Request(method="GET", path=f"{IM}/chats/{_id(chat)}", query=query)
        data = _table((await self._call(request)).get("data"))
        managers = data.get("user_manager_id_list")
        admins = [data.get("owner_id"), *(managers if isinstance(managers, list) else [])]
        return ChatInfo(
            group=data.get("chat_mode") != "p2p",
            admins=frozenset(one for one in admins if isinstance(one, str) and one),
            name=_text(data, "name"),
        )

    async def name_of(self, user: str) -> str:
        """What somebody is called; PermanentDeliveryError where the app may not know."""
        request = Request(
            method="GET", path=f"/open-apis/contact/v3/users/{_id(user)}", query={"user_id_type": "open_id"}
        )
        data = _table((await self._call(request)).get("data"))
        return _text(_table(data.get("user")), "name")

    # -- messages -----------------------------------------------------------------------------------------

    async def send(self, chat: str, kind: str, content: str, *, uuid: str) -> str:
        """A new message in a chat, or in the private chat with a person; its id."""
        body = {"receive_id": chat, "msg_type": kind, "content": content, "uuid": uuid}
        query = {"receive_id_type": "open_id" if chat.startswith(PERSON) else "chat_id"}
        return await self._sent(Request(method="POST", path=f"{IM}/messages", query=query, body=body))

    async def reply(self, to: str, kind: str, content: str, *, uuid: str) -> str:
        """A message that answers another one, and so stands in its chain or topic. GoneError when that is gone."""
        body = {"msg_type": kind, "content": content, "uuid": uuid}
        return await self._sent(Request(method="POST", path=f"{IM}/messages/{_id(to)}/reply", body=body))

    async def edit(self, message: str, kind: str, content: str) -> None:
        """Put a text, post or card in the place of one of the same kind. FixedError when that cannot be."""
        if kind == "interactive":
            request = Request(method="PATCH", path=f"{IM}/messages/{_id(message)}", body={"content": content})
        else:
            body = {"msg_type": kind, "content": content}
            request = Request(method="PUT", path=f"{IM}/messages/{_id(message)}", body=body)
        try:
            await self._call(request, refused=error_of_edit)
        except GoneError as error:
            raise FixedError(str(error)) from error

    async def message(self, message: str) -> Told:
        """A message, as it is now. GoneError when there is none."""
        request = Request(method="GET", path=f"{IM}/messages/{_id(message)}")
        items = _table((await self._call(request)).get("data")).get("items")
        found = _table(items[0]) if isinstance(items, list) and items else {}
        if not found or found.get("deleted"):
            raise GoneError("Feishu: the message is gone")
        return Told(
            sender=_text(_table(found.get("sender")), "id"),
            kind=_text(found, "msg_type"),
            content=_text(_table(found.get("body")), "content"),
            root=_text(found, "root_id"),
        )

    async def react(self, message: str, emoji: str) -> None:
        """Put a small sign under a message."""
        body = {"reaction_type": {"emoji_type": emoji}}
        path = f"{IM}/messages/{_id(message)}/reactions"
        await self._call(Request(method="POST", path=path, body=body))

    # -- files --------------------------------------------------------------------------------------------

    async def upload(self, path: str, key: str, form: Mapping[str, Json]) -> str:
        """Bring a file to Feishu, by `images` or `files`; its key. Never ambiguous: nobody sees it yet."""
        request = Request(method="POST", path=f"{IM}/{path}", form=form, timeout=self.waits.transfer)
        try:
            answer = await self._call(request)
        except AmbiguousDeliveryError as error:
            raise TransientDeliveryError(f"the upload failed: {error}") from error
        return _text(_table(answer.get("data")), key)

    async def download(self, message: str, kind: str, key: str, sink: BinaryIO, *, limit: int) -> None:
        """Write a file of a message into `sink`; `kind`: image or file. Errors as `Fetching.fetch` says."""
        request = Request(
            method="GET",
            path=f"{IM}/messages/{_id(message)}/resources/{_id(key)}",
            query={"type": kind},
            timeout=self.waits.transfer,
        )
        token = await self._tokens.get()
        try:
            async with self.http.opened(request, token) as response:
                if response.status != 200 or "json" in response.headers.get("Content-Type", ""):
                    self._cannot_fetch(response.status, response.headers, await response.read(), token)
                await _copy(response.content.iter_chunked(CHUNK), response.content_length, sink, limit)
        except AmbiguousDeliveryError as error:
            raise TransientDeliveryError(str(error)) from error

    def _cannot_fetch(self, status: int, headers: Mapping[str, str], data: bytes, token: str) -> None:
        code, words = _refused(data)
        if code in TOKEN:
            self._tokens.refused(token)
        error = error_of(Refusal(code=code, words=words, status=status, retry_after=asked_for(headers)))
        if status >= 500 or isinstance(error, TransientDeliveryError):
            raise TransientDeliveryError(str(error))
        raise MediaError(f"Feishu does not give it ({code or status}{': ' + words if words else ''})")

    # -- calls --------------------------------------------------------------------------------------------

    async def _sent(self, request: Request) -> str:
        answer = await self._call(request)
        found = _text(_table(answer.get("data")), "message_id")
        if not found:
            raise AmbiguousDeliveryError("Feishu: the answer has no id of the message")
        return found

    async def _call(self, request: Request, *, refused: Callable[[Refusal], DeliveryError] = error_of) -> Json:
        answer: Json = None
        for _ in range(2):
            token = await self._tokens.get()
            answer = await self.http.ask(request, token)
            if not isinstance(answer, Refusal):
                return answer
            if answer.code not in TOKEN:
                break
            self._tokens.refused(token)
        raise refused(answer)


def no_line(answer: Refusal) -> DeliveryError:
    """What it means that the endpoint, or the socket itself, refuses us."""
    if answer.code == FORBIDDEN:
        return CredentialsRefusedError(
            "Feishu refuses the long connection (403): the app is disabled, or does not receive events over one; "
            "turn it on in the developer console (docs/channels/feishu.md says where)"
        )
    if answer.code in WRONG:
        words = f"{answer.code}: {answer.words}"
        return CredentialsRefusedError(f"Feishu refuses the app id or its secret ({words})")
    if answer.code == TOO_MANY:
        return LineRefusedError(answer.code, "too many programs are connected as this app, 50 are the most")
    return LineRefusedError(answer.code, answer.words or "refused")


async def _copy(chunks: AsyncIterator[bytes], size: int | None, sink: BinaryIO, limit: int) -> None:
    too_large = MediaError(f"it is larger than {limit / 1_000_000:g} MB")
    if size is not None and size > limit:
        raise too_large
    written = 0
    async for chunk in chunks:
        written += len(chunk)
        if written > limit:
            raise too_large
        sink.write(chunk)


def _refused(data: bytes) -> tuple[int, str]:
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        found = None
    table = _table(found)
    code = table.get("code")
    return code if isinstance(code, int) else 0, plain_words(table.get("msg", ""))


def _table(found: Json) -> dict[str, Json]:
    """What should be a table, also where it is not."""
    return found if isinstance(found, dict) else {}


def _text(table: Mapping[str, Json], key: str) -> str:
    value = table.get(key)
    return value if isinstance(value, str) else ""


def _id(given: str) -> str:
    """An id as a piece of a path: strangers write ids, too."""
    if not ID.fullmatch(given):
        raise PermanentDeliveryError("Feishu: that is no id")
    return given
