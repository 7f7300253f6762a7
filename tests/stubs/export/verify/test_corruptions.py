"""How many single corruptions of an export `verify` finds: one cell, or one row, at a time.

The cells are those of DuckDB's tables in which `verify` looks for violations, so each corruption costs some
queries and not an export. `tests/data/export_corruptions.md` lists what is not found; `--rewrite-golden`
writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from orgbilling_stubs.export import run, selection
from orgbilling_stubs.export.request import ExportRequest
from orgbilling_stubs.export.schema import BY_NAME, TABLES, Column, Table
from orgbilling_stubs.export.verify import database, invariants
from orgbilling_stubs.export.verify.database import ExportDatabase
from orgbilling_stubs.export.writers.sql import literal, names, quoted

from ..conftest import AS_OF_MS

PERSONAS = (
    "standard",
    "contract_active",
    "contract_expired",
    "postpaid_near_limit",
    "vouchers",
    "euro",
    "new_org",
)
DAY_MS = 86_400_000
REQUIRED = 0.95

FREE = {
    ("organizations", "company"),
    ("organizations", "persona"),
    ("organizations", "seed"),
    ("organizations", "locale"),
    ("organizations", "repriced"),
    ("organizations", "changed_by_hand"),
    ("sign_ups", "reactivations"),
    ("price_changes", "reason"),
    ("vouchers", "code"),
    ("vouchers", "credit_usd"),
    ("vouchers", "discount_percent"),
    ("vouchers", "state"),
    ("contracts", "notes"),
    ("contracts", "credit_period_limit"),
    ("contracts", "service_period_limit"),
    ("contracts", "created_by"),
    ("contracts", "stripe_price_id"),
    ("contracts", "stripe_subscription_id"),
    ("contracts", "auto_renew"),
    ("billing_profiles", "stripe_customer_id"),
    ("billing_profiles", "postpaid_limit_usd"),
    ("billing_profiles", "may_overdraw"),
    ("billing_profiles", "input_token_price_per_1k_usd"),
    ("billing_profiles", "output_token_price_per_1k_usd"),
    ("billing_profiles", "token_price_per_1k_usd"),
    ("vouchers", ""),
    ("service_agreements", "charge_id"),
    ("service_agreements", "active"),
    ("service_agreements", "created_by"),
    ("ledger", "entry_id"),
    ("ledger", "created_by"),
}
"""Columns that nothing else in an export follows from: another valid value contradicts nothing."""


class Corruption(NamedTuple):
    """A change of one cell or row: its kind, and the SQL that makes it in DuckDB's tables."""

    table: str
    column: str
    kind: str
    row: int
    sql: str

    @property
    def name(self) -> str:
        return f"{self.table}.{self.column or 'row'}: {self.kind} (row {self.row})"


def changes(column: Column) -> dict[str, str]:
    """New values for a cell, as SQL expressions of the old one, by what is done to it."""
    name = quoted(column.name)
    found = {
        "money": {"a cent more": f"{name} + 10000", "another sign": f"-{name}", "ten times": f"{name} * 10"},
        "price": {"a tenth more": f"{name} + {name} // 10 + 1"},
        "int": {"one more": f"{name} + 1", "a thousandfold": f"{name} * 1000", "negative": f"-{name} - 1"},
        "instant": {
            "a month earlier": f"{name} - {31 * DAY_MS}",
            "in the future": str(AS_OF_MS + 400 * DAY_MS),
        },
        "date": {"the day before": f"{name} - 1", "in the future": f"{name} + 4000"},
        "bool": {"the opposite": f"1 - {name}"},
        "uuid": {"another UUID": "'01234567-89ab-8def-8123-456789abcdef'", "no UUID": "'none'"},
        "text": {"another text": f"{name} || 'x'"},
    }[column.kind]
    if column.values:
        found["another value"] = (
            f"CASE {name} "
            + " ".join(
                f"WHEN {literal(value)} THEN {literal(column.values[(place + 1) % len(column.values)][0])}"
                for place, (value, _) in enumerate(column.values)
            )
            + " END"
        )
    if column.name == "currency":
        found["another value"] = f"CASE {name} WHEN 'USD' THEN 'EUR' ELSE 'USD' END"
    if column.name in ("month", "period"):
        found["another value"] = "'2024-02'"
    if column.nullable:
        found["null"] = "NULL"
    return found


def corruptions(tables: ExportDatabase) -> Iterator[Corruption]:
    """Each change of each column in two rows, and each change of a row."""
    for table in TABLES:
        view = f"v_{table.name}"
        order = names(table.key)
        for third in (1, 2):
            nth = f"(SELECT count(*) * {third} // 3 FROM {view})"
            row = f"(SELECT rowid FROM {view} ORDER BY {order} LIMIT 1 OFFSET {nth})"
            for column in table.columns:
                for kind, value in changes(column).items():
                    changed = f"UPDATE {view} SET {quoted(column.name)} = {value} WHERE rowid = {row}"
                    yield Corruption(table.name, column.name, kind, third, changed)
            yield Corruption(table.name, "", "dropped", third, f"DELETE FROM {view} WHERE rowid = {row}")
            twice = f"INSERT INTO {view} SELECT * FROM {view} WHERE rowid = {row}"
            yield Corruption(table.name, "", "twice", third, twice)
            yield from pairs(table, third, row)


def pairs(table: Table, third: int, row: str) -> Iterator[Corruption]:
    """A cent moved from a row to the next one of its organization, and two rows that change places."""
    view = f"v_{table.name}"
    following = (
        f"(SELECT min(rowid) FROM {view} WHERE rowid > {row} AND organization_id = "
        f"(SELECT organization_id FROM {view} WHERE rowid = {row}))"
    )
    for column in table.columns:
        if column.kind == "money":
            name = quoted(column.name)
            moved = (
                f"UPDATE {view} SET {name} = {name} + CASE rowid WHEN {row} THEN 10000 ELSE -10000 END "
                f"WHERE rowid = {row} OR rowid = {following}"
            )
            yield Corruption(table.name, column.name, "a cent moved to the next row", third, moved)
    if "number" in table.names:
        swapped = (
            f"UPDATE {view} SET number = number + CASE rowid WHEN {row} THEN 1 ELSE -1 END "
            f"WHERE rowid = {row} OR rowid = {following}"
        )
        yield Corruption(table.name, "", "swapped with the next one", third, swapped)


class Outcome(NamedTuple):
    """What became of a corruption: whether it changed anything, and the first invariant that it violates."""

    corruption: Corruption
    changed: bool
    invariant: str


def outcome(tables: ExportDatabase, corruption: Corruption) -> Outcome:
    """Make a corruption, ask for violations, and take it back."""
    connection = tables._connection
    view = f"v_{corruption.table}"
    digest = f"SELECT sum(hash({view})::HUGEINT), count(*) FROM {view}"
    before = connection.execute(digest).fetchall()
    connection.execute("BEGIN")
    try:
        connection.execute(corruption.sql)
        if connection.execute(digest).fetchall() == before:
            return Outcome(corruption, False, "")
        if corruption.table == "ledger":
            connection.execute("DROP TABLE v_empty")
            connection.execute(invariants.EMPTY)
        for invariant in invariants.load():
            if corruption.table in invariant.tables and tables.first(invariant.violations)[1] is not None:
                return Outcome(corruption, True, invariant.name)
        return Outcome(corruption, True, "")
    finally:
        connection.execute("ROLLBACK")


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """What becomes of each corruption of a small export."""
    folder = tmp_path_factory.mktemp("sound")
    selected = selection.select(selection.by_persona(PERSONAS), 1, AS_OF_MS, 60)
    request = ExportRequest(folder, "csv", selected, manifest_fields={"format": "csv"})
    contents = run.export(request, lambda *_: None)
    files = {entry["table"]: [entry["path"]] for entry in contents["files"] if entry["table"]}
    with database.opened(folder, "csv", files) as tables:
        assert not tables.problems
        return [outcome(tables, corruption) for corruption in corruptions(tables)]


def report(outcomes: list[Outcome]) -> str:
    """The rates, and what was not found, as a table of Markdown."""
    made = [each for each in outcomes if each.changed]
    bound = [each for each in made if (each.corruption.table, each.corruption.column) not in FREE]
    missed = [each for each in made if not each.invariant]
    lines = [
        "# Corruptions that `export verify` does not find",
        "",
        f"{len(made)} single corruptions were planted, {len(made) - len(missed)} found.",
        f"Of {len(bound)} in columns that something else follows from, "
        f"{sum(bool(each.invariant) for each in bound)} were found.",
        "",
        "| corruption | column |",
        "| --- | --- |",
    ]
    for each in missed:
        free = (each.corruption.table, each.corruption.column) in FREE
        lines.append(f"| {each.corruption.name} | {'nothing follows from it' if free else 'not found'} |")
    return "\n".join(lines) + "\n"


@pytest.mark.slow
def test_nearly_every_corruption_is_found(outcomes, golden):
    made = [each for each in outcomes if each.changed]
    bound = [each for each in made if (each.corruption.table, each.corruption.column) not in FREE]
    found = [each for each in bound if each.invariant]
    text = golden("export_corruptions.md", lambda: report(outcomes))
    assert len(made) > 600
    assert len(found) / len(bound) >= REQUIRED, report(outcomes)
    assert text == report(outcomes)


def test_the_columns_that_nothing_follows_from_are_columns():
    assert all(column in ("", *BY_NAME[table].names) for table, column in FREE)
