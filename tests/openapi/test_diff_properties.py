"""Rewrites of a document that change nothing are no change; a real change is found, however it is written."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from orgbilling_openapi import composition, description, external_document, version_conversion
from orgbilling_openapi.diff import Change, compare
from orgbilling_openapi.operations import METHODS

Document = dict[str, Any]
Rewrite = Callable[[Document, Random], Document]
FACTS = composition.vendor_facts()
OURS = description.load()
SCHEMA_NODES = frozenset({"schema", "items", "additionalProperties", "not"})
WORDS = ("a word", "Ein Wort", "説明", "old text, new text", "")


def changes(theirs: Document) -> list[Change]:
    """The changes that matter to a client, after everything that reading another document does to it."""
    text = json.dumps(theirs).encode()
    document = external_document.check(external_document.parse(text, "theirs"), "theirs")
    relative = external_document.relative(document, OURS["servers"][0]["url"])
    found = compare(FACTS, OURS, relative, description.origins())
    return [change for change in found if change.severity not in ("assumed", "documentation")]


def schemas(node: Any, key: str = "", inside: bool = False) -> Iterator[Document]:
    """Every schema of a document, inner ones first, so that a change of an outer one does not hide it."""
    if isinstance(node, list):
        for item in node:
            yield from schemas(item, "", inside)
    elif isinstance(node, dict):
        named = key in ("properties", "schemas")
        for name, child in node.items():
            if name in ("example", "examples", "default", "enum", "const") and not named:
                continue
            yield from schemas(child, "" if named else name, named or name in SCHEMA_NODES)
        if inside and not named:
            yield node


def operations(document: Document) -> list[Document]:
    return [
        operation
        for item in document["paths"].values()
        for method, operation in item.items()
        if method in METHODS
    ]


def some(rng: Random) -> bool:
    return rng.random() < 0.5


def other_order(document: Document, rng: Random) -> Document:
    """Members, `required`, `enum`, `type`, parameters and branches in another order."""

    def shuffled(node: Any, key: str = "") -> Any:
        if isinstance(node, dict):
            rows = [(name, shuffled(child, name)) for name, child in node.items()]
            rng.shuffle(rows)
            return dict(rows)
        if isinstance(node, list):
            rows_of_list = [shuffled(item) for item in node]
            if key in ("required", "enum", "type", "parameters", "tags", "anyOf", "oneOf", "allOf"):
                rng.shuffle(rows_of_list)
            return rows_of_list
        return node

    result: Document = shuffled(document)
    return result


def other_words(document: Document, rng: Random) -> Document:
    """Descriptions, titles, examples, tags, extensions and the head."""
    for schema in list(schemas(document)):
        if some(rng):
            schema["description"] = rng.choice(WORDS)
        if some(rng):
            schema["examples"] = ["https://a.example/api/v1/schemas/X.json", "/schemas/X.json"]
        if some(rng):
            schema["x-order"] = rng.randrange(9)
        if some(rng):
            schema.pop("title", None)
        schema.pop("readOnly", None)
    for operation in operations(document):
        operation["summary"] = rng.choice(WORDS)
        operation["tags"] = [rng.choice(WORDS)]
        operation["x-codegen"] = {"group": rng.choice(WORDS)}
        if some(rng):
            operation["operationId"] = f"operation{rng.randrange(10**6)}"
        operation["externalDocs"] = {"url": "https://a.example"}
        for response in operation["responses"].values():
            response["description"] = rng.choice(WORDS)
    document["info"] = {"title": rng.choice(WORDS), "version": str(rng.randrange(99)), "x-logo": "a.png"}
    document["tags"] = [{"name": rng.choice(WORDS)}]
    document["x-generated"] = rng.randrange(99)
    return document


def explicit_defaults(document: Document, rng: Random) -> Document:
    """What a keyword means where it is absent, written out."""
    for schema in list(schemas(document)):
        extra: Document = {"nullable": False, "uniqueItems": False, "readOnly": False, "deprecated": False}
        extra |= {"minLength": 0, "minItems": 0, "minProperties": 0, "exclusiveMinimum": None}
        extra.pop("nullable" if not document["openapi"].startswith("3.0") else "minProperties")
        extra.pop("exclusiveMinimum")
        if schema.get("type") == "object":
            extra["additionalProperties"] = rng.choice([True, {}])
            extra["required"] = []
            extra["properties"] = {}
        if schema.get("type") == "array":
            extra["items"] = rng.choice([{}, True])
        if "$ref" not in schema:
            for name, value in extra.items():
                if some(rng):
                    schema.setdefault(name, value)
    for operation in operations(document):
        operation.setdefault("deprecated", False)
        operation.setdefault("parameters", [])
        for parameter in operation["parameters"]:
            parameter.setdefault("required", False)
            parameter.setdefault("style", "form")
            parameter.setdefault("deprecated", False)
            parameter.setdefault("allowEmptyValue", False)
    return document


def references(document: Document, rng: Random) -> Document:
    """Components by other names, written where they are used, or wrapped in an allOf of one."""
    named = document["components"]["schemas"]
    names = {name: f"Renamed{name}" if some(rng) else name for name in named}
    document["components"]["schemas"] = {names[name]: schema for name, schema in named.items()}

    def rewritten(node: Any, depth: int = 0) -> Any:
        if isinstance(node, list):
            return [rewritten(item, depth) for item in node]
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref", "")
        if isinstance(reference, str) and reference.startswith("#/components/schemas/"):
            name = names[reference.rpartition("/")[2]]
            again = {**node, "$ref": f"#/components/schemas/{name}"}
            way = rng.randrange(4)
            if way == 0 and depth < 6:
                return rewritten(copy.deepcopy(originals[reference.rpartition("/")[2]]), depth + 1)
            if way == 1:
                return {"description": "x", "allOf": [again]}
            return {"allOf": [{"allOf": [again]}]} if way == 2 else again
        return {key: rewritten(child, depth) for key, child in node.items()}

    originals = copy.deepcopy(named)
    result: Document = rewritten(document)
    return result


def shared_parts(document: Document, rng: Random) -> Document:
    """Parameters, responses, bodies and headers as components, parameters and servers beside the path."""
    components = document["components"]
    for path, item in document["paths"].items():
        for method in [name for name in item if name in METHODS]:
            operation, name = item[method], f"{method}{path}".replace("/", "_")
            if some(rng):
                components.setdefault("responses", {}).update(
                    {f"{name}_{status}": response for status, response in operation["responses"].items()}
                )
                operation["responses"] = {
                    status: {"$ref": f"#/components/responses/{name}_{status}"}
                    for status in operation["responses"]
                }
            if "requestBody" in operation and some(rng):
                components.setdefault("requestBodies", {})[name] = operation["requestBody"]
                operation["requestBody"] = {"$ref": f"#/components/requestBodies/{name}"}
            for index, parameter in enumerate(operation.get("parameters", [])):
                if some(rng):
                    components.setdefault("parameters", {})[f"{name}{index}"] = parameter
                    operation["parameters"][index] = {"$ref": f"#/components/parameters/{name}{index}"}
            if sum(key in METHODS for key in item) == 1 and some(rng):
                item["parameters"] = operation.pop("parameters", [])
    return document


def other_null(document: Document, rng: Random) -> Document:
    """A type array with null as alternatives, and one type as an array of one."""
    for schema in list(schemas(document)):
        kinds = schema.get("type")
        if isinstance(kinds, list) and "null" in kinds and "enum" not in schema:
            way = rng.choice(["anyOf", "oneOf", "type"])
            if way != "type":
                rest = {key: schema.pop(key) for key in list(schema) if key not in ("description", "title")}
                plain = [kind for kind in kinds if kind != "null"]
                rest["type"] = plain if len(plain) > 1 else plain[0]
                branches = [rest, {"type": "null"}]
                rng.shuffle(branches)
                schema[way] = branches
        elif isinstance(kinds, str) and some(rng):
            schema["type"] = [kinds]
    return document


def other_version(document: Document, rng: Random) -> Document:
    """The same in OpenAPI 3.0 and back."""
    return version_conversion.to_openapi_30(document)


def other_address(document: Document, rng: Random) -> Document:
    """Another host, paths in full, variables, or no word about servers at all."""
    prefix = OURS["servers"][0]["url"]
    way = rng.randrange(6)
    if way == 0:
        document["servers"] = [{"url": f"https://{rng.choice(['a', 'b'])}.example{prefix}/"}]
    elif way == 1:
        document.pop("servers", None)
    elif way == 2:
        document["servers"] = [{"url": "https://a.example"}]
        document["paths"] = {prefix + path: item for path, item in document["paths"].items()}
    elif way == 3:
        document.pop("servers", None)
        document["paths"] = {prefix + path: item for path, item in document["paths"].items()}
        document["paths"]["/health"] = {"get": {"responses": {"200": {"description": ""}}}}
    elif way == 4:
        variables = {"host": {"default": "a.example"}, "base": {"default": prefix.lstrip("/")}}
        document["servers"] = [{"url": "https://{host}/{base}", "variables": variables}]
    else:
        document["servers"] = [{"url": f"https://a.example{prefix}"}, {"url": f"https://b.example{prefix}"}]
    return document


def other_security(document: Document, rng: Random) -> Document:
    """The requirement once for all operations, and the scheme by another name."""
    schemes = document["components"]["securitySchemes"]
    name = "bearerClerk"
    schemes["clerkSession"] = {**schemes.pop(name), "description": rng.choice(WORDS)}
    for operation in operations(document):
        operation["security"] = [
            {"clerkSession" if key == name else key: scopes for key, scopes in requirement.items()}
            for requirement in operation.get("security", document.get("security", []))
        ]
    if some(rng):
        shared = operations(document)[0]["security"]
        if all(operation["security"] == shared for operation in operations(document)):
            document["security"] = shared
            for operation in operations(document):
                del operation["security"]
    return document


def other_spelling(document: Document, rng: Random) -> Document:
    """Media types with a parameter or in capitals, numbers with a fraction, headers in another case."""

    def rewritten(node: Any, key: str = "") -> Any:
        if isinstance(node, list):
            return [rewritten(item) for item in node]
        if not isinstance(node, dict):
            if key in ("minimum", "maximum", "default") and isinstance(node, int) and node is not True:
                return float(node)
            return node
        if key == "content":
            write = rng.choice([str, str.title, lambda name: f"{name}; charset=utf-8"])
            return {write(name): rewritten(child, name) for name, child in node.items()}
        return {name: rewritten(child, name) for name, child in node.items()}

    result: Document = rewritten(document)
    return result


def more_of_the_vendor(document: Document, rng: Random) -> Document:
    """Other operations, schemas and schemes of the vendor, which are nothing to a client of ours."""
    for number in range(rng.randrange(20)):
        document["components"]["schemas"][f"Other{number}"] = {"type": "object", "properties": {"a": {}}}
    document["components"]["securitySchemes"]["apiKey"] = {"type": "apiKey", "in": "header", "name": "X-Key"}
    document["webhooks"] = {"paid": {"post": {"responses": {"200": {"description": ""}}}}}
    return document


REWRITES: dict[str, Rewrite] = {
    function.__name__: function
    for function in (
        *(other_order, other_words, explicit_defaults, shared_parts, other_null, other_address),
        *(other_security, other_spelling, more_of_the_vendor, references, other_version),
    )
}
"""In the order in which they are applied."""


def rewritten(document: Document, names: set[str], seed: int) -> Document:
    """The document after some rewrites that change nothing."""
    result, rng = copy.deepcopy(document), Random(seed)
    for name, rewrite in REWRITES.items():
        if name in names:
            result = rewrite(result, rng)
    return result


def members(document: Document, where: str) -> list[tuple[Document, str]]:
    """The members of the schemas that responses, or requests, are made of: the schema and the name."""
    bodies = {"OrgBillingCheckoutInputBody", "OrgContractSubscribeInputBody", "RedeemVoucherInputBody"}
    named = document["components"]["schemas"]
    used = [name for name in named if (name in bodies or name.endswith("InputBody")) == (where == "request")]
    return [
        (named[name], member)
        for name in used
        for member in named[name].get("properties", {})
        if member != "$schema"
    ]


def changed_member(where: str, change: Callable[[Document, str, Random], bool]) -> Rewrite:
    """Change one member of one schema, the first in a random order that can be changed so."""

    def apply(document: Document, rng: Random) -> Document:
        rows = members(document, where)
        rng.shuffle(rows)
        assert any(change(schema, name, rng) for schema, name in rows)
        return document

    return apply


def without(schema: Document, name: str, rng: Random) -> bool:
    schema["required"] = [other for other in schema.get("required", []) if other != name]
    del schema["properties"][name]
    return True


def optional(schema: Document, name: str, rng: Random) -> bool:
    if name not in schema.get("required", []):
        return False
    schema["required"] = [other for other in schema["required"] if other != name]
    return True


def required(schema: Document, name: str, rng: Random) -> bool:
    if name in schema.get("required", []):
        return False
    schema["required"] = [*schema.get("required", []), name]
    return True


def other_type(schema: Document, name: str, rng: Random) -> bool:
    member = schema["properties"][name]
    if member.get("type") not in ("string", "integer", "number", "boolean"):
        return False
    schema["properties"][name] = {"type": "boolean" if member["type"] == "string" else "string"}
    return True


def with_null(schema: Document, name: str, rng: Random) -> bool:
    member = schema["properties"][name]
    if not isinstance(member.get("type"), str):
        return False
    member["type"] = [member["type"], "null"]
    return True


def with_enum(schema: Document, name: str, rng: Random) -> bool:
    member = schema["properties"][name]
    if member.get("type") != "string":
        return False
    member["enum"] = ["a new value", "b"]
    return True


def other_format(schema: Document, name: str, rng: Random) -> bool:
    member = schema["properties"][name]
    if "format" not in member:
        return False
    member["format"] = "byte"
    return True


def with_pattern(schema: Document, name: str, rng: Random) -> bool:
    member = schema["properties"][name]
    if member.get("type") != "string":
        return False
    member["pattern"] = "^new$"
    return True


def other_items(schema: Document, name: str, rng: Random) -> bool:
    member = schema["properties"][name]
    if "items" not in member:
        return False
    member["items"] = {"type": "string"}
    return True


def more(schema: Document, name: str, rng: Random) -> bool:
    schema["properties"][f"new{rng.randrange(99)}"] = {"type": "string"}
    return True


def changed_operation(change: Callable[[Document, Random], bool]) -> Rewrite:
    """Change one operation, the first in a random order that can be changed so."""

    def apply(document: Document, rng: Random) -> Document:
        rows = operations(document)
        rng.shuffle(rows)
        assert any(change(operation, rng) for operation in rows)
        return document

    return apply


def set_parameter(change: Callable[[Document], object]) -> Callable[[Document, Random], bool]:
    def apply(operation: Document, rng: Random) -> bool:
        rows = [row for row in operation.get("parameters", []) if row.get("in") == "query"]
        if rows:
            change(rng.choice(rows))
        return bool(rows)

    return apply


def no_parameter(operation: Document, rng: Random) -> bool:
    kept = [row for row in operation.get("parameters", []) if row.get("in") != "query"]
    done = len(kept) < len(operation.get("parameters", []))
    operation["parameters"] = kept
    return done


def add_parameter(is_required: bool) -> Callable[[Document, Random], bool]:
    def apply(operation: Document, rng: Random) -> bool:
        row = {"name": f"p{rng.randrange(99)}", "in": "query", "required": is_required, "schema": {}}
        operation["parameters"] = [*operation.get("parameters", []), row]
        return True

    return apply


def set_in(*keys: str, value: Any) -> Callable[[Document, Random], bool]:
    def apply(operation: Document, rng: Random) -> bool:
        node = operation
        for key in keys[:-1]:
            node = node.setdefault(key, {}) if key == "headers" else node[key]
        node[keys[-1]] = copy.deepcopy(value)
        return True

    return apply


def drop_in(*keys: str) -> Callable[[Document, Random], bool]:
    def apply(operation: Document, rng: Random) -> bool:
        node = operation
        for key in keys[:-1]:
            if key not in node:
                return False
            node = node[key]
        return node.pop(keys[-1], None) is not None

    return apply


def other_media(operation: Document, rng: Random) -> bool:
    content = operation["responses"]["200"].get("content", {})
    if "application/json" not in content:
        return False
    content["application/xml"] = content.pop("application/json")
    return True


def no_operation(document: Document, rng: Random) -> Document:
    del document["paths"][rng.choice(list(document["paths"]))]
    return document


def more_operations(document: Document, rng: Random) -> Document:
    document["paths"]["/org/more"] = {"get": {"responses": {"200": {"description": ""}}}}
    return document


def other_base(document: Document, rng: Random) -> Document:
    document["servers"] = [{"url": "https://a.example/api/v2"}]
    return document


def other_scheme(document: Document, rng: Random) -> Document:
    document["components"]["securitySchemes"]["bearerClerk"] = {"type": "apiKey", "in": "header", "name": "X"}
    return document


BREAKING: dict[str, Rewrite] = {
    "an operation is gone": no_operation,
    "the base path is another": other_base,
    "authentication is another": other_scheme,
    "another scheme is required": changed_operation(set_in("security", value=[{"apiKey": []}])),
    "a parameter is gone": changed_operation(no_parameter),
    "a parameter is required": changed_operation(set_parameter(lambda row: row.update(required=True))),
    "a limit is tighter": changed_operation(set_parameter(lambda row: row["schema"].update(maximum=7))),
    "a default is another": changed_operation(set_parameter(lambda row: row["schema"].update(default=1))),
    "a required parameter is added": changed_operation(add_parameter(True)),
    "the success has another status": changed_operation(drop_in("responses", "200")),
    "the body has another media type": changed_operation(other_media),
    "a body is gone": changed_operation(drop_in("requestBody")),
    "a response member is gone": changed_member("response", without),
    "a response member is optional": changed_member("response", optional),
    "a response member has another type": changed_member("response", other_type),
    "a response member may be null": changed_member("response", with_null),
    "a response member has another format": changed_member("response", other_format),
    "response items are others": changed_member("response", other_items),
    "a request member is required": changed_member("request", required),
    "a request member has another type": changed_member("request", other_type),
    "a request member has a pattern": changed_member("request", with_pattern),
    "a request member has an enum": changed_member("request", with_enum),
}
COMPATIBLE: dict[str, Rewrite] = {
    "an operation is added": more_operations,
    "an optional parameter is added": changed_operation(add_parameter(False)),
    "a limit is wider": changed_operation(set_parameter(lambda row: row["schema"].update(maximum=9999))),
    "a status is added": changed_operation(set_in("responses", "418", value={"description": ""})),
    "a header is added": changed_operation(
        set_in("responses", "200", "headers", "X-New", value={"schema": {"type": "string"}})
    ),
    "a response member is added": changed_member("response", more),
    "a response member has an enum": changed_member("response", with_enum),
    "a request member is optional": changed_member("request", optional),
    "a request member may be null": changed_member("request", with_null),
    "a request member is added": changed_member("request", more),
}
REAL = [(name, "breaking") for name in BREAKING] + [(name, "compatible") for name in COMPATIBLE]
NEUTRAL = sorted(REWRITES.keys() - {"other_address"})
"""Where the document is served would hide that the base path is another."""


def check_found(name: str, severity: str, names: set[str], seed: int) -> None:
    """After a real change to what the vendor says, and rewrites that change nothing, the worst is as said."""
    change = BREAKING.get(name) or COMPATIBLE[name]
    theirs = change(copy.deepcopy(FACTS), Random(seed))
    found = changes(rewritten(theirs, names, seed))
    assert [row.severity for row in found][:1] == [severity]


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize("name", REWRITES)
@pytest.mark.parametrize(("base", "seed"), [("facts", 0), ("facts", 1), ("ours", 2)])
def test_a_rewrite_is_no_change(name: str, base: str, seed: int) -> None:
    document = FACTS if base == "facts" else OURS
    found = changes(rewritten(document, {name}, seed))
    assert [(change.what, change.pointer) for change in found if change.what != "an operation"] == []


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(("name", "severity"), REAL)
def test_a_real_change_is_found(name: str, severity: str) -> None:
    check_found(name, severity, set(), 0)


@pytest.mark.slow
@given(st.sets(st.sampled_from(sorted(REWRITES))), st.integers(0, 2**32))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_rewrites_together_are_no_change(names: set[str], seed: int) -> None:
    found = changes(rewritten(FACTS, names, seed))
    assert [(change.what, change.pointer) for change in found if change.what != "an operation"] == []


@pytest.mark.slow
@given(st.sampled_from(REAL), st.sets(st.sampled_from(NEUTRAL)), st.integers(0, 2**32))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_real_change_is_found_however_it_is_written(
    real: tuple[str, str], names: set[str], seed: int
) -> None:
    check_found(*real, names, seed)


@pytest.mark.slow
@given(
    st.sampled_from(REAL),
    st.sets(st.sampled_from(sorted(REWRITES))),
    st.sets(st.sampled_from(NEUTRAL)),
    st.integers(0, 2**32),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_many_versions_of_a_document(
    real: tuple[str, str], rewrites: set[str], neutral: set[str], seed: int
) -> None:
    found = changes(rewritten(FACTS, rewrites, seed))
    assert [(change.what, change.pointer) for change in found if change.what != "an operation"] == []
    check_found(*real, neutral, seed)
