"""What changes for a client of our contract when the API is described by another document.

A request may only be accepted more widely, a response may only become narrower; everything else
breaks a client. What rests on an assumption of ours cannot break anything: the vendor never said it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from orgbilling_openapi import headers, json_pointer, security, servers
from orgbilling_openapi.contract import Origins
from orgbilling_openapi.document import sound
from orgbilling_openapi.node import Node
from orgbilling_openapi.operations import operations
from orgbilling_openapi.shapes import Finding, Shapes

Document = dict[str, Any]

SEVERITIES = ("breaking", "compatible", "assumed")


@dataclass(frozen=True, slots=True)
class Change:
    """One difference, seen from our contract.

    severity: breaking, compatible, or assumed (the difference is an assumption of ours);
    kind: added, removed or changed; pointer: in our contract, or for an addition in the other document.
    """

    severity: str
    kind: str
    operations: tuple[str, ...]
    pointer: str
    what: str
    layer: str | None = None
    reason: str | None = None

    def row(self) -> Document:
        """The change as JSON."""
        row = {"severity": self.severity, "kind": self.kind, "operations": list(self.operations)}
        row |= {"pointer": self.pointer, "what": self.what}
        return row | {
            key: getattr(self, key) for key in ("layer", "reason") if getattr(self, key) is not None
        }


def compare(facts: Document, ours: Document, theirs: Document, origins: Origins) -> list[Change]:
    """All differences, breaking ones first; raises `document.DocumentError` for a malformed document.

    facts: our contract without assumptions (`compose.facts`), which alone can break; ours: all of it.
    A change that brings what we assumed anyway is none.
    """
    with sound("the other document"):
        return _compare(facts, ours, theirs, origins)


def _compare(facts: Document, ours: Document, theirs: Document, origins: Origins) -> list[Change]:
    changes: dict[tuple[str, str, str], Change] = {}
    expected = {_key(*row) for row in _findings(facts, ours)}
    told = [_fact(*row, origins) for row in _findings(facts, theirs) if _key(*row) not in expected]
    assumed = [_assumption(*row, origins) for row in _findings(ours, theirs)]
    for change in (*told, *(change for change in assumed if change is not None)):
        operation = change.operations[0]
        key = (change.severity, change.pointer, change.what)
        known = changes.get(key)
        if known is None:
            changes[key] = change
        elif operation not in known.operations:
            changes[key] = replace(known, operations=(*known.operations, operation))
    order = {severity: rank for rank, severity in enumerate(SEVERITIES)}
    return sorted(changes.values(), key=lambda change: order[change.severity])


def _key(operation: str, finding: Finding) -> tuple[str, str, str, tuple[str, ...]]:
    """What makes two findings in different documents the same; components may have other names."""
    return operation, finding.kind, finding.what, json_pointer.keys(finding.pointer)[-2:]


def _fact(operation: str, finding: Finding, origins: Origins) -> Change:
    """A difference from what the vendor said so far."""
    severity = "breaking" if finding.breaking else "compatible"
    layer = None if finding.kind == "added" else origins.of(finding.pointer).layer
    return Change(severity, finding.kind, (operation,), finding.pointer, finding.what, layer)


def _assumption(operation: str, finding: Finding, origins: Origins) -> Change | None:
    """A difference from what we assume; None for any other."""
    origin = origins.of(finding.pointer)
    if finding.kind == "added" or origin.fact:
        return None
    place, what = finding.pointer, finding.what
    return Change("assumed", finding.kind, (operation,), place, what, origin.layer, origin.reason)


def _findings(ours: Document, theirs: Document) -> Iterator[tuple[str, Finding]]:
    shapes = Shapes(ours, theirs)
    old, new = _operations(ours), _operations(theirs)
    for name in old:
        if name not in new:
            yield name, Finding("removed", old[name].pointer, "the operation is gone", True)
        else:
            for finding in _operation(shapes, old[name], new[name]):
                yield name, finding
    for name in new.keys() - old.keys():
        yield name, Finding("added", new[name].pointer, "an operation", False)


def _operations(document: Document) -> dict[str, Node]:
    """Method and path to operation."""
    return {operation.line: Node(operation.node, operation.location) for operation in operations(document)}


def _operation(shapes: Shapes, old: Node, new: Node) -> Iterator[Finding]:
    if old.value.get("operationId") != new.value.get("operationId"):
        what = f"operationId {old.value.get('operationId')} → {new.value.get('operationId')}"
        yield Finding("changed", old.at("operationId"), what, False)
    if new.value.get("deprecated") and not old.value.get("deprecated"):
        yield Finding("added", new.at("deprecated"), "deprecated", False)
    yield from servers.compare(shapes.old, shapes.new, old, new)
    yield from security.compare(shapes, old, new)
    yield from _parameters(shapes, old, new)
    yield from _request(shapes, old, new)
    yield from _responses(shapes, old, new)


def _parameters(shapes: Shapes, old: Node, new: Node) -> Iterator[Finding]:
    before, after = _listed(shapes, old, 0), _listed(shapes, new, 1)
    for name, parameter in before.items():
        if name not in after:
            yield Finding("removed", parameter.pointer, f"the {name[0]} parameter {name[1]}", True)
            continue
        other = after[name]
        if other.value.get("required") and not parameter.value.get("required"):
            yield Finding(
                "changed", parameter.at("required"), f"the parameter {name[1]} is required now", True
            )
        for key, usual in (("explode", name[0] == "query"), ("style", None)):
            a, b = parameter.value.get(key, usual), other.value.get(key, usual)
            if a != b:
                yield Finding("changed", parameter.at(key), f"{key} of {name[1]} {a} → {b}", True)
        yield from shapes.compare(parameter.child("schema"), other.child("schema"), "request")
    for name, parameter in after.items():
        if name not in before:
            required = bool(parameter.value.get("required"))
            kind = "required" if required else "optional"
            yield Finding("added", parameter.pointer, f"the {kind} {name[0]} parameter {name[1]}", required)


def _listed(shapes: Shapes, operation: Node, side: int) -> dict[tuple[str, str], Node]:
    """The parameters of an operation and of its path, by place and name."""
    document = (shapes.old, shapes.new)[side]
    path = operation.path[:-1]
    shared = Node(document["paths"][path[1]].get("parameters", []), (*path, "parameters"))
    own = Node(operation.value.get("parameters", []), (*operation.path, "parameters"))
    found: dict[tuple[str, str], Node] = {}
    for group in (shared, own):
        for index in range(len(group.value)):
            node = shapes.follow(group.child(index), side)
            found[(node.value.get("in", "?"), node.value.get("name", "?"))] = node
    return found


def _request(shapes: Shapes, old: Node, new: Node) -> Iterator[Finding]:
    before, after = old.child("requestBody"), new.child("requestBody")
    if before.value is None and after.value is None:
        return
    if before.value is None:
        required = bool(shapes.follow(after, 1).value.get("required"))
        yield Finding("added", after.pointer, f"a{' required' if required else 'n optional'} body", required)
        return
    if after.value is None:
        yield Finding("removed", before.pointer, "the body", True)
        return
    before, after = shapes.follow(before, 0), shapes.follow(after, 1)
    if after.value.get("required") and not before.value.get("required"):
        yield Finding("changed", before.at("required"), "the body is required now", True)
    if before.value.get("required") and not after.value.get("required"):
        yield Finding("changed", before.at("required"), "the body is optional now", False)
    yield from _content(shapes, before, after, "request")


def _responses(shapes: Shapes, old: Node, new: Node) -> Iterator[Finding]:
    before, after = old.child("responses"), new.child("responses")
    for status in before.value or {}:
        if status not in (after.value or {}):
            success = status.startswith("2") or status == "default"
            yield Finding("removed", before.at(status), f"the response {status}", success)
            continue
        a, b = shapes.follow(before.child(status), 0), shapes.follow(after.child(status), 1)
        yield from headers.compare(shapes, a, b)
        yield from _content(shapes, a, b, "response")
    for status in (after.value or {}).keys() - (before.value or {}).keys():
        yield Finding("added", after.at(status), f"the response {status}", False)


def _content(shapes: Shapes, old: Node, new: Node, direction: str) -> Iterator[Finding]:
    before, after = old.child("content"), new.child("content")
    for media in before.value or {}:
        if media not in (after.value or {}):
            yield Finding("removed", before.at(media), f"the {direction} media type {media}", True)
        else:
            a, b = before.child(media).child("schema"), after.child(media).child("schema")
            yield from shapes.compare(a, b, direction)
    for media in (after.value or {}).keys() - (before.value or {}).keys():
        yield Finding("added", after.at(media), f"the {direction} media type {media}", False)
