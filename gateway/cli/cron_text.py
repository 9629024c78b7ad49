"""The text of a job that somebody has written, as one object: JSON with comments, TOML or YAML; pure."""

import re
import tomllib

from cron import json_text
from gateway.errors import UserError
from gateway.messages import Json
from gateway.tasks import as_json

LARGEST = 1_000_000  # characters
EXAMPLE = '{"name": "news", "cron": "0 9 * * *", "prompt": "…"}'
_TOML_LINE = re.compile(r"\s*(?:\[\[?[A-Za-z_]|[\w\"'.-]+\s*=)")
_YAML_LINE = re.compile(r"\s*(?:---|[\w\"'-]+\s*:)")


def parse(text: str, *, name: str = "") -> dict[str, Json]:
    """The object; UserError when there is none. The suffix of `name`, the file's, says the form, else the text."""
    if len(text) > LARGEST:
        raise UserError(f"--job has more than {LARGEST} characters; a job is far shorter")
    value = _READERS[_form(text, name)](text)
    if isinstance(value, str):  # some programs send an object as text
        value = _json(value)
    if not isinstance(value, dict):
        raise UserError(f"--job is one JSON object, such as {EXAMPLE}")
    return value


def _form(text: str, name: str) -> str:
    suffix = name.lower().rpartition(".")[2]
    if suffix in {"toml", "json", "yaml", "yml"}:
        return "yaml" if suffix == "yml" else suffix
    first = next((line for line in text.splitlines() if line.strip() and line.strip()[0] != "#"), "")
    if first.strip()[:1] in {"{", "/"}:
        return "json"
    if _TOML_LINE.match(first):
        return "toml"
    return "yaml" if _YAML_LINE.match(first) and not first.strip().startswith('"{') else "json"


def _json(text: str) -> Json:
    try:
        return json_text.load_by_hand(text)
    except ValueError as error:
        raise UserError(f"--job is not JSON: {error}") from error


def _toml(text: str) -> Json:
    try:
        return as_json(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"--job is not TOML: {error}") from error
    except RecursionError as error:
        raise UserError("--job is not TOML that can be read: it is nested too deeply") from error


def _yaml(text: str) -> Json:
    import yaml  # only for who writes YAML: 10 ms

    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            raise ValueError("it has an alias (*name), of which few lines stand for gigabytes; write the value")
        return as_json(yaml.safe_load(text))
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise UserError(f"--job is not YAML: {problem}{line}") from error
    except RecursionError as error:
        raise UserError("--job is not YAML that can be read: it is nested too deeply") from error


_READERS = {"json": _json, "toml": _toml, "yaml": _yaml}
