"""One DuckDB file: Parquet parts, written by all cores, loaded into tables."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from orgbilling_stubs.export import workers
from orgbilling_stubs.export.errors import ExportError, require
from orgbilling_stubs.export.request import ExportRequest, Progress
from orgbilling_stubs.export.schema import BY_NAME
from orgbilling_stubs.export.writers import sql
from orgbilling_stubs.export.writers.files import PARTIAL, ManifestEntry, write_database
from orgbilling_stubs.export.writers.parts import table_path, write_tables

FILE = "orgbilling.duckdb"
OLDEST_READER = "v1.0.0"
"""The oldest release of DuckDB that can read the file."""


def write(request: ExportRequest, advance: Progress) -> list[ManifestEntry]:
    """Write the database; raises ExportError `file_error` for what DuckDB refuses."""
    duckdb = require("duckdb", "duckdb")
    parquet = replace(request, format="parquet", folder=request.folder / f"parts{PARTIAL}")
    try:
        workers.run_parts(parquet, write_tables, advance)
        return write_database(request.folder, FILE, lambda partial: _load(duckdb, partial, parquet))
    except duckdb.Error as error:
        raise ExportError("file_error", f"{request.folder / FILE}: {str(error).splitlines()[0]}") from error
    finally:
        shutil.rmtree(parquet.folder, ignore_errors=True)


def _load(duckdb: Any, path: Path, parquet: ExportRequest) -> dict[str, int]:
    """Create the tables and load them from Parquet; returns the rows of each.

    The tables get no keys: the indexes of the long ones would take more memory than the rows, and DuckDB 2.0
    writes indexes that releases before it do not read. The comments of the tables name their keys.
    """
    rows = {}
    # One thread, because several would insert rows in another order every time.
    config = {"threads": 1, "memory_limit": "300MB", "storage_compatibility_version": OLDEST_READER}
    with duckdb.connect(str(path), config=config) as connection:
        connection.execute("SET enable_progress_bar = false")
        for name in parquet.tables:
            table = BY_NAME[name]
            connection.execute(sql.create(table, "duckdb", keys=False))
            first = table_path(name, "parquet", None if parquet.part_count is None else 0)
            pattern = str(parquet.folder / first.replace("part-00000", "part-*"))
            connection.execute(
                f"INSERT INTO {name} SELECT {sql.names(table.names)} FROM read_parquet(?)",  # noqa: S608 -- names of ours
                [pattern],
            )
            connection.execute(sql.comments(table))
            rows[name] = connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608
    return rows
