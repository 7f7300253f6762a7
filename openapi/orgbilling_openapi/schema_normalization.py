"""One spelling for schemas that permit the same: null, single alternatives, keywords that restrict nothing.

`{"anyOf": [X, {"type": "null"}]}` permits what X with "null" among its types permits, `const` is an `enum` of
one and alternatives of `const` one of several, an integer above 0 is one from 1 on, and every string has
`minLength: 0`. Generators differ in these, and change them from release to release.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable

from orgbilling_openapi.json_pointer import Key
from orgbilling_openapi.schema_flattening import ALL, ANNOTATIONS, REST, STRICT, Node, flatten, types
from orgbilling_openapi.strict_json import JsonObject, JsonValue

ALTERNATIVES = ("anyOf", "oneOf")
NO_RESTRICTION: dict[str, tuple[JsonValue, ...]] = {
    "minLength": (0,),
    "minItems": (0,),
    "minProperties": (0,),
    "minContains": (1,),
    "dependentRequired": ({},),
    "dependentSchemas": ({},),
    "patternProperties": ({},),
    "prefixItems": ([],),
    "uniqueItems": (False,),
    "required": ([],),
    "properties": ({},),
    "nullable": (False, True),  # a word of OpenAPI 3.0, which has been converted by now
    "format": ("",),
}
OPEN = ("items", "unevaluatedItems", REST, STRICT, "propertyNames")
"""Keywords whose schema restricts nothing where it permits everything."""
CONDITION = ("if", "then", "else")
IN_PLACE = ("allOf", *ALTERNATIVES, *CONDITION, "dependentSchemas", "$ref", "$dynamicRef")
"""Keywords that bring in members which `unevaluatedProperties` sees and `additionalProperties` does not."""
BOUNDS = (("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1))
"""A bound, the one that excludes its own value, and the way from that to the nearest integer."""
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
    """One schema that permits what the alternatives of a schema permit; the schema itself if none can."""
    keywords = [keyword for keyword in ALTERNATIVES if keyword in schema.value]
    if len(keywords) != 1 or not isinstance(schema.value[keywords[0]], list):
        return schema
    [keyword] = keywords
    branches = [schema.child(keyword).child(index) for index in range(len(schema.value[keyword]))]
    union = _union_of_values(schema.child(keyword), branches, keyword == "oneOf", step)
    beside = [key for key in schema.value if key != keyword and _restricts(key)]
    if beside:
        return schema if union is None else _merged_with_union(schema, beside, union, step)
    if union is not None:
        return union
    rest = [branch for branch in branches if not _only_null(branch)]
    if len(rest) != 1:
        return schema
    return rest[0] if len(branches) == 1 else _with_null(normalize(rest[0], step), schema)


def _union_of_values(
    place: Node, branches: list[Node], exclusive: bool, step: Callable[[Node], Node]
) -> Node | None:
    """One `enum`, or one list of types, for alternatives that restrict nothing else; None for others.

    exclusive: no value may be in two of them (`oneOf`).
    """
    flat = [flatten(branch, step) for branch in branches]
    if not flat or any(not isinstance(schema.value, dict) for schema in flat):
        return None
    schemas = [
        _one_spelling(schema) for schema in flat
    ]  # not `normalize`: alternatives may contain themselves
    if any(not schema.value or not {"enum", "type"} >= schema.value.keys() for schema in schemas):
        return None
    values = [[None] if _only_null(schema) else schema.value.get("enum") for schema in schemas]
    kinds = [types(schema.value) for schema in schemas]
    if all(isinstance(listed, list) for listed in values):
        word = "enum"
        united = [value for listed in values for value in listed]
        distinct = {json.dumps(_number(value), sort_keys=True) for value in united}
    elif not any("enum" in schema.value for schema in schemas):
        word, united = "type", [kind for permitted in kinds for kind in sorted(permitted)]
        distinct = {kind for permitted in kinds for kind in permitted}
    else:
        return None
    if exclusive and len(distinct) < len(united):
        return None
    return Node({word: united}, place.path, {word: Node(united, place.path)})


def _merged_with_union(schema: Node, beside: list[Key], union: Node, step: Callable[[Node], Node]) -> Node:
    """One schema for keywords and for alternatives that stand beside them; the original where one cannot.

    beside: the keywords. union: the alternatives as one schema.
    """
    own = {key: schema.value[key] for key in beside}
    inner: dict[Key, Node] = dict(
        enumerate((Node(own, (*schema.path, "allOf"), {key: schema.child(key) for key in own}), union))
    )
    whole = Node([own, union.value], (*schema.path, "allOf"), inner)
    merged = flatten(Node({"allOf": whole.value}, schema.path, {"allOf": whole}), step)
    return schema if "allOf" in merged.value else merged


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
    return key not in ANNOTATIONS and not key.startswith("x-")


def _one_spelling(schema: Node) -> Node:
    """The schema without keywords that restrict nothing, and with the others in one order."""
    value: JsonObject = {}
    parts: dict[Key, Node] = {}
    for key, child in schema.value.items():
        if not _restricts(key) or _says_nothing(key, child):
            continue
        name, spelled = ("enum", [child]) if key == "const" else (key, _spelled(key, child))
        node = schema.child(key)
        value[name] = spelled
        parts[name] = node if spelled is child else Node(spelled, node.path, node.parts)
    for change in (_with_bounds_of_integers, _with_one_closing, _with_conditions, _with_type):
        change(value, parts, schema)
    return Node(value, schema.path, parts)


def _with_bounds_of_integers(value: JsonObject, parts: dict[Key, Node], schema: Node) -> None:
    """A multiple of an integer is one, and the integers above 0 are those from 1 on."""
    permitted, multiple = types(value) if "type" in value else ALL, value.get("multipleOf")
    if "number" in permitted and "type" in value and _is_number(multiple) and isinstance(multiple, int):
        permitted = permitted - {"number"}
        value["type"] = _spelled("type", sorted(permitted))
        parts["type"] = Node(value["type"], schema.child("type").path)
    if "number" in permitted:
        return
    if multiple == 1:
        del value["multipleOf"], parts["multipleOf"]
    for bound, exclusive, way in BOUNDS:
        inner = math.ceil if way > 0 else math.floor
        outer = math.floor if way > 0 else math.ceil
        limits = []
        if _is_number(value.get(bound)):
            limits.append((inner(value[bound]), parts[bound]))
        if _is_number(value.get(exclusive)):
            limits.append((outer(value.pop(exclusive)) + way, parts.pop(exclusive)))
        if limits:
            value[bound], node = max(limits, key=lambda limit: way * limit[0])
            parts[bound] = Node(value[bound], node.path)


def _with_one_closing(value: JsonObject, parts: dict[Key, Node], schema: Node) -> None:
    """`unevaluatedProperties` says what `additionalProperties` says where no other schema has a say."""
    if STRICT in value and not any(word in value for word in IN_PLACE):
        closing, node = value.pop(STRICT), parts.pop(STRICT)
        if REST not in schema.value:
            value[REST], parts[REST] = closing, node


def _with_conditions(value: JsonObject, parts: dict[Key, Node], schema: Node) -> None:
    """A condition without a consequence says nothing, nor does a consequence without a condition."""
    if "if" not in value or not value.keys() & {"then", "else"}:
        for word in CONDITION:
            value.pop(word, None)
            parts.pop(word, None)


def _with_type(value: JsonObject, parts: dict[Key, Node], schema: Node) -> None:
    """An `enum` says which types there are."""
    if "type" not in value and value.get("enum"):
        value["type"] = _spelled("type", [_type_of(item) for item in value["enum"]])
        parts["type"] = Node(value["type"], schema.path)


def _is_number(value: JsonValue) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _type_of(value: JsonValue) -> str:
    """The JSON Schema type of a value."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "integer" if isinstance(_number(value), int) else "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object" if isinstance(value, dict) else "null"


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
