"""One SQLite file with all keys, readable by anything that reads SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

from orgbilling_stubs.export.columnar.columns import TableColumns, row_count, values
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.organization_tables import OrganizationTables
from orgbilling_stubs.export.request import ExportRequest, Progress
from orgbilling_stubs.export.schema import BY_NAME, Table
from orgbilling_stubs.export.writers import sql
from orgbilling_stubs.export.writers.files import PARTIAL, ManifestEntry, database_entries
from orgbilling_stubs.export.writers.text_formats import plain

FILE = "orgbilling.sqlite"


def write(request: ExportRequest, advance: Progress) -> list[ManifestEntry]:
    """Write the database; raises ExportError `file_error` for what SQLite refuses."""
    final = request.folder / FILE
    partial = final.with_name(FILE + PARTIAL)
    try:
        with suppress(FileNotFoundError):
            partial.unlink()
        rows = _fill(partial, request, advance)
        entries = database_entries(partial, FILE, rows)
        partial.replace(final)
    except sqlite3.Error as error:
        raise ExportError("file_error", f"{final}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return entries


def _fill(path: Path, request: ExportRequest, advance: Progress) -> dict[str, int]:
    tables = [BY_NAME[name] for name in request.tables]
    rows = dict.fromkeys(request.tables, 0)
    source = OrganizationTables(request.selection)
    with closing(sqlite3.connect(path)) as database:
        # The file has another name until it is whole, so there is nothing that a journal would save.
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        for table in tables:
            database.execute(sql.create(table, "sqlite", within=request.tables))
        for organization in request.selection.organizations:
            columns = source.tables(organization, request.tables)
            _insert(database, tables, columns)
            for name in rows:
                rows[name] += row_count(columns[name])
            advance(1, row_count(columns["ledger"]) if "ledger" in columns else 0)
        database.commit()
    return rows


def _insert(database: sqlite3.Connection, tables: list[Table], columns: Mapping[str, TableColumns]) -> None:
    for table in tables:
        cells = [plain(column.kind, values(columns[table.name][column.name])) for column in table.columns]
        marks = ", ".join("?" * len(cells))
        database.executemany(
            f"INSERT INTO {table.name} VALUES ({marks})",  # noqa: S608 -- names of ours
            zip(*cells, strict=True),
        )
