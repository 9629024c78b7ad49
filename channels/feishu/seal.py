"""The seal on a button's value: that we made this button, for this chat and this person; pure.

What comes back when a button is pressed has gone through a client and a platform. A value says where its answers
belong and who may press it; without the seal, nobody could tell whether we ever said so.
"""

import hashlib
import hmac
from dataclasses import dataclass

from gateway.messages import Json

SIZE = 20  # letters of a seal: 80 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What a button stands for."""

    chat: str
    data: str
    thread: str = ""
    asker: str = ""  # whose presses count; empty: anybody's


class Seal:
    """Seals values, and knows its own. The key shows in nothing that it makes."""

    def __init__(self, key: str) -> None:
        self._key = hashlib.sha256(b"tocsin button " + key.encode()).digest()

    def value(self, sealed: Sealed) -> Json:
        """The value of a button; the chat is left out, since it is told with every press."""
        value = {"d": sealed.data, "s": self._sign(sealed)}
        if sealed.thread:
            value["t"] = sealed.thread
        if sealed.asker:
            value["a"] = sealed.asker
        return value

    def read(self, value: Json, chat: str) -> Sealed | None:
        """What the value of a button pressed in this chat stands for; None if it is not one of ours."""
        if not isinstance(value, dict):
            return None
        texts = [value.get(key, "") for key in "dtas"]
        if not all(isinstance(text, str) for text in texts):
            return None
        data, thread, asker, given = texts
        sealed = Sealed(chat=chat, data=data, thread=thread, asker=asker)
        expected = self._sign(sealed).encode()
        return sealed if data and hmac.compare_digest(expected, given.encode("utf-8", "replace")) else None

    def _sign(self, sealed: Sealed) -> str:
        words = "\0".join((sealed.chat, sealed.thread, sealed.asker, sealed.data))
        return hmac.new(self._key, words.encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:SIZE]
