"""What stands beside the tables of an export: the schema, and what loads, types and describes them elsewhere.

All of it follows from the schema and the request, so every shard writes the same.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

import yaml

from orgbilling_stubs.export.request import ExportRequest
from orgbilling_stubs.export.schema import BY_NAME, Column, Table, document
from orgbilling_stubs.export.writers import postgres, sql
from orgbilling_stubs.export.writers.files import ManifestEntry, write_file
from orgbilling_stubs.export.writers.parts import table_path

NAMES = ("schema.json", "sources.yml", "views.sql", "load.sql")
"""All files that an export can have beside its tables; which of them, depends on the format."""

_SOURCE = "orgbilling"
"""What dbt calls the tables together."""

_VIEWED = ("csv", "jsonl", "parquet")


def file_names(request: ExportRequest) -> list[str]:
    """The files beside the tables of a request."""
    return [name for name in NAMES if name in _contents(request)]


def write(request: ExportRequest) -> list[ManifestEntry]:
    """Write the files beside the tables."""
    return [write_file(request.folder, name, text.encode()) for name, text in _contents(request).items()]


def _contents(request: ExportRequest) -> dict[str, str]:
    """The text of each file."""
    tables = [request.table(name) for name in request.tables]
    schema = document(request.tables, request.table)
    contents = {
        "schema.json": json.dumps(schema, indent=1, ensure_ascii=False) + "\n",
        "sources.yml": dbt_sources(tables),
    }
    # No type holds the cells of a dirty export.
    if request.format in _VIEWED and request.dirty is None:
        contents["views.sql"] = duckdb_views(request, tables)
    if request.format == "postgres":
        contents["load.sql"] = _load_script(request.tables, request.part_count)
    return contents


def _load_script(tables: Sequence[str], part_count: int | None) -> str:
    """What psql runs in the folder of an export.

    It says in which encoding the files are, whatever the client's is, and stops at the first error, which is
    one line.
    """
    usage = "Run in this folder: psql --single-transaction --file load.sql DATABASE"
    settings = "\\set ON_ERROR_STOP on\n\\set SHOW_CONTEXT never\n\\encoding UTF8\n"
    created = [
        sql.create(BY_NAME[name], "postgresql", within=tables) + sql.comments(BY_NAME[name])
        for name in tables
    ]
    copied = [
        f"\\copy {name} from '{table_path(name, 'postgres', part)}'\n"
        for part in ([None] if part_count is None else range(part_count))
        for name in tables
    ]
    return (
        "\n".join([f"-- {usage}\n", settings + postgres.REFUSE_SQL_ASCII, *created]) + "\n" + "".join(copied)
    )


def duckdb_views(request: ExportRequest, tables: Sequence[Table]) -> str:
    """A view of DuckDB for each table, with the exact type of each column, and what it means as comments."""
    usage = (
        "-- Views with the exact types of the files. In this folder: duckdb orgbilling.duckdb -f views.sql\n"
        "-- Paths are relative to the folder in which DuckDB runs.\n"
    )
    views = [
        f"CREATE OR REPLACE VIEW {table.name} AS FROM {_duckdb_source(request, table)};\n"
        + sql.comments(table, "VIEW")
        for table in tables
    ]
    return "\n".join([usage, *views])


def _duckdb_source(request: ExportRequest, table: Table) -> str:
    """The function of DuckDB that reads the files of a table."""
    path = table_path(table.name, request.format, None if request.part_count is None else 0)
    if request.is_partitioned(table.name):
        path = f"{table.name}/*/part-*.parquet"
    path = path.replace("part-00000", "part-*")
    place = sql.literal(path)
    if request.format == "parquet":
        return f"read_parquet({place}, hive_partitioning = false)"
    types = sql.TYPES["duckdb"]
    columns = ",\n    ".join(f"{column.name}: '{types[column.kind]}'" for column in table.columns)
    if request.format == "jsonl":
        return f"read_json({place}, format = 'newline_delimited', columns = {{\n    {columns}\n}})"
    return f"read_csv({place}, auto_detect = false, {sql.DUCKDB_CSV}, columns = {{\n    {columns}\n}})"


def dbt_sources(tables: Sequence[Table]) -> str:
    """The tables as sources of dbt: descriptions, and data tests of keys, references and listed values.

    The tests are those that every dbt has. A key of several columns is tested as one text.
    """
    names = {table.name for table in tables}
    source = {
        "name": _SOURCE,
        "description": "Demo data of the Org Billing API, made by orgbilling export",
        "schema": "{{ var('orgbilling_schema', target.schema) }}",
        "tables": [
            {
                "name": table.name,
                "description": table.meaning,
                "data_tests": _dbt_table_tests(table, names),
                "columns": [_dbt_column(column) for column in table.columns],
            }
            for table in tables
        ],
    }
    usage = (
        "# Sources for dbt 1.10.8 and later: copy the file into a folder of models. The tables are those of\n"
        "# the target's schema, or of the schema that the variable orgbilling_schema names.\n"
    )
    return usage + yaml.safe_dump(
        {"version": 2, "sources": [source]}, sort_keys=False, allow_unicode=True, width=110
    )


def _dbt_table_tests(table: Table, within: Collection[str]) -> list[Mapping[str, object]]:
    tests: list[Mapping[str, object]] = [{"unique": {"arguments": {"column_name": _one_text(table.key)}}}]
    for other in table.referenced(within):
        arguments = {
            "column_name": _one_text(other.key),
            "to": f"source('{_SOURCE}', '{other.name}')",
            "field": _one_text(other.key),
        }
        tests.append({"relationships": {"arguments": arguments}})
    return tests


def _one_text(columns: Sequence[str]) -> str:
    """Columns as an expression of SQL; null if one of them is null."""
    return " || ' ' || ".join(columns)


def _dbt_column(column: Column) -> Mapping[str, object]:
    fields: dict[str, object] = {"name": column.name, "description": column.meaning}
    tests: list[object] = [] if column.nullable else ["not_null"]
    if column.values:
        values = [value for value, _ in column.values]
        tests.append({"accepted_values": {"arguments": {"values": values}}})
    return {**fields, "data_tests": tests} if tests else fields
