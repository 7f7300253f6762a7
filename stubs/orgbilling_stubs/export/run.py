"""An export from the request to the manifest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from orgbilling_stubs.export import companions, manifest, workers
from orgbilling_stubs.export.errors import ExportError, ExportStopped, from_os, require
from orgbilling_stubs.export.manifest import Manifest
from orgbilling_stubs.export.object_storage import ObjectStorage, UploadedPart
from orgbilling_stubs.export.request import AMOUNTS, CHANGE_FORMATS, ONE_FILE_FORMATS, ExportRequest, Progress
from orgbilling_stubs.export.staging import staged
from orgbilling_stubs.export.writers import parts
from orgbilling_stubs.export.writers.defects import LIST
from orgbilling_stubs.export.writers.files import ManifestEntry


def export(request: ExportRequest, advance: Progress, *, force: bool = False) -> Manifest:
    """Write an export (or a shard of it) and its manifest, which is returned.

    force: replace the export, or the files, that are in the folder. Raises ExportError; KeyboardInterrupt
    when the user stops it. In either case the folder is as it was before.
    """
    _require_libraries(request)
    try:
        if request.storage is not None:
            return _store(request, request.storage, advance, force=force)
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


def _store(request: ExportRequest, storage: ObjectStorage, advance: Progress, *, force: bool) -> Manifest:
    """Write an export into object storage, each part as soon as it is whole, and the manifest last.

    Until there is a manifest, what is there is no whole export. With `force` the manifests of an earlier one
    go first, and its files last.
    """
    existing = storage.names()
    earlier = [
        name for name in existing if manifest.is_manifest(name) and not _is_sibling(name, request.shard)
    ]
    common = () if request.shard is None else companions.NAMES
    in_the_way = [*earlier, *sorted({*planned_paths(request)} & {*existing} - {*common})]
    if in_the_way and not force:
        problem = f"{storage}/{in_the_way[0]} exists; choose another folder, or --force"
        raise ExportError("not_empty", problem)
    with TemporaryDirectory(prefix="orgbilling-") as scratch:
        folder = Path(scratch)
        outdated = {entry["path"] for name in earlier for entry in storage.manifest(name, folder)["files"]}
        for name in earlier:
            storage.delete(name)
        entries = _write(replace(request, folder=folder), advance)
        contents = manifest.make(request.manifest_fields, entries)
        for path in dict.fromkeys(entry.path for entry in entries):
            if (folder / path).exists():
                storage.upload(folder / path, path)
        for path in sorted((outdated - {entry.path for entry in entries}) & {*existing}):
            storage.delete(path)
        manifest.save(folder, contents, request.shard)
        storage.upload(folder / manifest.file_name(request.shard), manifest.file_name(request.shard))
    return contents


def _is_sibling(name: str, shard: tuple[int, int] | None) -> bool:
    """Whether a manifest is that of another shard of the same division."""
    return shard is not None and name.endswith(f"-of-{shard[1]}.json") and name != manifest.file_name(shard)


def planned_paths(request: ExportRequest) -> list[str]:
    """The files that an export (or a shard of it) writes besides its manifest, as paths in its folder."""
    if request.format == "json":
        return [
            parts.responses_path(organization)
            for part in request.parts()
            for organization in part.organizations
        ]
    if request.format in ONE_FILE_FORMATS:
        return [f"orgbilling.{request.format}", *companions.file_names(request)]
    tables = [
        parts.table_path(name, request.format, part.number)
        for part in request.parts()
        for name in request.tables
        if not request.is_partitioned(name)
    ]
    if request.dirty is not None:
        tables += [parts.table_path(LIST, "jsonl", part.number) for part in request.parts()]
    return [*tables, *companions.file_names(request)]


def _write(request: ExportRequest, advance: Progress) -> list[ManifestEntry]:
    if request.format == "json":
        return workers.run_parts(request, _to_storage(request, parts.write_responses), advance)
    beside = companions.write(request)
    if request.format == "sqlite":
        from orgbilling_stubs.export.writers import sqlite

        return beside + sqlite.write(request, advance)
    if request.format == "duckdb":
        from orgbilling_stubs.export.writers import duckdb

        return beside + duckdb.write(request, advance)
    return beside + workers.run_parts(request, _to_storage(request, parts.write_tables), advance)


def _to_storage(request: ExportRequest, write_part: workers.WritePart) -> workers.WritePart:
    return write_part if request.storage is None else UploadedPart(write_part, request.storage)


def _require_libraries(request: ExportRequest) -> None:
    """Refuse what cannot be done before anything is written."""
    if request.shard is not None and request.format in ONE_FILE_FORMATS:
        raise ExportError("one_file", f"{request.format} is one file: it has no shards; csv and parquet have")
    if problem := _conflict(request):
        raise ExportError("conflicting_options", problem)
    if request.selection.population is not None:
        if request.format == "json":
            problem = "json is what the API answers for personas; a population has tables: csv, parquet, …"
            raise ExportError("no_responses", problem)
        require("numpy", "a population")
    if request.format in ("parquet", "duckdb"):
        for module in ("numpy", "pyarrow", *(["duckdb"] if request.format == "duckdb" else [])):
            require(module, request.format)


def _conflict(request: ExportRequest) -> str:
    """Why an option does not fit the format; empty if all do."""
    format = request.format
    if request.changes is not None and format not in CHANGE_FORMATS:
        return f"--since writes {', '.join(CHANGE_FORMATS)}, or to a database; {format} is whole"
    if request.dirty is not None and (format not in ("csv", "jsonl") or request.changes is not None):
        return "--dirty is for whole exports in csv or jsonl: other formats refuse cells of a wrong type"
    if request.partition_by is not None and format != "parquet":
        return f"--partition-by divides Parquet files; {format} has none"
    if request.bom and format != "csv":
        return f"--bom is for csv, whose readers cannot tell its encoding; {format} has one"
    if request.money != AMOUNTS[0] and format != "jsonl":
        return f"--money is for jsonl; {format} has one way to write amounts"
    return ""
