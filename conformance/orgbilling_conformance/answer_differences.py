"""Two answers to one request: whether they differ in status, shape or vocabulary. Values are not compared."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_conformance.api_description import PROBLEM, ApiDescription, Path
from orgbilling_conformance.exchange import Response, shorten
from orgbilling_conformance.rules.rule import RuleViolation
from orgbilling_conformance.schema_validation import DATE_TIME

REFUSED = (401, 403)

_INSTANT = re.compile(r"[^.]*?(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)")


@dataclass
class Shape:
    """What a body is made of, by pointer; `*` stands for any index and any name of a map.

    types: JSON types of each value. objects: how many objects there are. members: how many of these have a
    member. values: of members with an enumeration. instants: how they are written, offset and digits of the
    fraction. nodes: where each pointer is in the API description.
    """

    types: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    objects: Counter[str] = field(default_factory=Counter)
    members: Counter[str] = field(default_factory=Counter)
    values: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    instants: dict[str, Counter[tuple[str, int]]] = field(default_factory=lambda: defaultdict(Counter))
    nodes: dict[str, Path] = field(default_factory=dict)


def shape_of(api: ApiDescription, place: Path, body: JsonValue) -> Shape:
    """The shape of a body that the schema at `place` describes."""
    shape = Shape()
    waiting: list[tuple[str, JsonValue, Path]] = [("", body, place)]
    followed: dict[Path, tuple[Path, JsonValue]] = {(): ((), {})}  # the rows of a table share their schema
    while waiting:
        pointer, value, described = waiting.pop()
        if described not in followed:
            target = api.follow(described)
            followed[described] = target, api.node(target)
        node_place, node = followed[described]
        shape.types[pointer].add(json_type(value))
        shape.nodes.setdefault(pointer, node_place)
        if isinstance(value, dict):
            shape.objects[pointer] += 1
            for name, member, member_place in _members(value, node, node_place):
                inner = f"{pointer}/{name}"
                shape.members[inner] += 1
                waiting.append((inner, member, member_place))
        elif isinstance(value, list):
            items = (*node_place, "items") if "items" in node else ()
            waiting += [(f"{pointer}/*", item, items) for item in value]
        elif isinstance(value, str):
            if "enum" in node:
                shape.values[pointer][value] += 1
            if node.get("format") == "date-time" and DATE_TIME.fullmatch(value):
                shape.instants[pointer][instant_form(value)] += 1
    return shape


def instant_form(instant: str) -> tuple[str, int]:
    """How an instant is written: its offset from UTC, `Z` or `+09:00`, and the digits of its fraction."""
    match = _INSTANT.fullmatch(instant)
    return (match[2].upper(), len(match[1] or "")) if match else ("", 0)


def json_type(value: JsonValue) -> str:
    """The JSON type of a value; JSON itself has one kind of number."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def differences(
    api: ApiDescription, operation: str, stub: Response, real: Response
) -> Iterator[RuleViolation]:
    """How the real API's answer differs from the stub's.

    A refusal of the credentials differs in nothing: they are of one of the two.
    """
    if stub.status != real.status:
        if real.status not in REFUSED and stub.status not in REFUSED:
            yield RuleViolation("same-status", "status", f"{stub.status}, as the stub", str(real.status))
        return
    place = _schema(api, operation, real)
    bodies = stub.json, real.json
    if not place or (None in bodies and bodies != (None, None)):
        return
    ours, theirs = shape_of(api, place, stub.json), shape_of(api, place, real.json)
    yield from _member_differences(ours, theirs)
    yield from _type_differences(ours, theirs)
    yield from _value_differences(api, ours, theirs)


def _schema(api: ApiDescription, operation: str, response: Response) -> Path:
    described = api.operations.get(operation)
    if described is None:
        return ()
    if response.status == 200:
        return described.success or ()
    if response.status >= 400 and response.media == PROBLEM:
        return (*described.place, "responses", "default", "content", PROBLEM, "schema")
    return ()


def _members(value: JsonObject, node: JsonObject, place: Path) -> Iterator[tuple[str, JsonValue, Path]]:
    """The members of an object, those of a map under the name `*`."""
    properties = node.get("properties", {})
    others = node.get("additionalProperties")
    for name, member in value.items():
        if name in properties:
            yield name, member, (*place, "properties", name)
        elif isinstance(others, dict):
            yield "*", member, (*place, "additionalProperties")
        else:
            yield name, member, ()


def _member_differences(ours: Shape, theirs: Shape) -> Iterator[RuleViolation]:
    for pointer in sorted(ours.members.keys() ^ theirs.members.keys()):
        parent, _, name = pointer.rpartition("/")
        if name == "*" or not (ours.objects[parent] and theirs.objects[parent]):
            continue  # an empty map, or a list that is empty on one side, shows nothing
        if pointer in theirs.members:
            observed = f"in {theirs.members[pointer]} of {theirs.objects[parent]}"
            yield RuleViolation("same-shape", pointer, "absent, as in the stub", observed)
        else:
            expected = f"in {ours.members[pointer]} of {ours.objects[parent]}, as in the stub"
            yield RuleViolation("same-shape", pointer, expected, "absent")


def _type_differences(ours: Shape, theirs: Shape) -> Iterator[RuleViolation]:
    for pointer in sorted(ours.types.keys() & theirs.types.keys()):
        more = theirs.types[pointer] - ours.types[pointer]
        if more:
            expected = " or ".join(sorted(ours.types[pointer]))
            yield RuleViolation(
                "same-shape", pointer, f"{expected}, as in the stub", " or ".join(sorted(more))
            )


def _value_differences(api: ApiDescription, ours: Shape, theirs: Shape) -> Iterator[RuleViolation]:
    for pointer, values in sorted(theirs.values.items()):
        known = set(api.node(theirs.nodes[pointer])["enum"]) | set(ours.values.get(pointer, ()))
        for value in sorted(values.keys() - known):
            expected = f"one of {shorten(sorted(known), 90)}, as in the stub"
            yield RuleViolation(
                "same-values", pointer, expected, f"{shorten(value, 60)}, {values[value]} times"
            )
    for pointer, forms in sorted(theirs.instants.items()):
        own_offsets = {offset for offset, _ in ours.instants.get(pointer, ())}
        offsets = {offset for offset, _ in forms}
        if own_offsets and own_offsets.isdisjoint(offsets):
            expected = f"an instant with {min(own_offsets)}, as in the stub"
            yield RuleViolation("same-values", pointer, expected, f"with {min(offsets)}")
