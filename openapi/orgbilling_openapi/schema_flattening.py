"""Merges the parts of an allOf into one schema, where one schema can permit the same.

A document that uses `allOf`, to extend a schema or to describe a reference, permits the same as one that
writes the merged schema. Where merging would lose something (two patterns, a closed schema beside members
that it does not know) the schema stays as it is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from orgbilling_openapi import json_pointer
from orgbilling_openapi.external_document import OpenApiDocumentError
from orgbilling_openapi.json_pointer import Key, Path
from orgbilling_openapi.strict_json import JsonObject, JsonValue


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a document and where it is; its value is None where there is nothing.

    parts: the members that come from other places than below `path`.
    """

    value: JsonValue
    path: json_pointer.Path
    parts: Mapping[Key, Node] | None = None

    @property
    def pointer(self) -> str:
        """The JSON pointer of the node."""
        return json_pointer.text(self.path)

    def at(self, key: Key) -> str:
        """The JSON pointer of a member."""
        return self.child(key).pointer

    def child(self, key: Key) -> Node:
        """A member or item, which need not be there."""
        if self.parts is not None and key in self.parts:
            return self.parts[key]
        value: JsonValue = None
        if isinstance(self.value, dict):
            value = self.value.get(key)
        elif isinstance(self.value, list) and isinstance(key, int):
            value = self.value[key]
        return Node(value, (*self.path, key))


Place = tuple[Path, bool]
"""Where a schema is, and whether it is written there; a merged one has the place of its first part."""

Step = Callable[[Node], Node]
"""From a reference to what it names."""

ALL = frozenset({"null", "boolean", "object", "array", "number", "integer", "string"})
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
ANNOTATIONS = frozenset(
    (
        *("title", "description", "summary", "example", "examples", "deprecated", "externalDocs", "xml"),
        *("readOnly", "writeOnly", "discriminator", "$comment", "$schema"),
    )
)
"""Keywords that restrict nothing (JSON Schema calls them annotations)."""
MERGEABLE = frozenset(
    (
        *("type", "enum", "const", "format", "pattern", "multipleOf", "uniqueItems", "default"),
        *("required", "properties", "additionalProperties", "items", "anyOf", "oneOf", "not"),
        *("contentEncoding", "contentMediaType"),
    )
).union(LOWER, UPPER)
"""Keywords that mean the same wherever they stand in an allOf; others depend on the keywords beside them."""
REST = "additionalProperties"
STRICT = "unevaluatedProperties"


class _LossError(Exception):
    """Parts that cannot be merged into one schema without losing something."""


def flatten(schema: Node, step: Step) -> Node:
    """The schema behind references and allOf; with its allOf where no single schema permits the same.

    Raises `OpenApiDocumentError` for a reference that cannot be followed.
    """
    if not isinstance(schema.value, dict) or not schema.value.keys() & {"$ref", "allOf"}:
        return schema
    parts: dict[Place, Node] = {}
    _collect(schema, step, parts, ())
    root = _root(schema, step)
    constraining = [part for part in parts.values() if part.value is False or _constrains(part.value)]
    if not constraining:
        return Node({}, root.path)
    if len(constraining) == 1 and constraining[0].value is not False:
        return constraining[0]
    try:
        return _merged(root, constraining)
    except _LossError:
        return _unmerged(root)


def types(schema: JsonObject) -> frozenset[str]:
    """The types that a schema permits; an integer is a number too."""
    named = schema.get("type")
    permitted = ALL if named is None else frozenset([named] if isinstance(named, str) else named)
    return permitted | {"integer"} if "number" in permitted else permitted


def _collect(node: Node, step: Step, parts: dict[Place, Node], above: tuple[Place, ...]) -> None:
    """Add each part of a schema once, without its own `$ref` and `allOf`."""
    here = (node.path, node.parts is None)
    if here in above:
        raise OpenApiDocumentError(f"{node.pointer}: a reference that leads to itself")
    if here in parts or node.value is True:
        return
    if not isinstance(node.value, dict):
        parts[here] = Node(False if node.value is False else {}, node.path)
        return
    own = {key: value for key, value in node.value.items() if key not in ("$ref", "allOf")}
    parts[here] = Node(own, node.path, node.parts)
    if isinstance(node.value.get("$ref"), str):
        _collect(step(node), step, parts, (*above, here))
    for index in range(len(node.value.get("allOf", ()))):
        _collect(node.child("allOf").child(index), step, parts, (*above, here))


def _root(schema: Node, step: Step) -> Node:
    """The first schema behind references that has constraints of its own."""
    while isinstance(schema.value, dict) and "$ref" in schema.value and not _constrains(schema.value):
        schema = step(schema)
    return schema


def _unmerged(root: Node) -> Node:
    """A schema with all its parts in its allOf, a reference that has other keywords beside it too."""
    if "$ref" not in root.value:
        return root
    own = {key: value for key, value in root.value.items() if key != "$ref"}
    return Node({**own, "allOf": [*own.get("allOf", ()), {"$ref": root.value["$ref"]}]}, root.path)


def _constrains(value: JsonObject) -> bool:
    """Whether a schema has a constraint of its own: not only annotations and a reference."""
    return any(key not in ANNOTATIONS and key != "$ref" and not key.startswith("x-") for key in value)


def _merged(root: Node, schemas: list[Node]) -> Node:
    """One schema for several parts; raises `_LossError`."""
    strict = any(part.path == root.path and part.value.get(STRICT) is False for part in schemas if part.value)
    if strict:
        schemas = [_without(part, STRICT) if part.path == root.path else part for part in schemas]
    _require_mergeable(schemas)
    value: JsonObject = {}
    parts: dict[Key, Node] = {}
    for key in dict.fromkeys(key for part in schemas for key in part.value):
        combined = _combined(key, [part.child(key) for part in schemas if key in part.value])
        value[key], parts[key] = combined.value, combined
    if strict and value.keys() & {"anyOf", "oneOf", "not"}:
        raise _LossError
    if strict and REST not in value:
        value[REST], parts[REST] = False, Node(False, (*root.path, STRICT))
    return Node(value, root.path, parts)


def _without(part: Node, word: str) -> Node:
    return Node({key: value for key, value in part.value.items() if key != word}, part.path, part.parts)


def _require_mergeable(schemas: list[Node]) -> None:
    """Raise `_LossError` when a keyword of one part would mean something else beside another part."""
    for part in schemas:
        if part.value is False:
            raise _LossError
        if any(key not in MERGEABLE | ANNOTATIONS and not key.startswith("x-") for key in part.value):
            raise _LossError
        own_names = part.value.get("properties", {}).keys()
        if part.value.get(REST, True) not in (True, {}) and any(
            other.value.get("properties", {}).keys() - own_names for other in schemas
        ):
            raise _LossError


def _combined(key: Key, nodes: list[Node]) -> Node:
    """One value for a keyword that several parts have; raises `_LossError`."""
    values = [node.value for node in nodes]
    if key in ANNOTATIONS or str(key).startswith("x-") or all(_same(value, values[0]) for value in values):
        return nodes[0]
    if key in LOWER or key in UPPER:
        return (max if key in LOWER else min)(nodes, key=lambda node: node.value)
    if key == "uniqueItems":
        return next(node for node in nodes if node.value)
    if key == "properties":
        return _properties(nodes)
    if key in ("items", REST):
        return _common_subschema(nodes)
    if key == "required":
        return Node(list(dict.fromkeys(name for value in values for name in value)), nodes[0].path)
    if key == "type":
        return Node(_common_types(values), nodes[0].path)
    if key == "enum":
        shared = [value for value in values[0] if all(any(_same(value, b) for b in more) for more in values)]
        if shared:
            return Node(shared, nodes[0].path)
    raise _LossError


def _properties(objects: list[Node]) -> Node:
    """The members of all parts; a member that several describe has to match each description."""
    owners: dict[Key, list[Node]] = {}
    for node in objects:
        for name in node.value:
            owners.setdefault(name, []).append(node.child(name))
    members = {name: _conjunction(nodes) for name, nodes in owners.items()}
    return Node({name: node.value for name, node in members.items()}, objects[0].path, members)


def _common_subschema(nodes: list[Node]) -> Node:
    """One schema for the items, or for the members that are not named, of several parts."""
    narrow = [node for node in nodes if node.value not in (True, {})] or nodes[:1]
    closed = [node for node in narrow if node.value is False]
    return closed[0] if closed else _conjunction(narrow)


def _conjunction(nodes: list[Node]) -> Node:
    """Schemas that hold all at once."""
    if len(nodes) == 1:
        return nodes[0]
    values = [node.value for node in nodes]
    inner = Node(values, nodes[0].path, dict(enumerate(nodes)))
    return Node({"allOf": values}, nodes[0].path, {"allOf": inner})


def _common_types(type_values: list[JsonValue]) -> JsonValue:
    """The types that all permit."""
    common = frozenset.intersection(*(types({"type": type_value}) for type_value in type_values))
    remaining = sorted(common - {"integer"} if "number" in common else common)
    if not remaining:
        raise _LossError
    return remaining[0] if len(remaining) == 1 else remaining


def _same(a: JsonValue, b: JsonValue) -> bool:
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)
