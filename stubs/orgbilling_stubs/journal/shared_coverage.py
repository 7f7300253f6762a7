"""The coverage that several processes count together: one text in the table that they share.

    {"since_ns": 1795…, "client": {"statuses": {"getOrgBilling 200": 3}, …}, "conformance": {…}}

Each process notes what its exchanges have met, and adds it some times a second. A reset puts a text without
counts in its place; what began before is then left out, whichever process adds it. A value counts once in
each different answer of a process.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypedDict

import orjson
from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.journal.coverage import (
    MAX_COUNTED,
    CoverageTally,
    ExchangeItems,
    ItemCounts,
    report_of,
    value_name,
)
from orgbilling_stubs.tenants.clock import wall_ns
from orgbilling_stubs.tenants.store.errors import OUTCOME_UNKNOWN, StoreError
from orgbilling_stubs.tenants.store.exchange_table import ExchangeTable

MOST_WAITING = 20_000
"""How many exchanges are noted while the database is away; what later ones meet is not counted."""


class SharedCounts(TypedDict):
    """What all processes have met. since_ns: when counting began."""

    since_ns: int
    client: ItemCounts
    conformance: ItemCounts


class SharedCoverage:
    """What the exchanges of this process have met, and have not yet added to the counts of all."""

    def __init__(self, tally: CoverageTally) -> None:
        self._tally = tally
        self._waiting: list[ExchangeItems] = []
        self._since_ns = 0
        self._answers: set[bytes] = set()
        """The answers of this process whose values have been counted since then, by their entity tags."""
        tally.note = self._note

    def begin(self, table: ExchangeTable) -> None:
        """Begin to count, unless another process has; raises StoreError."""
        if not table.counts():
            table.change_counts(lambda before: before or orjson.dumps(_no_counts(wall_ns())))

    def _note(self, met: ExchangeItems) -> None:
        """Have something counted. Called with every request."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append(met)

    def write(self, table: ExchangeTable) -> None:
        """Add what has been noted to the counts of all; raises StoreError."""
        # No lock: only this thread removes, and it removes what it has copied.
        taken = self._waiting[:]
        if not taken:
            return
        del self._waiting[: len(taken)]
        try:
            table.change_counts(lambda before: orjson.dumps(self._added(orjson.loads(before), taken)))
        except StoreError as error:
            self._answers.clear()
            if error.code != OUTCOME_UNKNOWN.code:
                self._waiting[:0] = taken
            raise

    def reset(self, table: ExchangeTable, now_ns: int) -> None:
        """Begin to count anew at an instant; raises StoreError."""
        table.change_counts(lambda _: orjson.dumps(_no_counts(now_ns)))

    def report(self, table: ExchangeTable) -> JsonObject:
        """What all processes have met (the schema Coverage); raises StoreError."""
        counts: SharedCounts = orjson.loads(table.counts())
        return report_of(
            self._tally, counts["since_ns"] // 1_000_000, counts["client"], counts["conformance"]
        )

    def _added(self, counts: SharedCounts, taken: Iterable[ExchangeItems]) -> SharedCounts:
        """The counts with what the exchanges have met since the last reset."""
        if counts["since_ns"] != self._since_ns:
            self._since_ns = counts["since_ns"]
            self._answers.clear()
        for met in taken:
            if met.at_ns > self._since_ns:
                self._add(counts["conformance" if met.from_suite else "client"], met)
        return counts

    def _add(self, counts: ItemCounts, met: ExchangeItems) -> None:
        names = {f"{met.operation} {name}" for name in met.names}
        values: Iterable[str] = ()
        if met.answer is not None and met.answer[0] not in self._answers:
            tag, found = met.answer
            values = map(value_name, found)
            if len(self._answers) >= MAX_COUNTED:
                self._answers.clear()
            if tag:
                self._answers.add(tag)
        scenarios = () if met.scenario is None else (met.scenario,)
        _count(counts["statuses"], (f"{met.operation} {met.status}",))
        _count(counts["parameters"], names)
        _count(counts["values"], values)
        _count(counts["scenarios"], scenarios)


def _count(counts: dict[str, int], names: Iterable[str]) -> None:
    """Count each name, unless there are too many different ones already."""
    for name in names:
        if name in counts or len(counts) < MAX_COUNTED:
            counts[name] = counts.get(name, 0) + 1


def _no_counts(since_ns: int) -> SharedCounts:
    kinds = ("statuses", "parameters", "values", "scenarios")
    return {
        "since_ns": since_ns,
        "client": {kind: {} for kind in kinds},
        "conformance": {kind: {} for kind in kinds},
    }
