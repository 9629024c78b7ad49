"""The Bot API's methods on files: what a bot uploads and downloads, with the refusals of the real one."""

from collections.abc import Sequence

from tests.servers.telegram_files import LARGEST_DOWNLOAD, check_album, check_photo
from tests.servers.telegram_messages import answered_of, reach, topic_of
from tests.servers.telegram_parameters import Parameters, Upload
from tests.servers.telegram_people import People
from tests.servers.telegram_records import Chat, Json, Message, bad
from tests.servers.telegram_text import shown, units

CAPTION_UNITS = 1024


def get_file(world: People, call: Parameters) -> Json:
    file = world.files.find(call.text("file_id"))
    if file.size > LARGEST_DOWNLOAD:
        raise bad("file is too big")
    said = {"file_id": file.id, "file_unique_id": f"u{file.id}", "file_size": file.size}
    return {**said, "file_path": file.path}


def send_photo(world: People, call: Parameters) -> Json:
    return _send(world, call, "photo")


def send_document(world: People, call: Parameters) -> Json:
    return _send(world, call, "document")


def send_voice(world: People, call: Parameters) -> Json:
    chat = reach(world, call)
    if chat.person and chat.id in world.deaf:
        raise bad("VOICE_MESSAGES_FORBIDDEN")
    return _send(world, call, "voice")


def send_audio(world: People, call: Parameters) -> Json:
    return _send(world, call, "audio")


def send_video(world: People, call: Parameters) -> Json:
    return _send(world, call, "video")


def send_animation(world: People, call: Parameters) -> Json:
    return _send(world, call, "animation")


def send_media_group(world: People, call: Parameters) -> Json:
    chat = reach(world, call)
    items = call.json("media", "media JSON object")
    if not isinstance(items, list) or any(not isinstance(one, dict) for one in items):
        raise bad("can't parse media JSON object: expected an Array of InputMedia")
    check_album(items)
    kinds = [str(one["type"]) for one in items]
    uploads = [_attached(call, one) for one in items]
    captions = [_caption(Parameters(one)) for one in items]
    topic, answered = topic_of(chat, call), answered_of(chat, call)
    for kind, upload in zip(kinds, uploads, strict=True):
        _check(kind, upload)
    world.flood.check(chat, world.now())
    album = str(13_000_000_000_000_000 + world.sent_count)
    messages = [
        _write(world, chat, kind, upload, caption, topic, answered, album)
        for kind, upload, caption in zip(kinds, uploads, captions, strict=True)
    ]
    return _recorded(world, "sendMediaGroup", messages)


def _send(world: People, call: Parameters, kind: str) -> Json:
    chat = reach(world, call)
    upload = call.files.get(kind)
    if upload is None:
        raise bad(f"there is no {kind} in the request")
    caption = _caption(call)
    topic, answered = topic_of(chat, call), answered_of(chat, call)
    _check(kind, upload)
    world.flood.check(chat, world.now())
    message = _write(world, chat, kind, upload, caption, topic, answered, "")
    return _recorded(world, f"send{kind.capitalize()}", [message])[0]


def _check(kind: str, upload: Upload) -> None:
    if not upload.content:
        raise bad("file must be non-empty")
    if kind == "photo":
        check_photo(upload.content)


def _attached(call: Parameters, item: Json) -> Upload:
    name = str(item.get("media", "")).removeprefix("attach://")
    if name not in call.files:
        raise bad("wrong file identifier/HTTP URL specified")
    return call.files[name]


def _caption(call: Parameters) -> str:
    text, _ = shown(call.text("caption").replace("\r", ""), [])
    if units(text) > CAPTION_UNITS:
        raise bad("message caption is too long")
    return text


def _write(
    world: People,
    chat: Chat,
    kind: str,
    upload: Upload,
    caption: str,
    topic: int,
    answered: Message | None,
    album: str,
) -> Message:
    file = world.files.add(kind, upload.content, name=upload.name, media_type=upload.media_type)
    topic = topic or (answered.topic if answered else 0)
    return world.write(chat, None, text=caption, topic=topic, reply_to=answered, file=file, album=album)


def _recorded(world: People, method: str, messages: Sequence[Message]) -> list[Json]:
    for message in messages:
        world.record(method, message, message.text, "")
    return [world.as_json(message) for message in messages]
