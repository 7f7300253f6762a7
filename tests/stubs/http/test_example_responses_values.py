from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from orgbilling_openapi import description as descriptions
from orgbilling_stubs.http.errors import UNIMPLEMENTED, Problem
from orgbilling_stubs.http.example_responses import ExampleHandler, ExampleValues

DOCUMENT = {
    "components": {
        "schemas": {
            "Node": {
                "type": "object",
                "required": ["next"],
                "properties": {"next": {"$ref": "#/components/schemas/Node"}},
            },
            "List": {
                "type": "object",
                "required": ["next"],
                "properties": {"next": {"anyOf": [{"$ref": "#/components/schemas/List"}, {"type": "null"}]}},
            },
        }
    }
}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "integer", "minimum": -5, "maximum": -3},
        {"type": "integer", "exclusiveMinimum": 3, "exclusiveMaximum": 5},
        {"type": "integer", "multipleOf": 7, "minimum": 1, "maximum": 20},
        {"type": "number", "minimum": 0, "maximum": 10_000},
        {"type": "integer", "maximum": -1},
        {"type": "array", "items": {"type": "boolean"}, "maxItems": 1},
        {"type": "array", "items": {"type": "null"}, "minItems": 5},
        {"type": "string", "minLength": 100},
        {"type": "string", "maxLength": 1},
        {"type": ["string", "null"], "format": "date"},
        {"type": "string", "format": "time"},
        {"type": "string", "format": "ipv6"},
        {"const": {"a": 1}},
        {"type": "object", "required": ["x"], "additionalProperties": {"type": "integer"}},
        {"allOf": [{"type": "object", "required": ["a"]}, {"properties": {"a": {"enum": [3]}}}]},
        {"oneOf": [{"type": "null"}, {"type": "string"}]},
        True,
    ],
)
def test_a_value_is_valid(schema):
    for key in range(20):
        example = ExampleValues({}, key).value(schema, "name")
        assert Draft202012Validator(schema, validate_formats=True).is_valid(example), example


def test_every_schema_of_the_contract_gets_a_value():
    contract = descriptions.load()
    for name in contract["components"]["schemas"]:
        schema = {"$ref": f"#/components/schemas/{name}"}
        example = ExampleValues(contract, 1).value(schema)
        validator = Draft202012Validator(
            {**schema, "components": contract["components"]}, validate_formats=True
        )
        assert validator.is_valid(example), name


def test_the_same_key_gives_the_same_value():
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "id": {"type": "string"}}}
    assert ExampleValues({}, 5).value(schema) == ExampleValues({}, 5).value(schema)
    assert ExampleValues({}, 5).value(schema) != ExampleValues({}, 6).value(schema)


def test_a_schema_may_contain_itself():
    example = ExampleValues(DOCUMENT, 1).value({"$ref": "#/components/schemas/List"})
    while example is not None:
        example = example["next"]


def test_a_schema_that_never_ends_is_an_error():
    with pytest.raises(ValueError, match="never ends"):
        ExampleValues(DOCUMENT, 1).value({"$ref": "#/components/schemas/Node"})


def test_an_example_has_a_bounded_number_of_values() -> None:
    schema: dict[str, object] = {"type": "integer"}
    for _ in range(5):
        schema = {"type": "array", "minItems": 100, "items": schema}
    with pytest.raises(ValueError, match="needs too many values"):
        ExampleValues(DOCUMENT, 1).value(schema)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["100", "201"], 201),
        (["1XX", "404"], 404),
        (["101", "999", "abc"], UNIMPLEMENTED.status),
        ([], UNIMPLEMENTED.status),
        (["2XX"], 200),
        (["100", "default"], 200),
    ],
)
def test_the_status_is_one_that_ends_a_request(statuses: list[str], expected: int) -> None:
    operation: Any = SimpleNamespace(responses={status: {"description": ""} for status in statuses})
    handler = ExampleHandler.__new__(ExampleHandler)
    handler._operation = operation
    try:
        status = handler._success()[0]
    except Problem as problem:
        status = problem.status
    assert status == expected
