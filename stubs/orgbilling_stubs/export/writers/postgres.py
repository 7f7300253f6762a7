"""Straight into PostgreSQL: tables created and filled by COPY, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from orgbilling_stubs.export.columnar.columns import count
from orgbilling_stubs.export.columnar.engine import Engine
from orgbilling_stubs.export.errors import ExportError, need
from orgbilling_stubs.export.request import Advance, Request
from orgbilling_stubs.export.schema import BY_NAME
from orgbilling_stubs.export.selection import Person
from orgbilling_stubs.export.writers import lines, sql


def load(request: Request, url: str, advance: Advance) -> dict[str, int]:
    """Create the tables in a database and fill them; answers the rows of each table.

    Raises ExportError `extra-missing` without psycopg, `database-error` for what the database refuses; then
    nothing has changed in it.
    """
    psycopg = need("psycopg", "--to postgresql://…")
    try:
        with psycopg.connect(url) as connection, connection.cursor() as cursor:
            for name in request.tables:
                cursor.execute(sql.create(BY_NAME[name], "postgresql", within=request.tables))
            return _fill(cursor, request, advance)
    except psycopg.Error as error:
        problem = str(error).strip().splitlines()
        raise ExportError("database-error", problem[0] if problem else type(error).__name__) from error


def _fill(cursor: Any, request: Request, advance: Advance) -> dict[str, int]:
    engine = Engine(request.cast)
    rows = dict.fromkeys(request.tables, 0)
    for _, people in request.blocks():
        for start in range(0, len(people), 20):
            _copy(cursor, engine, people[start : start + 20], rows, advance)
    return rows


def _copy(
    cursor: Any, engine: Engine, people: Sequence[Person], rows: dict[str, int], advance: Advance
) -> None:
    """Fill the tables with some organizations, parents before children."""
    texts: dict[str, list[str]] = {name: [] for name in rows}
    for person in people:
        made = engine.tables(person, (*rows,))
        for name, chunk in made.items():
            texts[name].append(lines.lines(lines.COPY, BY_NAME[name], chunk))
            rows[name] += count(chunk)
        advance(1, count(made["ledger"]) if "ledger" in made else 0)
    for name, text in texts.items():
        with cursor.copy(f"COPY {name} FROM STDIN") as copy:
            copy.write("".join(text))
