"""Who may call an operation: what it requires, and the schemes that the requirement names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from orgbilling_openapi.node import Node
from orgbilling_openapi.shapes import Finding, Shapes

# What a client has to know to authenticate; the format of a bearer token is but a hint (OpenAPI 3.1).
DECISIVE = ("type", "scheme", "in", "name", "openIdConnectUrl", "flows")
HINTS = ("bearerFormat",)


def compare(shapes: Shapes, old: Node, new: Node) -> Iterator[Finding]:
    """How an operation asks for authentication otherwise."""
    before = old.value.get("security", shapes.old.get("security", []))
    after = new.value.get("security", shapes.new.get("security", []))
    if _canonical(before) != _canonical(after):
        lost = [each for each in before if each not in after] if before and after != [] else []
        closed = bool(lost) or (not before and bool(after) and {} not in after)
        what = f"security {json.dumps(before)} → {json.dumps(after)}"
        yield Finding("changed", old.at("security"), what, closed)
    named = dict.fromkeys(name for each in after for name in each)
    for name in dict.fromkeys(name for each in before for name in each):
        if name in named:
            yield from _scheme(name, _found(shapes, name, 0), _found(shapes, name, 1))


def _found(shapes: Shapes, name: str, side: int) -> Node:
    """A security scheme by its name."""
    document = (shapes.old, shapes.new)[side]
    value = document.get("components", {}).get("securitySchemes", {}).get(name)
    return shapes.follow(Node(value, ("components", "securitySchemes", name)), side)


def _scheme(name: str, old: Node, new: Node) -> Iterator[Finding]:
    if old.value is None:
        return
    if new.value is None:
        yield Finding("removed", old.pointer, f"the security scheme {name}", True)
        return
    for key in (*DECISIVE, *HINTS):
        a, b = (_told(key, node.value.get(key)) for node in (old, new))
        if a != b:
            what = f"{key} of the security scheme {name} {a} → {b}"
            yield Finding("changed", old.at(key), what, key in DECISIVE)


def _told(key: str, value: Any) -> str:
    """A member of a scheme as text; the name of an HTTP scheme has no case (RFC 9110)."""
    if value is None:
        return "none"
    text = value if isinstance(value, str) else _canonical(value)
    return text.lower() if key == "scheme" else text


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
