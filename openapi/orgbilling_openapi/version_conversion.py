"""The same document in OpenAPI 3.0.3 or in 3.1.0, converted mechanically.

3.0 schemas are a dialect: `nullable` instead of a type array, one `example`, no `const`, no
members beside `$ref`. What 3.0 cannot say is left out, so that the 3.0 form only ever permits more.
"""

from __future__ import annotations

from collections.abc import Callable

from orgbilling_openapi.strict_json import JsonObject, JsonValue

Schema = JsonObject

OPAQUE = frozenset({"example", "examples", "value", "default", "enum", "const"})
NAMED = frozenset({"components", "schemas", "properties", "responses", "headers", "content", "paths"})
ONLY_31 = frozenset(
    (
        *("$schema", "$id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$vocabulary", "$comment", "$defs"),
        *(
            "if",
            "then",
            "else",
            "dependentSchemas",
            "dependentRequired",
            "propertyNames",
            "patternProperties",
        ),
        *(
            "prefixItems",
            "contains",
            "minContains",
            "maxContains",
            "unevaluatedItems",
            "unevaluatedProperties",
        ),
        *("contentEncoding", "contentMediaType", "contentSchema"),
    )
)
BOUNDS = (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum"))


def to_openapi_30(document: JsonObject) -> JsonObject:
    """A 3.1 document as OpenAPI 3.0.3; the argument is left alone."""
    down: JsonObject = _walk(document, _down)
    down["openapi"] = "3.0.3"
    for member in ("webhooks", "jsonSchemaDialect"):
        down.pop(member, None)
    down.setdefault("paths", {})
    down.get("components", {}).pop("pathItems", None)
    info = {key: value for key, value in down["info"].items() if key != "summary"}
    if "license" in info:
        info["license"] = {key: value for key, value in info["license"].items() if key != "identifier"}
    return {**down, "info": info}


def to_openapi_31(document: JsonObject) -> JsonObject:
    """A 3.0 document as OpenAPI 3.1.0; the argument is left alone."""
    return {**_walk(document, _up), "openapi": "3.1.0"}


def _walk(node: JsonValue, convert: Callable[[JsonValue], JsonValue], key: str = "") -> JsonValue:
    """A copy of a document in which every schema is converted."""
    if isinstance(node, list):
        return [_walk(item, convert) for item in node]
    if not isinstance(node, dict):
        return node
    copy: JsonObject = {}
    for name, child in node.items():
        if name in OPAQUE and key not in NAMED:
            copy[name] = child
        elif name == "schema":
            copy[name] = convert(child)
        elif name == "schemas" and key == "components":
            copy[name] = {key_name: convert(schema) for key_name, schema in child.items()}
        else:
            copy[name] = _walk(child, convert, name)
    return copy


def _parts(schema: Schema, convert: Callable[[JsonValue], JsonValue]) -> Schema:
    """A copy of a schema in which the schemas inside it are converted."""
    copy = dict(schema)
    for key in ("properties", "patternProperties", "$defs"):
        if isinstance(copy.get(key), dict):
            copy[key] = {name: convert(part) for name, part in copy[key].items()}
    for key in ("allOf", "anyOf", "oneOf", "prefixItems"):
        if isinstance(copy.get(key), list):
            copy[key] = [convert(part) for part in copy[key]]
    for key in ("items", "not", "additionalProperties"):
        if isinstance(copy.get(key), dict):
            copy[key] = convert(copy[key])
    return copy


def _down(schema: JsonValue) -> JsonValue:
    """One schema, 3.1 to 3.0."""
    if isinstance(schema, bool):
        return {} if schema else {"not": {}}
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        reference = {"$ref": schema["$ref"]}
        return {**_down(beside), "allOf": [reference]} if beside else reference
    down = {key: value for key, value in _parts(schema, _down).items() if key not in ONLY_31}
    _types(down)
    _null_branch(down)
    if "const" in down:
        down["enum"] = [down.pop("const")]
    if isinstance(down.get("examples"), list):
        examples = down.pop("examples")
        if examples:
            down["example"] = examples[0]
    for bound, exclusive in BOUNDS:
        if isinstance(down.get(exclusive), int | float) and not isinstance(down[exclusive], bool):
            down[bound], down[exclusive] = down[exclusive], True
    if down.get("type") == "array":
        down.setdefault("items", {})
    return down


def _types(down: Schema) -> None:
    """A type array as one type, `nullable`, or several alternatives."""
    types = down.get("type")
    if types == "null":
        types = ["null"]
    if not isinstance(types, list):
        return
    rest = [kind for kind in types if kind != "null"]
    if "null" in types:
        down["nullable"] = True
    del down["type"]
    if len(rest) == 1:
        down["type"] = rest[0]
    elif rest and "anyOf" not in down:
        down["anyOf"] = [{"type": kind, **({"items": {}} if kind == "array" else {})} for kind in rest]
    elif not rest:
        down["enum"] = [None]


def _null_branch(down: Schema) -> None:
    """An alternative of null as `nullable`."""
    for key in ("anyOf", "oneOf"):
        branches = down.get(key)
        if isinstance(branches, list) and {"nullable": True, "enum": [None]} in branches:
            rest = [branch for branch in branches if branch != {"nullable": True, "enum": [None]}]
            if rest:
                down[key], down["nullable"] = rest, True


def _up(schema: JsonValue) -> JsonValue:
    """One schema, 3.0 to 3.1."""
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:  # 3.0 ignores what stands beside it
        return {key: value for key, value in schema.items() if key in ("$ref", "summary", "description")}
    up = _parts(schema, _up)
    for bound, exclusive in BOUNDS:
        if isinstance(up.get(exclusive), bool) and up.pop(exclusive) and bound in up:
            up[exclusive] = up.pop(bound)
    if "example" in up:
        up["examples"] = [up.pop("example")]
    if up.pop("nullable", False):
        if isinstance(up.get("type"), str):
            up["type"] = [up["type"], "null"]
        elif set(up) & {"allOf", "anyOf", "oneOf"}:
            return {"anyOf": [up, {"type": "null"}]}
    return up
