"""JSON pointers (RFC 6901), written as URI fragments: ``#/paths/~1org~1billing/get``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

Key = str | int
Path = tuple[Key, ...]


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


def find(document: Any, pointer: str) -> Any:
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


def children(node: Any) -> Iterable[tuple[Key, Any]]:
    """The members of an object or the items of an array, with their keys; nothing for anything else."""
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, list) else ()
