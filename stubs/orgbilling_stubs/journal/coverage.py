"""The coverage of the client under test: how much of the API it has used, counted from the journal's entries.

The percentage is the share of all items that have been met: operations, the statuses that the API description
lists for each, parameters and body members sent, documented values seen in responses, and scenarios shown.
Every item counts the same; what is met but not listed counts nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypedDict, TypeVar

from orgbilling_openapi.json_pointer import find, follow
from orgbilling_openapi.operations import operations_by_id
from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_stubs.billing import instants
from orgbilling_stubs.http.context import Headers
from orgbilling_stubs.journal.exchange import Entry

MAX_COUNTED = 4096
"""How many different things of a kind are counted."""
MAX_NAME_LENGTH = 64
MAX_NAMES = 16
"""How many parameters or members of one request are counted."""

KINDS = ("operations", "statuses", "parameters", "values", "scenarios")

Value: TypeAlias = tuple[str, str, str]
"""A documented value: schema, member, value."""

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class CoverageItems:
    """All that a client can meet.

    statuses: operationId and each status listed for it by number. parameters: operationId and the name of a
    parameter or of a member of the body. values: of enumerations in successful responses; members: by
    operationId, the schemas and members that hold them.
    """

    operations: Sequence[str]
    statuses: Sequence[tuple[str, int]]
    parameters: Sequence[tuple[str, str]]
    values: Sequence[Value]
    members: Mapping[str, Sequence[tuple[str, str]]]


def coverage_items(description: Mapping[str, JsonValue], handled: Collection[str]) -> CoverageItems:
    """All that an API description lists for the operations that are handled."""
    names: list[str] = []
    statuses: list[tuple[str, int]] = []
    parameters: list[tuple[str, str]] = []
    values: dict[Value, None] = {}
    members: dict[str, list[tuple[str, str]]] = {}
    for name, operation in operations_by_id(description).items():
        if name not in handled:
            continue
        node = operation.node
        names.append(name)
        statuses += [(name, int(status)) for status in node["responses"] if str(status).isdecimal()]
        parameters += [(name, parameter) for parameter in _parameters(description, node)]
        own_values = dict.fromkeys(_values(description, _success(description, node)))
        if own_values:
            values |= own_values
            members[name] = list(dict.fromkeys((schema, member) for schema, member, _ in own_values))
    return CoverageItems(names, statuses, parameters, list(values), members)


def _parameters(description: Mapping[str, JsonValue], operation: JsonObject) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        yield follow(description, parameter)["name"]
    body = follow(description, operation.get("requestBody", {}))
    for media_type in body.get("content", {}).values():
        schema = follow(description, media_type.get("schema", {}))
        yield from (name for name in schema.get("properties", {}) if name != "$schema")


def _success(description: Mapping[str, JsonValue], operation: JsonObject) -> JsonValue:
    """The schema of the 200 of an operation."""
    response = follow(description, operation["responses"].get("200", {}))
    for name, media_type in response.get("content", {}).items():
        if "json" in name:
            return media_type.get("schema", {})
    return {}


def _values(
    description: Mapping[str, JsonValue],
    schema: JsonValue,
    owner: str = "",
    member: str = "",
    followed: frozenset[str] = frozenset(),
) -> Iterator[Value]:
    """Every value of every enumeration of texts below a schema.

    owner, member: the schema and its member that lead here. followed: the references on the way.
    """
    if not isinstance(schema, Mapping):
        return
    reference = schema.get("$ref")
    if isinstance(reference, str):
        if reference not in followed:
            name = reference.rpartition("/")[2]
            target = find(description, reference)
            yield from _values(description, target, name, member, followed | {reference})
        return
    yield from (
        (owner, member, value) for value in schema.get("enum", ()) if isinstance(value, str) and member
    )
    for name, child in schema.get("properties", {}).items():
        yield from _values(description, child, owner, name, followed)
    yield from _values(description, schema.get("items"), owner, member, followed)
    yield from _values(description, schema.get("additionalProperties"), owner, "", followed)
    for keyword in ("allOf", "anyOf", "oneOf"):
        for child in schema.get(keyword, ()):
            yield from _values(description, child, owner, member, followed)


class CoverageTally:
    """What has been met since the last reset. Runs with every request: a few look-ups for each response.

    items: all that can be met. scenario_names: of those that can be shown. flush: brings in what still waits
    to be counted, and is called before anything is read.
    """

    def __init__(
        self,
        items: CoverageItems,
        now_ms: int,
        scenario_names: Callable[[], Sequence[str]] = tuple,
        flush: Callable[[], None] = lambda: None,
    ) -> None:
        self._flush = flush
        self.items = items
        self.scenario_names = scenario_names
        self._patterns = {
            operation: [
                (re.compile(rb'"%s":"([^"]*)"' % member.encode()), schema, member)
                for schema, member in members
            ]
            for operation, members in items.members.items()
        }
        self.reset(now_ms)

    def reset(self, now_ms: int) -> None:
        """Begin to count anew, at this instant of real time."""
        self._flush()
        self.since_ms = now_ms
        self.scenarios: dict[str, int] = {}
        self._values: dict[Value, int] = {}
        self._statuses: dict[str, dict[int, int]] = {}
        self._requests: dict[tuple[str, int], int] = {}
        """How often the same names were sent, by operation and hash of the names."""
        self._names: dict[tuple[str, int], tuple[str, ...]] = {}
        """The names, by the same key."""
        self._last_payload: dict[str, bytes] = {}
        self._scanned_tags: set[bytes] = set()

    def count(self, entry: Entry) -> None:
        """Count an exchange."""
        operation, status, query = entry.operation, entry.status, entry.query
        counts = self._statuses.get(operation)
        if counts is None:
            counts = self._statuses[operation] = {}
        counts[status] = counts.get(status, 0) + 1
        if query or entry.raw_body or b"idempotency-key" in entry.headers:
            self._count_names(operation, query, entry)
        changed = entry.payload is not self._last_payload.get(operation)
        if status == 200 and changed and operation in self._patterns:
            self._scan(operation, entry.response_headers, entry.payload)

    def scenario(self, name: str) -> None:
        """Count a scenario that the client, or its test, has asked for."""
        _add(self.scenarios, name)

    @property
    def statuses(self) -> Mapping[tuple[str, int], int]:
        """How often each operation has answered each status."""
        self._flush()
        return {
            (operation, status): times
            for operation, counts in list(self._statuses.items())
            for status, times in list(counts.items())
        }

    @property
    def values(self) -> Mapping[Value, int]:
        """How often each value of a member was met, once in each different response."""
        self._flush()
        return self._values

    def parameters(self) -> Mapping[tuple[str, str], int]:
        """How often each parameter and body member was sent, by operation and name."""
        self._flush()
        counts: dict[tuple[str, str], int] = {}
        for key, times in list(self._requests.items()):
            for name in self._names[key]:
                _add(counts, (key[0], name), times)
        return counts

    def _count_names(self, operation: str, query: bytes, entry: Entry) -> None:
        """Count what was sent by a hash of it: its names are read when it first comes, its values never."""
        body, keyed = entry.body, b"idempotency-key" in entry.headers
        members = tuple(body) if type(body) is dict and len(body) <= MAX_NAMES else ()
        key = (operation, hash((query, members, keyed)))
        if key not in self._names:
            if len(self._names) >= MAX_COUNTED:
                return
            pairs = query.split(b"&", MAX_NAMES)[:MAX_NAMES] if query else []
            names = {pair.partition(b"=")[0][:MAX_NAME_LENGTH].decode("latin-1") for pair in pairs}
            names |= {member[:MAX_NAME_LENGTH] for member in members}
            self._names[key] = tuple(names | ({"Idempotency-Key"} if keyed else set()))
        self._requests[key] = self._requests.get(key, 0) + 1

    def _scan(self, operation: str, headers: Headers, payload: bytes) -> None:
        """Look for enumerated values, once in each different response."""
        tag = next((value for name, value in reversed(headers) if name == b"etag"), b"")
        self._last_payload[operation] = payload
        if tag in self._scanned_tags:
            return
        if len(self._scanned_tags) >= MAX_COUNTED:
            self._scanned_tags.clear()
        if tag:
            self._scanned_tags.add(tag)
        for pattern, schema, member in self._patterns[operation]:
            for value in set(pattern.findall(payload)):
                _add(self._values, (schema, member, value.decode("utf-8", "replace")[:MAX_NAME_LENGTH]))


def _add(counts: dict[K, int], key: K, times: int = 1) -> None:
    """Count, unless there are too many different things to count already."""
    if key in counts or len(counts) < MAX_COUNTED:
        counts[key] = counts.get(key, 0) + times


class ItemCount(TypedDict):
    """One item of the report, and how often it was met."""

    name: str
    met: int


def coverage_report(tally: CoverageTally) -> JsonObject:
    """Every item with how often it was met, and the share of all that was met (the schema Coverage)."""
    items, statuses, values, sent = tally.items, tally.statuses, tally.values, tally.parameters()
    calls = dict.fromkeys(items.operations, 0)
    for (operation, _), times in statuses.items():
        if operation in calls:
            calls[operation] += times
    counts = {
        "operations": calls,
        "statuses": {f"{name} {status}": statuses.get((name, status), 0) for name, status in items.statuses},
        "parameters": {f"{name} {part}": sent.get((name, part), 0) for name, part in items.parameters},
        "values": {
            f"{schema}.{member}={value}": values.get((schema, member, value), 0)
            for schema, member, value in items.values
        },
        "scenarios": {name: tally.scenarios.get(name, 0) for name in tally.scenario_names()},
    }
    rows: dict[str, list[ItemCount]] = {
        kind: [{"name": name, "met": times} for name, times in counts[kind].items()] for kind in KINDS
    }
    every = [row for kind in KINDS for row in rows[kind]]
    return {"since": instants.text(tally.since_ms), "percent": percent(every), **rows}


def percent(rows: Iterable[ItemCount]) -> float:
    """The share of rows that have been met, rounded down to a tenth: 100 means all."""
    met = [bool(row["met"]) for row in rows]
    return (1000 * sum(met) // len(met)) / 10 if met else 100.0
