from __future__ import annotations

import pytest
from jsonschema_rs import Draft202012Validator
from orgbilling_stubs.http import validation_errors

SCHEMA = {
    "type": "object",
    "properties": {
        "n": {"type": "integer", "minimum": 1, "maximum": 5, "multipleOf": 2},
        "x": {"exclusiveMinimum": 1, "exclusiveMaximum": 5},
        "s": {"type": "string", "minLength": 2, "maxLength": 3, "pattern": "^z"},
        "e": {"enum": ["a", "b"]},
        "c": {"const": 1},
        "d": {"format": "date-time"},
        "u": {"format": "uuid"},
        "o": {"format": "json-pointer"},
        "l": {"type": ["array", "null"], "minItems": 1, "maxItems": 2, "uniqueItems": True},
        "one": {"oneOf": [{"type": "string"}, {"type": "object"}]},
        "any": {"anyOf": [{"type": "string"}, {"type": "object"}]},
        "no": {"not": {}},
        "m": {"minProperties": 1, "maxProperties": 1},
    },
}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"n": 0}, "expected number >= 1"),
        ({"n": 6}, "expected number <= 5"),
        ({"n": 3}, "expected number to be a multiple of 2"),
        ({"n": "1"}, "expected integer"),
        ({"x": 1}, "expected number > 1"),
        ({"x": 5}, "expected number < 5"),
        ({"s": "z"}, "expected length >= 2"),
        ({"s": "zzzz"}, "expected length <= 3"),
        ({"s": "aa"}, "expected string to match pattern ^z"),
        ({"e": 1}, 'expected value to be one of "a, b"'),
        ({"c": 2}, "expected value to be the constant of the schema"),
        ({"d": "x"}, "expected string to be RFC 3339 date-time"),
        ({"u": "x"}, "expected string to be RFC 4122 uuid"),
        ({"o": "x"}, "expected string to be json-pointer"),
        ({"l": {}}, "expected array"),
        ({"l": []}, "expected array length >= 1"),
        ({"l": [1, 2, 3]}, "expected array length <= 2"),
        ({"l": [1, 1]}, "expected array items to be unique"),
        ({"one": 1}, "expected value to match exactly one schema"),
        ({"any": 1}, "expected value to match at least one schema but matched none"),
        ({"no": 1}, "expected value to not match schema"),
        ({"m": {}}, "expected object with at least 1 properties"),
        ({"m": {"a": 1, "b": 2}}, "expected object with at most 1 properties"),
        ([], "expected object"),
    ],
)
def test_every_kind_of_error_has_the_words_of_the_framework(body, message):
    rows = validation_errors.validation_errors(
        Draft202012Validator(SCHEMA, validate_formats=True), body, "body"
    )
    assert [row["message"] for row in rows] == [message]


def test_a_place_is_written_with_dots_and_brackets():
    assert validation_errors.locate("body", ["items", 3, "tag"]) == "body.items[3].tag"


def test_a_null_value_is_left_out():
    assert validation_errors.validation_error("m", "body", None) == {"message": "m", "location": "body"}


def test_large_values_are_cut_or_left_out():
    assert len(validation_errors.bounded("x" * 5_000)) == validation_errors.LIMIT_BYTES + 1
    assert validation_errors.bounded(["x" * 5_000]) is None
    assert validation_errors.bounded({"n": 2**70}) is None
    assert validation_errors.bounded([1]) == [1]


def test_not_more_findings_than_anyone_would_read():
    schema = {"items": {"type": "string"}}
    assert (
        len(validation_errors.validation_errors(Draft202012Validator(schema), list(range(500)), "body"))
        == validation_errors.MOST
    )
