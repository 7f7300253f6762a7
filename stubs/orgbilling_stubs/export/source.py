"""An export opened as SQL: DuckDB where it is installed, else SQLite; and integers for whoever asks."""

# ruff: noqa: S608 -- all names in the queries are the schema's

from __future__ import annotations

import csv
import json
import sqlite3
import tempfile
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from . import duck, sql, sqlite
from .queries import EMPTY
from .refusal import ExportError, has, need
from .schema import BY_NAME, Column, Table

_COPIED = {"\\\\": "\\", "\\t": "\t", "\\n": "\n", "\\r": "\r"}

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


class Source(Protocol):
    """A database to ask."""

    def ask(self, query: str) -> tuple[tuple[str, ...], tuple[Any, ...] | None]:
        """The names of the columns, and the first row in order, if there is one."""


class _Database:
    """A connection of either engine, with the views of some tables."""

    def __init__(self, connection: Any, tables: Collection[str]) -> None:
        self._connection = connection
        if "ledger" in tables:
            connection.execute(EMPTY)

    def ask(self, query: str) -> tuple[tuple[str, ...], tuple[Any, ...] | None]:
        found = f"SELECT * FROM ({query}) AS found"
        names = tuple(each[0] for each in self._connection.execute(f"{found} LIMIT 0").description)
        order = ", ".join(map(str, range(1, min(3, len(names)) + 1)))
        return names, self._connection.execute(f"{found} ORDER BY {order} LIMIT 1").fetchone()


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

    Raises ExportError: `unreadable` for files that are not what they should be, `extra-missing` for Parquet
    and DuckDB without the extra.
    """
    try:
        if kind == "duckdb" or (kind in ("csv", "jsonl", "parquet") and (kind == "parquet" or has("duckdb"))):
            with _in_duckdb(folder, kind, files) as source:
                yield source
        else:
            with _in_sqlite(folder, kind, files) as source:
                yield source
    except sqlite3.Error as error:
        raise ExportError("unreadable", f"{folder}: {error}") from error


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
                for name, paths in files.items():
                    source = name
                    if kind != "duckdb":
                        source = _reader(BY_NAME[name], kind, [folder / each for each in paths])
                    if kind in ("csv", "jsonl"):
                        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM {source}")
                        source = name
                    connection.execute(_view(BY_NAME[name], source, "duckdb"))
                yield _Database(connection, files)
        except duckdb.Error as error:
            raise ExportError("unreadable", f"{folder}: {str(error).splitlines()[0]}") from error


def _reader(table: Table, kind: str, paths: Iterable[Path]) -> str:
    """DuckDB's way to read the files of a table, with the types of the schema."""
    listed = "[" + ", ".join(_literal(str(path)) for path in paths) + "]"
    if kind == "parquet":
        return f"read_parquet({listed})"
    types = ", ".join(
        f"{_literal(each.name)}: {_literal(sql.TYPES['duckdb'][each.kind])}" for each in table.columns
    )
    if kind == "jsonl":
        return f"read_json({listed}, format = 'newline_delimited', columns = {{{types}}})"
    return (
        f"read_csv({listed}, columns = {{{types}}}, header = true, auto_detect = false, delim = ',', "
        "quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, max_line_size = 10000000)"
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
        for name, paths in files.items():
            table = BY_NAME[name]
            if kind != "sqlite":
                _load(connection, table, kind, [folder / each for each in paths])
            connection.execute(_view(table, name, "sqlite"))
        yield _Database(connection, files)
    finally:
        connection.close()


def _load(connection: sqlite3.Connection, table: Table, kind: str, paths: Collection[Path]) -> None:
    connection.execute(sql.create(table, "sqlite", keys=False))
    marks = ", ".join("?" * len(table.columns))
    for path in paths:
        rows = _read(table, kind, path)
        connection.executemany(f"INSERT INTO {table.name} VALUES ({marks})", rows)
    for columns in dict.fromkeys((table.key, ("organisation_id",))):
        if set(columns) <= set(table.names):
            named = "_".join(columns)
            connection.execute(f"CREATE INDEX {table.name}_{named} ON {table.name} ({sql.names(columns)})")


def _read(table: Table, kind: str, path: Path) -> Iterator[list[Any]]:
    """The rows of a file; raises ExportError `unreadable` for one that is not a row of the table."""
    names, number = table.names, 0
    try:
        with path.open(encoding="utf-8", newline="" if kind == "csv" else "\n") as file:
            for number, row in enumerate(_rows(kind, file), start=1):
                if kind == "csv" and number == 1 and tuple(row) == names:
                    continue
                values = [row[name] for name in names] if isinstance(row, dict) else row
                if len(values) != len(names):
                    raise ValueError(f"{len(values)} values for {len(names)} columns")
                yield [_value(column, value) for column, value in zip(table.columns, values, strict=True)]
    except (ValueError, LookupError, csv.Error) as error:
        raise ExportError("unreadable", f"{path}: row {number}: {error}") from error


def _rows(kind: str, file: Any) -> Iterator[Any]:
    if kind == "csv":
        csv.field_size_limit(1 << 30)
        return csv.reader(file, strict=True)
    if kind == "jsonl":
        return map(json.loads, file)
    return ([_uncopied(value) for value in line.rstrip("\n").split("\t")] for line in file)


def _uncopied(value: str) -> str | None:
    if value == r"\N":
        return None
    if "\\" not in value:
        return value
    parts = value.split("\\\\")
    for mark, plain in _COPIED.items():
        if mark != "\\\\":
            parts = [part.replace(mark, plain) for part in parts]
    return "\\".join(parts)


def _value(column: Column, value: Any) -> Any:
    """A value as SQLite keeps it; a text file has no other nothing than an empty text."""
    if value is None or (value == "" and column.nullable):
        return None
    if column.kind == "bool":
        return value in (True, "true")
    return int(value) if column.kind == "int" else value
