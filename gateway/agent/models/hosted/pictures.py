"""Pictures for a model that sees: the bytes of those of a prompt.

Anthropic takes 5 MiB of a picture, counted as base64 (as its refusals say: github.com/lobehub/lobehub/pull/14711),
8,000 pixels in width and height, and 32 MB of a request (https://docs.claude.com/en/docs/vision, seen November
2026). OpenAI takes more. Both take JPEG, PNG, GIF and WebP.
"""

import asyncio
import base64
from collections.abc import Sequence
from pathlib import Path

import structlog

from gateway.agent.model import PromptItem
from gateway.agent.models.hosted.payload import Picture, Shown, wanted
from gateway.errors import MediaError
from gateway.media.kinds import picture_type, sides
from gateway.media.workspace import Workspace

logger = structlog.get_logger()

LARGEST = 5 * 1024 * 1024 * 3 // 4  # bytes of one picture
LONGEST = 8_000  # pixels of a side
MOST = 8  # pictures of a request
ALL = 20_000_000  # bytes of all of them


class Album:
    """Reads the pictures of a prompt."""

    def __init__(self, workspace: Path | None) -> None:
        """`workspace`: None shows nothing."""
        self._workspace = Workspace(workspace) if workspace is not None else None

    async def shown(self, items: Sequence[PromptItem]) -> Shown:
        """The pictures of the present turn. One that is gone, too large or none is left out: its note stands."""
        paths = wanted(items)
        if self._workspace is None or not paths:
            return {}
        return await asyncio.to_thread(self._read, self._workspace, paths)

    def _read(self, workspace: Workspace, paths: Sequence[str]) -> Shown:
        found: dict[str, Picture] = {}
        room = ALL
        for path in paths:
            try:
                content = workspace.read(path, limit=min(LARGEST, room))
            except MediaError as error:
                logger.warning("a picture is not shown to the model", why=str(error))
                continue
            media_type, longest = picture_type(content), max(sides(content) or (0,))
            if media_type and longest <= LONGEST and len(found) < MOST:
                url = f"data:{media_type};base64,{base64.b64encode(content).decode('ascii')}"
                found[path] = Picture(media_type, content, url)
                room -= len(content)
        return found
