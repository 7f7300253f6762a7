"""Counts what the client under test has met, on the hot path: two dictionary look-ups for each answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from orgbilling_stubs.coverage.items import Items
from orgbilling_stubs.runtime.tap import Answered

REMEMBERED = 4096


class Tally:
    """What has been met since the last reset; `items` is all that can be met, and `names` of scenarios."""

    def __init__(self, items: Items, now_ms: int, names: Callable[[], Sequence[str]] = tuple) -> None:
        self.items = items
        self.names = names
        self._values = {
            name: [
                (re.compile(rb'"%s":"([^"]*)"' % member.encode()), schema, member) for schema, member in each
            ]
            for name, each in items.values_of.items()
        }
        self.reset(now_ms)

    def reset(self, now_ms: int) -> None:
        """Begin to count anew, at this instant of real time."""
        self.since_ms = now_ms
        self.statuses: dict[tuple[str, int], int] = {}
        self.values: dict[tuple[str, str, str], int] = {}
        self.scenarios: dict[str, int] = {}
        self._queries: dict[tuple[str, tuple[bytes, ...]], int] = {}
        self._members: dict[tuple[str, tuple[str, ...]], int] = {}
        self._keyed: dict[str, int] = {}
        self._scanned: set[bytes] = set()

    def count(self, answered: Answered) -> None:
        """An answer was given."""
        operation, status = answered.operation, answered.status
        name: str = operation.name
        key = (name, status)
        self.statuses[key] = self.statuses.get(key, 0) + 1
        query = answered.scope["query_string"]
        if query:
            names = [part.partition(b"=")[0][:64] for part in query.split(b"&", 16)[:16]]
            _add(self._queries, (name, tuple(names)))
        if not operation.safe:
            if isinstance(answered.body, dict):
                _add(self._members, (name, tuple(each[:64] for each in list(answered.body)[:16])))
            if b"idempotency-key" in answered.headers:
                _add(self._keyed, name)
        if status == 200 and name in self._values:
            self._scan(name, answered)

    def scenario(self, name: str) -> None:
        """The client, or its test, has asked for a scenario."""
        _add(self.scenarios, name)

    def _scan(self, name: str, answered: Answered) -> None:
        """Look for enumerated values, once in each different answer."""
        tag = next((value for header, value in reversed(answered.out) if header == b"etag"), b"")
        if tag in self._scanned:
            return
        if len(self._scanned) >= REMEMBERED:
            self._scanned.clear()
        if tag:
            self._scanned.add(tag)
        for pattern, schema, member in self._values[name]:
            for value in set(pattern.findall(answered.payload)):
                _add(self.values, (schema, member, value.decode("utf-8", "replace")))

    def parameters(self) -> Mapping[tuple[str, str], int]:
        """How often each parameter and body member was sent, by operation and name."""
        found: dict[tuple[str, str], int] = {}
        for (name, query), times in self._queries.items():
            for each in set(query):
                _add(found, (name, each.decode("latin-1")), times)
        for (name, members), times in self._members.items():
            for member in members:
                _add(found, (name, member), times)
        for name, times in self._keyed.items():
            _add(found, (name, "Idempotency-Key"), times)
        return found


def _add(counts: dict[Any, int], key: Any, times: int = 1) -> None:
    """Count, unless there are too many different things to count already."""
    if key in counts or len(counts) < REMEMBERED:
        counts[key] = counts.get(key, 0) + times
