"""What protects Feishu's webhooks: signatures, and bodies that are encrypted with a key of ours; pure.

Both are of https://open.feishu.cn/document/server-docs/event-subscription-guide/event-subscription-configure-/encrypt-key-encryption-configuration-case
"""

import base64
import binascii
import hashlib
import hmac

from gateway.errors import ConfigError

BLOCK = 16  # bytes of AES


class CryptError(ValueError):
    """It cannot be decrypted: another key, or nothing of Feishu's."""


def is_signed(signature: str, *, timestamp: str, nonce: str, key: str, body: bytes) -> bool:
    """Whether the signature is that of this body, as it was received; all wrong ones take equally long."""
    signed = f"{timestamp}{nonce}{key}".encode("utf-8", "surrogateescape") + body
    expected = hashlib.sha256(signed).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode("utf-8", "surrogateescape"))


def is_same(secret: str, given: str) -> bool:
    """Whether both are the same, without telling by the time how much of it is."""
    return bool(secret) and hmac.compare_digest(
        secret.encode("utf-8", "replace"), given.encode("utf-8", "replace")
    )


def need_cryptography() -> None:
    """ConfigError where nothing can be decrypted."""
    try:
        import cryptography  # noqa: F401  # only encrypted webhooks need it
    except ImportError as error:
        raise ConfigError(
            'mode = "webhook" needs cryptography: pip install \'tocsin[feishu]\', or use mode = "websocket"'
        ) from error


def decrypt(encrypted: str, key: str) -> bytes:
    """What Feishu has encrypted: AES-256-CBC under the SHA-256 of the key, after 16 bytes of vector, padded."""
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes  # 40 ms: only for webhooks

    try:
        data = base64.b64decode(encrypted, validate=True)
    except (binascii.Error, ValueError):
        raise CryptError("it is no base64") from None
    if len(data) < 2 * BLOCK or len(data) % BLOCK:
        raise CryptError("it is no whole number of blocks")
    secret = hashlib.sha256(key.encode()).digest()
    decryptor = Cipher(algorithms.AES(secret), modes.CBC(data[:BLOCK])).decryptor()
    return _unpadded(decryptor.update(data[BLOCK:]) + decryptor.finalize())


def _unpadded(data: bytes) -> bytes:
    count = data[-1]
    if not 1 <= count <= BLOCK or data[-count:] != bytes([count]) * count:
        raise CryptError("its padding is wrong")
    return data[:-count]
