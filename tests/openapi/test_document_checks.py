from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from orgbilling_openapi import composition, json_pointer
from orgbilling_openapi.composition import compose_with_published
from orgbilling_openapi.document_checks import check_document
from orgbilling_openapi.external_document import OpenApiDocumentError

Json = dict[str, Any]

SCHEMA = "#/paths/~1x/get/responses/200/content/application~1json/schema"


def document(schema: object, schemas: Json | None = None, path: str = "/x") -> Json:
    """A document with one operation, whose response has a schema."""
    content = {"application/json": {"schema": schema}}
    responses = {"200": {"description": "x", "content": content}}
    return {
        "openapi": "3.1.0",
        "paths": {path: {"get": {"operationId": "x", "responses": responses}}},
        "components": {"schemas": schemas or {}},
    }


def reference(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def fold(keyword: str) -> Json:
    """Thirty schemas, each of which has the one before twice: the last has the first 2**30 times."""
    names = {f"A{number}": {keyword: [reference(f"A{number - 1}")] * 2} for number in range(1, 31)}
    return {"A0": {"type": "object"}, **names}


@pytest.mark.parametrize(
    ("served", "place", "problem"),
    [
        (document({}, {"X": reference("X")}), "#/components/schemas/X", "a reference that leads to itself"),
        (
            document({}, {"X": {"allOf": [reference("Y")]}, "Y": {"anyOf": [reference("X")]}}),
            "#/components/schemas/Y",
            "a schema that includes itself",
        ),
        (document(reference("A30"), fold("allOf")), "#/components/schemas/A30", "combines too many schemas"),
        (document(reference("A30"), fold("oneOf")), "#/components/schemas/A30", "combines too many schemas"),
        (document({"minItems": 10**8}), f"{SCHEMA}/minItems", "is 100000000 (the limit is 1000)"),
        (document({"minProperties": 1e6}), f"{SCHEMA}/minProperties", "is 1000000.0 (the limit is 1000)"),
        (document({"minLength": 10**9}), f"{SCHEMA}/minLength", "is 1000000000 (the limit is 100000)"),
        (document({"pattern": "^(a{1000}){1000}$"}), f"{SCHEMA}/pattern", '"^(a{1000}){1000}$" is not a'),
        (document({"patternProperties": {"(": {}}}), f"{SCHEMA}/pattern", '"(" is not a'),
        (
            {"paths": {"/x": {"get": None}}},
            "#/paths/~1x/get",
            "expected an operation, which is an object",
        ),
        ({"paths": {"/x": []}}, "#/paths/~1x", "expected an object"),
        (
            document({}) | {"servers": [{"url": "/\r\nX: y"}]},
            "#/servers/0/url",
            "has a control character",
        ),
        (document({"multipleOf": 0}), f"{SCHEMA}/multipleOf", "0 is less than or equal to the minimum of 0"),
        (document({"$ref": "http://127.0.0.1:9/x"}), SCHEMA, "a reference to another document: http://127"),
        (document({"$ref": "file:///etc/passwd"}), SCHEMA, "a reference to another document: file:///etc/"),
        (document({"$ref": "../../secret.json"}), SCHEMA, "a reference to another document: ../../secret"),
        (document({"$ref": "#/nothing"}), SCHEMA, "nothing at #/nothing"),
        (document({"$dynamicRef": "http://x/y"}), f"{SCHEMA}/$dynamicRef", "a reference to another document"),
        (
            document({}, path="/" + "x" * 2_000),
            "#/paths/~1" + "x" * 39 + "...",
            "has more than 1000 characters",
        ),
        (
            document({}, path="/{a}-{b}-{c}"),
            "#/paths/~1{a}-{b}-{c}",
            "more than 2 parameters between two slashes",
        ),
        (
            document({}) | {"servers": "x"},
            "#/servers",
            "expected servers with URLs of at most 1000 characters",
        ),
        (
            document({}) | {"paths": {f"/{number}": {"get": {}} for number in range(5_001)}},
            "#/paths",
            "more than 5000 operations",
        ),
    ],
)
def test_a_document_that_cannot_be_served_is_rejected_with_its_place(
    served: Json, place: str, problem: str
) -> None:
    start = time.process_time()
    with pytest.raises(OpenApiDocumentError) as caught:
        check_document(served, "x.json")
    message = str(caught.value)
    assert message.startswith(f"x.json: {place}")
    assert problem in message
    assert time.process_time() - start < 5


def test_schemas_name_no_other_documents_and_examples_are_left_alone() -> None:
    schema = {
        "$id": "http://127.0.0.1:9/a",
        "$schema": "http://127.0.0.1:9/b",
        "properties": {"$schema": {"type": "string"}, "$ref": {"type": "string"}},
        "example": {"$ref": "http://127.0.0.1:9/c", "$id": "7", "minItems": 10**9},
    }
    served = document(schema)
    check_document(served, "x")
    assert json_pointer.find(served, SCHEMA) == {key: schema[key] for key in ("properties", "example")}


def test_recursive_schemas_and_what_the_vendor_says_are_served(tmp_path: Path) -> None:
    tree = {"type": "object", "properties": {"children": {"type": "array", "items": reference("Tree")}}}
    check_document(document(reference("Tree"), {"Tree": tree, "Any": True}), "x")
    path = tmp_path / "published.yaml"
    path.write_text(composition.dump(composition.vendor_facts()))
    compose_with_published(path)
