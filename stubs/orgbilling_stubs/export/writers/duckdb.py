"""One DuckDB file: Parquet parts, written by all cores, loaded into tables."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from orgbilling_stubs.export import pool
from orgbilling_stubs.export.columnar import blocks
from orgbilling_stubs.export.errors import ExportError, need
from orgbilling_stubs.export.request import Advance, Request
from orgbilling_stubs.export.schema import BY_NAME, LONG
from orgbilling_stubs.export.writers import sql
from orgbilling_stubs.export.writers.files import PARTIAL, Entry, database
from orgbilling_stubs.export.writers.sinks import path as part_path

FILE = "orgbilling.duckdb"


def write(request: Request, advance: Advance) -> list[Entry]:
    """Write the database; raises ExportError `file-error` for what DuckDB refuses."""
    duckdb = need("duckdb", "duckdb")
    scratch = request.out / f"parts{PARTIAL}"
    final, partial = request.out / FILE, request.out / (FILE + PARTIAL)
    try:
        partial.unlink(missing_ok=True)
        parts = replace(request, kind="parquet", out=scratch)
        pool.run(parts, blocks.part, advance)
        rows = _load(duckdb, partial, parts)
        entries = database(partial, FILE, rows)
        partial.replace(final)
    except duckdb.Error as error:
        raise ExportError("file-error", f"{final}: {str(error).splitlines()[0]}") from error
    finally:
        for suffix in ("", ".wal"):
            partial.with_name(partial.name + suffix).unlink(missing_ok=True)
        shutil.rmtree(partial.with_name(partial.name + ".tmp"), ignore_errors=True)
        shutil.rmtree(scratch, ignore_errors=True)
    return entries


def _load(duckdb: Any, path: Path, parts: Request) -> dict[str, int]:
    """Create the tables and load them; keys of the long tables would cost more memory than they have rows."""
    rows = {}
    with duckdb.connect(str(path), config={"threads": 1, "memory_limit": "300MB"}) as connection:
        for name in parts.tables:
            connection.execute(
                sql.create(BY_NAME[name], "duckdb", keys=name not in LONG, within=parts.tables)
            )
            file = part_path(name, "parquet", None if parts.parts is None else 0)
            pattern = str(parts.out / file.replace("part-00000", "part-*"))
            # Parquet's instants have a zone, which is UTC; as the table's they have none.
            columns = ", ".join(
                f"epoch_ms(epoch_ms({each.name}))" if each.kind == "instant" else sql.quoted(each.name)
                for each in BY_NAME[name].columns
            )
            connection.execute(
                f"INSERT INTO {name} SELECT {columns} FROM read_parquet(?)",  # noqa: S608 -- names of ours
                [pattern],
            )
            rows[name] = connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608
    return rows
