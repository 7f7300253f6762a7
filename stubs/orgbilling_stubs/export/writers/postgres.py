"""Straight into PostgreSQL: tables created and filled by COPY, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

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

REFUSE_SQL_ASCII = """DO $$ BEGIN
    IF current_setting('server_encoding') = 'SQL_ASCII' THEN
        RAISE 'the database has the encoding SQL_ASCII, which keeps no texts: it needs UTF8';
    END IF;
END $$;
"""
"""Asked of a database before it is filled: in SQL_ASCII, any bytes would be taken for characters."""


class DatabaseTarget(NamedTuple):
    """Where the tables go, and whether those that are there stop the export, are replaced, or grow."""

    url: str
    schema: str | None = None
    existing: Literal["refuse", "replace", "append"] = "refuse"


def fill(request: ExportRequest, target: DatabaseTarget, advance: Progress) -> dict[str, int]:
    """Create the tables in a database and fill them; returns the rows of each table.

    Raises ExportError `extra_missing` without psycopg, `not_empty` for tables that are there and neither
    replaced nor appended to, `database_error` for what the database refuses; then nothing has changed in it.
    """
    with transaction(target) as cursor:
        _create(cursor, request, target)
        return _copy_all(cursor, request, advance)


@contextmanager
def transaction(target: DatabaseTarget) -> Iterator[AnyCursor]:
    """A transaction in a database, in the schema of the target; it is undone when anything is raised.

    Raises ExportError `extra_missing` without psycopg, `database_error` for what the database refuses.
    """
    psycopg = require("psycopg", "--to postgresql://…")
    try:
        with psycopg.connect(target.url, client_encoding="UTF8") as connection, connection.cursor() as cursor:
            cursor.execute(REFUSE_SQL_ASCII)
            if target.schema is not None:
                schema = sql.quoted(target.schema)
                cursor.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}".encode())
                cursor.execute(f"SET LOCAL search_path TO {schema}".encode())
            yield cursor
    except psycopg.Error as error:
        texts = (str(error), error.diag.message_detail or "")
        problem = ": ".join(lines[0] for lines in (text.strip().splitlines() for text in texts) if lines)
        raise ExportError("database_error", problem or type(error).__name__) from error


def _create(cursor: AnyCursor, request: ExportRequest, target: DatabaseTarget) -> None:
    """Create the tables that are not there; those that are, are refused, replaced or kept."""
    cursor.execute(
        "SELECT current_schema(), array(SELECT tablename::text FROM pg_tables "
        "WHERE schemaname = current_schema() AND tablename = ANY(%s))",
        [list(request.tables)],
    )
    schema_name, existing = _row(cursor.fetchone())
    if existing and target.existing == "refuse":
        first = next(name for name in request.tables if name in existing)
        problem = f"{first} exists in schema {schema_name}; --replace, --append, or --schema NAME"
        raise ExportError("not_empty", problem)
    if existing and target.existing == "replace":
        # In one statement, because their foreign keys hold on to each other.
        cursor.execute(f"DROP TABLE {', '.join(existing)}".encode())
    for name in request.tables:
        created = sql.create(BY_NAME[name], "postgresql", within=request.tables, if_missing=True)
        cursor.execute(created.encode())
        if name not in existing or target.existing == "replace":
            cursor.execute(sql.comments(BY_NAME[name]).encode())


def _row(row: tuple[object, ...] | None) -> tuple[str, list[str]]:
    """The schema and its tables; there is no schema if the search path names none that exists."""
    assert row is not None
    schema, existing = row
    if schema is None:
        raise ExportError("database_error", "the database has no schema to create tables in; --schema NAME")
    assert isinstance(existing, list)
    return str(schema), existing


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
            with cursor.copy(f"COPY {name} ({sql.names(BY_NAME[name].names)}) FROM STDIN".encode()) as copy:
                copy.write("".join(text))
            text.clear()
    return dict(rows)
