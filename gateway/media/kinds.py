"""What a file is: by its first bytes, by its name, by what its platform says of it; pure."""

import mimetypes
import re

from gateway.messages import Attachment, Media

HEAD = 16  # bytes that tell a picture
UNKNOWN = "application/octet-stream"

_NAMES = {
    Media.PICTURE: "picture",
    Media.VOICE: "voice",
    Media.AUDIO: "recording",
    Media.VIDEO: "video",
    Media.FILE: "file",
}
_EXTENSIONS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "audio/ogg": ".ogg",
    "audio/opus": ".ogg",
    "audio/mpeg": ".mp3",
    "audio/mp4": ".m4a",
    "video/mp4": ".mp4",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
}
_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of JPEG that say how large the picture is."""

_MARKER = re.compile(rb"\xff+[^\xff]")
"""The beginning of a segment; it may be filled up in front."""

SEGMENTS = 1_000  # of a JPEG that are looked at: cameras write some dozens

_ALIKE = {"image": Media.PICTURE, "audio": Media.AUDIO, "video": Media.VIDEO}


def picture_type(head: bytes) -> str:
    """The media type of a picture that models and chats show, by its first HEAD bytes; empty for all else."""
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "image/webp"
    return ""


def sides(content: bytes) -> tuple[int, int] | None:
    """The width and height of a picture in pixels; None where its beginning does not say."""
    match picture_type(content[:HEAD]):
        case "image/png" if len(content) >= 24:
            return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
        case "image/gif" if len(content) >= 10:
            return int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")
        case "image/webp":
            return _webp_sides(content)
        case "image/jpeg":
            return _jpeg_sides(content)
    return None


def _webp_sides(content: bytes) -> tuple[int, int] | None:
    """https://developers.google.com/speed/webp/docs/riff_container: three kinds of a first chunk."""
    if len(content) < 30:
        return None
    match content[12:16]:
        case b"VP8 ":
            return (
                int.from_bytes(content[26:28], "little") & 0x3FFF,
                int.from_bytes(content[28:30], "little") & 0x3FFF,
            )
        case b"VP8L":
            bits = int.from_bytes(content[21:25], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8X":
            return int.from_bytes(content[24:27], "little") + 1, int.from_bytes(content[27:30], "little") + 1
    return None


def _jpeg_sides(content: bytes) -> tuple[int, int] | None:
    """In the first segment that begins a frame; those before it are stepped over."""
    at = 2
    for _ in range(SEGMENTS):
        marked = _MARKER.match(content, at)
        if marked is None or marked.end() + 7 > len(content):
            return None
        at = marked.end()
        if content[at - 1] in _FRAMES:
            return int.from_bytes(content[at + 5 : at + 7]), int.from_bytes(content[at + 3 : at + 5])
        at += max(int.from_bytes(content[at : at + 2]), 2)
    return None


def name_of(one: Attachment) -> str:
    """What a file that came is called: its own name, else one by its kind."""
    return one.name or f"{_NAMES[one.kind]}{_EXTENSIONS.get(plain_type(one.media_type), '')}"


def named_type(name: str) -> str:
    """The media type that a name promises."""
    return mimetypes.guess_type(name)[0] or UNKNOWN


def kind_of(media_type: str, head: bytes) -> Media:
    """What a file of ours is to those who get it: only what is shown everywhere is a picture."""
    kind = _ALIKE.get(media_type.partition("/")[0], Media.FILE)
    return Media.FILE if kind is Media.PICTURE and not picture_type(head) else kind


def plain_type(media_type: str) -> str:
    """ "audio/ogg; codecs=opus" without what follows, in small letters."""
    return media_type.partition(";")[0].strip().lower()
