"""What a file is, by its bytes and by what is said of it."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.media.kinds import SEGMENTS, name_of, picture_type, plain_type, sides
from gateway.messages import Attachment, Media

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 8_001, 123)
GIF = b"GIF89a" + struct.pack("<HH", 321, 123)


def webp(kind: bytes, body: bytes) -> bytes:
    return b"RIFF\0\0\0\0WEBP" + kind + struct.pack("<I", len(body)) + body.ljust(20, b"\0")


LOSSY = webp(b"VP8 ", b"\x30\x01\x00\x9d\x01\x2a" + struct.pack("<HH", 321 | 1 << 14, 123))
LOSSLESS = webp(b"VP8L", b"\x2f" + struct.pack("<I", (321 - 1) | (123 - 1) << 14))
EXTENDED = webp(b"VP8X", b"\x10\0\0\0" + (9_000 - 1).to_bytes(3, "little") + (123 - 1).to_bytes(3, "little"))


def jpeg(*segments: tuple[int, bytes]) -> bytes:
    return b"\xff\xd8" + b"".join(
        struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in segments
    )


FRAME = struct.pack(">BHHB", 8, 123, 321, 3) + bytes(9)
PHOTO = jpeg((0xE0, b"JFIF\0" + bytes(9)), (0xE1, b"Exif" + bytes(300)), (0xC0, FRAME))
PROGRESSIVE = jpeg((0xDB, bytes(65)), (0xC4, bytes(30)), (0xC2, FRAME))


@pytest.mark.parametrize(
    ("content", "kind", "size"),
    [
        (PNG, "image/png", (8_001, 123)),
        (GIF, "image/gif", (321, 123)),
        (LOSSY, "image/webp", (321, 123)),
        (LOSSLESS, "image/webp", (321, 123)),
        (EXTENDED, "image/webp", (9_000, 123)),
        (PHOTO, "image/jpeg", (321, 123)),
        (PROGRESSIVE, "image/jpeg", (321, 123)),
        (b"<svg width='3' height='4'/>", "", None),
        (b"RIFF\0\0\0\0WAVE", "", None),
        (b"MZ", "", None),
        (b"", "", None),
    ],
)
def test_a_picture_tells_its_kind_and_its_sides(content: bytes, kind: str, size: tuple[int, int] | None) -> None:
    assert picture_type(content) == kind
    assert sides(content) == size


@pytest.mark.parametrize("whole", [PNG, GIF, LOSSY, LOSSLESS, EXTENDED, PHOTO, PROGRESSIVE])
def test_half_a_picture_tells_nothing_wrong(whole: bytes) -> None:
    told = {sides(whole[:length]) for length in range(len(whole))}

    assert told <= {None, sides(whole)}


def test_a_picture_of_nothing_but_beginnings_is_not_searched_for_long() -> None:
    empty = [(0xE0, b"")] * SEGMENTS

    assert sides(jpeg(*empty[1:], (0xC0, FRAME))) == (321, 123)
    assert sides(jpeg(*empty, (0xC0, FRAME))) is None


def test_the_sides_are_found_behind_filler() -> None:
    assert sides(PHOTO[:2] + b"\xff" * 5_000 + PHOTO[2:]) == (321, 123)


@given(st.sampled_from([b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"RIFF\0\0\0\0WEBPVP8"]), st.binary())
def test_whatever_calls_itself_a_picture_is_looked_at_without_a_fault(head: bytes, rest: bytes) -> None:
    found = sides(head + rest)

    assert found is None or all(side >= 0 for side in found)


@pytest.mark.parametrize(
    ("one", "name"),
    [
        (Attachment(name="a.txt", media_type="text/plain", path=""), "a.txt"),
        (Attachment(name="", media_type="audio/ogg; codecs=opus", path="", kind=Media.VOICE), "voice.ogg"),
        (Attachment(name="", media_type="image/jpeg", path="", kind=Media.PICTURE), "picture.jpg"),
        (Attachment(name="", media_type="", path=""), "file"),
    ],
)
def test_a_file_without_a_name_gets_one_by_its_kind(one: Attachment, name: str) -> None:
    assert name_of(one) == name


def test_a_media_type_is_compared_without_what_follows_it() -> None:
    assert plain_type("Audio/OGG; codecs=opus") == "audio/ogg"
