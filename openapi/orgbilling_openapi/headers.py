"""The headers of a response: what a client loses when they change.

Their names do not depend on case, and one called Content-Type is no header of a response (OpenAPI 3.1,
Response Object). A client may read any header that is described, so that one that goes breaks it.
"""

from __future__ import annotations

from collections.abc import Iterator

from orgbilling_openapi.node import Node
from orgbilling_openapi.shapes import Finding, Shapes


def compare(shapes: Shapes, old: Node, new: Node) -> Iterator[Finding]:
    """How the headers of a response differ."""
    before, after = _listed(shapes, old, 0), _listed(shapes, new, 1)
    for key, (name, header) in before.items():
        if key in after:
            yield from _header(shapes, name, header, after[key][1])
        else:
            yield Finding("removed", header.pointer, f"the response header {name}", True)
    for key, (name, header) in after.items():
        if key not in before:
            kind = "required" if header.value.get("required") else "optional"
            yield Finding("added", header.pointer, f"the {kind} response header {name}", False)


def _listed(shapes: Shapes, response: Node, side: int) -> dict[str, tuple[str, Node]]:
    """The headers of a response by their names in lower case."""
    headers = response.child("headers")
    found = {
        str(name).lower(): (name, shapes.follow(headers.child(name), side)) for name in headers.value or ()
    }
    found.pop("content-type", None)
    return {key: (name, node) for key, (name, node) in found.items() if isinstance(node.value, dict)}


def _header(shapes: Shapes, name: str, old: Node, new: Node) -> Iterator[Finding]:
    was, now = (bool(node.value.get("required")) for node in (old, new))
    if was != now:
        what = f"the response header {name} {'is required' if now else 'may be absent'} now"
        yield Finding("changed", old.at("required") if was else old.pointer, what, was)
    a, b = (bool(node.value.get("explode")) for node in (old, new))
    if a != b:
        place = old.at("explode") if "explode" in old.value else old.pointer
        yield Finding("changed", place, f"explode of the response header {name} {a} → {b}", True)
    for place, one, other in _schemas(old, new):
        if one is None or other is None:
            yield Finding("changed", place, f"the response header {name} is written otherwise", True)
        else:
            yield from shapes.compare(one, other, "response")


def _schemas(old: Node, new: Node) -> Iterator[tuple[str, Node | None, Node | None]]:
    """The schemas of two headers: as `schema`, or by the media type of `content`; None for another one."""
    before, after = (list(node.value.get("content") or ()) for node in (old, new))
    if before != after:
        yield (old.at("content") if before else old.pointer), None, None
    elif before:
        a, b = (node.child("content").child(before[0]).child("schema") for node in (old, new))
        yield a.pointer, a, b
    else:
        yield old.at("schema"), old.child("schema"), new.child("schema")
