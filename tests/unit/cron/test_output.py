"""Whether a final text is what its job asked for."""

from pathlib import Path

import pytest

from cron.output import checker
from cron.policy import OutputFormat
from tests.jobs import new_job

SCHEMA = {
    "type": "object",
    "required": ["total"],
    "properties": {"total": {"type": "number"}, "days": {"type": "array", "items": {"type": "string"}}},
}


def fault(text: str, kind: OutputFormat, schema: object = None) -> str | None:
    check = checker(new_job(output_format=kind, output_schema=schema))
    assert check is not None
    return check(text)


def test_plain_text_is_not_checked() -> None:
    """HP-32"""
    assert checker(new_job()) is None


@pytest.mark.parametrize("text", ['{"a": 1}', " [1]\n", "null", '"text"', '```json\n{"a": 1}\n```', "```\n1\n```"])
def test_one_json_value_is_json(text: str) -> None:
    """HP-33"""
    assert fault(text, OutputFormat.JSON) is None


@pytest.mark.parametrize(
    "text", ["", "done", "{'a': 1}", '{"a": 1} done', "NaN", '{"a": Infinity}', "[" * 100_000]
)
def test_what_is_not_json_is_told(text: str) -> None:
    """HP-33"""
    told = fault(text, OutputFormat.JSON)

    assert told is not None
    assert told.startswith("it is n")
    assert len(told) <= 300


def test_what_matches_the_schema_is_taken() -> None:
    """HP-34"""
    assert fault('{"total": 3, "days": ["Mon"]}', OutputFormat.STRUCTURED, SCHEMA) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{}", "'total' is a required property"),
        ('{"total": "3"}', "at total: '3' is not of type 'number'"),
        ('{"total": 3, "days": [1]}', "at days/0: 1 is not of type 'string'"),
        ("three", "it is not JSON"),
    ],
)
def test_what_does_not_match_is_told_with_its_place(text: str, words: str) -> None:
    """HP-34"""
    assert words in (fault(text, OutputFormat.STRUCTURED, SCHEMA) or "")


def test_a_schema_that_points_elsewhere_fetches_nothing_and_matches_nothing(tmp_path: Path) -> None:
    """P-84"""
    elsewhere = tmp_path / "schema.json"
    elsewhere.write_text('{"type": "number"}')

    told = fault("1", OutputFormat.STRUCTURED, {"$ref": elsewhere.as_uri()})

    assert told is not None
    assert told.startswith("its schema points to what it does not hold")


def test_a_schema_may_point_into_itself() -> None:
    own = {"$ref": "#/$defs/total", "$defs": {"total": {"type": "number"}}}

    assert fault("1", OutputFormat.STRUCTURED, own) is None
    assert "not of type" in (fault('"1"', OutputFormat.STRUCTURED, own) or "")


def test_a_number_that_cannot_be_compared_does_not_match() -> None:
    told = fault("1" + "0" * 400, OutputFormat.STRUCTURED, {"multipleOf": 0.5})

    assert told is not None
    assert "too large" in told
