"""What an OpenAPI document of others must keep to before a server is built from it.

Every reference leads to a place in the document itself, so that nothing is fetched and no other file is read;
every schema is valid; and nothing in it asks a server for more work or larger answers than the limits here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NoReturn

from orgbilling_openapi import json_pointer
from orgbilling_openapi.external_document import OpenApiDocumentError
from orgbilling_openapi.operations import METHODS
from orgbilling_openapi.strict_json import JsonObject, JsonValue

MAX_OPERATIONS = 5_000
MAX_PATH_CHARACTERS = 1_000
MAX_SEGMENT_PARAMETERS = 2
"""Of one path segment, such as `{a}:{b}`. Each further one multiplies the time that matching takes."""
MAX_COMBINED_SCHEMAS = 1_000
"""How many schemas may apply to one value, counted through `$ref`, `allOf`, `anyOf`, `oneOf`, `not`, `if`."""
MAX_LEAST = {"minItems": 1_000, "minProperties": 1_000, "minLength": 100_000}
"""The largest lower limits on a value's size: an example of a response has to be that long."""

OPAQUE = frozenset({"example", "examples", "value", "default", "enum", "const"})
NAME_MAPS = frozenset(
    (
        *("properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "schemas"),
        *("responses", "headers", "parameters", "requestBodies", "securitySchemes", "links", "callbacks"),
        *("pathItems", "content", "paths", "encoding", "variables", "mapping", "scopes"),
    )
)
"""Keys whose members have names that the author chose: they are no keywords."""
COMBINING_LISTS = ("allOf", "anyOf", "oneOf")
COMBINING = ("not", "if", "then", "else")
PARAMETER = re.compile(r"\{[^{}]*\}")


def check_document(document: JsonObject, source: str) -> None:
    """Check a document, and remove `$id` and `$schema` from its schemas, which name other documents.

    Raises `OpenApiDocumentError` with the place of what a server could not be built from.
    """
    _check_paths(document, source)
    combined = _CombinedSchemas(document, source)
    patterns: set[str] = set()
    for path, node in keyword_nodes(document):
        for keyword in ("$id", "$schema"):
            if isinstance(node.get(keyword), str):
                del node[keyword]
        _check_references(document, source, path, node)
        for keyword, most in MAX_LEAST.items():
            if isinstance(node.get(keyword), int | float) and node[keyword] > most:
                _fail(source, (*path, keyword), f"is {node[keyword]} (the limit is {most})")
        combined.check(path, node)
        if _is_schema(path):
            _check_schema(source, path, node)
        by_pattern = node.get("patternProperties")
        names = by_pattern if isinstance(by_pattern, dict) else {}
        for pattern in (node.get("pattern"), *names):
            if isinstance(pattern, str) and pattern not in patterns:
                patterns.add(pattern)
                _check_schema(source, path, {"pattern": pattern}, compile_it=True)


def keyword_nodes(document: JsonObject) -> Iterator[tuple[json_pointer.Path, JsonObject]]:
    """Every object of a document whose members are keywords, with its path; not what examples hold."""
    waiting: list[tuple[JsonValue, json_pointer.Path, bool]] = [(document, (), False)]
    while waiting:
        node, path, is_name_map = waiting.pop()
        if isinstance(node, dict) and not is_name_map:
            yield path, node
        for key, child in json_pointer.children(node):
            keyword = None if is_name_map or isinstance(node, list) else key
            if isinstance(child, dict | list) and keyword not in OPAQUE:
                waiting.append((child, (*path, key), keyword in NAME_MAPS))


class _CombinedSchemas:
    """Counts how many schemas apply to one value."""

    def __init__(self, document: JsonObject, source: str) -> None:
        self._document = document
        self._source = source
        self._counts: dict[int, int] = {}
        self._open: set[int] = set()

    def check(self, path: json_pointer.Path, schema: JsonObject) -> None:
        """Raise `OpenApiDocumentError` for a schema that includes itself, or combines too many."""
        if self._count(path, schema) > MAX_COMBINED_SCHEMAS:
            _fail(self._source, path, f"combines too many schemas (the limit is {MAX_COMBINED_SCHEMAS})")

    def _count(self, path: json_pointer.Path, schema: JsonValue) -> int:
        if not isinstance(schema, dict):
            return 1
        name = id(schema)
        if name not in self._counts:
            if name in self._open:
                _fail(self._source, path, "a schema that includes itself")
            self._open.add(name)
            count = 1 + sum(self._count(at, part) for at, part in self._parts(path, schema))
            self._counts[name] = min(count, MAX_COMBINED_SCHEMAS + 1)
            self._open.remove(name)
        return self._counts[name]

    def _parts(
        self, path: json_pointer.Path, schema: JsonObject
    ) -> Iterator[tuple[json_pointer.Path, JsonValue]]:
        """The schemas that apply to the same value as a schema."""
        if isinstance(schema.get("$ref"), str):
            _check_references(self._document, self._source, path, schema)
            yield json_pointer.keys(schema["$ref"]), json_pointer.find(self._document, schema["$ref"])
        for keyword in COMBINING_LISTS:
            if isinstance(schema.get(keyword), list):
                for position, part in enumerate(schema[keyword]):
                    yield (*path, keyword, position), part
        for keyword in COMBINING:
            if keyword in schema:
                yield (*path, keyword), schema[keyword]


def _check_paths(document: JsonObject, source: str) -> None:
    """Raise `OpenApiDocumentError` for servers, or a path, that cannot be served."""
    servers = document.get("servers", [])
    if not isinstance(servers, list) or not all(
        isinstance(server, dict) and len(str(server.get("url", ""))) <= MAX_PATH_CHARACTERS
        for server in servers
    ):
        _fail(source, ("servers",), f"expected servers with URLs of at most {MAX_PATH_CHARACTERS} characters")
    for number, server in enumerate(servers):
        if any(character < " " for character in str(server.get("url", ""))):
            _fail(source, ("servers", number, "url"), "has a control character")
    operations = 0
    for path, item in document["paths"].items():
        if not isinstance(item, dict):
            _fail(source, ("paths", path), "expected an object")
        for method in METHODS:
            if method in item and not isinstance(item[method], dict):
                _fail(source, ("paths", path, method), "expected an operation, which is an object")
        operations += sum(method in METHODS for method in item)
        if len(path) > MAX_PATH_CHARACTERS:
            shortened = (*("paths", path[:40] + "..."),)
            _fail(source, shortened, f"has more than {MAX_PATH_CHARACTERS} characters")
        if any(len(PARAMETER.findall(part)) > MAX_SEGMENT_PARAMETERS for part in path.split("/")):
            problem = f"more than {MAX_SEGMENT_PARAMETERS} parameters between two slashes"
            _fail(source, ("paths", path), problem)
        if operations > MAX_OPERATIONS:
            _fail(source, ("paths",), f"more than {MAX_OPERATIONS} operations")


def _check_references(document: JsonObject, source: str, path: json_pointer.Path, node: JsonObject) -> None:
    """Raise `OpenApiDocumentError` for a reference that leads nowhere, to itself or out of the document."""
    for keyword in ("$dynamicRef", "$recursiveRef"):
        if isinstance(node.get(keyword), str) and not node[keyword].startswith("#"):
            _fail(source, (*path, keyword), f"a reference to another document: {node[keyword]}")
    try:
        json_pointer.locate(document, node)
    except (LookupError, ValueError) as error:
        _fail(source, path, " ".join(str(error.args[0]).split()))


def _is_schema(path: json_pointer.Path) -> bool:
    """Whether a schema begins at a path: one with a name, or that of a body, parameter or header."""
    return (path[:2] == ("components", "schemas") and len(path) == 3) or (
        path[-1:] == ("schema",) and path[-2:-1] != ("properties",)
    )


def _check_schema(
    source: str, path: json_pointer.Path, schema: JsonObject, *, compile_it: bool = False
) -> None:
    """Raise `OpenApiDocumentError` for a schema that JSON Schema 2020-12 does not allow."""
    import jsonschema_rs  # late: a native library, and only documents of others are checked

    try:
        if compile_it:
            jsonschema_rs.Draft202012Validator(schema)
        else:
            jsonschema_rs.meta.validate(schema)
    except jsonschema_rs.ValidationError as error:
        _fail(source, (*path, *error.instance_path), " ".join(error.message.split())[:200])


def _fail(source: str, path: json_pointer.Path, problem: str) -> NoReturn:
    raise OpenApiDocumentError(f"{source}: {json_pointer.text(path)}: {problem}")
