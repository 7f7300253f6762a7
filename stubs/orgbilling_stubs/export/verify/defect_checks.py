"""The rows with defects in a dirty export: found in the files themselves, and compared with their list."""

# ruff: noqa: S608 -- all names in the queries are the schema's

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from orgbilling_stubs.export.errors import ExportError, require
from orgbilling_stubs.export.manifest import Manifest
from orgbilling_stubs.export.schema import BY_NAME, Table
from orgbilling_stubs.export.verify.cells import cell_text, has_pattern, text_source, value_of_text
from orgbilling_stubs.export.verify.check import Check
from orgbilling_stubs.export.writers.defects import KINDS, LIST
from orgbilling_stubs.export.writers.sql import names, quoted

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_NAMED = 20
"""How many defects of one kind are named for each table; the rest is counted."""

_MEANINGS = {
    "duplicate": "no row stands twice",
    "late": "rows stand with those of their organization",
    "missing_key": "every row has its primary key",
    "wrong_type": "every cell is of its column's kind",
}

_Found = Counter[tuple[str | None, tuple[str | None, ...]]]
"""Defects of one kind in one table: the column that is changed, and the primary key."""


def defect_checks(
    folder: Path, contents: Manifest, files: Mapping[str, Sequence[str]], lists: Sequence[str]
) -> Iterator[Check]:
    """Name each defect that is in the tables, and each difference from the list.

    Raises ExportError `unreadable` for a list that is none.
    """
    duckdb = require("duckdb", "export verify")
    format, listed = contents["format"], _listed(folder, lists)
    with TemporaryDirectory() as scratch, duckdb.connect(str(Path(scratch, "cells.duckdb"))) as connection:
        connection.execute("SET memory_limit = '400MB'")
        connection.execute("SET enable_progress_bar = false")
        for name, paths in files.items():
            table, places = BY_NAME[name], [folder / path for path in paths]
            connection.execute(
                f"CREATE OR REPLACE TABLE cells AS SELECT row_number() OVER () AS place, * "
                f"FROM {text_source(table, format, places)}"
            )
            [(rows,)] = _rows(connection, "SELECT count(*) FROM cells")
            problem = "" if rows == contents["rows"][name] else f"{rows} rows, not {contents['rows'][name]}"
            yield Check(f"{name}-rows", f"{name} has the rows that the manifest counts", problem)
            for kind in KINDS:
                expected = listed.get((name, kind), Counter())
                found = _FINDERS[kind](connection, table, format, expected)
                yield from _compared(table, kind, found, expected)


def is_list(path: str) -> bool:
    """Whether a file of an export lists its defects."""
    return path.partition("/")[0].partition(".")[0] == LIST


def _listed(folder: Path, lists: Sequence[str]) -> dict[tuple[str, str], _Found]:
    found: dict[tuple[str, str], _Found] = {}
    for path in lists:
        for number, line in enumerate((folder / path).read_bytes().splitlines(), 1):
            try:
                defect = json.loads(line)
                table, kind, column = BY_NAME[defect["table"]], defect["kind"], defect["column"]
                key = tuple(defect["key"][name] for name in table.key)
            except (ValueError, KeyError, TypeError) as error:
                raise ExportError("unreadable", f"{folder / path}:{number}: not a defect: {error}") from error
            if kind == "missing_key":
                key = tuple(
                    None if name == column else cell for name, cell in zip(table.key, key, strict=True)
                )
            found.setdefault((table.name, kind), Counter())[column, key] += 1
    return found


def _rows(connection: DuckDBPyConnection, query: str) -> list[tuple[str | None, ...]]:
    return connection.execute(query).fetchall()


def _duplicates(connection: DuckDBPyConnection, table: Table, format: str, expected: _Found) -> _Found:
    key = names(table.key)
    present = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in table.key)
    query = f"SELECT {key} FROM cells WHERE {present} GROUP BY {key} HAVING count(*) > 1"
    return Counter((None, tuple(row)) for row in _rows(connection, query))


def _missing_keys(connection: DuckDBPyConnection, table: Table, format: str, expected: _Found) -> _Found:
    found: _Found = Counter()
    for name in table.key:
        query = f"SELECT {names(table.key)} FROM cells WHERE {quoted(name)} IS NULL"
        found.update((name, tuple(row)) for row in _rows(connection, query))
    return found


def _wrong_types(connection: DuckDBPyConnection, table: Table, format: str, expected: _Found) -> _Found:
    found: _Found = Counter()
    for column in table.columns:
        if has_pattern(column):
            query = (
                f"SELECT {names(table.key)} FROM cells WHERE {cell_text(column, format)} IS NOT NULL "
                f"AND {value_of_text(column, format)} IS NULL"
            )
            found.update((column.name, tuple(row)) for row in _rows(connection, query))
    return found


def _late(connection: DuckDBPyConnection, table: Table, format: str, expected: _Found) -> _Found:
    """Of the rows that are listed, those that stand after all others of their organization."""
    late = {key for _, key in expected}
    query = f"SELECT {names(table.key)}, organization_id, place FROM cells ORDER BY place"
    in_time: dict[str | None, int] = {}
    places: dict[tuple[str | None, ...], tuple[str | None, int]] = {}
    organizations = {key[table.key.index("organization_id")] for key in late}
    cursor = connection.execute(query)
    while rows := cursor.fetchmany(10_000):
        for *cells, organization, place in rows:
            if organization not in organizations:
                continue
            if tuple(cells) in late:
                places[tuple(cells)] = organization, place
            else:
                in_time[organization] = place
    return Counter(
        (None, key) for key, (organization, place) in places.items() if place > in_time.get(organization, 0)
    )


_FINDERS = {
    "duplicate": _duplicates,
    "late": _late,
    "missing_key": _missing_keys,
    "wrong_type": _wrong_types,
}


def _compared(table: Table, kind: str, found: _Found, expected: _Found) -> Iterator[Check]:
    statement = f"{table.name}: {_MEANINGS[kind]}"
    for number, (column, key) in enumerate(sorted(found.elements(), key=str)):
        if number == _NAMED:
            yield Check(f"defect-{kind}", statement, f"… and {found.total() - _NAMED} more")
            break
        yield Check(f"defect-{kind}", statement, _described(table, column, key))
    if not found:
        yield Check(f"defect-{kind}", statement, "")
    for name, statement, difference in (
        ("defect-unlisted", "every defect is in the list", found - expected),
        ("defect-not-found", "every defect of the list is in the tables", expected - found),
    ):
        for column, key in sorted(difference.elements(), key=str)[:_NAMED]:
            yield Check(name, statement, f"{kind}: {_described(table, column, key)}")


def _described(table: Table, column: str | None, key: tuple[str | None, ...]) -> str:
    cells = ", ".join(f"{name} {cell or 'null'}" for name, cell in zip(table.key, key, strict=True))
    return f"{table.name}: {cells}" + ("" if column is None else f": {column}")
