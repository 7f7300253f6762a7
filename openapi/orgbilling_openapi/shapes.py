"""Two schemas side by side: which values one permits and the other does not, keyword by keyword."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from orgbilling_openapi import pointer
from orgbilling_openapi.document import DocumentError
from orgbilling_openapi.pointer import Key

Document = dict[str, Any]

ALL = frozenset({"null", "boolean", "object", "array", "number", "integer", "string"})
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
INCOMPARABLE = ("format", "pattern", "multipleOf", "const")
COMPOSED = ("allOf", "anyOf", "oneOf", "not")
STRICT = "; our schema is closed and refuses it"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference: added, removed or changed; where; in words; and whether it breaks a client."""

    kind: str
    pointer: str
    what: str
    breaking: bool


@dataclass(frozen=True, slots=True)
class Node:
    """A node of a document and where it is; its value is None where there is nothing."""

    value: Any
    path: pointer.Path

    @property
    def pointer(self) -> str:
        """The JSON pointer of the node."""
        return pointer.text(self.path)

    def at(self, key: Key) -> str:
        """The JSON pointer of a member."""
        return pointer.text((*self.path, key))

    def child(self, key: Key) -> Node:
        """A member or item, which need not be there."""
        value: Any = None
        if isinstance(self.value, dict):
            value = self.value.get(key)
        elif isinstance(self.value, list) and isinstance(key, int):
            value = self.value[key]
        return Node(value, (*self.path, key))


class Shapes:
    """The comparison of the schemas of two documents."""

    def __init__(self, old: Document, new: Document) -> None:
        self.old = old
        self.new = new
        self._open: set[tuple[pointer.Path, pointer.Path, str]] = set()

    def follow(self, node: Node, side: int) -> Node:
        """The node that a reference stands for (side 0 is the old document); raises `DocumentError`."""
        for _ in range(32):
            if not isinstance(node.value, dict) or not isinstance(node.value.get("$ref"), str):
                return node
            reference = node.value["$ref"]
            if not reference.startswith("#"):
                raise DocumentError(f"{node.pointer}: a reference to another document: {reference}")
            try:
                value = pointer.find((self.old, self.new)[side], reference)
            except (LookupError, ValueError):
                raise DocumentError(f"{node.pointer}: a reference that leads nowhere: {reference}") from None
            node = Node(value, pointer.keys(reference))
        raise DocumentError(f"{node.pointer}: a reference that leads to itself")

    def compare(self, old: Node, new: Node, direction: str) -> Iterator[Finding]:
        """The differences of two schemas in a request or a response."""
        old, new = self._plain(old, 0), self._plain(new, 1)
        key = (old.path, new.path, direction)
        if key in self._open:
            return
        self._open.add(key)
        try:
            yield from self._types(old, new, direction)
            yield from self._values(old, new, direction)
            yield from self._required(old, new, direction)
            yield from self._properties(old, new, direction)
            yield from self._inside(old, new, direction)
        finally:
            self._open.discard(key)

    def _plain(self, node: Node, side: int) -> Node:
        """The schema behind references and allOf of one; no schema at all permits everything."""
        node = self.follow(node, side)
        while isinstance(node.value, dict) and len(node.value.get("allOf", ())) == 1 and len(node.value) == 1:
            node = self.follow(node.child("allOf").child(0), side)
        return node if isinstance(node.value, dict) else Node({}, node.path)

    def _types(self, old: Node, new: Node, direction: str) -> Iterator[Finding]:
        before, after = _types(old.value), _types(new.value)
        if before != after:
            breaking = not (before <= after if direction == "request" else after <= before)
            what = f"type {_shown(old.value.get('type'))} → {_shown(new.value.get('type'))}"
            yield Finding("changed", old.at("type") if "type" in old.value else old.pointer, what, breaking)

    def _values(self, old: Node, new: Node, direction: str) -> Iterator[Finding]:
        for word in (*LOWER, *UPPER, *INCOMPARABLE, "enum", "uniqueItems"):
            a, b = old.value.get(word), new.value.get(word)
            if a != b:
                tighter, looser = _change(word, a, b)
                if tighter or looser:
                    yield _finding(old, new, word, tighter if direction == "request" else looser)
        a, b = old.value.get("default"), new.value.get("default")
        if a != b and direction == "request":
            yield _finding(old, new, "default", a is not None)

    def _required(self, old: Node, new: Node, direction: str) -> Iterator[Finding]:
        before, after = (set(node.value.get("required", ())) for node in (old, new))
        for name in sorted(before - after):
            gone = direction == "response" and name not in new.value.get("properties", {})
            if not gone:
                what = f"{name} may be absent now"
                yield Finding("changed", old.at("required"), what, direction == "response")
        for name in sorted(after - before):
            known = name in old.value.get("properties", {})
            if known or direction == "response":
                what = f"{name} is required now"
                yield Finding("changed", old.at("required"), what, direction == "request")

    def _properties(self, old: Node, new: Node, direction: str) -> Iterator[Finding]:
        before, after = old.child("properties"), new.child("properties")
        for name in sorted(before.value or {}):
            if name in (after.value or {}):
                yield from self.compare(before.child(name), after.child(name), direction)
            else:
                closed = new.value.get("additionalProperties") is False
                yield Finding(
                    "removed",
                    before.at(name),
                    f"the {direction} member {name}",
                    direction == "response" or closed,
                )
        for name in sorted((after.value or {}).keys() - (before.value or {}).keys()):
            required = direction == "request" and name in new.value.get("required", ())
            kind = "required" if name in new.value.get("required", ()) else "optional"
            strict = (
                STRICT if direction == "response" and old.value.get("additionalProperties") is False else ""
            )
            yield Finding("added", after.at(name), f"the {kind} {direction} member {name}{strict}", required)

    def _inside(self, old: Node, new: Node, direction: str) -> Iterator[Finding]:
        if "items" in old.value or "items" in new.value:
            yield from self.compare(old.child("items"), new.child("items"), direction)
        a, b = (node.value.get("additionalProperties", True) for node in (old, new))
        if isinstance(a, dict) and isinstance(b, dict):
            word = "additionalProperties"
            yield from self.compare(old.child(word), new.child(word), direction)
        elif a != b:
            yield _finding(old, new, "additionalProperties", direction == "request" and a is not False)
        for word in COMPOSED:
            a, b = old.value.get(word), new.value.get(word)
            if _bare(a) != _bare(b):
                yield _finding(old, new, word, True)


def _types(schema: Document) -> frozenset[str]:
    """The types that a schema permits; an integer is a number too."""
    told = schema.get("type")
    types = ALL if told is None else frozenset([told] if isinstance(told, str) else told)
    return types | {"integer"} if "number" in types else types


def _change(word: str, a: Any, b: Any) -> tuple[bool, bool]:
    """Whether a keyword that went from `a` to `b` became tighter, and whether looser."""
    if a is None or b is None:
        return a is None, b is None
    if word == "enum":
        before, after = ({json.dumps(value, sort_keys=True) for value in values} for values in (a, b))
        return bool(before - after), bool(after - before)
    if word == "uniqueItems":
        return bool(b), bool(a)
    if word in LOWER:
        return b > a, b < a
    if word in UPPER:
        return b < a, b > a
    return True, True


def _finding(old: Node, new: Node, word: str, breaking: bool) -> Finding:
    a, b = old.value.get(word), new.value.get(word)
    if word not in old.value:
        return Finding("added", new.at(word), f"{word} {_shown(b)}", breaking)
    if word not in new.value:
        return Finding("removed", old.at(word), f"{word} {_shown(a)}", breaking)
    if word == "enum":
        gone, more = [v for v in a if v not in b], [v for v in b if v not in a]
        parts = [f"without {_shown(gone)}"] * bool(gone) + [f"with {_shown(more)}"] * bool(more)
        return Finding("changed", old.at(word), f"enum {', '.join(parts)}", breaking)
    return Finding("changed", old.at(word), f"{word} {_shown(a)} → {_shown(b)}", breaking)


def _bare(value: Any) -> Any:
    """A schema without its words."""
    if isinstance(value, dict):
        words = ("description", "title", "example", "examples")
        return {key: _bare(child) for key, child in value.items() if key not in words}
    return [_bare(item) for item in value] if isinstance(value, list) else value


def _shown(value: Any) -> str:
    """A value in one short line."""
    if value is None:
        return "any"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"
