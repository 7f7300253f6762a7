"""An export from the request to the manifest."""

from __future__ import annotations

from dataclasses import replace

from orgbilling_stubs.export import manifest, workers
from orgbilling_stubs.export.errors import ExportError, ExportStopped, from_os, require
from orgbilling_stubs.export.manifest import Manifest
from orgbilling_stubs.export.request import ONE_FILE_FORMATS, ExportRequest, Progress
from orgbilling_stubs.export.staging import staged
from orgbilling_stubs.export.writers import parts
from orgbilling_stubs.export.writers.files import ManifestEntry


def export(request: ExportRequest, advance: Progress, *, force: bool = False) -> Manifest:
    """Write an export (or a shard of it) and its manifest, which is returned.

    force: replace the export, or the files, that are in the folder. Raises ExportError; KeyboardInterrupt
    when the user stops it. In either case the folder is as it was before.
    """
    _require_libraries(request)
    try:
        with staged(request.folder, planned_paths(request), request.shard, force=force) as (partial, move):
            entries = _write(replace(request, folder=partial), advance)
            contents = manifest.make(request.manifest_fields, entries)
            move(contents)
    except OSError as error:
        raise from_os(error, request.folder) from error
    except OverflowError as error:
        raise ExportError("number_too_large", f"a number does not fit in 64 bits: {error}") from error
    except ExportStopped:
        raise KeyboardInterrupt from None
    return contents


def planned_paths(request: ExportRequest) -> list[str]:
    """The files that an export (or a shard of it) writes besides its manifest, as paths in its folder."""
    if request.format == "json":
        return [
            parts.responses_path(organization)
            for part in request.parts()
            for organization in part.organizations
        ]
    if request.format in ONE_FILE_FORMATS:
        return [f"orgbilling.{request.format}", "schema.json"]
    tables = [
        parts.table_path(name, request.format, part.number)
        for part in request.parts()
        for name in request.tables
    ]
    return [*tables, "schema.json", *(["load.sql"] if request.format == "postgres" else [])]


def _write(request: ExportRequest, advance: Progress) -> list[ManifestEntry]:
    if request.format == "json":
        return workers.run_parts(request, parts.write_responses, advance)
    companions = manifest.write_companions(request)
    if request.format == "sqlite":
        from orgbilling_stubs.export.writers import sqlite

        return companions + sqlite.write(request, advance)
    if request.format == "duckdb":
        from orgbilling_stubs.export.writers import duckdb

        return companions + duckdb.write(request, advance)
    return companions + workers.run_parts(request, parts.write_tables, advance)


def _require_libraries(request: ExportRequest) -> None:
    """Refuse what cannot be done before anything is written."""
    if request.shard is not None and request.format in ONE_FILE_FORMATS:
        raise ExportError("one_file", f"{request.format} is one file: it has no shards; csv and parquet have")
    if request.format in ("parquet", "duckdb"):
        for module in ("numpy", "pyarrow", *(["duckdb"] if request.format == "duckdb" else [])):
            require(module, request.format)
