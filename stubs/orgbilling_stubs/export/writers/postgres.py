"""Straight into PostgreSQL: tables created and filled by COPY, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from orgbilling_stubs.export.columnar.columns import row_count
from orgbilling_stubs.export.errors import ExportError, require
from orgbilling_stubs.export.organization_tables import OrganizationTables
from orgbilling_stubs.export.request import ExportRequest, Progress
from orgbilling_stubs.export.schema import BY_NAME
from orgbilling_stubs.export.selection import SelectedOrganization
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
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            for name in request.tables:
                cursor.execute(sql.create(BY_NAME[name], "postgresql", within=request.tables))
            return _copy_all(cursor, request, advance)
    except psycopg.Error as error:
        problem = str(error).strip().splitlines()
        raise ExportError("database_error", problem[0] if problem else type(error).__name__) from error


def _copy_all(cursor: AnyCursor, request: ExportRequest, advance: Progress) -> dict[str, int]:
    source = OrganizationTables(request.selection)
    rows = dict.fromkeys(request.tables, 0)
    organizations = request.selection.organizations
    for start in range(0, len(organizations), _ORGANIZATIONS_PER_COPY):
        _copy(cursor, source, organizations[start : start + _ORGANIZATIONS_PER_COPY], rows, advance)
    return rows


def _copy(
    cursor: AnyCursor,
    source: OrganizationTables,
    organizations: Sequence[SelectedOrganization],
    rows: dict[str, int],
    advance: Progress,
) -> None:
    """Fill the tables with some organizations, parents before children; `rows` is counted up."""
    texts: dict[str, list[str]] = {name: [] for name in rows}
    for organization in organizations:
        tables = source.tables(organization, (*rows,))
        for name, columns in tables.items():
            texts[name].append(text_formats.rows_as_text(text_formats.COPY, BY_NAME[name], columns))
            rows[name] += row_count(columns)
        advance(1, row_count(tables["ledger"]) if "ledger" in tables else 0)
    for name, text in texts.items():
        with cursor.copy(f"COPY {name} FROM STDIN") as copy:
            copy.write("".join(text))
