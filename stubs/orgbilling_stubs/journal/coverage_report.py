"""The coverage of the client under test, as the control API answers it.

The percentage is the share of all items that have been met: operations, the statuses that the contract lists
for each, parameters and body members sent, documented values seen in answers, and scenarios asked for. Every
item counts the same; what is met but not listed counts nowhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orgbilling_stubs.billing import instants
from orgbilling_stubs.journal.coverage_tally import Tally

KINDS = ("operations", "statuses", "parameters", "values", "scenarios")


def report(tally: Tally) -> dict[str, Any]:
    """Every item with how often it was met, and the share of all that was met."""
    items, sent = tally.items, tally.parameters()
    calls = {
        name: sum(times for (operation, _), times in tally.statuses.items() if operation == name)
        for name in items.operations
    }
    rows = {
        "operations": _rows((name, calls[name]) for name in items.operations),
        "statuses": _rows((f"{one} {two}", tally.statuses.get((one, two), 0)) for one, two in items.statuses),
        "parameters": _rows((f"{one} {two}", sent.get((one, two), 0)) for one, two in items.parameters),
        "values": _rows(
            (f"{value[0]}.{value[1]}={value[2]}", tally.values.get(value, 0)) for value in items.values
        ),
        "scenarios": _rows((name, tally.scenarios.get(name, 0)) for name in tally.names()),
    }
    every = [row for kind in KINDS for row in rows[kind]]
    return {"since": instants.text(tally.since_ms), "percent": percent(every), **rows}


def percent(rows: Iterable[dict[str, Any]]) -> float:
    """The share of rows that have been met, rounded down to a tenth: 100 means all."""
    met = [bool(row["met"]) for row in rows]
    return (1000 * sum(met) // len(met)) / 10 if met else 100.0


def _rows(counted: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    return [{"name": name, "met": times} for name, times in counted]
