"""The settings of a job that have parts of their own ⇄ JSON. Pure.

Canonical: only the parts that are not at their default. Read too: what the programs that came before write,
such as `retries` (attempts after the first), `retry_delay` and {"channel", "to"} for an address.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import timedelta
from typing import Any, TypeVar

from cron import json_text
from cron.codec.values import (
    FieldError,
    address,
    amount,
    count,
    counted_from_one,
    day,
    duration,
    flag,
    in_seconds,
    items,
    shown,
    text,
    within,
    word,
    write_address,
    write_duration,
)
from cron.policy import (
    Backoff,
    Delivery,
    DeliveryMode,
    Exclude,
    FailureAlert,
    Hook,
    Lifecycle,
    Retry,
    SpendCap,
    Then,
    ThenOn,
)
from gateway import durations
from gateway.messages import Json

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MOST_ATTEMPTS = 100
SCHEMA_DEPTH = 32

_REGION = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,20})?", re.ASCII)
_GO_PIECE = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_GO_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_NANOSECOND = 1e-9
_T = TypeVar("_T")


def default_free(value: Any, **write: Callable[[Any], Json]) -> dict[str, Json]:
    """The parts of a value that are not at their default, written by the function of that name or as they are."""
    plain = type(value)()
    found = {field.name: getattr(value, field.name) for field in fields(value)}
    return {
        name: write.get(name, lambda part: part)(part)
        for name, part in found.items()
        if part != getattr(plain, name)
    }


# -- retry ------------------------------------------------------------------------------------------------


def retry(value: Json) -> Retry:
    """{"attempts", "backoff": "standard" | "fast" | [delays], "unsafe"}, or a backoff alone."""
    if isinstance(value, str | list):
        return Retry(backoff=backoff(value))
    known = {
        "attempts": 0,
        "max_attempts": 0,
        "retries": 0,
        "backoff": 0,
        "delay": 0,
        "retry_delay": 0,
        "unsafe": 0,
    }
    parts = within(value, known, '{"attempts": 3, "backoff": "fast"}')
    attempts = _one_of(parts, {"attempts": _attempts, "max_attempts": _attempts, "retries": _retries})
    delays = _one_of(parts, {"backoff": backoff, "delay": _one_delay, "retry_delay": _one_delay})
    return Retry(
        attempts=Retry().attempts if attempts is None else attempts,
        backoff=Backoff.STANDARD if delays is None else delays,
        unsafe=flag(parts.get("unsafe", False)),
    )


def backoff(value: Json) -> Backoff | tuple[timedelta, ...]:
    """A word, or delays that follow each other."""
    if isinstance(value, str) and not value.strip()[:1].isdigit():
        return word(Backoff, value)
    delays = tuple(_go_duration(delay) if isinstance(delay, str) else duration(delay) for delay in items(value))
    if not delays or not all(delays):
        raise FieldError("needs delays above zero, such as [10, 60]")
    return delays


def _go_duration(value: Json) -> timedelta:
    """A duration as we write it, or as Go does: 1m30s, 1.5s, 250ms."""
    try:
        return durations.parse(value)
    except ValueError as error:
        pieces = _GO_PIECE.findall(text(value))
        if not pieces or "".join(number + unit for number, unit in pieces) != value.strip() or len(value) > 64:
            raise FieldError(f"{shown(value)} {error}") from error
        seconds = sum(float(number) * _GO_UNITS[unit] for number, unit in pieces)
        return duration(seconds)


def _one_delay(value: Json) -> tuple[timedelta, ...]:
    """The `retry_delay` of a program in Go: nanoseconds as a number, or text."""
    delay = _go_duration(value) if isinstance(value, str) else duration(in_seconds(value, _NANOSECOND))
    if not delay:
        raise FieldError("needs a delay above zero")
    return (delay,)


def _attempts(value: Json) -> int:
    attempts = counted_from_one(value)
    if attempts > MOST_ATTEMPTS:
        raise FieldError(f"is more than {MOST_ATTEMPTS} attempts")
    return attempts


def _retries(value: Json) -> int:
    return _attempts(count(value) + 1)


def write_retry(value: Retry) -> Json:
    return default_free(value, backoff=_write_backoff)


def _write_backoff(value: Backoff | tuple[timedelta, ...]) -> Json:
    return value.value if isinstance(value, Backoff) else [write_duration(delay) for delay in value]


# -- exclude ----------------------------------------------------------------------------------------------


def exclude(value: Json) -> Exclude:
    """{"dates", "weekdays", "holidays"}, or one list of dates and names of weekdays."""
    if isinstance(value, list | str):
        return _mixed(items(value))
    parts = within(value, {"dates": 0, "weekdays": 0, "holidays": 0}, '{"weekdays": ["sat", "sun"]}')
    return Exclude(
        dates=tuple(sorted({day(item) for item in items(parts.get("dates", []))})),
        weekdays=tuple(sorted({weekday(item) for item in items(parts.get("weekdays", []))})),
        holidays=region(parts["holidays"]) if "holidays" in parts else "",
    )


def _mixed(found: list[Json]) -> Exclude:
    dates = {item for item in found if isinstance(item, str) and item[:1].isdigit()}
    others = [item for item in found if not isinstance(item, str) or item not in dates]
    return Exclude(
        dates=tuple(sorted({day(item) for item in dates})),
        weekdays=tuple(sorted({weekday(item) for item in others})),
    )


def weekday(value: Json) -> int:
    """By its English name, in full or its first three letters or more: numbers begin on another day elsewhere."""
    name = value.strip().lower() if isinstance(value, str) else ""
    found = [n for n, known in enumerate(WEEKDAYS) if len(name) >= len("mon") and known.startswith(name)]
    if not found:
        raise FieldError(f"{shown(value)} is not the name of a weekday such as saturday or sat")
    return found[0]


def region(value: Json) -> str:
    """A country, DE, or a part of one, DE-BY; empty is none. Whether there is such a place is not asked here."""
    code = text(value).strip()
    if code and not _REGION.fullmatch(code):
        raise FieldError(f"{shown(value)} is not a country such as DE, or a part of one such as DE-BY")
    country, dash, part = code.partition("-")
    return f"{country.upper()}{dash}{part}"


def write_exclude(value: Exclude) -> Json:
    return default_free(
        value,
        dates=lambda dates: [each.isoformat() for each in dates],
        weekdays=lambda weekdays: [WEEKDAYS[each] for each in weekdays],
    )


# -- where results and alerts go --------------------------------------------------------------------------

_HOOK = {"url": 0, "to": 0, "token": 0, "has_token": 0, "timeout": 0, "retries": 0, "retry": 0}


def hook(value: Json) -> Hook:
    """A URL, or {"url", "token", "timeout", "retries"}."""
    if isinstance(value, str):
        value = {"url": value}
    parts = within(value, _HOOK, '{"url": "https://example.org/hook"}')
    url = _one_of(parts, {"url": text, "to": text}) or ""
    if not url.strip():
        raise FieldError("needs a url (or to) such as https://example.org/hook")
    if parts.get("has_token") and "token" not in parts:
        raise FieldError("had a token, which is never shown: write it as token once more")
    return Hook(
        url=url.strip(),
        token=text(parts.get("token", "")),
        timeout=duration(parts["timeout"]) if "timeout" in parts else None,
        retries=_one_of(parts, {"retries": count, "retry": count}),
    )


def write_hook(value: Hook | None) -> Json:
    if value is None:
        return None
    parts = {"token": value.token or None, "timeout": value.timeout, "retries": value.retries}
    if value.timeout is not None:
        parts["timeout"] = write_duration(value.timeout)
    return {"url": value.url} | {name: part for name, part in parts.items() if part is not None}


_TO_CHAT = ("address", "channel", "chat", "to", "thread")


def delivery(value: Json) -> Delivery:
    """{"mode", …}: of webhook `hook`, or `to` and its other parts; of channel `address`, or `channel` and `to`."""
    if isinstance(value, str):
        value = {"mode": value}
    parts = within(value, {"mode": 0, "hook": 0, **_HOOK, **dict.fromkeys(_TO_CHAT, 0)}, '{"mode": "log"}')
    mode = word(DeliveryMode, parts["mode"]) if "mode" in parts else _mode_of(parts)
    rest = {name: part for name, part in parts.items() if name != "mode" and part != ""}
    if mode is DeliveryMode.WEBHOOK:
        return Delivery(mode=mode, hook=_hook_of(rest))
    if mode is DeliveryMode.CHANNEL:
        return Delivery(mode=mode, address=address_in(rest))
    if rest:
        raise FieldError(f"of the mode {mode} has no {', '.join(sorted(rest))}")
    return Delivery(mode=mode)


def _mode_of(parts: Mapping[str, Json]) -> DeliveryMode:
    if {"hook", "url"} & parts.keys():
        return DeliveryMode.WEBHOOK
    raise FieldError(f"needs a mode: one of {', '.join(DeliveryMode)}")


def _hook_of(parts: Mapping[str, Json]) -> Hook:
    if "hook" in parts:
        if len(parts) > 1:
            raise FieldError("says its hook twice; keep one")
        return hook(parts["hook"])
    if not {"to", "url"} & parts.keys():
        raise FieldError("of the mode webhook needs `to`, the address to call, such as https://example.org/hook")
    return hook(dict(parts))


def address_in(parts: Mapping[str, Json]) -> Any:
    """The address in {"address"}, in {"channel", "to", "thread"}, or in {"to": "telegram:123"}; None for none."""
    if not parts:
        return None
    if "address" in parts:
        if len(parts) > 1:
            raise FieldError("says its address twice; keep one")
        return address(parts["address"])
    to = parts.get("to")
    if "channel" not in parts and isinstance(to, str) and ":" in to:
        channel, _, chat = to.partition(":")
        return address({**parts, "channel": channel, "to": chat})
    return address(dict(parts))


def write_delivery(value: Delivery) -> Json:
    written = {"mode": value.mode.value, "hook": write_hook(value.hook)}
    written["address"] = write_address(value.address) if value.address is not None else None
    return {name: part for name, part in written.items() if part is not None}


def failure_alert(value: Json) -> FailureAlert:
    """{"after", "cooldown", "address"}; also `channel` and `to` for the address, and `cooldown_ms`."""
    known = {"after": 0, "cooldown": 0, "cooldown_ms": 0, **dict.fromkeys(_TO_CHAT, 0)}
    parts = within(value, known, '{"after": 3, "cooldown": "1h"}')
    cooldown = _one_of(parts, {"cooldown": duration, "cooldown_ms": milliseconds})
    where = {name: part for name, part in parts.items() if name in _TO_CHAT}
    return FailureAlert(
        after=count(parts["after"]) if "after" in parts else None, cooldown=cooldown, address=address_in(where)
    )


def write_failure_alert(value: FailureAlert) -> Json:
    return default_free(value, cooldown=write_duration, address=write_address)


def milliseconds(value: Json) -> timedelta:
    if type(value) not in (int, float):
        raise FieldError("is not a number of milliseconds")
    return duration(in_seconds(value, 0.001))


def notify_on(value: Json) -> tuple[Lifecycle, ...]:
    """In the order in which the words are known, each once."""
    given = {word(Lifecycle, item) for item in items(value)}
    return tuple(each for each in Lifecycle if each in given)


# -- what follows, and limits -----------------------------------------------------------------------------


def then(value: Json) -> tuple[Then, ...]:
    """A list of {"on", "job" | "event"}; one alone; or text, "report" and "event:done", which follows success."""
    found = value if isinstance(value, list) else [value]
    return tuple(_then(item) for item in found)


def _then(value: Json) -> Then:
    if isinstance(value, str):
        on, _, target = value.rpartition("=")
        kind = "event" if target.strip().startswith("event:") else "job"
        value = {"on": on or ThenOn.SUCCESS.value, kind: target.strip().removeprefix("event:")}
    parts = within(value, {"on": 0, "job": 0, "event": 0}, '{"on": "success", "job": "report"}')
    job, event = text(parts.get("job", "")).strip(), text(parts.get("event", "")).strip()
    if bool(job) is bool(event):
        raise FieldError("needs a job or an event, one of the two, such as {'on': 'success', 'job': 'report'}")
    return Then(on=word(ThenOn, parts.get("on", ThenOn.SUCCESS.value)), job=job, event=event)


def write_then(value: tuple[Then, ...]) -> Json:
    return [{"on": each.on.value} | ({"job": each.job} if each.job else {"event": each.event}) for each in value]


def spend(value: Json) -> SpendCap:
    """{"tokens_per_run", "tokens_per_day", "money_per_day"}"""
    known = {"tokens_per_run": counted_from_one, "tokens_per_day": counted_from_one, "money_per_day": amount}
    parts = within(value, known, '{"tokens_per_day": 50000}')
    read: dict[str, Any] = {}
    for name, part in parts.items():
        try:
            read[name] = known[name](part)
        except FieldError as fault:
            raise FieldError(f"{name} {fault}") from fault
    return SpendCap(**read)


def write_spend(value: SpendCap) -> Json:
    return default_free(value)


def schema(value: Json) -> Json:
    """A JSON Schema, or one as text."""
    if isinstance(value, str):
        try:
            value = json_text.load(value.encode())
        except ValueError as error:
            raise FieldError(f"is not JSON: {error}") from error
    if not isinstance(value, dict | bool):
        raise FieldError('is not a JSON Schema such as {"type": "object", "required": ["total"]}')
    try:
        json_text.check(value, depth=SCHEMA_DEPTH)
    except ValueError as error:
        raise FieldError(str(error)) from error
    return value


def _one_of(parts: Mapping[str, Json], readers: Mapping[str, Callable[[Json], _T]]) -> _T | None:
    """What one of these names says, which all mean the same thing; None where none is there."""
    given = [name for name in readers if name in parts]
    if len(given) > 1:
        raise FieldError(f"says two things: {' and '.join(given)}; keep one")
    if not given:
        return None
    try:
        return readers[given[0]](parts[given[0]])
    except FieldError as fault:
        raise FieldError(f"{given[0]} {fault}") from fault
