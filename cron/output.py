"""Whether the final text of a run is what its job asked for; pure."""

import json
import re
from collections.abc import Callable
from typing import Any

from cron.job import Job
from cron.policy import OutputFormat
from gateway.messages import Json

LONGEST_FAULT = 300  # characters

_FENCE = re.compile(r"\A```[a-zA-Z]*[ \t]*\n(?P<inside>.*?)\n?```\Z", re.DOTALL)


def checker(job: Job) -> Callable[[str], str | None] | None:
    """A function that says what is wrong with a final text, None if nothing is; no function for plain text."""
    match job.output_format:
        case OutputFormat.TEXT:
            return None
        case OutputFormat.JSON:
            return _not_json
        case OutputFormat.STRUCTURED:
            return _matching(job.output_schema)


def parse(text: str) -> Json:
    """The JSON in a final text; a fence of Markdown around the whole is left out. ValueError if it is none."""
    text = text.strip()
    if (found := _FENCE.match(text)) is not None:
        text = found["inside"]
    return json.loads(text, parse_constant=_refuse)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def _not_json(text: str) -> str | None:
    try:
        parse(text)
    except RecursionError:
        return "it is nested too deeply"
    except ValueError as error:
        return f"it is not JSON: {error}"[:LONGEST_FAULT]
    return None


def _matching(schema: Json) -> Callable[[str], str | None]:
    def check(text: str) -> str | None:
        return _not_json(text) or _mismatch(parse(text), schema)

    return check


def _mismatch(value: Json, schema: Any) -> str | None:
    import jsonschema  # here: 60 ms, and few jobs have a schema
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import EMPTY_REGISTRY  # without it, what a schema points to would be fetched

    try:
        kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        fault = jsonschema.exceptions.best_match(kind(schema, registry=EMPTY_REGISTRY).iter_errors(value))
    except (RecursionError, OverflowError):
        return "it is nested too deeply, or has a number that is too large"
    except Unresolvable as error:
        return f"its schema points to what it does not hold: {error.ref}"[:LONGEST_FAULT]
    if fault is None:
        return None
    where = "/".join(str(step) for step in fault.absolute_path)
    return f"it does not match the schema{f', at {where}' if where else ''}: {fault.message}"[:LONGEST_FAULT]
