"""Feishu's webhooks: what it posts, encrypted and signed as it does it, and forged on request.

Sources: lark_oapi/event/dispatcher_handler.py and core/utils/decryptor.py of lark-oapi 1.7.5 (AES-256-CBC with the
SHA-256 of the key, the IV before the ciphertext, PKCS#7, base64 in {"encrypt": …}; the signature is the SHA-256 of
timestamp, nonce, key and the raw body; url_verification carries no signature), and the event guide of
open.feishu.cn/document/ukTMukTMukTM/uYDNxYjL2QTM24iN0EjN (answer within 3 s, a challenge within 1 s).
"""

import base64
import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
import orjson
from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tests.servers.feishu_records import Event, Json
from tests.servers.feishu_world import LATE

if TYPE_CHECKING:
    from tests.servers.feishu import FeishuServer

CHALLENGE = "ajls384kdjx98XX"
CHALLENGE_WITHIN = 1.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One POST to a webhook."""

    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a webhook said."""

    status: int
    body: bytes
    headers: dict[str, str]

    def json(self) -> Json:
        return orjson.loads(self.body)


def encrypt(plain: bytes, key: str, vector: bytes = b"") -> str:
    """What stands in `encrypt`."""
    vector = vector or os.urandom(16)
    padder = padding.PKCS7(128).padder()
    padded = padder.update(plain) + padder.finalize()
    cipher = Cipher(algorithms.AES(hashlib.sha256(key.encode()).digest()), modes.CBC(vector)).encryptor()
    return base64.b64encode(vector + cipher.update(padded) + cipher.finalize()).decode()


def sign(body: bytes, key: str, timestamp: str, nonce: str) -> str:
    """What stands in X-Lark-Signature."""
    return hashlib.sha256((timestamp + nonce + key).encode() + body).hexdigest()


class Hooks:
    """Posts to webhooks, of this server's app."""

    def __init__(self, server: "FeishuServer") -> None:
        self._server = server
        self._url = ""
        self._http: aiohttp.ClientSession | None = None

    def hook(self, url: str = "") -> None:
        """Push events to this address from now on; empty: over the long connection again."""
        self._url = url
        if url:
            self._server.push_waiting()

    def build(
        self,
        plain: bytes,
        *,
        key: str | None = None,
        encrypted: bool = True,
        signed: bool = True,
        age: float = 0.0,
        nonce: str = "",
        headers: dict[str, str] | None = None,
    ) -> Post:
        """The POST of an event; another key, no signature, an age in seconds or other headers forge it."""
        used = self._server.encrypt_key if key is None else key
        body = orjson.dumps({"encrypt": encrypt(plain, used)}) if encrypted else plain
        made = {"Content-Type": "application/json; charset=utf-8"}
        if signed:
            timestamp = str(int(self._server.now() - age))
            nonce = nonce or self._server.fresh("")
            made["X-Lark-Request-Timestamp"] = timestamp
            made["X-Lark-Request-Nonce"] = nonce
            made["X-Lark-Signature"] = sign(body, used, timestamp, nonce)
        return Post(body=body, headers=made | (headers or {}))

    async def post_event(self, url: str, event: str | Json, **forged: Json) -> Answer:
        """Post an event of this server (by its id), or any JSON, once; `forged` are the options of `build`."""
        plain = self._server.events[event].body if isinstance(event, str) else orjson.dumps(event)
        return await self.post(url, self.build(plain, **forged))

    async def verify_url(self, url: str, *, token: str | None = None, **forged: Json) -> Answer:
        """Post the url_verification; a good answer has `CHALLENGE` in it, and comes within a second."""
        asked = {
            "challenge": CHALLENGE,
            "token": self._server.verification_token if token is None else token,
            "type": "url_verification",
        }
        post = self.build(orjson.dumps(asked), **({"signed": False} | forged))
        return await self.post(url, post, within=CHALLENGE_WITHIN)

    async def post(self, url: str, post: Post, *, within: float = LATE) -> Answer:
        """Send it; TimeoutError when there is no answer in time."""
        if self._http is None:
            self._http = aiohttp.ClientSession()
        limit = aiohttp.ClientTimeout(total=within)
        async with self._http.post(url, data=post.body, headers=post.headers, timeout=limit) as response:
            return Answer(status=response.status, body=await response.read(), headers=dict(response.headers))

    def give(self, event: Event) -> bool:
        """Push an event to the address of `hook`."""
        if not self._url:
            return False
        self._server.later(self._push(event))
        return True

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()

    async def _push(self, event: Event) -> None:
        try:
            answer = await self.post(self._url, self.build(event.body))
        except (aiohttp.ClientError, TimeoutError):
            return  # it comes again
        data = (
            answer.json() if answer.status == 200 and event.kind == "card.action.trigger" and answer.body else None
        )
        self._server.take_ack(event, answer.status, data)
