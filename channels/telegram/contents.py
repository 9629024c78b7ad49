"""What a message holds besides text: files to be fetched, and things that can only be told in words; pure."""

from telegram import Animation, Audio, Document, Message, Sticker, Video, VideoNote, Voice

from gateway.messages import Attachment, Media

LONGEST = 300  # characters of a name, a question, an address

_File = Animation | Audio | Document | Video | VideoNote | Voice


def attachments_of(message: Message) -> tuple[Attachment, ...]:
    """The file of a message, of a picture its largest size. `source` is what it is fetched by."""
    if message.photo:
        largest = max(message.photo, key=lambda size: size.width * size.height)
        return (_attachment(largest.file_id, Media.PICTURE, "image/jpeg", "", largest.file_size),)
    if message.sticker:
        return _sticker(message.sticker)
    for file, kind, media_type in (
        (message.voice, Media.VOICE, "audio/ogg"),
        (message.audio, Media.AUDIO, "audio/mpeg"),
        (message.animation, Media.VIDEO, "video/mp4"),  # before the document that comes along for old clients
        (message.video, Media.VIDEO, "video/mp4"),
        (message.video_note, Media.VIDEO, "video/mp4"),
        (message.document, Media.FILE, ""),
    ):
        if file:
            return (_of(file, kind, media_type),)
    return ()


def words_of(message: Message) -> str:
    """What a message without text and files says, in parentheses; empty: nothing."""
    told = _place(message) or _person(message) or _poll(message) or _symbol(message)
    return f"({told})" if told else ""


def _of(file: _File, kind: Media, media_type: str) -> Attachment:
    typed = getattr(file, "mime_type", None) or media_type
    if kind is Media.FILE and typed.startswith("image/"):
        kind = Media.PICTURE  # sent uncompressed, and a picture all the same
    seconds = file.to_dict().get("duration")  # the attribute is of one type now and of another one soon
    return _attachment(file.file_id, kind, typed, getattr(file, "file_name", None), file.file_size, seconds)


def _sticker(sticker: Sticker) -> tuple[Attachment, ...]:
    if sticker.is_animated or sticker.is_video:
        return ()  # its sign says what it means, see `words_of`
    name = f"sticker {sticker.emoji}.webp" if sticker.emoji else "sticker.webp"
    return (_attachment(sticker.file_id, Media.PICTURE, "image/webp", name, sticker.file_size),)


def _attachment(
    source: str, kind: Media, media_type: str, name: str | None, size: object, seconds: object = 0
) -> Attachment:
    return Attachment(
        name=_whole(name or ""),
        media_type=_whole(media_type),
        path="",
        kind=kind,
        source=source,
        size=_number(size),
        seconds=_number(seconds),
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) and 0 <= value < 2**53 else 0


def _place(message: Message) -> str:
    if venue := message.venue:
        where = f"{venue.location.latitude}, {venue.location.longitude}"
        return f"a place: {_cut(venue.title)}, {_cut(venue.address)}: {where}"
    if location := message.location:
        return f"a location: {location.latitude}, {location.longitude}"
    return ""


def _person(message: Message) -> str:
    contact = message.contact
    if contact is None:
        return ""
    name = " ".join(filter(None, (contact.first_name, contact.last_name)))
    return f"a contact: {_cut(name)}, {_cut(contact.phone_number)}"


def _poll(message: Message) -> str:
    poll = message.poll
    if poll is None:
        return ""
    return f"a poll: {_cut(poll.question)} {' / '.join(_cut(option.text) for option in poll.options)}"


def _symbol(message: Message) -> str:
    if message.dice:
        return f"{message.dice.emoji} shows {message.dice.value}"
    if message.sticker:
        return f"a sticker: {message.sticker.emoji}" if message.sticker.emoji else "a sticker"
    for kind, words in (("story", "a story"), ("paid_media", "paid media"), ("game", "a game")):
        if getattr(message, kind, None):
            return f"{words}, which cannot be opened here"
    return ""


def _cut(text: str) -> str:
    return _whole(" ".join(text.split()))[:LONGEST]


def _whole(text: str) -> str:
    return text.encode(errors="replace").decode()
