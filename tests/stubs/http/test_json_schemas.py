from __future__ import annotations

import pytest
from jsonschema_rs import Draft202012Validator
from orgbilling_stubs.http.json_schemas import (
    MAX_ERRORS,
    MAX_VALUE_BYTES,
    Schemas,
    error_detail,
    locate,
    shortened,
    types,
    validation_errors,
)

DOCUMENT = {
    "components": {
        "schemas": {
            "Tree": {
                "type": "object",
                "required": ["id", "name"],
                "properties": {
                    "id": {"type": "string", "readOnly": True},
                    "name": {"type": "string"},
                    "secret": {"type": "string", "writeOnly": True},
                    "size": {"type": "integer", "format": "int64"},
                    "small": {"type": "integer", "format": "int32", "minimum": 5},
                    "children": {"type": ["array", "null"], "items": {"$ref": "#/components/schemas/Tree"}},
                },
            },
            "Alias": {"$ref": "#/components/schemas/Tree"},
        }
    }
}
TREE = {"$ref": "#/components/schemas/Tree"}


@pytest.fixture
def valid():
    schemas = Schemas(DOCUMENT)
    return lambda instance, side: schemas.validator(TREE, side).is_valid(instance)


def test_what_only_the_server_writes_may_not_be_sent_and_is_not_missed(valid):
    assert valid({"name": "a"}, "request")
    assert not valid({"name": "a", "id": "1"}, "request")
    assert not valid({"name": "a", "children": [{"name": "b", "id": "2"}]}, "request")
    assert not valid({"name": "a"}, "response")


def test_what_only_the_client_writes_never_comes_back(valid):
    assert valid({"name": "a", "secret": "x"}, "request")
    assert not valid({"name": "a", "id": "1", "secret": "x"}, "response")


@pytest.mark.parametrize(
    ("member", "value", "good"),
    [
        ("size", 2**63 - 1, True),
        ("size", 2**63, False),
        ("small", 2**31, False),
        ("small", 4, False),
        ("small", 5, True),
    ],
)
def test_integers_have_the_range_of_their_format(valid, member, value, good):
    assert valid({"name": "a", member: value}, "request") is good


def test_the_tolerant_side_lets_the_servers_own_members_pass():
    assert Schemas(DOCUMENT, tolerant=True).validator(TREE, "request").is_valid({"name": "a", "id": "1"})


def test_a_standalone_schema_brings_only_what_it_needs():
    schemas = Schemas({"components": {"schemas": {**DOCUMENT["components"]["schemas"], "Other": {}}}})
    assert set(schemas.standalone(TREE, "request")["components"]["schemas"]) == {"Tree"}


def test_a_validator_is_compiled_once():
    schemas = Schemas(DOCUMENT)
    assert schemas.validator(TREE, "request") is schemas.validator(dict(TREE), "request")


def test_a_broken_reference_is_an_error_at_start():
    with pytest.raises(LookupError):
        Schemas(DOCUMENT).validator({"$ref": "#/components/schemas/Nobody"}, "request")


def test_types_follow_references_and_forget_null():
    assert types(DOCUMENT, {"$ref": "#/components/schemas/Alias"}) == ("object",)
    assert types(DOCUMENT, {"type": ["array", "null"]}) == ("array",)
    assert types(DOCUMENT, True) == ()


EVERY_KEYWORD = {
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
    rows = validation_errors(Draft202012Validator(EVERY_KEYWORD, validate_formats=True), body, "body")
    assert [row["message"] for row in rows] == [message]


def test_a_place_is_written_with_dots_and_brackets():
    assert locate("body", ["items", 3, "tag"]) == "body.items[3].tag"


def test_a_null_value_is_left_out():
    assert error_detail("m", "body", None) == {"message": "m", "location": "body"}


def test_large_values_are_cut_or_left_out():
    assert len(shortened("x" * 5_000)) == MAX_VALUE_BYTES + 1
    assert shortened(["x" * 5_000]) is None
    assert shortened({"n": 2**70}) is None
    assert shortened([1]) == [1]


def test_not_more_findings_than_anyone_would_read():
    schema = {"items": {"type": "string"}}
    assert len(validation_errors(Draft202012Validator(schema), list(range(500)), "body")) == MAX_ERRORS


@pytest.mark.parametrize(
    ("body", "location", "value"),
    [
        ({"m": {"0": "x"}}, "body.m.0", "x"),
        ({"m": {"007": "x"}}, "body.m.007", "x"),
        ({"l": [1, "x"]}, "body.l[1]", "x"),
        ({"m": {"": "x"}}, "body.m", {"": "x"}),
    ],
)
def test_a_member_whose_name_is_a_number_is_located(body, location, value):
    numbers = {"additionalProperties": {"type": "integer"}, "items": {"type": "integer"}}
    validator = Draft202012Validator({"properties": {"m": numbers, "l": numbers}})
    assert validation_errors(validator, body, "body") == [
        {"message": "expected integer", "location": location, "value": value}
    ]
