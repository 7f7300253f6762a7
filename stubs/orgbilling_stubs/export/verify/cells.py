"""What a cell of an export may look like, and how it becomes a value: SQL for DuckDB.

Parquet and DuckDB files have types, so their cells are only converted. CSV, JSON Lines, COPY files and SQLite
(which has neither decimals nor dates) hold text. There, each cell must match the pattern of its column's kind
before it is converted, because SQL casts forgive too much: `CAST('1.5' AS BIGINT)` is 2.
"""

# ruff: noqa: S608 -- all names in the queries are the schema's

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from orgbilling_stubs.export.schema import Column, Table
from orgbilling_stubs.export.writers.sql import DUCKDB_CSV, SQLITE_UNITS, TYPES, literal, quoted

# Products of wide decimals are slow; a binary fraction is exact to the unit below 10 ** 15 units.
_UNITS = (
    "CASE WHEN abs({{0}}) < {limit} THEN CAST(round(CAST({{0}} AS DOUBLE) * {units}) AS BIGINT) "
    "ELSE CAST({{0}} * {units} AS BIGINT) END"
)

_INTEGERS = {
    "money": _UNITS.format(units=1_000_000, limit=10**9),
    "price": _UNITS.format(units=1_000_000_000, limit=10**6),
    "instant": "epoch_ms({0})",
    "date": "date_diff('day', DATE '1970-01-01', {0})",
    "bool": "CAST({0} AS BIGINT)",
}
"""How a typed cell becomes an integer. Kinds that are not listed stay as they are."""

_PATTERNS = {
    "int": r"-?\d+",
    "money": r"-?\d+(\.\d{1,6})?",
    "price": r"-?\d+(\.\d{1,9})?",
    "instant": r"\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z",
    "date": r"\d{4}-\d\d-\d\d",
    "bool": "true|false",
}
"""What the text of a cell must match before it becomes a typed one."""

# Escapes of COPY: a backslash is doubled, so the text between two doubled ones has only \t, \n and \r.
_UNESCAPED = (
    r"array_to_string(list_transform(string_split({0}, '\\'), lambda part: "
    r"replace(replace(replace(part, '\t', chr(9)), '\n', chr(10)), '\r', chr(13))), '\')"
)

# DuckDB would make binary fractions of JSON's numbers. Inside a text, a quote has a backslash before it.
_AMOUNTS_AS_TEXT = r"""regexp_replace(json::VARCHAR, '(\w)":\s*(-?\d+\.\d+)\s*([,}])', '\1":"\2"\3', 'g')"""

_COPY = "delim = '\t', quote = '', escape = '', nullstr = '\\N', header = false"


def integer(column: Column, typed_cell: str) -> str:
    """The integer that a typed cell is loaded as; a cell of another kind as it is."""
    return _INTEGERS.get(column.kind, "{0}").format(typed_cell)


def cell_text(column: Column, format: str) -> str:
    """A cell as text. What no pattern checks may be an empty text, which CSV may write without quotes."""
    name = quoted(column.name)
    if column.kind not in _PATTERNS:
        if format == "csv" and not column.nullable:
            return f"coalesce({name}, '')"
        if format == "postgres":
            return _UNESCAPED.format(name)
    return name


def value_of_text(column: Column, format: str) -> str:
    """The value of a cell that is text; null when it is not of its column's kind."""
    if format == "sqlite" and column.kind in SQLITE_UNITS:
        column = column._replace(kind="int")
    pattern, cell = _PATTERNS.get(column.kind), cell_text(column, format)
    if pattern is None:
        return cell
    # The pattern says that an instant is in UTC, and casts to a type without a zone are faster.
    type = "TIMESTAMP" if column.kind == "instant" else TYPES["duckdb"][column.kind]
    value = integer(column, f"TRY_CAST({cell} AS {type})")
    return f"CASE WHEN regexp_full_match({cell}, {literal(pattern)}) THEN {value} END"


def has_pattern(column: Column) -> bool:
    """Whether text of the column's kind can be wrong."""
    return column.kind in _PATTERNS


def text_source(table: Table, format: str, paths: Sequence[Path]) -> str:
    """Where DuckDB finds the rows of a table with every cell as text."""
    if format == "sqlite":
        return f"raw_{table.name}"
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in table.names)
    if format == "jsonl":
        structure = literal(json.dumps(dict.fromkeys(table.names, "VARCHAR")))
        return (
            f"(SELECT unnest(CASE WHEN starts_with(json::VARCHAR, '{{') THEN from_json({_AMOUNTS_AS_TEXT}, "
            f"{structure}) ELSE error('not a JSON object: ' || left(json::VARCHAR, 40)) END) "
            f"FROM read_json_objects({path_list(paths)}, format = 'newline_delimited'))"
        )
    dialect = DUCKDB_CSV if format == "csv" else _COPY
    return (
        f"read_csv({path_list(paths)}, columns = {{{columns}}}, {dialect}, "
        "auto_detect = false, max_line_size = 10000000)"
    )


def checked_value(column: Column, format: str) -> str:
    """The value of a cell that is text; an error in SQL when it is not of its column's kind."""
    otherwise = "NULL" if column.nullable else "error('null')"
    return (
        f"CASE WHEN {cell_text(column, format)} IS NULL THEN {otherwise} "
        f"ELSE coalesce({value_of_text(column, format)}, error('cell')) END"
    )


def path_list(paths: Sequence[Path]) -> str:
    """Paths as a list in SQL."""
    return "[" + ", ".join(literal(str(path)) for path in paths) + "]"
