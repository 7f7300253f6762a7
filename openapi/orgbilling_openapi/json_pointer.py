"""JSON pointers (RFC 6901), written as URI fragments: ``#/paths/~1org~1billing/get``."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from orgbilling_openapi.strict_json import JsonValue

Key = str | int
Path = tuple[Key, ...]
"""The keys that lead from the root of a document to a node."""

MAX_REFERENCES = 32
"""How many references may follow each other: more are taken for a circle."""


def text(path: Path) -> str:
    """The pointer to a path of keys."""
    return "#" + "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in path)


def keys(pointer: str) -> tuple[str, ...]:
    """The keys of a pointer, with or without its leading ``#``; raises `ValueError` if it is none."""
    fragment = pointer.removeprefix("#")
    if fragment in ("", "/"):
        return ()
    if not fragment.startswith("/"):
        raise ValueError(f"not a JSON pointer: {pointer!r} (expected '#/…')")
    return tuple(unquote(part).replace("~1", "/").replace("~0", "~") for part in fragment[1:].split("/"))


def find(document: JsonValue, pointer: str) -> JsonValue:
    """The node at a pointer; raises `LookupError` if there is none."""
    node = document
    for key in keys(pointer):
        if isinstance(node, dict) and key in node:
            node = node[key]
        elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
            node = node[int(key)]
        else:
            raise LookupError(f"nothing at {pointer}")
    return node


def follow(document: JsonValue, node: JsonValue) -> JsonValue:
    """The node, or what it refers to by ``$ref``; raises as `locate` does."""
    return locate(document, node)[0]


def locate(document: JsonValue, node: JsonValue, path: Path = ()) -> tuple[JsonValue, Path]:
    """The node and its path, or what it refers to by ``$ref`` and the path of that.

    Raises `LookupError` for a reference that leads nowhere or to itself, `ValueError` for one to another
    document.
    """
    for _ in range(MAX_REFERENCES):
        if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
            return node, path
        reference = node["$ref"]
        if not reference.startswith("#"):
            raise ValueError(f"a reference to another document: {reference}")
        node, path = find(document, reference), keys(reference)
    raise LookupError(f"a reference that leads to itself: {node['$ref']}")


def children(node: JsonValue) -> Iterable[tuple[Key, JsonValue]]:
    """The members of an object or the items of an array, with their keys; nothing for anything else."""
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, list) else ()
