"""What people send besides text on Telegram's server for tests: files, albums, places, words in a group's name."""

import base64
from collections.abc import Sequence
from typing import Any

from tests.servers.telegram_pictures import png
from tests.servers.telegram_records import Json, Person, StoredFile
from tests.servers.telegram_text import spoken_entities


class Sharing:
    """Verbs beside those of `People`, of which this is a part."""

    # What is there besides, is in World and People
    files: Any
    updates: Any
    _say: Any
    _person: Any
    _chat_of: Any

    def share(
        self,
        kind: str,
        content: bytes | str,
        *,
        user: int | Person,
        name: str = "",
        media_type: str = "",
        caption: str = "",
        chat: int | None = None,
        thread: int = 0,
        reply_to: int = 0,
        seconds: int = 0,
        size: int = 0,
        album: str = "",
    ) -> int:
        """Send a file; returns the id of its update. `kind`: photo, voice, document, ….

        `content` is base64 where it is a text. `size`: what Telegram says that it has, if not the truth.
        """
        data = base64.b64decode(content) if isinstance(content, str) else content
        file: StoredFile = self.files.add(kind, data, name=name, media_type=media_type, seconds=seconds, size=size)
        said = {"text": caption, "entities": spoken_entities(caption), "file": file, "album": album}
        return int(self._say(self._person(user), chat, thread, reply_to, **said))

    def document(self, name: str, data: bytes | str, *, user: int | Person, **where: Any) -> int:
        """Send a file as a file."""
        return self.share("document", data, user=user, name=name, **where)

    def voice(self, data: bytes | str, *, user: int | Person, seconds: int = 3, **where: Any) -> int:
        """Say something into the telephone."""
        return self.share("voice", data, user=user, media_type="audio/ogg", seconds=seconds, **where)

    def caption(
        self, text: str, *, user: int | Person, chat: int | None = None, thread: int = 0, reply_to: int = 0
    ) -> int:
        """Send a photo with a caption; like `say`."""
        return self.share("photo", png(), user=user, caption=text, chat=chat, thread=thread, reply_to=reply_to)

    def send_album(
        self, pictures: Sequence[bytes], *, user: int | Person, caption: str = "", chat: int | None = None
    ) -> list[int]:
        """Send photos as one album: updates of their own, the caption at the first."""
        album = str(12_000_000_000_000_000 + self.updates.next_id)
        return [
            self.share("photo", one, user=user, caption="" if n else caption, chat=chat, album=album)
            for n, one in enumerate(pictures)
        ]

    def send_content(self, content: Json, *, user: int | Person, chat: int | None = None, thread: int = 0) -> int:
        """Send anything at all that is no text and no file: {"location": {…}}."""
        return int(self._say(self._person(user), chat, thread, 0, content=content))

    def say_as_group(self, text: str, *, user: int | Person, chat: int) -> int:
        """Write as an anonymous admin: in the name of the group."""
        group = self._chat_of(user, chat)
        said = {"text": text, "entities": spoken_entities(text), "sender_chat": group}
        return int(self._say(self._person(user), chat, 0, 0, **said))
