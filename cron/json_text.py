"""JSON text ⇄ values, strict and exact: a number that is read is written back as the same number.

What people write by hand may also have comments and a comma too many: `load_by_hand`.
"""

import json
import math
import re
from typing import NoReturn

import orjson

from gateway.messages import Json

_BY_HAND = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
_COMMA = re.compile(r'"(?:\\.|[^"\\])*"|,(?=\s*[}\]])', re.DOTALL)
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


def load_by_hand(text: str) -> Json:
    """The value of a JSON text with // and /* */ comments and commas behind the last item; ValueError otherwise.

    A key that an object has twice is an error: it says two things.
    """
    bare = _BY_HAND.sub(lambda token: token[0] if token[0][0] == '"' else " ", text)
    bare = _COMMA.sub(lambda token: token[0] if token[0][0] == '"' else " ", bare)
    try:
        return json.loads(bare, parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_once)
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


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {key[:80]!r} is given twice; keep one")
        found[key] = value
    return found


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits[:40]} is too large for a number")
    return number


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
