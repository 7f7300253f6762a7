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


def test_long_values_are_shortened() -> None:
    (finding,) = SchemaComparison({}, {}).compare(
        Node({}, ()), Node({"enum": list(range(99))}, ()), "request"
    )
    assert len(finding.what) < 80
