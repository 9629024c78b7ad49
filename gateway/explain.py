"""What pydantic found wrong, in plain words: the whole key, the fault, and the nearest key that there is."""

import difflib
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from gateway.plugins import offered

_SHOWN = 3

_WORDS: dict[str, str] = {
    "missing": "missing",
    "string_type": "must be text in quotes",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "literal_error": "must be {expected}",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "string_too_short": "must not be empty",
    "string_too_long": "must be at most {max_length} characters long",
    "model_type": "must be a section with keys of its own",
    "model_attributes_type": "must be a section with keys of its own",
    "dict_type": "must be a section with keys of its own",
    "tuple_type": 'must be a list such as ["a", "b"]',
    "list_type": 'must be a list such as ["a", "b"]',
}


def explain(error: ValidationError, model: type[BaseModel], *, where: str = "", prefix: str = "") -> str:
    """One sentence for what is wrong with a table that `model` should have typed.

    No value is shown but those our own checks put into their words: it may be a secret. A check that
    concerns a key below its own place begins its words with ".key: ".
    """
    faults = list(dict.fromkeys(_fault(detail, model, prefix) for detail in error.errors(include_url=False)))
    shown = "; ".join(faults[:_SHOWN])
    more = f"; and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
    return f"{where}: {shown}{more}" if where else f"{shown}{more}"


def _fault(detail: Mapping[str, Any], model: type[BaseModel], prefix: str) -> str:
    loc = tuple(part for part in detail["loc"])
    key = dotted(loc, prefix)
    if detail["type"] == "extra_forbidden":
        return f"{key}: unknown key; did you mean {_nearest(loc, model, prefix)}?"
    words = _words(detail)
    if words.startswith("."):
        return f"{key}{words}" if key else words[1:]
    return f"{key}: {words}" if key else words


def _words(detail: Mapping[str, Any]) -> str:
    context = detail.get("ctx", {})
    if detail["type"] == "value_error":
        return str(context["error"])
    template = _WORDS.get(detail["type"])
    if template is None:
        return str(detail["msg"])
    return template.format(**{name: _plain(value) for name, value in context.items()})


def _plain(value: object) -> str:
    total_seconds = getattr(value, "total_seconds", None)
    return f"{total_seconds():g}s" if total_seconds else str(value).replace("'", '"')


def dotted(loc: tuple[int | str, ...], prefix: str = "") -> str:
    """`("cron", "tasks", 0, "name")` as it is written in messages: cron.tasks[1].name."""
    text = prefix
    for part in loc:
        text += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def _nearest(loc: tuple[int | str, ...], model: type[BaseModel], prefix: str) -> str:
    """The known key most like the unknown one: beside it if one there is like it, else anywhere."""
    wanted = str(loc[-1]).lower()
    place = loc[:-1]
    if not place and not prefix and wanted in offered("channels"):
        return f"channels.{wanted}"
    beside = {name: dotted((*place, name), prefix) for name in _keys_at(model, place)}
    anywhere = {path.rpartition(".")[2]: path for path in _paths(model, prefix)}
    for table, cutoff in ((beside, 0.8), (anywhere, 0.95), (beside, 0.6), (anywhere, 0.75), (beside, 0.0)):
        near = difflib.get_close_matches(wanted, table, n=1, cutoff=cutoff)
        if near:
            return table[near[0]]
    return prefix or "nothing"


def _keys_at(model: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    kinds: list[Any] = [model]
    for part in place:
        kinds = [below for kind in kinds for below in _below(kind, part)]
    return [name for kind in kinds if _is_model(kind) for name in kind.model_fields]


def _below(kind: Any, part: int | str) -> Iterator[Any]:
    """What an annotation says about its member `part`; unions are looked at one by one."""
    if _is_model(kind):
        field = kind.model_fields.get(str(part))
        if field is not None:
            yield from _members(field.annotation)
    elif typing.get_origin(kind) in {dict, tuple, list}:
        arguments = [argument for argument in typing.get_args(kind) if argument is not Ellipsis]
        yield from _members(arguments[-1])


def _members(annotation: Any) -> Iterator[Any]:
    members = typing.get_args(annotation)
    if members and typing.get_origin(annotation) not in {dict, tuple, list}:
        for member in members:  # a union, or Annotated
            yield from _members(member)
    else:
        yield annotation


def _paths(model: type[BaseModel], prefix: str) -> Iterator[str]:
    """Every key of a model and of the sections in it."""
    for name, field in model.model_fields.items():
        path = f"{prefix}.{name}".lstrip(".")
        yield path
        for kind in _members(field.annotation):
            if _is_model(kind):
                yield from _paths(kind, path)


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)
