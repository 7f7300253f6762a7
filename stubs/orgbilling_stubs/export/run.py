"""An export from the request to the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orgbilling_stubs.export import manifest, pool
from orgbilling_stubs.export.columnar import blocks
from orgbilling_stubs.export.errors import ExportError, Stopped, from_os, need
from orgbilling_stubs.export.request import FILE_FORMATS, Advance, Request
from orgbilling_stubs.export.writers.files import Entry


def export(request: Request, advance: Advance, *, force: bool = False) -> Mapping[str, Any]:
    """Write an export (or a shard of it) and its manifest, which is answered.

    Raises ExportError; KeyboardInterrupt when the user stops it. In either case nothing that is not whole
    has a final name, and there is no manifest.
    """
    _check(request, force)
    try:
        entries = _write(request, advance)
        made = manifest.make(request.about, entries)
        manifest.save(request.out, made, request.shard)
    except OSError as error:
        raise from_os(error, request.out) from error
    except OverflowError as error:
        raise ExportError("number-too-large", f"a number does not fit in 64 bits: {error}") from error
    except Stopped:
        raise KeyboardInterrupt from None
    return made


def _write(request: Request, advance: Advance) -> list[Entry]:
    if request.kind == "json":
        return pool.run(request, blocks.bodies, advance)
    companions = manifest.companions(request.out, request.kind, request.tables, request.parts, request.shard)
    if request.kind == "sqlite":
        from orgbilling_stubs.export.writers import sqlite

        return companions + sqlite.write(request, advance)
    if request.kind == "duckdb":
        from orgbilling_stubs.export.writers import duckdb

        return companions + duckdb.write(request, advance)
    return companions + pool.run(request, blocks.part, advance)


def _check(request: Request, force: bool) -> None:
    """Refuse what cannot be done before anything is written."""
    if request.shard is not None and request.kind in FILE_FORMATS:
        raise ExportError("one-file", f"{request.kind} is one file: it has no shards; csv and parquet have")
    if request.kind in ("parquet", "duckdb"):
        for module in ("numpy", "pyarrow", *(["duckdb"] if request.kind == "duckdb" else [])):
            need(module, request.kind)
    try:
        request.out.mkdir(parents=True, exist_ok=True)
        old = request.out / manifest.NAME
        if old.exists():
            if not force:
                raise ExportError(
                    "not-empty", f"{request.out} holds an export; choose another folder, or --force"
                )
            _remove(request.out)
    except OSError as error:
        raise from_os(error, request.out) from error


def _remove(folder: Path) -> None:
    """Remove the files of an earlier export, as its manifest lists them."""
    listed = [(folder / each["path"]).resolve() for each in manifest.read(folder)["files"]]
    for path in listed:
        if path.is_relative_to(folder.resolve()):
            path.unlink(missing_ok=True)
    for parent in {path.parent for path in listed} - {folder.resolve()}:
        if parent.is_dir() and not any(parent.iterdir()):
            parent.rmdir()
    (folder / manifest.NAME).unlink()
