"""Two schemas side by side: which values one permits and the other does not, keyword by keyword."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from orgbilling_openapi import json_pointer
from orgbilling_openapi.external_document import OpenApiDocumentError
from orgbilling_openapi.schema_flattening import LOWER, REST, UPPER, Node, types
from orgbilling_openapi.schema_flattening import STRICT as STRICT_MEMBERS
from orgbilling_openapi.schema_normalization import normalize
from orgbilling_openapi.strict_json import JsonObject, JsonValue

INCOMPARABLE = (
    *("format", "pattern", "multipleOf", "contentEncoding", "contentMediaType"),
    *("minContains", "maxContains"),
)
INNER = ("propertyNames", "contentSchema", "unevaluatedItems")
"""Keywords with a schema that is no restriction where it is absent."""
COMPOSED = ("allOf", "anyOf", "oneOf", "not")
PARTS = 20
"""Alternatives that are matched with each other; of more, the text decides."""
STRICT = "; our schema is closed and refuses it"


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: added, removed or changed; where; in words; and whether it breaks a client.

    documentation: it is about words and names alone, which no client sends or receives;
    steps: the way to it through parameters, statuses and members, whatever the components are called.
    """

    kind: str
    pointer: str
    what: str
    breaking: bool
    documentation: bool = False
    steps: tuple[str, ...] = ()


def below(step: str, differences: Iterator[Difference]) -> Iterator[Difference]:
    """Differences with one more step in front of their way."""
    for difference in differences:
        yield replace(difference, steps=(step, *difference.steps))


class SchemaComparison:
    """The comparison of the schemas of two documents."""

    def __init__(self, old: JsonObject, new: JsonObject) -> None:
        self.old = old
        self.new = new
        self._open: set[tuple[json_pointer.Path, json_pointer.Path, bool, str]] = set()

    def follow(self, node: Node, side: int) -> Node:
        """What a reference stands for (side 0 is the old document); raises `OpenApiDocumentError`."""
        for _ in range(32):
            if not isinstance(node.value, dict) or not isinstance(node.value.get("$ref"), str):
                return node
            node = self._step(node, side)
        raise OpenApiDocumentError(f"{node.pointer}: a reference that leads to itself")

    def _step(self, node: Node, side: int) -> Node:
        """What one reference names."""
        reference = node.value["$ref"]
        if not reference.startswith("#"):
            raise OpenApiDocumentError(f"{node.pointer}: a reference to another document: {reference}")
        try:
            value = json_pointer.find((self.old, self.new)[side], reference)
        except (LookupError, ValueError):
            raise OpenApiDocumentError(
                f"{node.pointer}: a reference that leads nowhere: {reference}"
            ) from None
        return Node(value, json_pointer.keys(reference))

    def compare(self, old: Node, new: Node, direction: str) -> Iterator[Difference]:
        """The differences of two schemas in a request or a response."""
        old, new = self._plain(old, 0), self._plain(new, 1)
        key = (old.path, new.path, new.parts is None, direction)
        if key in self._open:
            return
        self._open.add(key)
        try:
            yield from self._types(old, new, direction)
            yield from self._values(old, new, direction)
            yield from self._required(old, new, direction)
            yield from self._properties(old, new, direction)
            yield from self._subschemas(old, new, direction)
            yield from self._conditions(old, new, direction)
            yield from self._dependencies(old, new, direction)
        finally:
            self._open.discard(key)

    def _plain(self, node: Node, side: int) -> Node:
        """The schema behind references and allOf; no schema at all permits everything."""
        node = normalize(node, lambda reference: self._step(reference, side))
        if node.value is False:
            return Node({"not": {}}, node.path)
        return node if isinstance(node.value, dict) else Node({}, node.path)

    def has_parts(self, old: Node, new: Node) -> bool:
        """Whether one of two parameters may be an array or an object, which alone can be exploded."""
        plain = (self._plain(node.child("schema"), side) for side, node in enumerate((old, new)))
        return any(types(schema.value) & {"array", "object"} for schema in plain)

    def _types(self, old: Node, new: Node, direction: str) -> Iterator[Difference]:
        before, after = types(old.value), types(new.value)
        if before != after:
            breaking = not (before <= after if direction == "request" else after <= before)
            what = f"type {_shown(old.value.get('type'))} → {_shown(new.value.get('type'))}"
            yield Difference(
                "changed", old.at("type") if "type" in old.value else old.pointer, what, breaking
            )

    def _values(self, old: Node, new: Node, direction: str) -> Iterator[Difference]:
        for word in (*LOWER, *UPPER, *INCOMPARABLE, "enum", "uniqueItems"):
            a, b = old.value.get(word), new.value.get(word)
            if a != b:
                tighter, looser = _change(word, a, b)
                if tighter or looser:
                    yield _finding(old, new, word, tighter if direction == "request" else looser)
        a, b = old.value.get("default"), new.value.get("default")
        if a != b and direction == "request":
            yield _finding(old, new, "default", a is not None)

    def _required(self, old: Node, new: Node, direction: str) -> Iterator[Difference]:
        before, after = (set(node.value.get("required", ())) for node in (old, new))
        for name in sorted(before - after):
            gone = direction == "response" and name not in new.value.get("properties", {})
            if not gone:
                what = f"{name} may be absent now"
                yield Difference("changed", old.at("required"), what, direction == "response")
        for name in sorted(after - before):
            described = name in old.value.get("properties", {})
            if described or direction == "response":
                what = f"{name} is required now"
                yield Difference("changed", old.at("required"), what, direction == "request")

    def _properties(self, old: Node, new: Node, direction: str) -> Iterator[Difference]:
        """What differs in the members that two schemas name; direction: `request` or `response`."""
        before, after = old.child("properties"), new.child("properties")
        for name in sorted(before.value or {}):
            if name in (after.value or {}):
                yield from below(name, self.compare(before.child(name), after.child(name), direction))
            else:
                closed = new.value.get("additionalProperties") is False
                yield Difference(
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
            yield Difference(
                "added", after.at(name), f"the {kind} {direction} member {name}{strict}", required
            )

    def _subschemas(self, old: Node, new: Node, direction: str) -> Iterator[Difference]:
        """What differs in the schemas inside two schemas: of items, of other members, and of alternatives."""
        if "items" in old.value or "items" in new.value:
            yield from below("[]", self.compare(old.child("items"), new.child("items"), direction))
        for index in range(max(len(node.value.get("prefixItems", ())) for node in (old, new))):
            yield from below(f"[{index}]", self.compare(_item(old, index), _item(new, index), direction))
        for word in INNER:
            if word in old.value or word in new.value:
                yield from below(word, self.compare(old.child(word), new.child(word), direction))
        for word in (REST, STRICT_MEMBERS):
            a, b = (node.value.get(word, True) for node in (old, new))
            if isinstance(a, dict) and isinstance(b, dict):
                yield from below("{}", self.compare(old.child(word), new.child(word), direction))
            elif a != b:
                yield _finding(old, new, word, direction == "request" and a is not False)
        for word in COMPOSED:
            if not self._same_parts(old.child(word), new.child(word)):
                yield _finding(old, new, word, True)

    def _conditions(self, old: Node, new: Node, direction: str) -> Iterator[Difference]:
        """What holds of some values alone: `contains` of some items, `if` of what the condition meets."""
        for word, consequences in (("contains", ("contains",)), ("if", ("then", "else"))):
            if word in old.value and word in new.value:
                if word == "if" and not self._same(old.child(word), new.child(word)):
                    yield _finding(old, new, word, True)
                    continue
                for name in consequences:
                    yield from below(name, self.compare(old.child(name), new.child(name), direction))
            elif word in old.value or word in new.value:
                yield _finding(old, new, word, (word in new.value) == (direction == "request"))

    def _dependencies(self, old: Node, new: Node, direction: str) -> Iterator[Difference]:
        """What depends on the names of the members that are there."""
        for word in ("patternProperties", "dependentSchemas"):
            before, after = old.child(word), new.child(word)
            for name in sorted({**(before.value or {}), **(after.value or {})}):
                step = f"{word} {name}"
                yield from below(step, self.compare(before.child(name), after.child(name), direction))
        word = "dependentRequired"
        before_names, after_names = _dependent(old), _dependent(new)
        if before_names != after_names:
            breaking = bool(
                after_names - before_names if direction == "request" else before_names - after_names
            )
            yield _finding(old, new, word, breaking)

    def _same_parts(self, old: Node, new: Node) -> bool:
        """Whether two lists of schemas, or two schemas, permit the same, in whatever order and spelling."""
        a, b = (node.value if isinstance(node.value, list) else None for node in (old, new))
        if a is None or b is None or len(a) > PARTS:
            return _bare(old.value) == _bare(new.value) or (
                a is None
                and b is None
                and old.value is not None
                and new.value is not None
                and self._same(old, new)
            )
        rest = [new.child(index) for index in range(len(b))]
        for index in range(len(a)):
            match = next((part for part in rest if self._same(old.child(index), part)), None)
            if match is None:
                return False
            rest.remove(match)
        return not rest

    def _same(self, old: Node, new: Node) -> bool:
        return not any(True for _ in self.compare(old, new, "request"))


def _item(array: Node, index: int) -> Node:
    """The schema of the item at an index."""
    prefix = array.child("prefixItems")
    return prefix.child(index) if index < len(prefix.value or ()) else array.child("items")


def _dependent(schema: Node) -> set[tuple[str, str]]:
    """Members, and what is required only where they are there."""
    always = schema.value.get("required", ())
    rows = schema.value.get("dependentRequired", {}).items()
    return {(name, other) for name, others in rows for other in others if other not in always}


def _change(word: str, a: JsonValue, b: JsonValue) -> tuple[bool, bool]:
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


def _finding(old: Node, new: Node, word: str, breaking: bool) -> Difference:
    a, b = old.value.get(word), new.value.get(word)
    if word not in old.value:
        return Difference("added", new.at(word), f"{word} {_shown(b)}", breaking)
    if word not in new.value:
        return Difference("removed", old.at(word), f"{word} {_shown(a)}", breaking)
    if word == "enum":
        gone, more = [v for v in a if v not in b], [v for v in b if v not in a]
        parts = [f"without {_shown(gone)}"] * bool(gone) + [f"with {_shown(more)}"] * bool(more)
        return Difference("changed", old.at(word), f"enum {', '.join(parts)}", breaking)
    return Difference("changed", old.at(word), f"{word} {_shown(a)} → {_shown(b)}", breaking)


def _bare(value: JsonValue) -> JsonValue:
    """A schema without its words."""
    if isinstance(value, dict):
        words = ("description", "title", "example", "examples")
        return {key: _bare(child) for key, child in value.items() if key not in words}
    return [_bare(item) for item in value] if isinstance(value, list) else value


def _shown(value: JsonValue) -> str:
    """A value in one short line."""
    if value is None:
        return "any"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"
