"""What a client can meet: everything that the contract lists, by kind."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orgbilling_openapi.json_pointer import find, follow
from orgbilling_openapi.operations import operations_by_id

Value = tuple[str, str, str]
"""A documented value: schema, member, value."""


@dataclass(frozen=True, slots=True)
class Items:
    """All that can be met.

    statuses: operationId and each status listed for it by number. parameters: operationId and the name of a
    parameter or of a member of the body. values: of enumerations in successful answers; values_of: by
    operationId, the schemas and members that hold them.
    """

    operations: Sequence[str]
    statuses: Sequence[tuple[str, int]]
    parameters: Sequence[tuple[str, str]]
    values: Sequence[Value]
    values_of: Mapping[str, Sequence[tuple[str, str]]]


def items(contract: Mapping[str, Any], handled: Collection[str]) -> Items:
    """All that a contract lists for the operations that are handled."""
    operations: list[str] = []
    statuses: list[tuple[str, int]] = []
    parameters: list[tuple[str, str]] = []
    values: dict[Value, None] = {}
    values_of: dict[str, list[tuple[str, str]]] = {}
    for name, described in operations_by_id(contract).items():
        if name not in handled:
            continue
        operation = described.node
        operations.append(name)
        statuses += [(name, int(each)) for each in operation["responses"] if str(each).isdecimal()]
        parameters += [(name, each) for each in _parameters(contract, operation)]
        found = dict.fromkeys(_values(contract, _success(contract, operation)))
        if found:
            values |= found
            values_of[name] = list(dict.fromkeys((schema, member) for schema, member, _ in found))
    return Items(operations, statuses, parameters, list(values), values_of)


def _parameters(contract: Mapping[str, Any], operation: Mapping[str, Any]) -> Iterator[str]:
    for each in operation.get("parameters", ()):
        yield follow(contract, each)["name"]
    body = follow(contract, operation.get("requestBody", {}))
    for media in body.get("content", {}).values():
        schema = follow(contract, media.get("schema", {}))
        yield from (name for name in schema.get("properties", {}) if name != "$schema")


def _success(contract: Mapping[str, Any], operation: Mapping[str, Any]) -> Any:
    answer = follow(contract, operation["responses"].get("200", {}))
    for media, content in answer.get("content", {}).items():
        if "json" in media:
            return content.get("schema", {})
    return {}


def _values(
    contract: Mapping[str, Any],
    schema: Any,
    owner: str = "",
    member: str = "",
    seen: frozenset[str] = frozenset(),
) -> Iterator[Value]:
    """Every value of every enumeration of texts below a schema."""
    if not isinstance(schema, Mapping):
        return
    reference = schema.get("$ref")
    if isinstance(reference, str):
        if reference not in seen:
            name = reference.rpartition("/")[2]
            yield from _values(contract, find(contract, reference), name, member, seen | {reference})
        return
    yield from ((owner, member, each) for each in schema.get("enum", ()) if isinstance(each, str) and member)
    for name, each in schema.get("properties", {}).items():
        yield from _values(contract, each, owner, name, seen)
    for part in ("items", "additionalProperties"):
        yield from _values(contract, schema.get(part), owner, member if part == "items" else "", seen)
    for part in ("allOf", "anyOf", "oneOf"):
        for each in schema.get(part, ()):
            yield from _values(contract, each, owner, member, seen)
