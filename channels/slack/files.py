"""Files of a message: what they are to the agent; pure."""

from channels.slack.words import tables_of, text_of
from gateway.messages import Attachment, Json, Media

MOST = 20
GONE = frozenset({"hidden_by_limit", "tombstone"})


def attachments_of(event: Json) -> tuple[Attachment, ...]:
    """The files that came with a message. Each one's `source` is "<id> <address>", the address if there is one."""
    files = [one for one in tables_of(event, "files") if text_of(one, "mode") not in GONE and text_of(one, "id")]
    return tuple(map(_attachment, files[:MOST]))


def _attachment(file: Json) -> Attachment:
    media_type = text_of(file, "mimetype")
    address = text_of(file, "url_private_download") or text_of(file, "url_private")
    return Attachment(
        name=text_of(file, "name") or text_of(file, "title") or text_of(file, "id"),
        media_type=media_type,
        path="",
        kind=_kind(media_type, text_of(file, "subtype")),
        source=f"{text_of(file, 'id')} {address}".strip(),
        size=_number(file, "size"),
        seconds=_number(file, "duration_ms") // 1_000,
    )


def _kind(media_type: str, subtype: str) -> Media:
    """A clip that was spoken into Slack is a voice message, whatever it is recorded as."""
    if subtype == "slack_audio":
        return Media.VOICE
    match media_type.partition("/")[0]:
        case "image":
            return Media.PICTURE
        case "audio":
            return Media.AUDIO
        case "video":
            return Media.VIDEO
    return Media.FILE


def _number(file: Json, key: str) -> int:
    value = file.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else 0
