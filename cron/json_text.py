"""JSON text ⇄ values, strict and exact: a number that is read is written back as the same number."""

import json
import math
import re
from typing import NoReturn

import orjson

from gateway.messages import Json

_HUGE = re.compile(rb"[0-9]{19}")  # perhaps beyond 64 bits, which orjson would turn into a float


def dump(value: Json) -> bytes:
    """Compact UTF-8 JSON on one line; ValueError for what has no JSON text. `check` says what orjson lets pass."""
    try:
        return orjson.dumps(value, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
    except orjson.JSONEncodeError:  # also a whole number beyond 64 bits, or more than 254 levels
        return _dump_slowly(value)


def load(data: bytes) -> Json:
    """The value of one JSON text; ValueError for anything that is not (comments, NaN, a cut text)."""
    if not _HUGE.search(data):
        return orjson.loads(data)
    try:
        return json.loads(data.decode(), parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def check(value: Json, *, depth: int) -> None:
    """ValueError, in words for a person, unless it is JSON through and through and at most `depth` levels deep."""
    level, nested = 0, [value]
    while nested:
        inner = [part for item in nested for part in _parts(item)]
        level += any(isinstance(item, dict | list) for item in nested)
        if level > depth:
            raise ValueError(f"it is nested more than {depth} levels deep; make it flatter")
        nested = inner


def _parts(value: Json) -> list[Json]:
    kind = type(value)
    if kind is dict:
        odd = next((key for key in value if type(key) is not str), None)
        if odd is not None:
            raise ValueError(f"the key {odd!r} is not text")
        return [*value.keys(), *value.values()]
    if kind is list:
        return list(value)
    if kind is float and not math.isfinite(value):
        raise ValueError(f"{value} is not a JSON number; use null or text")
    if kind not in (str, int, float, bool, type(None)):
        raise ValueError(f"{kind.__name__} is not a kind of JSON value")
    return []


def _dump_slowly(value: Json) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
