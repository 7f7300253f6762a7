"""The tables of an export, loaded into DuckDB with an integer for every number.

The invariants query tables named `v_<table>`. In them money is in micro-USD, prices are in nano-USD, instants
in epoch milliseconds, dates in days since 1970-01-01, and booleans are 0 or 1.

What a cell may look like, and how it is converted, is in `cells`.

DuckDB reads SQLite files only with an extension that it downloads when it is first used. Verification has to
work without a network, so Python's sqlite3 reads the file and Arrow hands the rows to DuckDB.
"""

# ruff: noqa: S608 -- all names in the queries are the schema's

from __future__ import annotations

import csv
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from orgbilling_stubs.export.errors import ExportError, require
from orgbilling_stubs.export.schema import BY_NAME, NAMES, Column, Table, date_column
from orgbilling_stubs.export.verify.cells import (
    cell_text,
    checked_value,
    integer,
    path_list,
    text_source,
    value_of_text,
)
from orgbilling_stubs.export.verify.invariants import derived
from orgbilling_stubs.export.verify.scope import ORGANIZATIONS
from orgbilling_stubs.export.writers import duckdb as duckdb_writer
from orgbilling_stubs.export.writers import sqlite as sqlite_writer
from orgbilling_stubs.export.writers.sql import TYPES, literal, quoted, sqlite_name

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Cell = str | int | float | None

_PARTITION = re.compile(r"/(?:date|month)=([\d-]+)/part-")

_SQLITE_BATCH_ROWS = 50_000
_OWNER, _OWNER_TYPE = "organization_id", "organization_ids"
_INTERNED_LIMIT = 1_000_000
"""So many ids of organizations are kept in memory."""


class TableProblem(NamedTuple):
    """Why a table cannot be queried: its columns or its cells are not those of the schema."""

    part: Literal["columns", "cells"]
    message: str


class ExportDatabase:
    """An export's tables and the derived ones; `problems` has the tables that cannot be queried."""

    def __init__(self, connection: DuckDBPyConnection, problems: Mapping[str, TableProblem]) -> None:
        self._connection = connection
        self.problems = problems

    def first(self, query: str) -> tuple[tuple[str, ...], tuple[Cell, ...] | None]:
        """The names of a query's columns, and its first row in the order of its columns.

        Raises ExportError `unreadable` when the files cannot be read after all.
        """
        import duckdb

        try:
            found = self._connection.execute(f"SELECT * FROM ({query}) AS result ORDER BY ALL LIMIT 1")
            names = tuple(column[0] for column in found.description or ())
            return names, found.fetchone()
        except duckdb.Error as error:
            raise ExportError("unreadable", _summary(error)) from error


@contextmanager
def opened(
    folder: Path,
    format: str,
    files: Mapping[str, Sequence[str]],
    written: Callable[[str], Table] = BY_NAME.__getitem__,
) -> Iterator[ExportDatabase]:
    """Open the tables of an export; `files` has the paths of each table's files.

    written: the table of a name as it is written.

    What is wrong with a single table is among the database's problems. Raises ExportError: `unreadable` for a
    database file that is none, `extra-missing` without DuckDB.
    """
    duckdb = require("duckdb", "export verify")
    with tempfile.TemporaryDirectory() as scratch:
        file = folder / duckdb_writer.FILE if format == "duckdb" else Path(scratch, "verify.duckdb")
        try:
            with duckdb.connect(str(file), read_only=format == "duckdb") as connection:
                for setting in (
                    "memory_limit = '400MB'",
                    f"temp_directory = {literal(scratch)}",
                    "threads = 2",
                    "enable_progress_bar = false",
                ):
                    connection.execute(f"SET {setting}")
                problems = {}
                for name, paths in sorted(files.items(), key=lambda item: NAMES.index(item[0])):
                    problem = _load(connection, written(name), format, [folder / path for path in paths])
                    if problem is not None:
                        problems[name] = problem
                    elif name == ORGANIZATIONS:
                        _intern_organizations(connection)
                for derived_table in derived().values():
                    if {*derived_table.tables} <= {*files} - {*problems}:
                        connection.execute(
                            f"CREATE TEMP TABLE v_{derived_table.name} AS {derived_table.violations}"
                        )
                yield ExportDatabase(connection, problems)
        except sqlite3.Error as error:
            raise ExportError("unreadable", f"{folder / sqlite_writer.FILE}: {error}") from error
        except duckdb.Error as error:
            raise ExportError("unreadable", f"{file}: {_summary(error)}") from error


def _load(
    connection: DuckDBPyConnection, table: Table, format: str, paths: Sequence[Path]
) -> TableProblem | None:
    """Make the table `v_<table>`; returns why it cannot be made."""
    import duckdb

    typed = (
        table.name if format == "duckdb" else f"read_parquet({path_list(paths)}, hive_partitioning = false)"
    )
    try:
        problem = ""
        if format in ("parquet", "duckdb"):
            description = connection.execute(f"SELECT * FROM {typed} LIMIT 0").description
            found = [(column[0], str(column[1])) for column in description]
            problem = misnamed(table.names, [name for name, _ in found]) or _mistyped(table, found)
            if not problem and format == "parquet" and (other := _differing_file(connection, paths)):
                return TableProblem("columns", f"{other}: its columns are not those of {paths[0].name}")
        elif format == "sqlite":
            problem = _copy_from_sqlite(connection, table, paths[0])
        elif format == "csv":
            problem = _csv_header(table, paths)
        if problem:
            return TableProblem("columns", problem if format == "csv" else f"{paths[0]}: {problem}")
        if format in ("parquet", "duckdb"):
            values = {column.name: integer(column, quoted(column.name)) for column in table.columns}
        else:
            values = {column.name: checked_value(column, format) for column in table.columns}
            typed = text_source(table, format, paths)
        _create(connection, table, values, typed)
        if misplaced := _misplaced(connection, table, paths) if format == "parquet" else "":
            return TableProblem("cells", misplaced)
    except duckdb.Error as error:
        cell = _first_wrong_cell(connection, table, format, paths)
        return TableProblem("cells", cell or f"{paths[0]}: {_summary(error)}")
    return None


def misnamed(expected: Sequence[str], names: Sequence[str]) -> str:
    """How column names differ from a table's; empty when they do not."""
    for position, name in enumerate(expected):
        if [*names[position : position + 1]] != [name]:
            instead = repr(names[position]) if position < len(names) else "missing"
            return f"column {position + 1} is {instead}, not {name!r}"
    surplus = names[len(expected) :]
    return f"column {len(expected) + 1} is {surplus[0]!r}: the table has no more" if surplus else ""


def _mistyped(table: Table, found: Sequence[tuple[str, str]]) -> str:
    """Which of the columns found, with their types, is of another type than the table's; empty if none is."""
    for column, (name, type) in zip(table.columns, found, strict=True):
        expected = TYPES["duckdb"][column.kind].replace(", ", ",")
        if type.replace("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ") != expected:
            return f"column {name} is {type}, not {expected}"
    return ""


def _differing_file(connection: DuckDBPyConnection, paths: Sequence[Path]) -> str:
    """The first Parquet file with other columns, or other types, than the first; empty if none has.

    DuckDB reads all with the columns of the first, and leaves out or converts what the others have.
    """
    differing = connection.execute(
        "SELECT file_name FROM (SELECT file_name, list(["
        "name, type, logical_type, converted_type, precision::VARCHAR, scale::VARCHAR, num_children::VARCHAR"
        f"] ORDER BY name) AS columns FROM parquet_schema({path_list(paths)}) GROUP BY file_name) AS files "
        "QUALIFY columns <> first(columns) OVER (ORDER BY file_name = ? DESC) ORDER BY file_name LIMIT 1",
        [str(paths[0])],
    ).fetchone()
    return "" if differing is None else str(differing[0])


def _misplaced(connection: DuckDBPyConnection, table: Table, paths: Sequence[Path]) -> str:
    """The first file of a partition by date that has a row of another date; empty if none has."""
    if not _PARTITION.search(str(paths[0])):
        return ""
    column = date_column(table)
    moment = quoted(column.name)
    if column.kind == "instant":
        moment = f"timezone('UTC', {moment})"
    misplaced = connection.execute(
        f"SELECT filename, min({moment}) FROM read_parquet({path_list(paths)}, filename = true, "
        "hive_partitioning = false) WHERE regexp_extract(filename, ?, 1) <> "
        f"left(strftime({moment}, '%Y-%m-%d'), length(regexp_extract(filename, ?, 1))) "
        "GROUP BY filename ORDER BY filename LIMIT 1",
        [_PARTITION.pattern] * 2,
    ).fetchone()
    return "" if misplaced is None else f"{misplaced[0]}: a row is of {misplaced[1]:%Y-%m-%d}"


def _csv_header(table: Table, paths: Sequence[Path]) -> str:
    """What is wrong with the first rows of CSV files; empty when they name the table's columns."""
    for path in paths:
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                problem = misnamed(table.names, next(csv.reader(file, strict=True), []))
        except (ValueError, csv.Error) as error:
            problem = f"row 1: {error}"
        if problem:
            return f"{path}: {problem}"
    return ""


def _copy_from_sqlite(connection: DuckDBPyConnection, table: Table, path: Path) -> str:
    """Copy a table of the SQLite file into `raw_<table>`, every cell as text, unless its columns differ."""
    pyarrow = require("pyarrow", "export verify")
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        stored = [row[1] for row in database.execute(f"PRAGMA table_info({table.name})")]
        if problem := misnamed([sqlite_name(column) for column in table.columns], stored):
            return problem
        columns = ", ".join(f"{quoted(name)} VARCHAR" for name in table.names)
        connection.execute(f"CREATE TEMP TABLE raw_{table.name} ({columns})")
        cells = []
        for column in table.columns:
            cell = f"CAST({quoted(sqlite_name(column))} AS TEXT)"
            if column.kind == "bool":
                cell = f"CASE {cell} WHEN '1' THEN 'true' WHEN '0' THEN 'false' ELSE {cell} END"
            cells.append(cell)
        cursor = database.execute(f"SELECT {', '.join(cells)} FROM {table.name} ORDER BY rowid")
        while rows := cursor.fetchmany(_SQLITE_BATCH_ROWS):
            arrays = [pyarrow.array(column, pyarrow.string()) for column in zip(*rows, strict=True)]
            connection.register("batch", pyarrow.table(arrays, names=[*table.names]))
            connection.execute(f"INSERT INTO raw_{table.name} SELECT * FROM batch")
            connection.unregister("batch")
    return ""


def _create(connection: DuckDBPyConnection, table: Table, values: Mapping[str, str], source: str) -> None:
    """Create `v_<table>`; raises duckdb.Error for a row or a cell that does not fit.

    Organizations that `organizations` does not have can only be kept as texts.
    """
    import duckdb

    def create(owner: str) -> None:
        cells = {name: owner.format(value) if name == _OWNER else value for name, value in values.items()}
        columns = ", ".join(f"{cell} AS {quoted(name)}" for name, cell in cells.items())
        connection.execute(f"CREATE TEMP TABLE v_{table.name} AS SELECT {columns} FROM {source}")

    # The order of rows is of no use here, and keeping it would cost memory.
    connection.execute("SET preserve_insertion_order = false")
    try:
        create(f"CAST({{}} AS {_OWNER_TYPE})")
    except duckdb.Error:
        create("{}")


def _intern_organizations(connection: DuckDBPyConnection) -> None:
    """Let the ids of the organizations be numbers inside, which are grouped and joined much faster.

    The numbers follow the ids' order, so that sorted rows are in the same order in every run.
    """
    organizations = f"FROM (SELECT DISTINCT {_OWNER} FROM v_{ORGANIZATIONS} LIMIT {_INTERNED_LIMIT + 1})"
    found = connection.execute(f"SELECT count(*) {organizations}").fetchone()
    if found is not None and 0 < found[0] <= _INTERNED_LIMIT:
        sorted_ids = f"SELECT {_OWNER} {organizations} ORDER BY ALL"
        connection.execute(f"CREATE TEMP TYPE {_OWNER_TYPE} AS ENUM ({sorted_ids})")
        connection.execute(f"ALTER TABLE v_{ORGANIZATIONS} ALTER {_OWNER} TYPE {_OWNER_TYPE}")


def _first_wrong_cell(
    connection: DuckDBPyConnection, table: Table, format: str, paths: Sequence[Path]
) -> str:
    """The first cell that is not of its column's kind, with its row; empty when every file can be read."""
    import duckdb

    if format in ("parquet", "duckdb"):
        return ""
    misfits, cells = [], []
    for column in table.columns:
        cell, value = cell_text(column, format), value_of_text(column, format)
        null = "false" if column.nullable else "true"
        misfits.append(f"CASE WHEN {cell} IS NULL THEN {null} ELSE {value} IS NULL END")
        cells.append(cell)
    connection.execute("SET preserve_insertion_order = true")
    for path in paths:
        try:
            misfit_row = connection.execute(
                f"SELECT * FROM (SELECT row_number() OVER () AS row, [{', '.join(misfits)}] AS misfits, "
                f"[{', '.join(cells)}] AS cells FROM {text_source(table, format, [path])}) AS checked "
                "WHERE list_contains(misfits, true) LIMIT 1"
            ).fetchone()
        except duckdb.Error as error:
            return f"{path}: {_summary(error)}"
        if misfit_row is not None:
            row, misfit, values = misfit_row
            position = misfit.index(True)
            return (
                f"{path}: {_place(table, format, row)}: {_misfit(table.columns[position], values[position])}"
            )
    return ""


def _place(table: Table, format: str, row: int) -> str:
    """A row by its number, from 1; the first one of a CSV file names the columns."""
    return f"{table.name}, row {row}" if format == "sqlite" else f"row {row + (format == 'csv')}"


def _misfit(column: Column, cell: str | None) -> str:
    text = "null" if cell is None else repr(cell)
    if len(text) > 60:
        text = text[:59] + "…"
    return f"{column.name}: {text} is no {column.kind}"


def _summary(error: Exception) -> str:
    """What DuckDB says in one line, without its advice about settings."""
    described = re.split(r"\n\s*(?:Possible|Try )", str(error).strip())[0]
    return "; ".join(line.strip() for line in described.splitlines() if line.strip())
