from __future__ import annotations

from typing import Any

import pytest
from orgbilling_stubs.http.response_fitting import ResponseFitter

CLOSED = {"additionalProperties": False}


@pytest.mark.parametrize(
    ("schema", "body", "fitted"),
    [
        ({"type": "object", "properties": {"a": {}}, **CLOSED}, {"a": 1, "b": 2}, {"a": 1}),
        ({"properties": {"a": {"type": "string"}}}, {"a": 2.5, "b": 1}, {"a": "2.5", "b": 1}),
        ({"properties": {"a": {"type": "integer"}}}, {"a": 2.5}, {"a": 2}),
        ({"properties": {"a": {"type": "integer"}}}, {"a": "7"}, {"a": 7}),
        ({"properties": {"a": {"type": "string"}}}, {"a": True}, {"a": "true"}),
        ({"properties": {"a": {"type": "array"}}}, {"a": None}, {"a": []}),
        ({"properties": {"a": {"const": 3}}, "required": ["a"]}, {}, {"a": 3}),
        ({"properties": {"a": {"enum": ["x"]}}}, {"a": "y"}, {"a": "x"}),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Row"}}, [{"a": 1, "b": 2}], [{"a": "1"}]),
        (
            {"properties": {"a": {"anyOf": [{"type": "null"}, {"$ref": "#/components/schemas/Row"}]}}},
            {"a": {"a": 1, "c": 3}},
            {"a": {"a": "1"}},
        ),
        ({"properties": {"a": {"writeOnly": True}}}, {"a": 1}, {}),
    ],
)
def test_a_reply_becomes_what_the_schema_has(schema: dict[str, Any], body: object, fitted: object) -> None:
    row = {"type": "object", "properties": {"a": {"type": "string"}}, **CLOSED}
    assert ResponseFitter({"components": {"schemas": {"Row": row}}}, 1).fitted(schema, body) == fitted


@pytest.mark.parametrize(
    ("schema", "body"),
    [
        ({"type": "boolean", "enum": ["x"]}, "x"),
        ({"properties": {"a": {"type": "string", "pattern": "^x$", "enum": ["y"]}}}, {"a": "z", "b": 1}),
        ({"properties": {"a": False}, "required": ["a"]}, {}),
        ({"$ref": "#/components/schemas/Nothing"}, {"a": 1}),
    ],
)
def test_where_no_value_fits_the_own_one_stays(schema: dict[str, Any], body: object) -> None:
    fitter = ResponseFitter({}, 1)
    assert fitter.fitted(schema, body) == body
    assert not fitter.has_example(schema)


def test_the_schema_url_is_not_missed() -> None:
    schema = {"type": "object", "properties": {"$schema": {"type": "string"}}, "required": ["$schema"]}
    assert ResponseFitter({}, 1).fitted(schema, {"a": 1}) == {"a": 1}
