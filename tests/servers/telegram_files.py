"""Files on Telegram's server for tests: what is kept, how it looks in messages, and what counts as a picture."""

from collections.abc import Sequence

from tests.servers.telegram_records import Json, StoredFile, bad

LARGEST_DOWNLOAD = 20 * 1024 * 1024
LARGEST_PHOTO = 10 * 1024 * 1024
LONGEST_SIDES = 10_000  # width and height together
_KEPT = 500  # files; the oldest are forgotten

_FOLDERS = {
    "photo": "photos",
    "voice": "voice",
    "audio": "music",
    "video": "videos",
    "video_note": "video_notes",
    "animation": "animations",
    "sticker": "stickers",
    "document": "documents",
}
KINDS = frozenset(_FOLDERS)


class Files:
    """Everything that anybody has sent."""

    def __init__(self) -> None:
        self._files: dict[str, StoredFile] = {}
        self._count = 0

    def __getitem__(self, identifier: str) -> StoredFile:
        return self._files[identifier]

    def add(
        self, kind: str, content: bytes, *, name: str = "", media_type: str = "", seconds: int = 0, size: int = 0
    ) -> StoredFile:
        """Keep a file."""
        if kind not in KINDS:
            raise ValueError(f"no such kind of file: {kind}; there are {', '.join(sorted(KINDS))}")
        self._count += 1
        ending = name.rpartition(".")[2] if "." in name else {"photo": "jpg", "voice": "oga"}.get(kind, "bin")
        file = StoredFile(
            id=f"AgAD-{kind}-{self._count}",
            kind=kind,
            content=content,
            name=name,
            media_type=media_type,
            path=f"{_FOLDERS[kind]}/file_{self._count}.{ending}",
            seconds=seconds,
            size=size or len(content),
        )
        self._files[file.id] = file
        if len(self._files) > _KEPT:
            del self._files[next(iter(self._files))]
        return file

    def find(self, identifier: str) -> StoredFile:
        """The file, or the refusal that getFile gives."""
        if identifier not in self._files:
            raise bad("wrong file_id or the file is temporarily unavailable")
        return self._files[identifier]

    def at(self, path: str) -> StoredFile | None:
        """What is downloaded from a path."""
        return next((one for one in self._files.values() if one.path == path), None)

    def forget(self, identifier: str) -> None:
        """As if it were deleted."""
        del self._files[identifier]


def media_of(file: StoredFile) -> dict[str, Json]:
    """The file as a message shows it, under the field of its kind."""
    base: dict[str, Json] = {"file_id": file.id, "file_unique_id": f"u{file.id}", "file_size": file.size}
    typed = {"mime_type": file.media_type} if file.media_type else {}
    named = {"file_name": file.name} if file.name else {}
    match file.kind:
        case "photo":
            width, height = sides(file.content) or (90, 90)
            small = {"file_id": f"{file.id}-s", "file_unique_id": f"s{file.id}", "width": 1, "height": 1}
            return {"photo": [{**small, "file_size": 1}, {**base, "width": width, "height": height}]}
        case "voice" | "audio":
            return {file.kind: {**base, **typed, **named, "duration": file.seconds}}
        case "video_note":
            return {"video_note": {**base, "duration": file.seconds, "length": 240}}
        case "video":
            return {"video": {**base, **typed, **named, "duration": file.seconds, "width": 320, "height": 240}}
        case "animation":
            moving = {**base, **typed, **named, "duration": file.seconds, "width": 320, "height": 240}
            return {"animation": moving, "document": {**base, **typed, **named}}
        case "sticker":
            shape = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
            return {"sticker": {**base, **shape, "emoji": "😀"}}
    return {"document": {**base, **typed, **named}}


def check_photo(content: bytes) -> None:
    """Refuse what cannot be sent as a photo."""
    if len(content) > LARGEST_PHOTO:
        raise bad(
            f"file of size {len(content)} bytes is too big for a photo; the maximum size is {LARGEST_PHOTO} bytes"
        )
    found = sides(content)
    if found is None:
        raise bad("IMAGE_PROCESS_FAILED")
    if sum(found) > LONGEST_SIDES or max(found) > 20 * min(found):
        raise bad("PHOTO_INVALID_DIMENSIONS")


def sides(content: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG, a GIF or a JPEG."""
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR":
        return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    if content.startswith((b"GIF87a", b"GIF89a")):
        return int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")
    return _jpeg_sides(content) if content.startswith(b"\xff\xd8") else None


def _jpeg_sides(content: bytes) -> tuple[int, int] | None:
    place = 2
    while place + 9 <= len(content) and content[place] == 0xFF:
        marker, length = content[place + 1], int.from_bytes(content[place + 2 : place + 4])
        if 0xC0 <= marker <= 0xCF and marker not in {0xC4, 0xC8, 0xCC}:
            return int.from_bytes(content[place + 7 : place + 9]), int.from_bytes(content[place + 5 : place + 7])
        place += 2 + length
    return None


def check_album(items: Sequence[Json]) -> None:
    """Refuse what is no album: two to ten of a kind, photos and videos together."""
    if len(items) < 2:
        raise bad("media group must include 2-10 items")
    if len(items) > 10:
        raise bad("too many messages to send as an album")
    kinds = {one.get("type") for one in items if isinstance(one, dict)}
    for alone in ("document", "audio"):
        if alone in kinds and len(kinds) > 1:
            raise bad(f"{alone} can't be mixed with other media types")
    if not kinds <= {"photo", "video", "document", "audio"} or len(kinds) == 0:
        raise bad('can\'t parse InputMedia: type must be one of "photo", "video", "document", "audio"')
