"""Changes straight into PostgreSQL: new rows are inserted, changed ones updated, others deleted.

The tables are those that an earlier export has made. Everything happens in one transaction. The same
changes applied twice are the same rows.
"""

# ruff: noqa: S608 -- all names in the queries are the schema's

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from orgbilling_stubs.billing import instants
from orgbilling_stubs.export.changes import ChangeRange
from orgbilling_stubs.export.columnar.columns import TableColumns
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.request import ExportRequest, Progress
from orgbilling_stubs.export.schema import BY_NAME, Table
from orgbilling_stubs.export.writers import sql, text_formats
from orgbilling_stubs.export.writers.postgres import DatabaseTarget, transaction

if TYPE_CHECKING:
    from orgbilling_stubs.export.writers.postgres import AnyCursor

_ORGANIZATIONS_PER_COPY = 20


def apply(
    request: ExportRequest, changes: ChangeRange, target: DatabaseTarget, advance: Progress
) -> dict[str, int]:
    """Apply a feed to the tables of a database; returns how many changes each table had.

    Raises ExportError `extra_missing` without psycopg, `database_error` for what the database refuses, such
    as a missing table, `conflicting_options` for tables that shall be replaced, `not_since` for tables that
    stand at another instant or hold other organizations; then nothing has changed.
    """
    if target.existing == "replace":
        raise ExportError("conflicting_options", "--since changes the tables that are there: no --replace")
    with transaction(target) as cursor:
        if "organizations" in request.tables:
            _refuse_gap(cursor, changes)
        for name in request.tables:
            cursor.execute(_create_changes(BY_NAME[name]))
        drawn: Counter[str] = Counter()
        rows = _copy_changes(cursor, request, changes, advance, drawn)
        for name in request.tables:
            cursor.execute(_upsert(BY_NAME[name]))
        for name in reversed(request.tables):  # children before parents
            cursor.execute(_delete(BY_NAME[name]))
        _refuse_others(cursor, changes, drawn)
        return rows


def _refuse_others(cursor: AnyCursor, changes: ChangeRange, drawn: Mapping[str, int]) -> None:
    """Refuse tables that do not have as many rows now as the organizations have at the last instant.

    drawn: the rows of each table at that instant. The names of organizations follow from the seed alone, so
    another number of them, another launch or other parameters show in the rows only.
    """
    organizations = [organization.id for organization in changes.selections[-1].organizations]
    for name, count in drawn.items():
        cursor.execute(
            f"SELECT count(*) FROM {name} WHERE organization_id = ANY(%s)".encode(), [organizations]
        )
        found = cast("list[tuple[int]]", cursor.fetchall())[0][0]
        if found != count:
            problem = f"{name} would have {found:,} rows in place of {count:,}"
            raise ExportError("not_since", f"{problem}: the tables are of another population")


def _refuse_gap(cursor: AnyCursor, changes: ChangeRange) -> None:
    """Refuse tables that the changes do not follow on. Those of one of their instants are brought forward."""
    since = changes.selections[0]
    expected = [organization.id for organization in since.organizations]
    cursor.execute(
        "SELECT seed, (extract(epoch FROM as_of) * 1000)::bigint, count(*) FROM organizations "
        "WHERE organization_id = ANY(%s) GROUP BY 1, 2",
        [expected],
    )
    known = {selection.as_of_ms for selection in changes.selections}
    rows = cast("list[tuple[int, int, int]]", cursor.fetchall())
    for seed, as_of_ms, _ in rows:
        if seed != since.seed or as_of_ms not in known:
            stands = f"the tables stand at {instants.text(as_of_ms)}"
            raise ExportError("not_since", f"{stands}; --since {instants.text(since.as_of_ms)} leaves a gap")
    found = sum(count for _, _, count in rows)
    if found != len(expected):
        problem = f"{len(expected) - found} of {len(expected)} organizations are not in the tables"
        raise ExportError("not_since", f"{problem}: they are of another population, or of another seed")


def _copy_changes(
    cursor: AnyCursor,
    request: ExportRequest,
    changes: ChangeRange,
    advance: Progress,
    drawn: Counter[str],
) -> dict[str, int]:
    rows = dict.fromkeys(request.tables, 0)
    texts: dict[str, list[str]] = {name: [] for name in request.tables}

    def write(tables: Mapping[str, TableColumns]) -> None:
        for name, columns in tables.items():
            texts[name].append(text_formats.rows_as_text(text_formats.COPY, request.table(name), columns))

    count = len(request.selection.organizations)
    for first in range(0, count, _ORGANIZATIONS_PER_COPY):
        some = min(_ORGANIZATIONS_PER_COPY, count - first)
        found = changes.write(
            first, some, request.tables, write, lambda ledger_rows: advance(1, ledger_rows), drawn
        )
        for name, text in texts.items():
            rows[name] += found[name]
            with cursor.copy(f"COPY {_changes(name)} FROM STDIN".encode()) as copy:
                copy.write("".join(text))
            text.clear()
    return rows


def _changes(name: str) -> str:
    """The temporary table with the changes of a table."""
    return f"changes_of_{name}"


def _create_changes(table: Table) -> bytes:
    return (
        f"CREATE TEMPORARY TABLE {_changes(table.name)} ON COMMIT DROP AS "
        f"SELECT ''::text AS change, 0::bigint AS sequence, {sql.names(table.names)} "
        f"FROM {table.name} WITH NO DATA"
    ).encode()


def _latest(table: Table) -> str:
    """The last change of each row: several instants may have changed it."""
    key = sql.names(table.key)
    return (
        f"(SELECT DISTINCT ON ({key}) * FROM {_changes(table.name)} ORDER BY {key}, sequence DESC) AS latest"
    )


def _upsert(table: Table) -> bytes:
    others = [name for name in table.names if name not in table.key]
    updates = ", ".join(f"{sql.quoted(name)} = excluded.{sql.quoted(name)}" for name in others)
    action = f"DO UPDATE SET {updates}" if updates else "DO NOTHING"
    columns = sql.names(table.names)
    return (
        f"INSERT INTO {table.name} ({columns}) SELECT {columns} FROM {_latest(table)} "
        f"WHERE change <> 'delete' ON CONFLICT ({sql.names(table.key)}) {action}"
    ).encode()


def _delete(table: Table) -> bytes:
    key = sql.names(table.key)
    return (
        f"DELETE FROM {table.name} WHERE ({key}) IN "
        f"(SELECT {key} FROM {_latest(table)} WHERE change = 'delete')"
    ).encode()
