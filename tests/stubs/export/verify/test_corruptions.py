"""How many single corruptions of an export `verify` finds: one cell, or one row, at a time, in histories of
personas and in a population.

The cells are those of DuckDB's tables in which `verify` looks for violations, so each corruption costs some
queries and not an export. `tests/data/export_corruptions.md` lists what is not found, and the columns that
were tried; `--rewrite-golden` writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import duckdb
import pytest
from orgbilling_stubs.export import run, selection
from orgbilling_stubs.export.request import ExportRequest
from orgbilling_stubs.export.schema import BY_NAME, TABLES, Column, Table
from orgbilling_stubs.export.selection import Selection, SelectionOptions
from orgbilling_stubs.export.verify import database, invariants
from orgbilling_stubs.export.verify.database import ExportDatabase
from orgbilling_stubs.export.writers.sql import literal, names, quoted

from ..conftest import AS_OF_MS

LISTED = Path(__file__).parents[3] / "data/export_corruptions.md"

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
SAMPLED = 5
"""One of so many corruptions is planted in columns that the list names, unless it is written anew."""
REQUIRED = 0.95

_AGREED = "agreed with the customer"
_MEMBER = "any member"

FREE = {
    "organizations.company": "a name",
    "billing_profiles.postpaid_limit_usd": _AGREED,
    "billing_profiles.stripe_customer_id": "an id of Stripe",
    "vouchers.discount_percent": "a promise",
    "service_agreements.project_id": _AGREED,
    "service_agreements.created_at: three days later": "any day before the first charge",
    "service_agreements.created_at: a month earlier": "any day before the first charge",
    "service_agreements.created_by": _MEMBER,
    "contracts.auto_renew": _AGREED,
    "contracts.notes": "a text",
    "contracts.created_by": _MEMBER,
    "contracts.created_at: a month earlier": "any day before the start",
    "contracts.credit_period_limit": _AGREED,
    "contracts.service_period_limit": _AGREED,
    "events.bookings: one more": "at most the count",
    "services.bookings: one more": "at most the count",
    "usage_by_day.messages: one more": "at most the tokens",
    "usage_by_day.sessions: one more": "at most the messages",
    "ledger.entry_id: another UUID": "an id",
    "ledger.created_by": _MEMBER,
}
"""What nothing else in an export follows from, by column, or by column and kind of corruption, with the
reason: another valid value contradicts nothing."""

FREE_OF_PERSONAS = {
    "organizations.persona": "a name",
    "organizations.locale": "each persona has its own",
    "organizations.seed": "each persona may have its own",
    "organizations.as_of: three days later": "each persona may have its own",
    "organizations.repriced": "said by the export alone",
    "organizations.changed_by_hand": "said by the export alone",
    "billing_profiles.may_overdraw": "said by the export alone",
    "billing_profiles.input_token_price_per_1k_usd": _AGREED,
    "billing_profiles.output_token_price_per_1k_usd": _AGREED,
    "billing_profiles.token_price_per_1k_usd": _AGREED,
    "contracts.stripe_price_id": "an id of Stripe",
    "contracts.stripe_subscription_id": "an id of Stripe",
    "vouchers.code": "a name, until it is used",
    "vouchers.credit_usd": "a promise",
    "vouchers.state": "used up elsewhere, or expired",
    "vouchers.row": "a promise",
}
"""Likewise in histories of personas, each of which has terms of its own."""


class Corruption(NamedTuple):
    """A change of one cell or row: its kind, and the SQL that makes it in DuckDB's tables."""

    table: str
    column: str
    kind: str
    row: int
    sql: str

    @property
    def place(self) -> str:
        return f"{self.table}.{self.column or 'row'}"


def changes(table: Table, column: Column, row: str) -> dict[str, str]:
    """New values for a cell, as SQL expressions of the old one, by what is done to it."""
    name, view = quoted(column.name), f"v_{table.name}"
    found = {
        "money": {
            "a cent more": f"{name} + 10000",
            "another sign": f"-{name}",
            "ten times": f"{name} * 10",
            "a thousandth": f"{name} // 1000",
        },
        "price": {"a tenth more": f"{name} + {name} // 10 + 1", "twice": f"{name} * 2"},
        "int": {"one more": f"{name} + 1", "a thousandfold": f"{name} * 1000", "negative": f"-{name} - 1"},
        "instant": {
            "a month earlier": f"{name} - {31 * DAY_MS}",
            "three days later": f"{name} + {3 * DAY_MS}",
            "in the future": str(AS_OF_MS + 400 * DAY_MS),
        },
        "date": {
            "the day before": f"{name} - 1",
            "the day after": f"{name} + 1",
            "in the future": f"{name} + 4000",
        },
        "bool": {"the opposite": f"1 - {name}"},
        "uuid": {"another UUID": "'01234567-89ab-8def-8123-456789abcdef'", "nonsense": "'none'"},
        "text": {"nonsense": f"coalesce({name}, '') || 'x'"},
    }[column.kind]
    if column.kind in ("text", "uuid"):
        other = (
            f"SELECT {name} FROM {view} WHERE {name} IS NOT NULL AND "
            f"{name} <> (SELECT coalesce({name}, '') FROM {view} WHERE rowid = {row}) ORDER BY rowid LIMIT 1"
        )
        found["that of another row"] = f"coalesce(({other}), {name})"
    found |= {f"becomes {value}": literal(value) for value, _ in column.values}
    if column.name == "currency":
        found["another currency"] = f"CASE {name} WHEN 'USD' THEN 'EUR' ELSE 'USD' END"
    if column.name in ("month", "period"):
        found["another month"] = "'2024-02'"
    return found | {"null": "NULL"}


def corruptions(tables: ExportDatabase) -> Iterator[Corruption]:
    """Each change of each column in two rows, and each change of a row."""
    for table in TABLES:
        view = f"v_{table.name}"
        order = names(table.key)
        for third in (1, 2):
            nth = f"(SELECT count(*) * {third} // 3 FROM {view})"
            row = f"(SELECT rowid FROM {view} ORDER BY {order} LIMIT 1 OFFSET {nth})"
            for column in table.columns:
                for kind, value in changes(table, column, row).items():
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
    history: str
    changed: bool
    invariant: str

    @property
    def reason(self) -> str:
        """Why nothing follows from the cell; empty when something does."""
        place, kind = self.corruption.place, self.corruption.kind
        free = FREE | (FREE_OF_PERSONAS if self.history == "personas" else {})
        return "" if kind in ("null", "negative") else free.get(place) or free.get(f"{place}: {kind}", "")

    @property
    def name(self) -> str:
        return f"{self.corruption.place}: {self.corruption.kind} ({self.history}, row {self.corruption.row})"


class Examination:
    """The tables of a sound export, with each invariant's query prepared."""

    def __init__(self, tables: ExportDatabase, history: str) -> None:
        self._connection, self._history = tables._connection, history
        for table in TABLES:
            for column in table.names:
                if column == "organization_id":
                    self._connection.execute(f"ALTER TABLE v_{table.name} ALTER {column} TYPE VARCHAR")
        derived = invariants.derived().values()
        for each in derived:
            self._connection.execute(f"CREATE OR REPLACE TEMP TABLE v_{each.name} AS {each.violations}")
        for number, each in enumerate(invariants.load()):
            self._connection.execute(f"PREPARE ask_{number} AS SELECT EXISTS ({each.violations})")

    def outcome(self, corruption: Corruption) -> Outcome:
        """Make a corruption, ask for violations, and take it back."""
        execute, view = self._connection.execute, f"v_{corruption.table}"
        digest = f"SELECT sum(hash({view})::HUGEINT), count(*) FROM {view}"
        before = execute(digest).fetchall()
        execute("BEGIN")
        try:
            execute(corruption.sql)
            if execute(digest).fetchall() == before:
                return Outcome(corruption, self._history, False, "")
            for each in invariants.derived().values():
                if corruption.table in each.tables:
                    execute(f"DELETE FROM v_{each.name}")
                    execute(f"INSERT INTO v_{each.name} {each.violations}")
            return Outcome(corruption, self._history, True, self._violated(corruption.table))
        except duckdb.ConstraintException:
            return Outcome(corruption, self._history, False, "")
        finally:
            execute("ROLLBACK")

    def _violated(self, table: str) -> str:
        """The first invariant that does not hold; what cannot be computed any more is found as well."""
        for number, each in enumerate(invariants.load()):
            if table in each.tables:
                try:
                    answer = self._connection.execute(f"EXECUTE ask_{number}").fetchone()
                except duckdb.Error as error:
                    return f"{each.name}: {error}"
                if answer == (True,):
                    return each.name
        return ""


def selections() -> dict[str, Selection]:
    """What the corruptions are planted in."""
    population = SelectionOptions(AS_OF_MS, 3, orgs=16, days=800, population="enterprise")
    return {
        "personas": selection.select(selection.by_persona(PERSONAS), 1, AS_OF_MS, 60),
        "population": population.selection(),
    }


def tried_line(table: Table) -> str:
    """The line of the list that names the columns of a table."""
    return f"| {table.name} | {', '.join(table.names)} |"


def tried() -> set[str]:
    """The columns that the list names as tried, with their tables; empty while it is written anew."""
    rows = [line.strip("| ").split(" | ") for line in LISTED.read_text("utf-8").splitlines()]
    columns = {row[0]: row[1].split(", ") for row in rows if row[0] in BY_NAME and len(row) == 2}
    return {f"{table}.{column}" for table, names in columns.items() for column in (*names, "row")}


def outcomes_in(folder: Path, history: str, selected: Selection, sampled: set[str]) -> list[Outcome]:
    """What becomes of the corruptions: of every `SAMPLED`-th in some columns, of all in the others."""
    request = ExportRequest(folder, "parquet", selected, manifest_fields={"format": "parquet"})
    contents = run.export(request, lambda *_: None)
    files = {entry["table"]: [entry["path"]] for entry in contents["files"] if entry["table"]}
    with database.opened(folder, "parquet", files) as tables:
        assert not tables.problems
        examination = Examination(tables, history)
        return [
            examination.outcome(corruption)
            for number, corruption in enumerate(corruptions(tables))
            if number % SAMPLED == 0 or corruption.place not in sampled
        ]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> list[Outcome]:
    """What becomes of corruptions of two small exports: of all when the list of those not found is written.

    All take five minutes.
    """
    sampled = set() if request.config.getoption("--rewrite-golden") else tried()
    return [
        outcome
        for history, selected in selections().items()
        for outcome in outcomes_in(tmp_path_factory.mktemp(history), history, selected, sampled)
    ]


def line_of(outcome: Outcome) -> str:
    """The line of a corruption that is not found."""
    return f"| {outcome.name} | {outcome.reason or 'no check'} |"


def report(outcomes: list[Outcome]) -> str:
    """The rates, and what was not found, as a table of Markdown."""
    made = [each for each in outcomes if each.changed]
    lines = [
        "# Corruptions that `export verify` does not find",
        "",
        "Single corruptions, one cell or row at a time, in the rows one and two thirds down each table.",
        "",
        "| planted in | corruptions | found | in columns that something follows from | found | rate |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for history in selections():
        of_history = [each for each in made if each.history == history]
        bound = [each for each in of_history if not each.reason]
        found, bound_found = (sum(bool(each.invariant) for each in some) for some in (of_history, bound))
        rate = 100 * bound_found / len(bound)
        lines.append(
            f"| {history} | {len(of_history)} | {found} | {len(bound)} | {bound_found} | {rate:.1f} % |"
        )
    lines += ["", "| corruption | why it is not found |", "| --- | --- |"]
    missed = [each for each in made if not each.invariant]
    lines += map(line_of, missed)
    lines += ["", "| table | columns that were tried |", "| --- | --- |", *map(tried_line, TABLES)]
    return "\n".join(lines) + "\n"


@pytest.mark.slow
def test_nearly_every_corruption_is_found(outcomes, golden):
    made = [each for each in outcomes if each.changed]
    listed = golden("export_corruptions.md", lambda: report(outcomes)).splitlines()
    for history in selections():
        bound = [each for each in made if each.history == history and not each.reason]
        assert len(bound) > 600 // SAMPLED
        assert sum(bool(each.invariant) for each in bound) / len(bound) >= REQUIRED, report(outcomes)
    of_tried, known = set(listed), tried()
    missed = [line_of(each) for each in made if not each.invariant and line_of(each) not in of_tried]
    excused = {line_of(each) for each in made if each.corruption.place not in known and each.reason}
    unknown = [line for line in missed if line not in excused]
    assert not unknown, "\n".join(["not found, and without a reason in FREE:", *unknown])
    found = [line_of(each) for each in made if each.invariant and line_of(each) in of_tried]
    assert not found, "\n".join(["found, so the list is to be written anew:", *found])


def test_the_columns_that_nothing_follows_from_are_columns():
    places = {place.partition(":")[0] for place in FREE | FREE_OF_PERSONAS}
    known = {f"{table.name}.{column}" for table in TABLES for column in (*table.names, "row")}
    assert places <= known
