"""The frames of Feishu's long connection: one protobuf message with nine fields, read and written by hand; pure.

The message is `pbbp2.Frame` of Feishu's own clients (github.com/larksuite/oapi-sdk-go, ws/pbbp2.proto): SeqID and
LogID are uint64, service and method are int32, and these four are always written; headers are pairs of strings.
A library for protobuf would cost more memory than all of this channel.
"""

from dataclasses import dataclass, replace
from enum import IntEnum

CONTROL, DATA = 0, 1
"""Methods: of a frame about the connection, and of one with an event."""

_NUMBERS = {1: "seq_id", 2: "log_id", 3: "service", 4: "method"}
_TEXTS = {6: "payload_encoding", 7: "payload_type", 9: "log_id_new"}
_HEADER, _PAYLOAD = 5, 8
_SIGNED = frozenset({3, 4})
_BITS = 64
_LONGEST_VARINT = 10


class FrameError(ValueError):
    """These bytes are no frame."""


class _Wire(IntEnum):
    """How a field lies in the bytes."""

    VARINT = 0
    FIXED64 = 1
    BYTES = 2
    FIXED32 = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame. A field that is None was not there, which is not the same as empty."""

    seq_id: int = 0
    log_id: int = 0
    service: int = 0
    method: int = DATA
    headers: tuple[tuple[str, str], ...] = ()  # in their order; a name may come twice
    payload_encoding: str | None = None
    payload_type: str | None = None
    payload: bytes | None = None
    log_id_new: str | None = None

    def header(self, name: str) -> str:
        """The first header of this name; empty if there is none."""
        return next((value for key, value in self.headers if key == name), "")

    def answer(self, payload: bytes, *headers: tuple[str, str]) -> "Frame":
        """The same frame with another payload and more headers: how one is acknowledged."""
        return replace(self, headers=(*self.headers, *headers), payload=payload)


def ping(service: int) -> Frame:
    """What keeps the connection alive; it is answered with a pong."""
    return Frame(service=service, method=CONTROL, headers=(("type", "ping"),))


# -- writing -----------------------------------------------------------------------------------------------------


def encode(frame: Frame) -> bytes:
    """The bytes of a frame, its fields in the order of their numbers."""
    out = bytearray()
    for number, name in _NUMBERS.items():
        out += _key(number, _Wire.VARINT) + _varint(getattr(frame, name))
    for key, value in frame.headers:
        out += _bytes(_HEADER, _bytes(1, key.encode()) + _bytes(2, value.encode()))
    for number, name in ((6, "payload_encoding"), (7, "payload_type")):
        out += _text(number, getattr(frame, name))
    if frame.payload is not None:
        out += _bytes(_PAYLOAD, frame.payload)
    return bytes(out + _text(9, frame.log_id_new))


def _key(number: int, wire: _Wire) -> bytes:
    return _varint(number << 3 | wire)


def _varint(value: int) -> bytes:
    value %= 1 << _BITS  # a negative number takes ten bytes
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _bytes(number: int, value: bytes) -> bytes:
    return _key(number, _Wire.BYTES) + _varint(len(value)) + value


def _text(number: int, value: str | None) -> bytes:
    return b"" if value is None else _bytes(number, value.encode())


# -- reading -----------------------------------------------------------------------------------------------------


def decode(data: bytes) -> Frame:
    """The frame of these bytes; fields that are not known are left out, numbers that are not there are 0.

    FrameError for anything else.
    """
    found: dict[str, object] = {}
    headers: list[tuple[str, str]] = []
    for number, value in _fields(data):
        if number in _NUMBERS:
            found[_NUMBERS[number]] = _int32(_number(value)) if number in _SIGNED else _number(value)
        elif number == _HEADER:
            headers.append(_header(_piece(value)))
        elif number in _TEXTS:
            found[_TEXTS[number]] = _string(_piece(value))
        elif number == _PAYLOAD:
            found["payload"] = _piece(value)
    return Frame(headers=tuple(headers), **{"method": CONTROL, **found})  # type: ignore[arg-type]  # each by its field, above


def _fields(data: bytes) -> list[tuple[int, int | bytes]]:
    fields: list[tuple[int, int | bytes]] = []
    place = 0
    while place < len(data):
        key, place = _read_varint(data, place)
        number, wire = key >> 3, key & 7
        if number == 0:
            raise FrameError("a field has the number 0")
        match wire:
            case _Wire.VARINT:
                value, place = _read_varint(data, place)
                fields.append((number, value))
            case _Wire.BYTES:
                size, place = _read_varint(data, place)
                piece, place = _read(data, place, size)
                fields.append((number, piece))
            case _Wire.FIXED64 | _Wire.FIXED32:
                _, place = _read(data, place, 8 if wire == _Wire.FIXED64 else 4)
            case _:
                raise FrameError(f"a field has the wire type {wire}")
    return fields


def _header(data: bytes) -> tuple[str, str]:
    found = {number: _string(_piece(value)) for number, value in _fields(data) if number in {1, 2}}
    if len(found) < 2:
        raise FrameError("a header has no name or no value")
    return found[1], found[2]


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(_LONGEST_VARINT):
        if place >= len(data):
            raise FrameError("the bytes end in a number")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << (7 * shift)
        if byte < 0x80:
            return value % (1 << _BITS), place
    raise FrameError("a number is too long")


def _read(data: bytes, place: int, size: int) -> tuple[bytes, int]:
    if place + size > len(data):
        raise FrameError("the bytes end in a field")
    return data[place : place + size], place + size


def _int32(value: int) -> int:
    value %= 1 << 32
    return value - (1 << 32) if value >= 1 << 31 else value


def _number(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise FrameError("a number lies there as bytes")
    return value


def _piece(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise FrameError("bytes lie there as a number")
    return value


def _string(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise FrameError("a text is no UTF-8") from None
