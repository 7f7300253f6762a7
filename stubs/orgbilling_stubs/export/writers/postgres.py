"""Straight into PostgreSQL: tables created and filled by COPY, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from orgbilling_stubs.export.columnar.columns import TableColumns
from orgbilling_stubs.export.errors import ExportError, require
from orgbilling_stubs.export.organization_tables import OrganizationTables
from orgbilling_stubs.export.request import ExportRequest, Progress
from orgbilling_stubs.export.schema import BY_NAME
from orgbilling_stubs.export.writers import sql, text_formats

if TYPE_CHECKING:
    from psycopg import Cursor

    AnyCursor = Cursor[tuple[object, ...]]

_ORGANIZATIONS_PER_COPY = 20
"""So many fit in memory as text, and the statements do not count beside the rows."""


def fill(request: ExportRequest, url: str, advance: Progress) -> dict[str, int]:
    """Create the tables in a database and fill them; returns the rows of each table.

    Raises ExportError `extra_missing` without psycopg, `database_error` for what the database refuses; then
    nothing has changed in it.
    """
    psycopg = require("psycopg", "--to postgresql://…")
    try:
        with psycopg.connect(url, client_encoding="UTF8") as connection, connection.cursor() as cursor:
            for name in request.tables:
                cursor.execute(sql.create(BY_NAME[name], "postgresql", within=request.tables))
            return _copy_all(cursor, request, advance)
    except psycopg.Error as error:
        problem = str(error).strip().splitlines()
        raise ExportError("database_error", problem[0] if problem else type(error).__name__) from error


def _copy_all(cursor: AnyCursor, request: ExportRequest, advance: Progress) -> dict[str, int]:
    """Fill the tables, some organizations at a time, parents before children."""
    source = OrganizationTables(request.selection)
    organizations = request.selection.organizations
    rows: Counter[str] = Counter(dict.fromkeys(request.tables, 0))
    texts: dict[str, list[str]] = {name: [] for name in request.tables}

    def write(tables: Mapping[str, TableColumns]) -> None:
        for name, columns in tables.items():
            texts[name].append(text_formats.rows_as_text(text_formats.COPY, BY_NAME[name], columns))

    for start in range(0, len(organizations), _ORGANIZATIONS_PER_COPY):
        some = organizations[start : start + _ORGANIZATIONS_PER_COPY]
        rows.update(source.write(some, request.tables, write, lambda ledger_rows: advance(1, ledger_rows)))
        for name, text in texts.items():
            with cursor.copy(f"COPY {name} FROM STDIN") as copy:
                copy.write("".join(text))
            text.clear()
    return dict(rows)
