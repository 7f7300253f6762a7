"""The manifest: what an export holds and how to make it again; and the merging of shards' manifests."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from orgbilling_stubs.export.errors import EXTRA, ExportError, from_os
from orgbilling_stubs.export.schema import NAMES
from orgbilling_stubs.export.writers.files import ManifestEntry, write_file

Manifest = dict[str, Any]
"""A manifest as JSON: `rows` of each table, `files`, and the fields of the request."""

NAME = "manifest.json"

_SHARD_NAME = re.compile(r"manifest-(\d+)-of-(\d+)\.json")
_LIBRARIES = {"parquet": ("pyarrow",), "duckdb": ("duckdb",)}


def versions(format: str) -> dict[str, str]:
    """The versions that the bytes of a format depend on; they do not depend on Python's.

    Raises ExportError `extra_missing` when the library that writes the format is not installed.
    """
    try:
        return {name: version(name) for name in ("orgbilling", *_LIBRARIES.get(format, ()))}
    except PackageNotFoundError as error:
        problem = f"{format} needs {error.name}, which is not installed: {EXTRA}"
        raise ExportError("extra_missing", problem) from error


def make(fields: Mapping[str, object], entries: Sequence[ManifestEntry]) -> Manifest:
    """The manifest of some files; `fields` is what it says besides."""
    rows: dict[str, int] = {}
    for entry in entries:
        if entry.table is not None:
            rows[entry.table] = rows.get(entry.table, 0) + entry.rows
    ordered = sorted(entries, key=lambda entry: (entry.path, entry.table or ""))
    return {
        **fields,
        "rows": {name: rows[name] for name in (*NAMES, "bodies") if name in rows},
        "files": [entry._asdict() for entry in ordered],
    }


def save(folder: Path, contents: Manifest, shard: tuple[int, int] | None = None) -> ManifestEntry:
    """Write a manifest: last of all, so that a folder that has one is whole."""
    return write_file(folder, file_name(shard), _json(contents))


def file_name(shard: tuple[int, int] | None) -> str:
    """What the manifest of a shard is called, or that of a whole export."""
    return NAME if shard is None else f"manifest-{shard[0]}-of-{shard[1]}.json"


def is_manifest(name: str) -> bool:
    """Whether a file is called like a manifest, of a whole export or of a shard."""
    return name == NAME or _SHARD_NAME.fullmatch(name) is not None


def _json(value: Mapping[str, object]) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def read(folder: Path, name: str = NAME) -> Manifest:
    """The manifest of an export, or of a shard. Raises ExportError `no_manifest` when there is none."""
    path = folder / name
    try:
        contents: Manifest = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        hint = "; its shards are not merged yet" if shards(folder) else ""
        raise ExportError("no_manifest", f"{folder}: no {name}: not a whole export{hint}") from None
    except OSError as error:
        raise from_os(error, folder) from error
    except ValueError as error:
        raise ExportError("bad_manifest", f"{path}: not the manifest of an export: {error}") from None
    if not isinstance(contents, dict) or not {"format", "files", "rows"} <= contents.keys():
        raise ExportError("bad_manifest", f"{path}: not the manifest of an export")
    return contents


def shards(folder: Path) -> dict[tuple[int, int], Path]:
    """The manifests of shards in a folder, by shard and number of shards."""
    names = ((_SHARD_NAME.fullmatch(path.name), path) for path in folder.glob("manifest-*-of-*.json"))
    return {(int(match[1]), int(match[2])): path for match, path in names if match}


def merge(folder: Path) -> Manifest:
    """Put the shards' manifests of a folder together; the result is that of an undivided export.

    Raises ExportError `shards_missing`, or `shards_differ` when they are not shards of one export.
    """
    paths = shards(folder)
    if not paths:
        raise ExportError("shards_missing", f"{folder}: no manifest-1-of-….json in it")
    count = max(shard_count for _, shard_count in paths)
    missing = [f"{number}/{count}" for number in range(1, count + 1) if (number, count) not in paths]
    if missing:
        raise ExportError("shards_missing", f"{folder}: shard {', '.join(missing)} is not there")
    if len(paths) != count:
        raise ExportError("shards_differ", f"{folder}: shards of several exports")
    manifests = [json.loads(path.read_text("utf-8")) for path in paths.values()]
    fields = [
        {key: value for key, value in contents.items() if key not in ("rows", "files")}
        for contents in manifests
    ]
    if any(other != fields[0] for other in fields):
        raise ExportError("shards_differ", f"{folder}: shards of different exports")
    entries = {ManifestEntry(**entry) for contents in manifests for entry in contents["files"]}
    merged = make(fields[0], [*entries])
    save(folder, merged)
    for path in paths.values():
        path.unlink()
    return merged
