"""Schemas side by side, keyword by keyword: does the change break a request, does it break a response."""

from __future__ import annotations

from typing import Any

import pytest
from orgbilling_openapi.schema_diff import SchemaComparison
from orgbilling_openapi.schema_flattening import Node

NO, REQUEST, RESPONSE, BOTH = "neither", "request", "response", "both"


def verdict(old: dict[str, Any], new: dict[str, Any]) -> str:
    broken = [
        direction
        for direction in (REQUEST, RESPONSE)
        if any(
            difference.breaking
            for difference in SchemaComparison({}, {}).compare(Node(old, ()), Node(new, ()), direction)
        )
    ]
    return BOTH if len(broken) == 2 else broken[0] if broken else NO


@pytest.mark.parametrize(
    ("old", "new", "breaks"),
    [
        ({"type": "string"}, {"type": "string"}, NO),
        ({"description": "a", "title": "t"}, {"description": "b"}, NO),
        ({"type": "integer"}, {"type": "string"}, BOTH),
        ({"type": "number"}, {"type": "integer"}, REQUEST),
        ({"type": "integer"}, {"type": "number"}, RESPONSE),
        ({"type": "string"}, {"type": ["string", "null"]}, RESPONSE),
        ({"type": ["string", "null"]}, {"type": "string"}, REQUEST),
        ({"type": "string"}, {}, RESPONSE),
        ({}, {"type": "string"}, REQUEST),
        ({"enum": [1, 2]}, {"enum": [2, 1]}, NO),
        ({"enum": [1]}, {"enum": [1, 2]}, RESPONSE),
        ({"enum": [1, 2]}, {"enum": [1]}, REQUEST),
        ({"enum": [1]}, {"enum": [2]}, BOTH),
        ({}, {"enum": [1]}, REQUEST),
        ({"enum": [1]}, {}, RESPONSE),
        ({"minimum": 1}, {"minimum": 2}, REQUEST),
        ({"minimum": 2}, {"minimum": 1}, RESPONSE),
        ({"maxLength": 1}, {"maxLength": 2}, RESPONSE),
        ({"maxLength": 2}, {"maxLength": 1}, REQUEST),
        ({"pattern": "a"}, {"pattern": "b"}, BOTH),
        ({"format": "uri"}, {}, RESPONSE),
        ({}, {"format": "uri"}, REQUEST),
        ({"uniqueItems": True}, {"uniqueItems": False}, RESPONSE),
        ({"default": 1}, {"default": 2}, REQUEST),
        ({}, {"default": 2}, NO),
        ({"items": {"type": "integer"}}, {"items": {"type": "number"}}, RESPONSE),
        ({"additionalProperties": False}, {}, NO),
        ({}, {"additionalProperties": False}, REQUEST),
        ({"additionalProperties": {"minimum": 1}}, {"additionalProperties": {"minimum": 2}}, REQUEST),
        ({"oneOf": [{"title": "a"}]}, {"oneOf": [{"title": "b"}]}, NO),
        ({"oneOf": [{"type": "string"}]}, {"oneOf": [{"type": "number"}]}, BOTH),
        ({"maxLength": 9}, {"allOf": [{"maxLength": 9}, {"title": "x"}]}, NO),
        ({"maxLength": 9}, {"allOf": [{"maxLength": 9}, {"maxLength": 2}]}, REQUEST),
        ({"maxLength": 9}, {"maxLength": 9, "allOf": [{"maxLength": 20}]}, NO),
        ({"maxLength": 9}, {"maxLength": 9, "allOf": [{"pattern": "a"}, {"pattern": "b"}]}, BOTH),
        ({"properties": {"a": {}}}, {"allOf": [{"properties": {"a": {}}}, {"required": ["a"]}]}, REQUEST),
        ({"properties": {"a": {}}}, {"properties": {}}, RESPONSE),
        ({"properties": {"a": {}}}, {"properties": {}, "additionalProperties": False}, BOTH),
        ({"properties": {}}, {"properties": {"a": {}}}, NO),
        ({"properties": {}}, {"properties": {"a": {}}, "required": ["a"]}, REQUEST),
        ({"properties": {"a": {}}, "required": ["a"]}, {"properties": {"a": {}}}, RESPONSE),
        ({"properties": {"a": {}}}, {"properties": {"a": {}}, "required": ["a"]}, REQUEST),
    ],
)
def test_variance(old: dict[str, Any], new: dict[str, Any], breaks: str) -> None:
    assert verdict(old, new) == breaks


def test_alternatives_within_alternatives_take_no_longer() -> None:
    nested: dict[str, Any] = {"type": "string"}
    for _ in range(60):
        nested = {"title": "a", "anyOf": [nested, {"type": "null"}]}
    assert verdict(nested, {"type": ["string", "null"]}) == NO


def test_long_values_are_shortened() -> None:
    (finding,) = SchemaComparison({}, {}).compare(
        Node({"type": "integer"}, ()), Node({"enum": list(range(99))}, ()), "request"
    )
    assert len(finding.what) < 80


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"type": "integer", "minimum": 1}, {"type": "integer", "exclusiveMinimum": 0}),
        ({"type": "integer", "minimum": 1}, {"type": "integer", "minimum": 0.5}),
        ({"type": "integer", "minimum": 3}, {"type": "integer", "minimum": 3, "exclusiveMinimum": 0}),
        ({"type": ["integer", "null"], "maximum": 9}, {"type": ["null", "integer"], "exclusiveMaximum": 10}),
        ({"type": "integer"}, {"type": "integer", "multipleOf": 1}),
        ({"type": "integer"}, {"type": "number", "multipleOf": 1.0}),
        ({"type": "integer", "multipleOf": 5}, {"type": "number", "multipleOf": 5}),
        ({"type": "string", "enum": ["a", "b"]}, {"oneOf": [{"const": "b", "title": "B"}, {"const": "a"}]}),
        ({"type": "string", "enum": ["a", "b"]}, {"type": "string", "anyOf": [{"enum": ["a", "b"]}]}),
        (
            {"type": "string", "enum": ["a", "b", "c"], "maxLength": 3},
            {"type": "string", "maxLength": 3, "anyOf": [{"enum": ["a", "b"]}, {"const": "c"}]},
        ),
        (
            {"type": ["string", "null"], "enum": ["a", "b", None]},
            {"oneOf": [{"type": "string", "const": "a"}, {"const": "b"}, {"type": "null"}]},
        ),
        ({"type": "string", "enum": ["a"]}, {"const": "a"}),
        (
            {"type": ["array", "null"], "items": {"type": "string"}, "maxItems": 2},
            {"items": {"type": "string"}, "maxItems": 2, "oneOf": [{"type": "array"}, {"type": "null"}]},
        ),
        (
            {"type": "object", "properties": {"a": {}}, "additionalProperties": False},
            {"type": "object", "properties": {"a": {}}, "unevaluatedProperties": False},
        ),
        ({"type": "object"}, {"type": "object", "if": {"required": ["a"]}}),
        ({"required": ["b"]}, {"required": ["b"], "dependentRequired": {"a": ["b"]}}),
        ({}, {"propertyNames": {}, "patternProperties": {}, "prefixItems": [], "dependentRequired": {}}),
        ({"items": {"type": "string"}}, {"items": {"type": "string"}, "prefixItems": [{"type": "string"}]}),
    ],
)
def test_another_spelling_is_no_difference(one: dict[str, Any], other: dict[str, Any]) -> None:
    for old, new in ((one, other), (other, one)):
        for direction in (REQUEST, RESPONSE):
            found = SchemaComparison({}, {}).compare(Node(old, ()), Node(new, ()), direction)
            assert [difference.what for difference in found] == []


@pytest.mark.parametrize(
    "tighter",
    [
        {"type": "integer", "exclusiveMinimum": 1},
        {"type": "number", "multipleOf": 2, "minimum": 1},
        {"dependentRequired": {"a": ["b"]}},
        {"dependentSchemas": {"a": {"required": ["b"], "properties": {"b": {}}}}},
        {"if": {"required": ["a"]}, "then": {"required": ["b"]}},
        {"propertyNames": {"maxLength": 2}},
        {"patternProperties": {"^x-": {"type": "string"}}},
        {"prefixItems": [{"type": "string"}]},
        {"contains": {"type": "string"}},
        {"unevaluatedItems": {"type": "string"}},
        {"oneOf": [{"const": "a"}, {"const": "b"}]},
        {"oneOf": [{"type": "string"}, {"type": "null"}]},
    ],
)
def test_each_keyword_counts(tighter: dict[str, Any]) -> None:
    looser = {"type": "integer", "minimum": 1} if tighter.get("type") == "integer" else {}
    assert verdict(looser, tighter) == REQUEST
    assert verdict(tighter, looser) == RESPONSE


@pytest.mark.parametrize(
    ("old", "new", "breaks"),
    [
        ({"type": "number", "minimum": 1}, {"type": "number", "exclusiveMinimum": 0}, BOTH),
        ({"type": "integer", "minimum": 1}, {"type": "integer", "exclusiveMinimum": -1}, RESPONSE),
        ({"dependentRequired": {"a": ["b"]}}, {"dependentRequired": {"a": ["c"]}}, BOTH),
        (
            {"if": {"required": ["a"]}, "else": {"maxProperties": 2}},
            {"if": {"required": ["b"]}, "else": {}},
            BOTH,
        ),
        (
            {"if": {"required": ["a"]}, "then": {"maxProperties": 2}},
            {"if": {"required": ["a"]}, "then": {"maxProperties": 3}},
            RESPONSE,
        ),
        ({"propertyNames": {"maxLength": 2}}, {"propertyNames": {"maxLength": 1}}, REQUEST),
        ({"enum": ["a", "b"]}, {"oneOf": [{"const": "a"}, {"const": "c"}]}, BOTH),
        ({"oneOf": [{"const": "a"}, {"const": "b"}]}, {"oneOf": [{"const": "a"}]}, REQUEST),
        (
            {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {"anyOf": [{"required": ["a"]}, {"required": ["b"]}], "unevaluatedProperties": False},
            REQUEST,
        ),
        # Nothing is both, so that the alternatives exclude what they share.
        ({"type": "number"}, {"oneOf": [{"type": "number"}, {"type": "integer"}]}, BOTH),
        ({"properties": {"a": {}}}, {"properties": {"a": False}}, BOTH),
        (
            {"allOf": [{"properties": {"a": {}}}], "anyOf": [{"required": ["a"]}, {"required": ["b"]}]},
            {
                "allOf": [{"properties": {"a": {}}}],
                "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
                "unevaluatedProperties": False,
            },
            BOTH,
        ),
    ],
)
def test_what_is_like_another_spelling_and_is_none(
    old: dict[str, Any], new: dict[str, Any], breaks: str
) -> None:
    assert verdict(old, new) == breaks
