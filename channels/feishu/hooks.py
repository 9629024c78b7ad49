"""Events that Feishu posts to /webhooks/<name>: signed, encrypted, and taken before they are answered.

https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/request-url-configuration-case
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

import orjson
from pydantic import SecretStr

from channels.base import Call, Reply
from channels.feishu.crypt import CryptError, decrypt, is_same, is_signed
from channels.feishu.intake import Intake
from channels.feishu.payloads import loaded
from gateway.clock import Clock
from gateway.messages import Json

OLDEST = timedelta(minutes=5)
"""Between our clock and the time of a signature, in either direction."""

LONGEST_CHALLENGE = 1_000
JSON = "application/json; charset=utf-8"
UNKNOWN = Reply(status=401)
NOT_YET = Reply(status=503)
"""Who we are is not known yet: Feishu brings it again."""


class _Signature(NamedTuple):
    timestamp: str
    nonce: str
    signature: str


class Hooks:
    """Takes the calls of one app."""

    def __init__(self, intake: Intake, clock: Clock, *, encrypt_key: SecretStr, token: SecretStr) -> None:
        self._intake = intake
        self._clock = clock
        self._key = encrypt_key
        self._token = token

    async def called(self, call: Call) -> Reply:
        """As `Hooked.called` says. Only Feishu's question whether we are there may come without a signature."""
        signature = _signature(call.headers)
        if call.method != "POST" or (signature is not None and not self._is_recent(signature.timestamp)):
            return UNKNOWN
        body = await call.body()
        if signature is not None and not self._is_signed(signature, body):
            return UNKNOWN
        payload = self._decrypted(body)
        event = _table(payload)
        if event is None:
            return UNKNOWN
        if event.get("type") == "url_verification":
            return self._challenged(event)
        if signature is None or not is_same(self._token.get_secret_value(), _token_in(event)):
            return UNKNOWN
        if not self._intake.ready:
            return NOT_YET
        answer = await self._intake.take(payload)
        return Reply(body=orjson.dumps({} if answer is None else answer), media_type=JSON)

    def _is_recent(self, timestamp: str) -> bool:
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 13):
            return False
        return abs(self._clock.now().timestamp() - int(timestamp)) <= OLDEST.total_seconds()

    def _is_signed(self, given: _Signature, body: bytes) -> bool:
        return is_signed(
            given.signature,
            timestamp=given.timestamp,
            nonce=given.nonce,
            key=self._key.get_secret_value(),
            body=body,
        )

    def _decrypted(self, body: bytes) -> bytes:
        """What was encrypted with our key; nothing for anything else."""
        try:
            return decrypt(orjson.loads(body)["encrypt"], self._key.get_secret_value())
        except (CryptError, LookupError, TypeError, ValueError):
            return b""

    def _challenged(self, event: Mapping[str, Json]) -> Reply:
        token, challenge = event.get("token"), event.get("challenge")
        if not isinstance(token, str) or not is_same(self._token.get_secret_value(), token):
            return UNKNOWN
        if not isinstance(challenge, str) or not challenge.isascii() or len(challenge) > LONGEST_CHALLENGE:
            return UNKNOWN
        return Reply(body=orjson.dumps({"challenge": challenge}), media_type=JSON)


def _signature(headers: Mapping[str, str]) -> _Signature | None:
    """What the headers sign with; None if they do not even try."""
    found = [
        headers.get(name, "") for name in ("x-lark-request-timestamp", "x-lark-request-nonce", "x-lark-signature")
    ]
    return _Signature(*found) if any(found) else None


def _table(payload: bytes) -> dict[str, Json] | None:
    try:
        found = loaded(payload)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _token_in(event: Mapping[str, Json]) -> str:
    header = event.get("header")
    token = header.get("token") if isinstance(header, Mapping) else event.get("token")
    return token if isinstance(token, str) else ""
