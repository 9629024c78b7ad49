"""As what a file is sent: the method of the Bot API for it; pure.

https://core.telegram.org/bots/api#sendphoto (10 MB, 10,000 for width and height together, 20 for their ratio),
#sendvoice (OGG with OPUS), #sendaudio (MP3, M4A), #sendvideo (MPEG4). All else is a document, which Telegram shows
as what it takes it for.
"""

from dataclasses import dataclass

from gateway.media import kinds
from gateway.messages import Media

LARGEST_PHOTO = 10_000_000  # bytes
LONGEST_SIDES = 10_000  # width and height together
STEEPEST = 20  # the longer side, in shorter ones
HEAD = 256 * 1024  # bytes in which a picture says how large it is
ALBUM = 10  # pictures in one at most: https://core.telegram.org/bots/api#sendmediagroup


@dataclass(frozen=True, slots=True)
class Form:
    """A method, and the field that holds the file; `kind` in an album."""

    method: str
    kind: str


PHOTO = Form("SendPhoto", "photo")
DOCUMENT = Form("SendDocument", "document")
VOICE = Form("SendVoice", "voice")
AUDIO = Form("SendAudio", "audio")
VIDEO = Form("SendVideo", "video")

_BY_TYPE = {
    "audio/ogg": VOICE,
    "audio/opus": VOICE,
    "audio/mpeg": AUDIO,
    "audio/mp4": AUDIO,
    "audio/x-m4a": AUDIO,
    "video/mp4": VIDEO,
}


def form_of(media_type: str, size: int, head: bytes) -> Form:
    """How a file of so many bytes is sent that begins so."""
    shown = kinds.picture_type(head)
    if shown:
        return PHOTO if shown != "image/gif" and size <= LARGEST_PHOTO and _fits(head) else DOCUMENT
    return _BY_TYPE.get(kinds.plain_type(media_type), DOCUMENT)


def joins(kind: str, media_type: str) -> bool:
    """Whether a file may be part of an album."""
    return kind == Media.PICTURE and kinds.plain_type(media_type) != "image/gif"


def _fits(head: bytes) -> bool:
    sides = kinds.sides(head)
    if sides is None:
        return True  # Telegram may know better
    return sum(sides) <= LONGEST_SIDES and max(sides) <= STEEPEST * max(min(sides), 1)
