"""The tables as SQL, for SQLite, DuckDB and PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from orgbilling_stubs.export.schema import NAMES, Column, Table

TYPES = {
    "sqlite": {
        "text": "TEXT",
        "uuid": "TEXT",
        "int": "INTEGER",
        # SQLite has no decimals: see `sqlite_name`.
        "money": "INTEGER",
        "price": "INTEGER",
        "instant": "TEXT",
        "date": "TEXT",
        "bool": "INTEGER",
    },
    "duckdb": {
        "text": "VARCHAR",
        "uuid": "VARCHAR",
        "int": "BIGINT",
        "money": "DECIMAL(20, 6)",
        "price": "DECIMAL(20, 9)",
        "instant": "TIMESTAMPTZ",
        "date": "DATE",
        "bool": "BOOLEAN",
    },
    "postgresql": {
        "text": "text",
        "uuid": "uuid",
        "int": "bigint",
        "money": "numeric(20, 6)",
        "price": "numeric(20, 9)",
        "instant": "timestamptz(3)",
        "date": "date",
        "bool": "boolean",
    },
}


DUCKDB_CSV = (
    "delim = ',', quote = '\"', escape = '\"', nullstr = '', allow_quoted_nulls = false, header = true"
)
"""How DuckDB reads our CSV files: what stands in quotes is never null."""

SQLITE_UNITS = {"money": ("micros", 1_000_000), "price": ("nanos", 1_000_000_000)}
"""The units of SQLite's integers for kinds that are no integers elsewhere, and how many of them make one."""


def create(
    table: Table,
    database: str,
    *,
    keys: bool = True,
    within: Collection[str] = NAMES,
    if_missing: bool = False,
) -> str:
    """CREATE TABLE, with its keys unless they are not wanted; foreign keys lead to `within` only."""
    types = TYPES[database]
    parts = []
    for column in table.columns:
        name = sqlite_name(column) if database == "sqlite" else column.name
        parts.append(f"{quoted(name)} {types[column.kind]}{'' if column.nullable else ' NOT NULL'}")
        if name != column.name:
            _, scale = SQLITE_UNITS[column.kind]
            parts.append(
                f"{quoted(column.name)} REAL GENERATED ALWAYS AS ({quoted(name)} / {scale}.0) VIRTUAL"
            )
    if keys:
        parts.append(f"PRIMARY KEY ({names(table.key)})")
        parts += [
            f"FOREIGN KEY ({names(other.key)}) REFERENCES {other.name} ({names(other.key)})"
            for other in table.referenced(within)
        ]
    if keys and table.name == "ledger":
        parts.append(f"UNIQUE ({names(('organization_id', 'entry_id'))})")
    body = ",\n    ".join(parts)
    missing = "IF NOT EXISTS " if if_missing else ""
    return f"CREATE TABLE {missing}{table.name} (\n    {body}\n);\n"


def sqlite_name(column: Column) -> str:
    """What the stored column of SQLite is called.

    SQLite has no decimals. An amount is stored as an integer of its smallest unit (`amount_usd_micros`), so
    it is exact; beside it, the amount in USD (`amount_usd`) is computed when it is read. That is the binary
    fraction that is nearest to the amount, so that it compares with a number as the amount does.
    """
    units = SQLITE_UNITS.get(column.kind)
    return column.name if units is None else f"{column.name}_{units[0]}"


def comments(table: Table, kind: Literal["TABLE", "VIEW"] = "TABLE") -> str:
    """COMMENT ON the table (or the view of it) and each of its columns, for PostgreSQL and DuckDB."""
    lines = [f"COMMENT ON {kind} {table.name} IS {literal(table.description)};"]
    lines += [
        f"COMMENT ON COLUMN {table.name}.{quoted(column.name)} IS {literal(column.meaning)};"
        for column in table.columns
    ]
    return "\n".join(lines) + "\n"


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A column name in quotes: `count` and `number` are words of SQL in some databases."""
    return '"' + name.replace('"', '""') + '"'


def names(columns: tuple[str, ...]) -> str:
    """Column names as a list."""
    return ", ".join(map(quoted, columns))
