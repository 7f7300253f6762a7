"""Counts what the client under test has met, on the hot path: a few look-ups for each answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from orgbilling_stubs.http.cors import Headers
from orgbilling_stubs.http.middleware import Turn
from orgbilling_stubs.journal.coverage_items import Items

REMEMBERED = 4096
LONGEST_NAME = 64
MOST_NAMES = 16

Pattern = tuple[re.Pattern[bytes], str, str]


class Tally:
    """What has been met since the last reset; `items` is all that can be met, and `names` of scenarios."""

    def __init__(self, items: Items, now_ms: int, names: Callable[[], Sequence[str]] = tuple) -> None:
        self.settle: Callable[[], None] = lambda: None
        """Brings in what still waits to be counted; called before anything is read."""
        self.items = items
        self.names = names
        self._patterns: dict[str, list[Pattern]] = {
            name: [
                (re.compile(rb'"%s":"([^"]*)"' % member.encode()), schema, member) for schema, member in each
            ]
            for name, each in items.values_of.items()
        }
        self.reset(now_ms)

    def reset(self, now_ms: int) -> None:
        """Begin to count anew, at this instant of real time."""
        self.settle()
        self.since_ms = now_ms
        self.scenarios: dict[str, int] = {}
        self._values: dict[tuple[str, str, str], int] = {}
        self._statuses: dict[str, dict[int, int]] = {}
        self._sent: dict[tuple[str, int], int] = {}
        self._names: dict[tuple[str, int], tuple[str, ...]] = {}
        self._last: dict[str, bytes] = {}
        self._scanned: set[bytes] = set()

    def count(self, turn: Turn) -> None:
        """An answer was given."""
        name, status, query = turn.operation, turn.status, turn.query
        counts = self._statuses.get(name)
        if counts is None:
            counts = self._statuses[name] = {}
        counts[status] = counts.get(status, 0) + 1
        if query or turn.raw or b"idempotency-key" in turn.headers:
            self._parameters(name, query, turn)
        if status == 200 and name in self._patterns and turn.payload is not self._last.get(name):
            self._scan(name, turn.out, turn.payload)

    def scenario(self, name: str) -> None:
        """The client, or its test, has asked for a scenario."""
        _add(self.scenarios, name)

    @property
    def statuses(self) -> Mapping[tuple[str, int], int]:
        """How often each operation has answered each status."""
        self.settle()
        return {
            (name, status): times
            for name, counts in list(self._statuses.items())
            for status, times in list(counts.items())
        }

    @property
    def values(self) -> Mapping[tuple[str, str, str], int]:
        """How often each value of a member was met, once in each different answer."""
        self.settle()
        return self._values

    def parameters(self) -> Mapping[tuple[str, str], int]:
        """How often each parameter and body member was sent, by operation and name."""
        self.settle()
        found: dict[tuple[str, str], int] = {}
        for key, times in list(self._sent.items()):
            for each in self._names[key]:
                _add(found, (key[0], each), times)
        return found

    def _parameters(self, name: str, query: bytes, turn: Turn) -> None:
        """Count what was sent by a hash of it: its names are read when it is first seen, its values never."""
        body, keyed = turn.body, b"idempotency-key" in turn.headers
        members = tuple(body) if type(body) is dict and len(body) <= MOST_NAMES else ()
        key = (name, hash((query, members, keyed)))
        if key not in self._names:
            if len(self._names) >= REMEMBERED:
                return
            parts = query.split(b"&", MOST_NAMES)[:MOST_NAMES] if query else []
            names = {part.partition(b"=")[0][:LONGEST_NAME].decode("latin-1") for part in parts}
            names |= {member[:LONGEST_NAME] for member in members} | ({"Idempotency-Key"} if keyed else set())
            self._names[key] = tuple(names)
        self._sent[key] = self._sent.get(key, 0) + 1

    def _scan(self, name: str, out: Headers, payload: bytes) -> None:
        """Look for enumerated values, once in each different answer."""
        tag = next((value for header, value in reversed(out) if header == b"etag"), b"")
        self._last[name] = payload
        if tag in self._scanned:
            return
        if len(self._scanned) >= REMEMBERED:
            self._scanned.clear()
        if tag:
            self._scanned.add(tag)
        for pattern, schema, member in self._patterns[name]:
            for value in set(pattern.findall(payload)):
                _add(self._values, (schema, member, value.decode("utf-8", "replace")[:LONGEST_NAME]))


def _add(counts: dict[Any, int], key: Any, times: int = 1) -> None:
    """Count, unless there are too many different things to count already."""
    if key in counts or len(counts) < REMEMBERED:
        counts[key] = counts.get(key, 0) + times
