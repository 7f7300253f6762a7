"""What a document of others wants in responses that the stub's own description does not have."""

from __future__ import annotations

from collections.abc import Iterator

from orgbilling_openapi import json_pointer
from orgbilling_openapi.external_document import OpenApiDocumentError
from orgbilling_openapi.operations import operations_by_id
from orgbilling_openapi.schema_flattening import Node, flatten, types
from orgbilling_openapi.strict_json import JsonObject, JsonValue

MAX_DEPTH = 20


def response_gaps(ours: JsonObject, theirs: JsonObject) -> list[str]:
    """One line for each of our operations that the other document lacks, and for each member of a successful
    response that it has and we do not, or that has another type there.
    """
    their_operations = operations_by_id(theirs)
    lines: list[str] = []
    for name, operation in operations_by_id(ours).items():
        if name not in their_operations:
            lines.append(f"{name}: not in the document")
            continue
        mine, other = (
            success_schema(ours, operation.node),
            success_schema(theirs, their_operations[name].node),
        )
        if other is not None:
            gaps = _gaps((ours, mine or {}), (theirs, other), "body", 0)
            lines += (f"{name}: {place}: {gap}" for place, gap in gaps)
    return lines


def success_schema(document: JsonObject, operation: JsonObject) -> JsonValue:
    """The schema of the first successful response; None if it has no JSON body."""
    for status, response in sorted(operation.get("responses", {}).items()):
        if str(status).startswith("2"):
            content = json_pointer.follow(document, response).get("content", {})
            return next((media.get("schema", {}) for name, media in content.items() if "json" in name), None)
    return None


def _gaps(
    mine: tuple[JsonObject, JsonValue], other: tuple[JsonObject, JsonValue], place: str, depth: int
) -> Iterator[tuple[str, str]]:
    """The gaps of a schema: where each is, and what it is. mine, other: a document and a schema of it."""
    (ours, my_schema), (theirs, their_schema) = (_flat(*mine), _flat(*other))
    if not isinstance(my_schema, dict) or not isinstance(their_schema, dict) or depth > MAX_DEPTH:
        return
    if not types(my_schema) & types(their_schema) - {"null"}:
        yield place, "has another type; it is converted, or an example"
        return
    my_members, wanted = my_schema.get("properties", {}), their_schema.get("properties", {})
    required = their_schema.get("required", ())
    for name, schema in wanted.items():
        if name in my_members:
            yield from _gaps((ours, my_members[name]), (theirs, schema), f"{place}.{name}", depth + 1)
        elif not my_members and my_schema.get("additionalProperties", True):
            continue
        elif name in required:
            yield f"{place}.{name}", "unknown to the stub; it is an example"
        else:
            yield f"{place}.{name}", "unknown to the stub; it is left out"
    if "items" in my_schema and "items" in their_schema:
        yield from _gaps((ours, my_schema["items"]), (theirs, their_schema["items"]), f"{place}[]", depth + 1)


def _flat(document: JsonObject, schema: JsonValue) -> tuple[JsonObject, JsonValue]:
    """A schema without references and allOf, where one schema can say it."""

    def step(node: Node) -> Node:
        return Node(*json_pointer.locate(document, {"$ref": node.value["$ref"]}))

    try:
        return document, flatten(Node(schema, ()), step).value
    except OpenApiDocumentError:
        return document, {}
