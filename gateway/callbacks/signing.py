"""Signatures of callbacks by the Standard Webhooks specification; pure."""

import base64
import binascii
import hashlib
import hmac
import secrets
from datetime import datetime

PREFIX = "whsec_"
SHORTEST = 24  # bytes of a key
LONGEST = 64


def new_secret() -> str:
    """A secret as the specification writes it."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def key_of(secret: str) -> bytes:
    """The key in a secret; ValueError says what a secret looks like."""
    try:
        if not secret.startswith(PREFIX):
            raise ValueError(secret)
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (ValueError, binascii.Error):
        key = b""
    if not SHORTEST <= len(key) <= LONGEST:
        raise ValueError(f'must be "{PREFIX}" and {SHORTEST} to {LONGEST} bytes in base64')
    return key


def headers(secret: str, *, id: str, at: datetime, body: bytes) -> dict[str, str]:  # noqa: A002 - its name there
    """What proves that the body is ours, and when it was sent."""
    timestamp = str(int(at.timestamp()))
    signed = b".".join((id.encode(), timestamp.encode(), body))
    digest = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return {
        "webhook-id": id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }
