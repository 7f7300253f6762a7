"""What has changed between two as-of instants: new rows to append, or a feed of every change.

A population is drawn forward in time. What was exported for an earlier instant stands in a later export as it
was, but for the rows of a state: a profile, a contract, the present month. The changes are found by making an
organization's tables at both instants and comparing them by their primary keys.

Midnights in between are instants of their own: what has changed over 30 days is what changed on each of them,
one day after the other. So 30 daily exports, one after the other, are the export of the 30 days.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from orgbilling_stubs.billing.instants import DAY_MS, MINUTE_MS
from orgbilling_stubs.export.columnar.columns import TableColumns, Value, values
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.organization_tables import OrganizationTables
from orgbilling_stubs.export.schema import BY_NAME, Column, Table
from orgbilling_stubs.export.selection import Selection, SelectionOptions

Kind = Literal["insert", "update", "delete"]
Rows = Sequence[tuple[Value, ...]]

_SEQUENCES_PER_MINUTE = 1_000_000_000
_FEED_COLUMNS = (
    Column("change", "text", False, "insert, update or delete; a deleted row is written as it was"),
    Column(
        "sequence",
        "int",
        False,
        "order of an organization's changes in a table: minutes from 1970 to the instant at which the change "
        "was seen, × 1,000,000,000, plus a number from 0",
    ),
)
"""What stands before a table's own columns in a feed."""


class RowChange(NamedTuple):
    """One row that is new, another than it was, or gone."""

    kind: Kind
    row: tuple[Value, ...]


@dataclass(frozen=True)
class ChangeRange:
    """The instants between which changes are exported: selections at each of them, the first one first.

    feed: whether every change is written, with its kind and sequence, or only the rows that are new.
    """

    selections: tuple[Selection, ...]
    feed: bool

    def table(self, name: str) -> Table:
        """The table as it is written."""
        return feed_table(name) if self.feed else BY_NAME[name]

    def write(
        self,
        first: int,
        count: int,
        wanted: Sequence[str],
        write: Callable[[Mapping[str, TableColumns]], None],
        tick: Callable[[int], None],
        drawn: Counter[str] | None = None,
    ) -> dict[str, int]:
        """Hand the changes of some organizations to `write`, one instant after the other.

        first, count: which organizations, by their place in the selections; tick: called after each
        organization with the number of its changes in the ledger; drawn: the rows that each table has at the
        last instant are added to it. Returns the rows of each table that were handed over.
        """
        sources = [OrganizationTables(selection) for selection in self.selections]
        rows = dict.fromkeys(wanted, 0)
        found: list[list[dict[str, list[RowChange]]]] = [[] for _ in self.selections]
        for place in range(first, first + count):
            before: dict[str, Rows] = {}
            ledger_rows = 0
            for step, (source, selection) in enumerate(zip(sources, self.selections, strict=True)):
                if place >= len(selection.organizations):  # has not signed up yet
                    continue
                tables = source.tables(selection.organizations[place], wanted)
                after = {name: _rows(columns) for name, columns in tables.items()}
                if step:
                    changes = {
                        name: self._changes(name, before.get(name, ()), after[name]) for name in wanted
                    }
                    found[step].append(changes)
                    ledger_rows += len(changes.get("ledger", ()))
                before = after
            if drawn is not None:
                drawn.update({name: len(after) for name, after in before.items()})
            tick(ledger_rows)
        for step, selection in enumerate(self.selections):
            for changes in found[step]:
                written = {
                    name: self._columns(name, each, selection.as_of_ms) for name, each in changes.items()
                }
                write(written)
                for name, each in changes.items():
                    rows[name] += len(each)
        return rows

    def _changes(self, name: str, before: Rows, after: Rows) -> list[RowChange]:
        changes = compared(BY_NAME[name], before, after)
        return changes if self.feed else [change for change in changes if change.kind == "insert"]

    def _columns(self, name: str, changes: Sequence[RowChange], at_ms: int) -> TableColumns:
        """Changes as columns of the table that is written."""
        columns: dict[str, list[Value]] = {}
        if self.feed:
            first = at_ms // MINUTE_MS * _SEQUENCES_PER_MINUTE
            columns["change"] = [change.kind for change in changes]
            columns["sequence"] = [first + number for number in range(len(changes))]
        for position, column in enumerate(BY_NAME[name].names):
            columns[column] = [change.row[position] for change in changes]
        return columns


def feed_table(name: str) -> Table:
    """A table as a feed has it: a row stands there as often as it changes, and refers to nothing."""
    table = BY_NAME[name]
    return table._replace(columns=_FEED_COLUMNS + table.columns, key=(*table.key, "sequence"), references=())


def _rows(columns: TableColumns) -> Rows:
    return [*zip(*map(values, columns.values()), strict=True)]


def compared(table: Table, before: Rows, after: Rows) -> list[RowChange]:
    """How rows of a table lead to others: new and changed ones in their order, then those that are gone."""
    # Most tables only grow, which a comparison of lists sees at once.
    if before == after[: len(before)]:
        return [RowChange("insert", row) for row in after[len(before) :]]
    positions = [table.names.index(name) for name in table.key]

    def by_key(rows: Rows) -> dict[tuple[Value, ...], tuple[Value, ...]]:
        return {tuple(row[position] for position in positions): row for row in rows}

    old, new = by_key(before), by_key(after)
    changes = [
        RowChange("update" if key in old else "insert", row)
        for key, row in new.items()
        if old.get(key) != row
    ]
    return changes + [RowChange("delete", row) for key, row in old.items() if key not in new]


def steps_ms(since_ms: int, as_of_ms: int) -> list[int]:
    """Both instants and the midnights between them: from noon, 36 hours are noon, midnight, midnight."""
    midnights = range((since_ms // DAY_MS + 1) * DAY_MS, as_of_ms, DAY_MS)
    return [since_ms, *midnights, as_of_ms]


def change_range(options: SelectionOptions, since_ms: int, *, feed: bool) -> ChangeRange:
    """The changes of a population from an instant to the as-of instant of its options.

    Raises ExportError `conflicting_options` for what is not a population with one launch: only that has the
    same rows at every as-of instant; `out_of_range` unless the instant is earlier.
    """
    if not options.has_stable_rows:
        problem = "--since needs --orgs, without --persona and --days: other rows have other ids each day"
        raise ExportError("conflicting_options", problem)
    launched_day = options.launch_at(options.as_of_ms)
    if options.launch_at(since_ms) != launched_day:
        problem = "--since: another launch belongs to that instant; name one with --launched"
        raise ExportError("conflicting_options", problem)
    if not launched_day * DAY_MS <= since_ms < options.as_of_ms:
        raise ExportError("out_of_range", "--since: not between the launch and the as-of instant")
    fixed = replace(options, launched_day=launched_day)
    selections = (
        replace(fixed, as_of_ms=at_ms).selection() for at_ms in steps_ms(since_ms, options.as_of_ms)
    )
    return ChangeRange(tuple(selections), feed)
