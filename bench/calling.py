"""The same platforms, calling the gateway's webhooks instead: signed, one request for each event."""

import asyncio
import hashlib
import hmac
import time
from abc import abstractmethod
from collections.abc import Mapping

import aiohttp
import orjson

from bench.feeding import SECRET
from bench.platforms import Feishu, Platform, Slack, Telegram
from tests.servers.feishu_hooks import encrypt, sign

AT_ONCE = 256  # requests under way


class Calling(Platform):
    """Events go to `address`; an answer of 200 is their ack."""

    def __init__(self) -> None:
        super().__init__()
        self._http: aiohttp.ClientSession | None = None
        self._under_way: set[asyncio.Task[None]] = set()

    @property
    def listened(self) -> bool:
        return bool(self.address)

    @abstractmethod
    def request(self, name: str, text: str, person: int) -> tuple[bytes, Mapping[str, str]]:
        """Body and headers of an event."""

    async def tell(self, name: str, text: str, person: int) -> None:
        task = asyncio.create_task(self._post(name, *self.request(name, text, person)))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _post(self, name: str, body: bytes, headers: Mapping[str, str]) -> None:
        if self._http is None:
            self._http = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE))
        whole = {"Content-Type": "application/json", **headers}
        async with self._http.post(self.address, data=body, headers=whole) as answer:
            await answer.read()
            if answer.status == 200:
                self.ack(name)


class CallingSlack(Calling, Slack):
    """Mode http."""

    def request(self, name: str, text: str, person: int) -> tuple[bytes, Mapping[str, str]]:
        body, at = orjson.dumps(self.event(name, text, person)), str(int(time.time()))
        signature = hmac.new(SECRET.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()
        return body, {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={signature}"}


class CallingFeishu(Calling, Feishu):
    """Mode webhook: encrypted and signed."""

    def request(self, name: str, text: str, person: int) -> tuple[bytes, Mapping[str, str]]:
        body = orjson.dumps({"encrypt": encrypt(self.event(name, text, person), SECRET)})
        at = str(int(time.time()))
        return body, {
            "X-Lark-Request-Timestamp": at,
            "X-Lark-Request-Nonce": name,
            "X-Lark-Signature": sign(body, SECRET, at, name),
        }


class CallingTelegram(Calling, Telegram):
    """Mode webhook, with its secret token."""

    def request(self, name: str, text: str, person: int) -> tuple[bytes, Mapping[str, str]]:
        return self.event(name, text, person), {"X-Telegram-Bot-Api-Secret-Token": SECRET}
