"""One SQLite file with all keys, readable by anything that reads SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from orgbilling_stubs.export.columnar.columns import TableColumns, values
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.organization_tables import OrganizationTables
from orgbilling_stubs.export.request import ExportRequest, Progress
from orgbilling_stubs.export.schema import BY_NAME, Table
from orgbilling_stubs.export.writers import sql
from orgbilling_stubs.export.writers.files import ManifestEntry, write_database
from orgbilling_stubs.export.writers.text_formats import plain

FILE = "orgbilling.sqlite"


def write(request: ExportRequest, advance: Progress) -> list[ManifestEntry]:
    """Write the database; raises ExportError `file_error` for what SQLite refuses."""
    try:
        return write_database(request.folder, FILE, lambda partial: _fill(partial, request, advance))
    except sqlite3.Error as error:
        raise ExportError("file_error", f"{request.folder / FILE}: {error}") from error


def _fill(path: Path, request: ExportRequest, advance: Progress) -> dict[str, int]:
    tables = [BY_NAME[name] for name in request.tables]
    with closing(sqlite3.connect(path)) as database:
        # The file has another name until it is whole, so there is nothing that a journal would save.
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        for table in tables:
            database.execute(sql.create(table, "sqlite", within=request.tables))
        rows = OrganizationTables(request.selection).write(
            request.selection.organizations,
            request.tables,
            lambda columns: _insert(database, tables, columns),
            lambda ledger_rows: advance(1, ledger_rows),
        )
        database.commit()
    return rows


def _insert(database: sqlite3.Connection, tables: list[Table], columns: Mapping[str, TableColumns]) -> None:
    for table in tables:
        cells = [
            values(columns[table.name][column.name])
            if column.kind in sql.SQLITE_UNITS
            else plain(column.kind, values(columns[table.name][column.name]))
            for column in table.columns
        ]
        marks = ", ".join("?" * len(cells))
        database.executemany(
            f"INSERT INTO {table.name} VALUES ({marks})",  # noqa: S608 -- names of ours
            zip(*cells, strict=True),
        )
