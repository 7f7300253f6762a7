"""One SQLite file with all keys, readable by anything that reads SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from pathlib import Path

from orgbilling_stubs.export.columnar.columns import Chunk, count, values
from orgbilling_stubs.export.columnar.engine import Engine
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.request import Advance, Request
from orgbilling_stubs.export.schema import BY_NAME, Table
from orgbilling_stubs.export.texts import plain
from orgbilling_stubs.export.writers import files, sql
from orgbilling_stubs.export.writers.files import PARTIAL, Entry

FILE = "orgbilling.sqlite"


def write(request: Request, advance: Advance) -> list[Entry]:
    """Write the database; raises ExportError `file-error` for what SQLite refuses."""
    final = request.out / FILE
    partial = final.with_name(FILE + PARTIAL)
    try:
        with suppress(FileNotFoundError):
            partial.unlink()
        rows = _fill(partial, request, advance)
        entries = files.database(partial, FILE, rows)
        partial.replace(final)
    except sqlite3.Error as error:
        raise ExportError("file-error", f"{final}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return entries


def _fill(path: Path, request: Request, advance: Advance) -> dict[str, int]:
    tables = [BY_NAME[name] for name in request.tables]
    rows = dict.fromkeys(request.tables, 0)
    engine = Engine(request.cast)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode = OFF")
        database.execute("PRAGMA synchronous = OFF")
        for table in tables:
            database.execute(sql.create(table, "sqlite", within=request.tables))
        for person in request.cast.people:
            made = engine.tables(person, request.tables)
            _insert(database, tables, made)
            for name in rows:
                rows[name] += count(made[name])
            advance(1, count(made["ledger"]) if "ledger" in made else 0)
        database.commit()
    return rows


def _insert(database: sqlite3.Connection, tables: list[Table], made: Mapping[str, Chunk]) -> None:
    for table in tables:
        chunk = made[table.name]
        columns = [plain(each.kind, values(chunk[each.name])) for each in table.columns]
        marks = ", ".join("?" * len(columns))
        database.executemany(
            f"INSERT INTO {table.name} VALUES ({marks})",  # noqa: S608 -- names of ours
            zip(*columns, strict=True),
        )
