"""JSON pointers (RFC 6901), written as URI fragments: ``#/paths/~1org~1billing/get``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import unquote

from orgbilling_openapi.strict_json import JsonValue

Key = str | int
Path = tuple[Key, ...]
"""The keys that lead from the root of a document to a node."""

NUMBER = re.compile(r"\+?[0-9]+", re.ASCII)

MAX_REFERENCES = 32
"""How many references may follow each other: more are taken for a circle."""


def text(path: Path) -> str:
    """The pointer to a path of keys."""
    return "#" + "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in path)


@lru_cache(maxsize=1024)
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


def path_in(document: JsonValue, reported: Iterable[Key]) -> Path:
    """The path of a node, from the keys that jsonschema-rs reports for it.

    jsonschema-rs reports every key that can be read as a number as an integer, also the name of a member:
    "007" as 7. Where several names of an object can be read as one number, the first of them is taken. It
    leaves out empty names; then the path ends before the first key that cannot be found.
    """
    path: list[Key] = []
    for key in reported:
        if isinstance(document, Mapping) and key not in document:
            names = (
                name for name in document if NUMBER.fullmatch(name) and _digits(name) == _digits(str(key))
            )
            key = next(names, -1)
        if key not in (document if isinstance(document, Mapping) else range(len(document))):
            break
        path.append(key)
        document = document[key]
    return tuple(path)


def _digits(number: str) -> str:
    """The digits that count of a number. Example: "+007" -> "7"."""
    return number.lstrip("+0")


def children(node: JsonValue) -> Iterable[tuple[Key, JsonValue]]:
    """The members of an object or the items of an array, with their keys; nothing for anything else."""
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, list) else ()
