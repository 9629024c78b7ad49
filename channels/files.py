"""Files of outbound messages, for all channels alike: one part for each, and the file behind a part.

A part holds a path and never the bytes: `{"file": {"path", "name", "media_type", "kind"}}`. The path is relative
to the workspace. The file is a copy that was made when it was said (`gateway/media/spool.py`), so what is sent is
what was meant, however much later that is.
"""

import errno
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from gateway.errors import MediaError, PermanentDeliveryError, TransientDeliveryError
from gateway.media.workspace import Workspace
from gateway.messages import Attachment, Json, OutboundMessage, Part

FILE = "file"
"""The key of a part's payload by which one with a file is known."""

_PASSING = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})
"""What a machine lacks for a while: the file is still there."""


def is_wordless(message: OutboundMessage) -> bool:
    """Whether only files are sent: then there is no part with text."""
    return bool(message.attachments) and not message.text.strip()


def file_parts(message: OutboundMessage) -> list[Part]:
    """The parts of the message's files, in order; they come after those of its text."""
    return [Part(payload={FILE: _payload(one)}) for one in message.attachments]


def open_file(workspace: Path, payload: Mapping[str, Json]) -> BinaryIO:
    """The file of a part, to be read and closed.

    PermanentDeliveryError if it is not there any more, TransientDeliveryError if this machine cannot open it now.
    """
    try:
        return Workspace(workspace).open(payload[FILE]["path"])
    except MediaError as error:
        passes = isinstance(error.__cause__, OSError) and error.__cause__.errno in _PASSING
        kind = TransientDeliveryError if passes else PermanentDeliveryError
        raise kind(f"the file {payload[FILE]['name']} cannot be sent: {error}") from error


def listed(message: OutboundMessage) -> str:
    """The files as lines of text, for a channel that shows where they are: "[file: report.pdf → path]"."""
    return "\n".join(f"[file: {one.name} → {one.path}]" for one in message.attachments)


def _payload(one: Attachment) -> Json:
    return {"path": one.path, "name": one.name, "media_type": one.media_type, "kind": one.kind.value}
