"""One spelling for schemas that say the same: null, single alternatives, and keywords that restrict nothing.

`{"anyOf": [X, {"type": "null"}]}` permits what X with "null" among its types permits, `const` is an `enum` of
one, and every string has `minLength: 0`. Generators differ in these, and change them from release to release.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from orgbilling_openapi.json_pointer import Key
from orgbilling_openapi.schema_flattening import ALL, WORDS, Node, flatten, types
from orgbilling_openapi.strict_json import JsonObject, JsonValue

ALTERNATIVES = ("anyOf", "oneOf")
NO_RESTRICTION: dict[str, tuple[JsonValue, ...]] = {
    "minLength": (0,),
    "minItems": (0,),
    "minProperties": (0,),
    "minContains": (0,),
    "uniqueItems": (False,),
    "required": ([],),
    "properties": ({},),
    "nullable": (False, True),  # a word of OpenAPI 3.0, which has been converted by now
    "format": ("",),
}
OPEN = ("items", "additionalProperties", "unevaluatedProperties")
"""Keywords whose schema restricts nothing where it permits everything."""
DEPTH = 32


def normalize(schema: Node, step: Callable[[Node], Node]) -> Node:
    """The schema behind references, allOf and single alternatives, in the one spelling.

    Raises `OpenApiDocumentError` for a reference that cannot be followed.
    """
    for _ in range(DEPTH):
        schema = flatten(schema, step)
        if not isinstance(schema.value, dict):
            return schema
        unwrapped = _without_alternatives(schema, step)
        if unwrapped is schema:
            return _one_spelling(schema)
        schema = unwrapped
    return _one_spelling(schema)


def _without_alternatives(schema: Node, step: Callable[[Node], Node]) -> Node:
    """What a schema says that leaves one alternative, or one besides null; else the schema itself."""
    words = [word for word in ALTERNATIVES if word in schema.value]
    beside = [key for key in schema.value if key not in words and _restricts(key)]
    if len(words) != 1 or beside or not isinstance(schema.value[words[0]], list):
        return schema
    branches = [schema.child(words[0]).child(index) for index in range(len(schema.value[words[0]]))]
    rest = [branch for branch in branches if not _only_null(branch)]
    if len(rest) != 1:
        return schema
    return rest[0] if len(branches) == 1 else _with_null(normalize(rest[0], step), schema)


def _only_null(branch: Node) -> bool:
    value = branch.value
    return isinstance(value, dict) and (
        types(value) == {"null"}
        or value.get("enum") == [None]
        or ("const" in value and value["const"] is None)
    )


def _with_null(schema: Node, original: Node) -> Node:
    """A schema that permits null, too; the original where one schema cannot say so."""
    value = schema.value
    if not isinstance(value, dict) or any(word in value for word in (*ALTERNATIVES, "not", "allOf")):
        return original
    if types(value) == ALL:
        return schema
    if "null" in types(value):
        return schema if original.value.keys() & {"anyOf"} else original
    changed: JsonObject = {"type": [*sorted(types(value)), "null"]}
    if "enum" in value:
        changed["enum"] = [*value["enum"], None]
    parts = {key: schema.child(key) for key in value}
    parts |= {key: Node(changed[key], (*schema.path, key)) for key in changed}
    return Node({**value, **changed}, schema.path, parts)


def _restricts(key: str) -> bool:
    return key not in WORDS and not key.startswith("x-")


def _one_spelling(schema: Node) -> Node:
    """The schema without words that restrict nothing, and with the rest in one order."""
    value: JsonObject = {}
    parts: dict[Key, Node] = {}
    for key, child in schema.value.items():
        if not _restricts(key) or _says_nothing(key, child):
            continue
        name, spelled = ("enum", [child]) if key == "const" else (key, _spelled(key, child))
        node = schema.child(key)
        value[name] = spelled
        parts[name] = node if spelled is child else Node(spelled, node.path, node.parts)
    return Node(value, schema.path, parts)


def _says_nothing(key: str, value: JsonValue) -> bool:
    if key in OPEN:
        return value is True or (isinstance(value, dict) and not any(map(_restricts, value)))
    return any(value == nothing and type(value) is type(nothing) for nothing in NO_RESTRICTION.get(key, ()))


def _spelled(key: str, value: JsonValue) -> JsonValue:
    """A value in the one spelling: types and enums sorted, whole numbers as integers."""
    if key == "type" and isinstance(value, list):
        kinds = sorted(set(value) - ({"integer"} if "number" in value else set()), key=_null_last)
        return kinds[0] if len(kinds) == 1 else kinds
    if key == "enum" and isinstance(value, list):
        unique = {json.dumps(_number(item), sort_keys=True): item for item in value}
        return [unique[text] for text in sorted(unique)]
    return _number(value)


def _number(value: JsonValue) -> JsonValue:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _null_last(kind: str) -> tuple[bool, str]:
    return kind == "null", kind
