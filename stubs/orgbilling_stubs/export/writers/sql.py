"""The tables as SQL, for SQLite, DuckDB and PostgreSQL."""

from __future__ import annotations

from collections.abc import Collection

from orgbilling_stubs.export.schema import NAMES, Table

TYPES = {
    "sqlite": {
        "text": "TEXT",
        "uuid": "TEXT",
        "int": "INTEGER",
        # SQLite has no decimals; as text they stay exact.
        "money": "TEXT",
        "price": "TEXT",
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
        "instant": "TIMESTAMP",
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


def create(table: Table, database: str, *, keys: bool = True, within: Collection[str] = NAMES) -> str:
    """CREATE TABLE, with its keys unless they are not wanted; foreign keys lead to `within` only."""
    types = TYPES[database]
    parts = [
        f"{quoted(column.name)} {types[column.kind]}{'' if column.nullable else ' NOT NULL'}"
        for column in table.columns
    ]
    if keys:
        parts.append(f"PRIMARY KEY ({names(table.key)})")
        parts += [
            f"FOREIGN KEY ({names(other.key)}) REFERENCES {other.name} ({names(other.key)})"
            for other in table.referenced(within)
        ]
    if keys and table.name == "ledger":
        parts.append(f"UNIQUE ({names(('organization_id', 'entry_id'))})")
    body = ",\n    ".join(parts)
    return f"CREATE TABLE {table.name} (\n    {body}\n);\n"


def quoted(name: str) -> str:
    """A column name in quotes: `count` and `number` are words of SQL in some databases."""
    return f'"{name}"'


def names(columns: tuple[str, ...]) -> str:
    """Column names as a list."""
    return ", ".join(map(quoted, columns))
