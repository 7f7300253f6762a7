"""allOf without allOf: what is merged, what cannot be, and where each part was written."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from orgbilling_openapi import json_pointer
from orgbilling_openapi.external_document import OpenApiDocumentError
from orgbilling_openapi.schema_flattening import Node, flatten

Schema = dict[str, Any]
A: Schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
B: Schema = {"type": "object", "properties": {"b": {"minimum": 1}}, "required": ["b", "a"]}
SHUT = {"additionalProperties": False}


def flat(schema: Any, **named: Any) -> Node:
    """A schema of a document that has others by name, without allOf."""
    document = {"it": schema, **named}

    def step(reference: Node) -> Node:
        place = reference.value["$ref"]
        return Node(json_pointer.find(document, place), json_pointer.keys(place))

    return flatten(Node(schema, ("it",)), step)


@pytest.mark.parametrize(
    ("schema", "merged"),
    [
        (A, A),
        ({"allOf": [A]}, A),
        ({"allOf": [{"allOf": [A]}], "description": "x", "x-y": 1}, A),
        ({"allOf": [True, A]}, A),
        ({"allOf": []}, {}),
        ({"allOf": [{"title": "x"}]}, {}),
        (
            {"allOf": [A, B]},
            {
                "type": "object",
                "properties": {"a": {"type": "integer"}, "b": {"minimum": 1}},
                "required": ["a", "b"],
            },
        ),
        (
            {"allOf": [{"minimum": 1, "maximum": 9}, {"minimum": 3, "maximum": 7}]},
            {"minimum": 3, "maximum": 7},
        ),
        (
            {"maxLength": 9, "allOf": [{"maxLength": 3}, {"type": "string"}]},
            {"maxLength": 3, "type": "string"},
        ),
        ({"allOf": [{"type": "number"}, {"type": ["integer", "null"]}]}, {"type": "integer"}),
        ({"allOf": [{"type": "number"}, {"type": ["number", "null"]}]}, {"type": "number"}),
        ({"allOf": [{"enum": [1, 2, 3]}, {"enum": [3, 2]}]}, {"enum": [2, 3]}),
        ({"allOf": [{"uniqueItems": False}, {"uniqueItems": True}]}, {"uniqueItems": True}),
        ({"allOf": [{"pattern": "a"}, {"pattern": "a"}]}, {"pattern": "a"}),
        ({"allOf": [{"anyOf": [A, B]}, {"oneOf": [A, B]}]}, {"anyOf": [A, B], "oneOf": [A, B]}),
        ({"allOf": [{**A, **SHUT}, {"required": ["a"]}]}, {**A, **SHUT}),
        ({"allOf": [A], "unevaluatedProperties": False}, {**A, **SHUT}),
        (
            {"allOf": [{"additionalProperties": {"type": "integer"}}, SHUT]},
            {"additionalProperties": False},
        ),
    ],
)
def test_what_one_schema_can_say(schema: Schema, merged: Schema) -> None:
    assert flat(schema).value == merged


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{**A, **SHUT}, B]},
        {"allOf": [{"pattern": "a"}, {"pattern": "b"}]},
        {"allOf": [{"enum": [1]}, {"enum": [2]}]},
        {"allOf": [{"type": "string"}, {"type": "number"}]},
        {"allOf": [{"anyOf": [A]}, {"anyOf": [B]}]},
        {"allOf": [{"if": A}, {"then": B}]},
        {"allOf": [{"patternProperties": {"x": A}}, SHUT]},
        {"allOf": [A, False]},
        {"allOf": [{"anyOf": [A, B]}], "unevaluatedProperties": False},
    ],
)
def test_what_no_single_schema_says_stays_as_it_is(schema: Schema) -> None:
    assert flat(schema).value == schema


def test_a_reference_with_company_is_a_part() -> None:
    assert flat({"$ref": "#/A", "title": "x"}, A=A).value == A
    assert flat({"$ref": "#/A", "minProperties": 2}, A=A).value == {**A, "minProperties": 2}
    parts = {"pattern": "a", "allOf": [{"$ref": "#/S"}]}
    assert flat({"$ref": "#/S", "pattern": "a"}, S={"pattern": "b"}).value == parts


def test_every_member_knows_where_it_was_written() -> None:
    found = flat({"allOf": [{"$ref": "#/A"}, {"properties": {"b": {}}}]}, A=A)
    assert found.child("properties").at("a") == "#/A/properties/a"
    assert found.child("properties").at("b") == "#/it/allOf/1/properties/b"
    assert found.at("required") == "#/A/required"


def test_a_member_that_two_parts_describe_is_as_both_say() -> None:
    parts = [{"properties": {"a": {"minimum": low}}} for low in (1, 5, 3)]
    member = flat({"allOf": parts}).child("properties").child("a")
    assert flatten(member, lambda node: node).value == {"minimum": 5}
    items = flat({"allOf": [{"items": {"minimum": 1}}, {"items": {"minimum": 2}}]}).child("items")
    assert flatten(items, lambda node: node).value == {"minimum": 2}


def test_parts_that_recur_are_read_once() -> None:
    named = {f"N{n}": {"allOf": [{"$ref": f"#/N{n + 1}"}] * 2} for n in range(60)}
    assert flat({"$ref": "#/N0"}, **named, N60=A).value == A


def test_a_schema_that_is_all_of_itself_is_an_error() -> None:
    for loop in ({"allOf": [{"$ref": "#/A"}, B]}, {"$ref": "#/A"}, {"$ref": "#/A", "minimum": 1}):
        with pytest.raises(OpenApiDocumentError, match="leads to itself"):
            flat({"$ref": "#/A"}, A=loop)


VALUES = [
    {},
    {"a": 1},
    {"b": 1},
    {"a": 1, "b": 1},
    {"a": 1, "b": 0},
    {"a": "x", "b": 1},
    {"a": 1, "c": 1},
    1,
    [],
]


@pytest.mark.parametrize("more", [{}, SHUT, {"additionalProperties": {"type": "string"}}])
def test_the_merged_schema_permits_exactly_what_its_parts_do(more: Schema) -> None:
    whole: Schema = {"properties": {"a": {}, "b": {}}}
    for schema in ({"allOf": [A, B]}, {"allOf": [A, {**B, **whole, **more}]}, {"allOf": [{**A, **more}, B]}):
        merged = flat(schema).value
        for value in VALUES:
            said = [jsonschema_rs.Draft202012Validator(form).is_valid(value) for form in (schema, merged)]
            assert said[0] == said[1], (schema, value)
