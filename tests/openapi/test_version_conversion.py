from __future__ import annotations

import copy
from typing import Any

import pytest
from orgbilling_openapi import check, description
from orgbilling_openapi.version_conversion import to_openapi_30, to_openapi_31


def wrap(schema: object, version: str = "3.1.0") -> dict[str, Any]:
    return {
        "openapi": version,
        "info": {"title": "t", "version": "1"},
        "paths": {},
        "components": {"schemas": {"X": schema}},
    }


TABLE: list[tuple[Any, Any]] = [
    (
        {"type": ["array", "null"], "items": {"type": "string"}},
        {"type": "array", "items": {"type": "string"}, "nullable": True},
    ),
    ({"type": ["string", "integer"]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
    ({"const": 3}, {"enum": [3]}),
    ({"type": "string", "examples": ["a", "b"]}, {"type": "string", "example": "a"}),
    ({"type": "integer", "exclusiveMinimum": 0}, {"type": "integer", "minimum": 0, "exclusiveMinimum": True}),
    ({"anyOf": [{"type": "string"}, {"type": "null"}]}, {"anyOf": [{"type": "string"}], "nullable": True}),
    ({"$ref": "#/components/schemas/Y"}, {"$ref": "#/components/schemas/Y"}),
    (
        {"$ref": "#/components/schemas/Y", "description": "d"},
        {"description": "d", "allOf": [{"$ref": "#/components/schemas/Y"}]},
    ),
    ({"type": "array"}, {"type": "array", "items": {}}),
    ({"type": "object", "patternProperties": {"^x": {}}}, {"type": "object"}),
    (True, {}),
    (False, {"not": {}}),
    (
        {"type": "object", "properties": {"examples": {"type": ["string", "null"]}, "default": {"const": 1}}},
        {
            "type": "object",
            "properties": {"examples": {"type": "string", "nullable": True}, "default": {"enum": [1]}},
        },
    ),
]


@pytest.mark.parametrize(("schema", "expected"), TABLE)
def test_a_schema_as_3_0(schema: Any, expected: Any) -> None:
    before = copy.deepcopy(schema)
    assert to_openapi_30(wrap(schema))["components"]["schemas"]["X"] == expected
    assert schema == before


@pytest.mark.parametrize(
    ("expected", "schema"), [row for row in TABLE if row[0] is not False][:1] + TABLE[4:5]
)
def test_a_schema_as_3_1(schema: Any, expected: Any) -> None:
    assert to_openapi_31(wrap(schema, "3.0.3"))["components"]["schemas"]["X"] == expected


def test_a_nullable_reference_as_3_1() -> None:
    schema = {"nullable": True, "allOf": [{"$ref": "#/components/schemas/Y"}]}
    assert to_openapi_31(wrap(schema, "3.0.3"))["components"]["schemas"]["X"] == {
        "anyOf": [{"allOf": [{"$ref": "#/components/schemas/Y"}]}, {"type": "null"}]
    }


@pytest.mark.slow
def test_the_contract_as_3_0_is_valid() -> None:
    down = to_openapi_30(description.load())
    assert down["openapi"] == "3.0.3"
    assert list(check.spec_validator_errors(down)) == []


def test_every_response_is_converted_also_the_default_one() -> None:
    document = wrap({})
    content = {
        "application/json": {"schema": {"type": ["string", "null"]}, "example": {"schema": {"type": ["x"]}}}
    }
    document["paths"] = {"/a": {"get": {"responses": {"default": {"description": "", "content": content}}}}}
    down = to_openapi_30(document)["paths"]["/a"]["get"]["responses"]["default"]["content"][
        "application/json"
    ]
    assert down["schema"] == {"type": "string", "nullable": True}
    assert down["example"] == {"schema": {"type": ["x"]}}


def test_what_only_3_1_has_is_left_out() -> None:
    document = wrap({})
    document |= {"webhooks": {}, "jsonSchemaDialect": "x"}
    document["info"] |= {"summary": "s", "license": {"name": "MIT", "identifier": "MIT"}}
    down = to_openapi_30(document)
    assert down.keys() == {"openapi", "info", "paths", "components"}
    assert down["info"] == {"title": "t", "version": "1", "license": {"name": "MIT"}}


def test_3_0_ignores_what_stands_beside_a_reference() -> None:
    schema = {"$ref": "#/components/schemas/Y", "description": "kept", "nullable": True, "maxLength": 3}
    up = to_openapi_31(wrap(schema, "3.0.3"))["components"]["schemas"]["X"]
    assert up == {"$ref": "#/components/schemas/Y", "description": "kept"}
