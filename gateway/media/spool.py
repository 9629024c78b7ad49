"""Spool: copies of the files that the agent sends, made when it says so.

A message may leave hours later, or again after a crash. What was meant is what the file was when the model named
it; so it is copied then, and the copy is what goes out, whatever becomes of the file meanwhile.
"""

import asyncio
import shutil
from collections.abc import Sequence
from datetime import datetime
from typing import BinaryIO

from gateway.clock import Clock
from gateway.errors import MediaError
from gateway.media import kinds, naming
from gateway.media.workspace import Workspace
from gateway.messages import Attachment

LARGEST = 50_000_000  # bytes of one file: what a Telegram bot may send, the least of the three
MOST = 10  # files of one message


class Spool:
    """Takes paths in the workspace and gives attachments of outbound messages."""

    def __init__(self, workspace: Workspace, clock: Clock) -> None:
        self._workspace = workspace
        self._clock = clock

    async def attached(self, paths: Sequence[str], delivery: str, *, owner: str) -> tuple[Attachment, ...]:
        """The files, copied for the message of this delivery id: a second time they are found.

        `owner`: of the chat that speaks: what came from another chat is not there for it. MediaError, in words for
        who named them, if one is outside the workspace, not there, or too large.
        """
        for path in paths:
            if naming.is_of_another(path, owner):
                raise MediaError(f"{path}: there is no such file for this chat")
        if len(paths) > MOST:
            raise MediaError(f"{len(paths)} files are too many for one message: {MOST} at most")
        day = self._clock.now()
        return await asyncio.to_thread(
            lambda: tuple(self._copied(path, delivery, n, day) for n, path in enumerate(paths))
        )

    def _copied(self, path: str, delivery: str, n: int, day: datetime) -> Attachment:
        name = path.rstrip("/").rpartition("/")[2]
        target = naming.sent_at(day, delivery, n, name)
        with self._workspace.open(path) as file:
            head = file.read(kinds.HEAD)
            file.seek(0)
            if self._workspace.size(target) is None:
                self._copy(file, path, target)
        media_type = kinds.picture_type(head) or kinds.named_type(name)
        return Attachment(
            name=naming.safe(name),
            media_type=media_type,
            path=target,
            kind=kinds.kind_of(media_type, head),
            size=self._workspace.size(target) or 0,
        )

    def _copy(self, file: BinaryIO, path: str, target: str) -> None:
        try:
            with self._workspace.writing(target, limit=LARGEST) as copy:
                shutil.copyfileobj(file, copy, 1024 * 1024)
        except MediaError as error:
            raise MediaError(f"{path}: {str(error).removeprefix(f'{target}: ')}") from error
