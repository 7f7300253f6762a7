"""The coverage of the client under test: how much of the API it has used, counted with every request.

The percentage is the share of all items that have been met: operations, the statuses that the API description
lists for each, parameters and body members sent, documented values seen in responses, and scenarios that were
shown meanwhile. Every item counts the same; what is met but not listed counts nowhere.

The conformance suite says who it is in `User-Agent`. What it meets is counted beside, and is no part of the
percentage: a suite that has seen everything says nothing about the client.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, TypedDict, TypeVar

from orgbilling_openapi.http_client import CONFORMANCE_USER_AGENT
from orgbilling_openapi.json_pointer import find, follow
from orgbilling_openapi.operations import operations_by_id
from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_stubs.billing import instants
from orgbilling_stubs.http.context import Headers, RequestContext, Response

MAX_COUNTED = 4096
"""How many different things of a kind are counted."""
MAX_NAME_LENGTH = 64
MAX_NAMES = 16
"""How many parameters or members of one request are counted."""
MAX_REMEMBERED = 4096
"""How many different requests are remembered with the names in them, so that the same one is read once."""

CONFORMANCE_AGENT = CONFORMANCE_USER_AGENT.encode()

KINDS = ("operations", "statuses", "parameters", "values", "scenarios")

Value: TypeAlias = tuple[str, str, str]
"""A documented value: schema, member, value."""
ItemCounts: TypeAlias = dict[str, dict[str, int]]
"""How often each item was met, by kind and name; operations follow from their statuses."""

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


class ExchangeItems(NamedTuple):
    """What one exchange has met, for the counts that several processes add up.

    at_ns: when its request came. names: of the listed parameters and body members that were sent. answer: a
    successful response, by its entity tag, with the values in it.
    """

    at_ns: int
    from_suite: bool
    operation: str
    status: int
    scenario: str | None
    names: Sequence[str]
    answer: tuple[bytes, Sequence[Value]] | None


class TrafficCounts:
    """What the requests of one sender have met.

    patterns: of documented values in the responses of each operation, with schema and member.
    """

    def __init__(self, patterns: Mapping[str, Sequence[tuple[re.Pattern[bytes], str, str]]]) -> None:
        self._patterns = patterns
        self.statuses: dict[tuple[str, int], int] = defaultdict(int)
        """How often each operation has answered each status."""
        self.values: dict[Value, int] = {}
        """How often each value of a member was met, once in each different response."""
        self.scenarios: dict[str, int] = {}
        """How many requests were answered while each scenario was shown."""
        self.parameters: dict[tuple[str, str], int] = defaultdict(int)
        """How often each listed parameter and body member was sent, by operation and name."""
        self.last_payload: dict[str, bytes] = {}
        """The last body of each operation that was scanned."""
        self.last_answer: dict[str, tuple[bytes, Sequence[Value]]] = {}
        """Its entity tag, and the values in it."""
        self._values_by_tag: dict[bytes, Sequence[Value]] = {}

    def scan(self, operation: str, headers: Headers, payload: bytes) -> None:
        """Look for enumerated values, once in each different response."""
        tag = next((value for name, value in reversed(headers) if name == b"etag"), b"")
        self.last_payload[operation] = payload
        values = self._values_by_tag.get(tag)
        if values is None:
            values = [
                (schema, member, value.decode("utf-8", "replace")[:MAX_NAME_LENGTH])
                for pattern, schema, member in self._patterns[operation]
                for value in set(pattern.findall(payload))
            ]
            for found in values:
                _add(self.values, found)
            if len(self._values_by_tag) >= MAX_COUNTED:
                self._values_by_tag.clear()
            if tag:
                self._values_by_tag[tag] = values
        self.last_answer[operation] = tag, values

    def item_counts(self) -> ItemCounts:
        """How often each item was met, by the names that the report has for them."""
        return {
            "statuses": {f"{name} {status}": times for (name, status), times in self.statuses.items()},
            "parameters": {f"{name} {part}": times for (name, part), times in self.parameters.items()},
            "values": {value_name(value): times for value, times in self.values.items()},
            "scenarios": dict(self.scenarios),
        }


def value_name(value: Value) -> str:
    """What the report calls a documented value."""
    schema, member, text = value
    return f"{schema}.{member}={text}"


class CoverageTally:
    """What has been met since the last reset. Runs with every request: a few look-ups for each response.

    items: all that can be met. scenario_names: of those that can be shown.
    """

    def __init__(
        self,
        items: CoverageItems,
        now_ms: int,
        scenario_names: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self.items = items
        self.scenario_names = scenario_names
        self.before_reading: Callable[[], None] = lambda: None
        """Records what has been answered and is not yet recorded (see `journal.recorder`)."""
        self.note: Callable[[ExchangeItems], None] | None = None
        """Told of what each exchange has met, where several processes count together."""
        self._patterns = {
            operation: [
                (re.compile(rb'"%s":"([^"]*)"' % member.encode()), schema, member)
                for schema, member in members
            ]
            for operation, members in items.members.items()
        }
        self._listed = {
            operation: frozenset(name for owner, name in items.parameters if owner == operation)
            for operation in items.operations
        }
        self._names_by_request: dict[tuple[str, int], Sequence[str]] = {}
        """The names in a request, by operation and a hash of its query and the names of its members."""
        self.reset(now_ms)

    def reset(self, now_ms: int) -> None:
        """Begin to count anew, at this instant of real time."""
        self.before_reading()
        self.since_ms = now_ms
        self._client = TrafficCounts(self._patterns)
        self._conformance = TrafficCounts(self._patterns)

    @property
    def client(self) -> TrafficCounts:
        """What everybody but the conformance suite has met."""
        self.before_reading()
        return self._client

    @property
    def conformance(self) -> TrafficCounts:
        """What the conformance suite has met."""
        self.before_reading()
        return self._conformance

    def count(self, context: RequestContext, response: Response, scenario: str | None = None) -> None:
        """Count an exchange. scenario: what the organization showed when the request was answered."""
        from_suite = context.headers.get(b"user-agent") == CONFORMANCE_AGENT
        traffic = self._conformance if from_suite else self._client
        operation, status = context.operation.operation_id, response.status
        traffic.statuses[operation, status] += 1
        if scenario is not None:
            _add(traffic.scenarios, scenario)
        query, body, has_key = context.query, context.body, b"idempotency-key" in context.headers
        names: Sequence[str] = ()
        if query or body or has_key:
            members = tuple(body) if type(body) is dict and len(body) <= MAX_NAMES else ()
            names = self._names_sent(operation, query, members, has_key)
            for name in names:
                traffic.parameters[operation, name] += 1
        if status == 200 and operation in self._patterns:
            payload = response.body
            if payload is not traffic.last_payload.get(operation):
                traffic.scan(operation, response.headers, payload)
        if self.note is not None:
            answer = traffic.last_answer.get(operation) if status == 200 else None
            at_ns = context.received_ns
            self.note(ExchangeItems(at_ns, from_suite, operation, status, scenario, names, answer))

    def _names_sent(
        self, operation: str, query: bytes, members: Sequence[str], has_key: bool
    ) -> Sequence[str]:
        """The listed names of the parameters and body members that a request has sent, never their values.

        Only listed names count, so that no client can fill the counts with others. has_key: whether it has
        sent an `Idempotency-Key`.
        """
        request = operation, hash((query, members, has_key))
        names = self._names_by_request.get(request)
        if names is None:
            pairs = query.split(b"&", MAX_NAMES)[:MAX_NAMES] if query else []
            sent = {pair.partition(b"=")[0][:MAX_NAME_LENGTH].decode("latin-1") for pair in pairs}
            sent |= {*members, *(("Idempotency-Key",) if has_key else ())}
            names = tuple(self._listed.get(operation, frozenset()) & sent)
            if len(self._names_by_request) >= MAX_REMEMBERED:
                self._names_by_request.clear()
            self._names_by_request[request] = names
        return names


def _add(counts: dict[K, int], key: K, times: int = 1) -> None:
    """Count, unless there are too many different things to count already."""
    if key in counts or len(counts) < MAX_COUNTED:
        counts[key] = counts.get(key, 0) + times


class ItemCount(TypedDict):
    """One item of the report: how often the client has met it, and how often the conformance suite has."""

    name: str
    met: int
    conformance: int


def coverage_report(tally: CoverageTally) -> JsonObject:
    """What this process has counted (the schema Coverage)."""
    return report_of(tally, tally.since_ms, tally.client.item_counts(), tally.conformance.item_counts())


def report_of(tally: CoverageTally, since_ms: int, client: ItemCounts, suite: ItemCounts) -> JsonObject:
    """Every item with how often it was met, and the share of all that was met (the schema Coverage)."""
    of_client, of_suite = _by_kind(tally, client), _by_kind(tally, suite)
    rows: dict[str, list[ItemCount]] = {
        kind: [
            {"name": name, "met": times, "conformance": of_suite[kind][name]}
            for name, times in of_client[kind].items()
        ]
        for kind in KINDS
    }
    every = [row for kind in KINDS for row in rows[kind]]
    return {"since": instants.text(since_ms), "percent": percent(every), **rows}


def _by_kind(tally: CoverageTally, counts: ItemCounts) -> dict[str, dict[str, int]]:
    """How often each item that can be met was met, by kind and name."""
    items = tally.items
    calls = dict.fromkeys(items.operations, 0)
    for status, times in counts["statuses"].items():
        operation = status.partition(" ")[0]
        if operation in calls:
            calls[operation] += times
    names: dict[str, Iterable[str]] = {
        "statuses": [f"{name} {status}" for name, status in items.statuses],
        "parameters": [f"{name} {part}" for name, part in items.parameters],
        "values": map(value_name, items.values),
        "scenarios": tally.scenario_names(),
    }
    met = {kind: {name: counts[kind].get(name, 0) for name in names[kind]} for kind in names}
    return {"operations": calls, **met}


def percent(rows: Iterable[ItemCount]) -> float:
    """The share of rows that have been met, rounded down to a tenth: 100 means all."""
    met = [bool(row["met"]) for row in rows]
    return (1000 * sum(met) // len(met)) / 10 if met else 100.0
