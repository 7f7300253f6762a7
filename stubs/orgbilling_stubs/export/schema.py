"""The tables of an export: columns with their kinds, keys and foreign keys, as `schema.yaml` states them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from importlib.resources import files
from typing import Any, NamedTuple

import yaml

KINDS = {
    "text": "text",
    "uuid": "UUID in text form",
    "int": "64-bit integer",
    "money": "USD with six decimals, exact: an integer of micro-USD inside",
    "price": "USD with nine decimals, exact: an integer of nano-USD inside",
    "instant": "UTC, with milliseconds",
    "date": "UTC calendar day",
    "bool": "true or false",
}


class Column(NamedTuple):
    """A column: its kind (one of KINDS), whether it may be null, and what it means.

    values: all values that it can have, each with its meaning; empty if they cannot be listed.
    """

    name: str
    kind: str
    nullable: bool
    meaning: str
    values: tuple[tuple[str, str], ...] = ()


class Table(NamedTuple):
    """A table.

    key: its primary key, which names the organization, because forks have their parents' ids; references: the
    tables that its foreign keys lead to. A foreign key has the names of the other table's primary key.
    """

    name: str
    meaning: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    references: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The column names."""
        return tuple(column.name for column in self.columns)

    @property
    def description(self) -> str:
        """What the table means, and its key, in one line."""
        return f"{self.meaning}. Key: {', '.join(self.key)}"

    def referenced(self, tables: Collection[str]) -> list[Table]:
        """Those of some tables that the foreign keys lead to."""
        return [BY_NAME[name] for name in self.references if name in tables]


def _load() -> tuple[Table, ...]:
    text = files("orgbilling_stubs.export").joinpath("schema.yaml").read_text("utf-8")
    document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    tables = []
    for name, table in document.items():
        columns = tuple(
            Column(
                column,
                fields["kind"],
                fields.get("nullable", False),
                fields["meaning"],
                (*fields.get("values", {}).items(),),
            )
            for column, fields in table["columns"].items()
        )
        tables.append(Table(name, table["meaning"], columns, (*table["key"],), (*table["references"],)))
    return tuple(tables)


TABLES = _load()

LONG = ("events", "services", "usage_by_day", "ledger")
"""Tables with many rows: their texts are kept as dictionaries where a format has them, and not indexed."""

NAMES = tuple(table.name for table in TABLES)
BY_NAME = {table.name: table for table in TABLES}


def date_column(table: Table) -> Column:
    """The column that says to which date a row belongs: its first date, or else its first instant."""
    kinds = {column.kind: column for column in reversed(table.columns)}
    return kinds["date"] if "date" in kinds else kinds["instant"]


def _column(column: Column) -> dict[str, object]:
    """A column as JSON; its values only if they can be listed."""
    fields: dict[str, object] = column._asdict()
    del fields["values"]
    return {**fields, "values": dict(column.values)} if column.values else fields


def document(
    tables: Collection[str] = NAMES, written: Callable[[str], Table] = BY_NAME.__getitem__
) -> dict[str, Any]:
    """The schema of some tables as the JSON object of `schema.json`; keys lead to these tables only.

    written: the table of a name as it is written.
    """
    return {
        "kinds": KINDS,
        "tables": [
            {
                "name": table.name,
                "meaning": table.meaning,
                "columns": [_column(column) for column in table.columns],
                "primaryKey": list(table.key),
                "foreignKeys": [
                    {"columns": list(other.key), "table": other.name, "references": list(other.key)}
                    for other in table.referenced(tables)
                ],
            }
            for table in map(written, NAMES)
            if table.name in tables
        ],
    }
