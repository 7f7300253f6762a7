"""Counts what the client under test has met, on the hot path: a few look-ups for each answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from orgbilling_stubs.http.context import Headers
from orgbilling_stubs.journal.coverage_items import Items
from orgbilling_stubs.journal.exchange import Entry

REMEMBERED = 4096
LONGEST_NAME = 64
MOST_NAMES = 16

Pattern = tuple[re.Pattern[bytes], str, str]


class Tally:
    """What has been met since the last reset.

    items: all that can be met. names: of the scenarios. flush: brings in what still waits to be counted, and
    is called before anything is read.
    """

    def __init__(
        self,
        items: Items,
        now_ms: int,
        names: Callable[[], Sequence[str]] = tuple,
        flush: Callable[[], None] = lambda: None,
    ) -> None:
        self._flush = flush
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
        self._flush()
        self.since_ms = now_ms
        self.scenarios: dict[str, int] = {}
        self._values: dict[tuple[str, str, str], int] = {}
        self._statuses: dict[str, dict[int, int]] = {}
        self._sent: dict[tuple[str, int], int] = {}
        self._names: dict[tuple[str, int], tuple[str, ...]] = {}
        self._last: dict[str, bytes] = {}
        self._scanned: set[bytes] = set()

    def count(self, entry: Entry) -> None:
        """An answer was given."""
        name, status, query = entry.operation, entry.status, entry.query
        counts = self._statuses.get(name)
        if counts is None:
            counts = self._statuses[name] = {}
        counts[status] = counts.get(status, 0) + 1
        if query or entry.raw_body or b"idempotency-key" in entry.headers:
            self._parameters(name, query, entry)
        if status == 200 and name in self._patterns and entry.payload is not self._last.get(name):
            self._scan(name, entry.response_headers, entry.payload)

    def scenario(self, name: str) -> None:
        """The client, or its test, has asked for a scenario."""
        _add(self.scenarios, name)

    @property
    def statuses(self) -> Mapping[tuple[str, int], int]:
        """How often each operation has answered each status."""
        self._flush()
        return {
            (name, status): times
            for name, counts in list(self._statuses.items())
            for status, times in list(counts.items())
        }

    @property
    def values(self) -> Mapping[tuple[str, str, str], int]:
        """How often each value of a member was met, once in each different answer."""
        self._flush()
        return self._values

    def parameters(self) -> Mapping[tuple[str, str], int]:
        """How often each parameter and body member was sent, by operation and name."""
        self._flush()
        found: dict[tuple[str, str], int] = {}
        for key, times in list(self._sent.items()):
            for each in self._names[key]:
                _add(found, (key[0], each), times)
        return found

    def _parameters(self, name: str, query: bytes, entry: Entry) -> None:
        """Count what was sent by a hash of it: its names are read when it is first seen, its values never."""
        body, keyed = entry.body, b"idempotency-key" in entry.headers
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
