"""An export opened as SQL: DuckDB where it is installed, else SQLite; and integers for whoever asks."""

# ruff: noqa: S608 -- all names in the queries are the schema's

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from orgbilling_stubs.export.columnar import cells
from orgbilling_stubs.export.errors import ExportError, has, need
from orgbilling_stubs.export.schema import BY_NAME, Column, Table
from orgbilling_stubs.export.verify.queries import EMPTY
from orgbilling_stubs.export.writers import duckdb as duck
from orgbilling_stubs.export.writers import sql, sqlite

_DATE, _INSTANT = "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S.%gZ"

_DUCKDB = {
    "money": "CAST({0} * 1000000 AS BIGINT)",
    "price": "CAST({0} * 1000000000 AS BIGINT)",
    "instant": "epoch_ms({0})",
    "date": "date_diff('day', DATE '1970-01-01', {0})",
    "bool": "CASE WHEN {0} THEN 1 ELSE 0 END",
}
_SQLITE = {
    "money": "CAST(replace({0}, '.', '') AS INTEGER)",
    "price": "CAST(replace({0}, '.', '') AS INTEGER)",
    "instant": "CAST(strftime('%s', {0}) AS INTEGER) * 1000 + CAST(substr({0}, 21, 3) AS INTEGER)",
    "date": "CAST(julianday({0}) - 2440587.5 AS INTEGER)",
    "bool": "{0}",
}


_MISREAD = {
    "money": "{0} GLOB '*[^-0-9.]*' OR {0} NOT GLOB '*[0-9].[0-9][0-9][0-9][0-9][0-9][0-9]'",
    "price": "{0} GLOB '*[^-0-9.]*' OR {0} NOT GLOB '*[0-9].[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]'",
    # Only by way of the Julian day does SQLite notice that there is no 31 February.
    "instant": "strftime('%Y-%m-%dT%H:%M:%fZ', {0}) IS NOT {0} "
    "OR date(julianday(substr({0}, 1, 10))) IS NOT substr({0}, 1, 10)",
    "date": "date(julianday({0})) IS NOT {0}",
    "int": "typeof({0}) <> 'integer'",
    "bool": "{0} NOT IN (0, 1)",
}
"""What SQLite's own file may hold that is not of a column's kind, and would be read as something else."""


class Flaw(NamedTuple):
    """Why a table cannot be asked: its `columns` or its `cells` are not those of the schema."""

    what: str
    problem: str


class Source(Protocol):
    """A database to ask; `flaws` are of the tables that cannot be asked."""

    flaws: Mapping[str, Flaw]

    def ask(self, query: str) -> tuple[tuple[str, ...], tuple[Any, ...] | None]:
        """The names of the columns, and the first row in order, if there is one.

        Raises ExportError `unreadable` when the files turn out not to be what they should.
        """


class _Database:
    """A connection of either engine, with the views of the tables that have no flaw."""

    def __init__(
        self, connection: Any, tables: Collection[str], flaws: Mapping[str, Flaw], error: type[Exception]
    ) -> None:
        self._connection = connection
        self._error = error
        self.flaws = flaws
        if "ledger" in tables and "ledger" not in flaws:
            connection.execute(EMPTY)

    def ask(self, query: str) -> tuple[tuple[str, ...], tuple[Any, ...] | None]:
        found = f"SELECT * FROM ({query}) AS found"
        try:
            names = tuple(each[0] for each in self._connection.execute(f"{found} LIMIT 0").description)
            order = ", ".join(map(str, range(1, min(3, len(names)) + 1)))
            return names, self._connection.execute(f"{found} ORDER BY {order} LIMIT 1").fetchone()
        except self._error as error:
            raise ExportError("unreadable", _line(error)) from error


def _view(table: Table, source: str, engine: str) -> str:
    """A view with integers only."""
    ways = _DUCKDB if engine == "duckdb" else _SQLITE

    def shown(column: Column) -> str:
        name = sql.quoted(column.name)
        return f"{ways.get(column.kind, '{0}').format(name)} AS {name}"

    columns = ", ".join(map(shown, table.columns))
    return f"CREATE TEMP VIEW v_{table.name} AS SELECT {columns} FROM {source}"


@contextmanager
def opened(folder: Path, kind: str, files: dict[str, list[str]]) -> Iterator[Source]:
    """The tables of an export as views `v_<table>`; files: the paths of each table.

    What is wrong with single tables is among the flaws. Raises ExportError: `unreadable` for a database that
    is none, `extra-missing` for Parquet and DuckDB without the extra.
    """
    try:
        if kind == "duckdb" or (kind in ("csv", "jsonl", "parquet") and (kind == "parquet" or has("duckdb"))):
            with _in_duckdb(folder, kind, files) as source:
                yield source
        else:
            with _in_sqlite(folder, kind, files) as source:
                yield source
    except sqlite3.Error as error:
        where = folder / sqlite.FILE if kind == "sqlite" else folder
        raise ExportError("unreadable", f"{where}: {error}") from error


@contextmanager
def _in_duckdb(folder: Path, kind: str, files: dict[str, list[str]]) -> Iterator[Source]:
    """DuckDB: the file of the export, views of its Parquet files, or tables that texts are loaded into."""
    duckdb = need("duckdb", "verifying it")
    with tempfile.TemporaryDirectory() as scratch:
        database = folder / duck.FILE if kind == "duckdb" else Path(scratch, "texts.duckdb")
        try:
            with duckdb.connect(str(database), read_only=kind == "duckdb") as connection:
                for setting in (
                    "memory_limit = '400MB'",
                    f"temp_directory = {_literal(scratch)}",
                    "threads = 2",
                ):
                    connection.execute(f"SET {setting}")
                connection.execute("SET preserve_insertion_order = false")
                flaws = {}
                for name, paths in files.items():
                    flaw = _connect(connection, BY_NAME[name], kind, [folder / each for each in paths])
                    if flaw is not None:
                        flaws[name] = flaw
                yield _Database(connection, files, flaws, duckdb.Error)
        except duckdb.Error as error:
            raise ExportError("unreadable", f"{database}: {_line(error)}") from error


def _line(error: Exception) -> str:
    return str(error).splitlines()[0]


def _connect(connection: Any, table: Table, kind: str, paths: list[Path]) -> Flaw | None:
    """Make the view of a table in DuckDB; answers why there is none."""
    duckdb = need("duckdb")
    name = table.name
    if kind == "csv" and (wrong := cells.header(table, paths)):
        return Flaw("columns", wrong)
    source = name if kind == "duckdb" else _reader(table, kind, paths)
    try:
        if kind in ("csv", "jsonl"):
            connection.execute(sql.create(table, "duckdb", keys=False))
            connection.execute(f"INSERT INTO {name} SELECT {_cells(table, kind)} FROM {source}")
            source = name
        else:
            found = connection.execute(f"SELECT * FROM {source} LIMIT 0").description
            if wrong := cells.misnamed(table, [each[0] for each in found]):
                return Flaw("columns", f"{paths[0]}: {wrong}")
        connection.execute(_view(table, source, "duckdb"))
    except duckdb.Error as error:
        found = cells.fault(table, kind, paths) if kind in ("csv", "jsonl") else ""
        return Flaw("cells", found or f"{paths[0]}: {_line(error)}")
    return None


def _cells(table: Table, kind: str) -> str:
    """The columns as they are read; an empty text in CSV may stand without quotes."""
    return ", ".join(
        f"coalesce({sql.quoted(each.name)}, '')"
        if kind == "csv" and each.kind in ("text", "uuid") and not each.nullable
        else sql.quoted(each.name)
        for each in table.columns
    )


def _reader(table: Table, kind: str, paths: Iterable[Path]) -> str:
    """DuckDB's way to read the files of a table, with the types of the schema."""
    listed = "[" + ", ".join(_literal(str(path)) for path in paths) + "]"
    if kind == "parquet":
        return f"read_parquet({listed})"
    types = ", ".join(
        f"{_literal(each.name)}: {_literal(sql.TYPES['duckdb'][each.kind])}" for each in table.columns
    )
    if kind == "jsonl":
        return (
            f"read_json({listed}, format = 'newline_delimited', columns = {{{types}}}, "
            f"dateformat = {_literal(_DATE)}, timestampformat = {_literal(_INSTANT)})"
        )
    return (
        f"read_csv({listed}, columns = {{{types}}}, header = true, auto_detect = false, delim = ',', "
        "quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, max_line_size = 10000000, "
        f"dateformat = {_literal(_DATE)}, timestampformat = {_literal(_INSTANT)})"
    )


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def _in_sqlite(folder: Path, kind: str, files: dict[str, list[str]]) -> Iterator[Source]:
    """SQLite: the file of the export itself, or a temporary one that the texts are loaded into."""
    if kind == "sqlite":
        connection = sqlite3.connect(f"{(folder / sqlite.FILE).resolve().as_uri()}?mode=ro", uri=True)
    else:
        connection = sqlite3.connect("")
    try:
        flaws = {}
        for name, paths in files.items():
            flaw = _attach(connection, BY_NAME[name], kind, [folder / each for each in paths])
            if flaw is not None:
                flaws[name] = flaw
        yield _Database(connection, files, flaws, sqlite3.Error)
    finally:
        connection.close()


def _attach(connection: sqlite3.Connection, table: Table, kind: str, paths: list[Path]) -> Flaw | None:
    """Make the view of a table in SQLite; answers why there is none."""
    if kind == "csv" and (wrong := cells.header(table, paths)):
        return Flaw("columns", wrong)
    if kind != "sqlite":
        try:
            _load(connection, table, kind, paths)
        except ExportError as error:
            return Flaw("cells", str(error))
    else:
        found = connection.execute(f"SELECT * FROM {table.name} LIMIT 0").description
        if wrong := cells.misnamed(table, [each[0] for each in found]):
            return Flaw("columns", f"{paths[0]}: {wrong}")
        if wrong := _misread(connection, table):
            return Flaw("cells", f"{paths[0]}: {wrong}")
    connection.execute(_view(table, table.name, "sqlite"))
    return None


def _misread(connection: sqlite3.Connection, table: Table) -> str:
    """The first cell of SQLite's own table that is not of its column's kind."""
    for column in table.columns:
        if column.kind in _MISREAD:
            name = sql.quoted(column.name)
            found = connection.execute(
                f"SELECT rowid, {name} FROM {table.name} WHERE {name} IS NOT NULL "
                f"AND ({_MISREAD[column.kind].format(name)}) ORDER BY rowid LIMIT 1"
            ).fetchone()
            if found is not None:
                return f"{table.name}, row {found[0]}: {column.name}: {found[1]!r} is no {column.kind}"
    return ""


def _load(connection: sqlite3.Connection, table: Table, kind: str, paths: Collection[Path]) -> None:
    connection.execute(sql.create(table, "sqlite", keys=False))
    marks = ", ".join("?" * len(table.columns))
    for path in paths:
        rows = cells.read(table, kind, path)
        connection.executemany(f"INSERT INTO {table.name} VALUES ({marks})", rows)
    for columns in dict.fromkeys((table.key, ("organization_id",))):
        if set(columns) <= set(table.names):
            named = "_".join(columns)
            connection.execute(f"CREATE INDEX {table.name}_{named} ON {table.name} ({sql.names(columns)})")
