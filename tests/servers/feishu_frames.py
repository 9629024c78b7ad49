"""The frames of Feishu's long connection, written from the fields of its protobuf message alone.

The message is `pbbp2.Frame`: 1 SeqID, 2 LogID (uint64), 3 service, 4 method (int32), 5 headers (repeated: 1 key,
2 value), 6 payload_encoding, 7 payload_type (string), 8 payload (bytes), 9 LogIDNew (string); 1 to 4 are required.
Source: lark_oapi/ws/pb/pbbp2_pb2.py of lark-oapi 1.7.5, with which test_feishu_sdk.py compares this codec. That
module cannot be used here: importing it imports all of lark_oapi, which takes seconds.
"""

from dataclasses import dataclass, replace

CONTROL, DATA = 0, 1  # the two methods

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_NUMBERS = {1: "seq", 2: "log", 3: "service", 4: "method"}
_TEXTS = {6: "payload_encoding", 7: "payload_type", 9: "log_new"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One frame; headers keep their order, and a name may come twice."""

    seq: int = 0
    log: int = 0
    service: int = 0
    method: int = DATA
    headers: tuple[tuple[str, str], ...] = ()
    payload_encoding: str | None = None
    payload_type: str | None = None
    payload: bytes | None = None
    log_new: str | None = None

    def header(self, name: str) -> str:
        """The first header of that name; empty where there is none."""
        return next((value for key, value in self.headers if key == name), "")


def encode(frame: Frame) -> bytes:
    """The bytes of a frame, fields in ascending order."""
    out = bytearray()
    for number, name in _NUMBERS.items():
        out += _tag(number, _VARINT) + _varint(getattr(frame, name))
    for key, value in frame.headers:
        pair = _sized(1, key.encode()) + _sized(2, value.encode())
        out += _sized(5, pair)
    for number, name in ((6, "payload_encoding"), (7, "payload_type")):
        if (text := getattr(frame, name)) is not None:
            out += _sized(number, text.encode())
    if frame.payload is not None:
        out += _sized(8, frame.payload)
    if frame.log_new is not None:
        out += _sized(9, frame.log_new.encode())
    return bytes(out)


def decode(data: bytes) -> Frame:
    """The frame in these bytes; ValueError if it is none, as a strict parser of proto2 says it."""
    found: dict[str, object] = {}
    headers: list[tuple[str, str]] = []
    for number, value in _fields(data):
        if number in _NUMBERS and isinstance(value, int):
            found[_NUMBERS[number]] = value
        elif number == 5 and isinstance(value, bytes):
            headers.append(_header(value))
        elif number in _TEXTS and isinstance(value, bytes):
            found[_TEXTS[number]] = value.decode()
        elif number == 8 and isinstance(value, bytes):
            found["payload"] = value
    missing = [name for name in _NUMBERS.values() if name not in found]
    if missing:
        raise ValueError(f"required fields are missing: {', '.join(missing)}")
    return replace(Frame(headers=tuple(headers)), **found)


def _header(data: bytes) -> tuple[str, str]:
    found = {number: value for number, value in _fields(data) if isinstance(value, bytes)}
    if not {1, 2} <= found.keys():
        raise ValueError("a header without a key or a value")
    return found[1].decode(), found[2].decode()


def _fields(data: bytes) -> list[tuple[int, int | bytes]]:
    found: list[tuple[int, int | bytes]] = []
    place = 0
    while place < len(data):
        tag, place = _read_varint(data, place)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, place = _read_varint(data, place)
            found.append((number, value))
            continue
        if wire == _BYTES:
            size, place = _read_varint(data, place)
        elif wire in {_FIXED32, _FIXED64}:
            size = 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"wire type {wire} is unknown")
        if place + size > len(data):
            raise ValueError("a field is cut off")
        found.append((number, data[place : place + size]))
        place += size
    return found


def _read_varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(data):
            raise ValueError("a number is cut off")
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, place
    raise ValueError("a number is too long")


def _varint(value: int) -> bytes:
    value &= 0xFFFFFFFFFFFFFFFF  # a negative int32 takes ten bytes, as in every protobuf
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _tag(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _sized(number: int, data: bytes) -> bytes:
    return _tag(number, _BYTES) + _varint(len(data)) + data
