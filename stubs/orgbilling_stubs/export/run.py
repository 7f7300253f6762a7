"""An export from the request to the manifest."""

from __future__ import annotations

from pathlib import Path

from orgbilling_stubs.export import manifest, workers
from orgbilling_stubs.export.errors import ExportError, ExportStopped, from_os, require
from orgbilling_stubs.export.manifest import Manifest
from orgbilling_stubs.export.request import ONE_FILE_FORMATS, ExportRequest, Progress
from orgbilling_stubs.export.writers import parts
from orgbilling_stubs.export.writers.files import ManifestEntry


def export(request: ExportRequest, advance: Progress, *, force: bool = False) -> Manifest:
    """Write an export (or a shard of it) and its manifest, which is returned.

    Raises ExportError; KeyboardInterrupt when the user stops it. In either case nothing that is not whole
    has a final name, and there is no manifest.
    """
    _prepare(request, force)
    try:
        entries = _write(request, advance)
        contents = manifest.make(request.manifest_fields, entries)
        manifest.save(request.folder, contents, request.shard)
    except OSError as error:
        raise from_os(error, request.folder) from error
    except OverflowError as error:
        raise ExportError("number_too_large", f"a number does not fit in 64 bits: {error}") from error
    except ExportStopped:
        raise KeyboardInterrupt from None
    return contents


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


def _prepare(request: ExportRequest, force: bool) -> None:
    """Refuse what cannot be done before anything is written, and make an empty folder."""
    if request.shard is not None and request.format in ONE_FILE_FORMATS:
        raise ExportError("one_file", f"{request.format} is one file: it has no shards; csv and parquet have")
    if request.format in ("parquet", "duckdb"):
        for module in ("numpy", "pyarrow", *(["duckdb"] if request.format == "duckdb" else [])):
            require(module, request.format)
    try:
        request.folder.mkdir(parents=True, exist_ok=True)
        if (request.folder / manifest.NAME).exists():
            if not force:
                problem = f"{request.folder} holds an export; choose another folder, or --force"
                raise ExportError("not_empty", problem)
            _remove(request.folder)
    except OSError as error:
        raise from_os(error, request.folder) from error


def _remove(folder: Path) -> None:
    """Remove the files of an earlier export, as its manifest lists them, and nothing outside the folder."""
    paths = [(folder / entry["path"]).resolve() for entry in manifest.read(folder)["files"]]
    for path in paths:
        if path.is_relative_to(folder.resolve()):
            path.unlink(missing_ok=True)
    for parent in {path.parent for path in paths} - {folder.resolve()}:
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()
    (folder / manifest.NAME).unlink()
