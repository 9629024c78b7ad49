"""Pictures for tests, as small as they can be."""

import struct
import zlib


def png(width: int = 8, height: int = 8, shade: int = 128, *, filler: int = 0) -> bytes:
    """A real PNG of one grey; `filler` makes it so many bytes longer. Only small ones have real pixels."""
    rows = (b"\0" + bytes([shade]) * width) * height if width * height <= 1_000_000 else b"\0"
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
        + (_chunk(b"fiLl", bytes(filler)) if filler else b"")
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
