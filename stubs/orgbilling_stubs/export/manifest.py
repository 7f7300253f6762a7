"""The manifest: what an export holds and how to make it again; and shards' manifests put together."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from orgbilling_stubs.export.errors import ExportError, from_os
from orgbilling_stubs.export.schema import NAMES, document
from orgbilling_stubs.export.writers import files, sql
from orgbilling_stubs.export.writers.files import Entry

NAME = "manifest.json"
_SHARD = re.compile(r"manifest-(\d+)-of-(\d+)\.json")
_LIBRARIES = {"parquet": ("pyarrow",), "duckdb": ("duckdb",)}


def versions(kind: str) -> dict[str, str]:
    """Versions of what the bytes depend on; they do not depend on Python's."""
    return {name: version(name) for name in ("orgbilling", *_LIBRARIES.get(kind, ()))}


def make(about: Mapping[str, Any], entries: Sequence[Entry]) -> dict[str, Any]:
    """The manifest of some files; `about` tells what the export is of."""
    named = {each.table for each in entries}
    return {
        **about,
        "rows": {
            name: sum(each.rows for each in entries if each.table == name)
            for name in (*NAMES, "bodies")
            if name in named
        },
        "files": [each._asdict() for each in sorted(entries, key=lambda each: (each.path, each.table or ""))],
    }


def save(folder: Path, manifest: Mapping[str, Any], shard: tuple[int, int] | None = None) -> Entry:
    """Write a manifest: last of all, so that a folder that has one is whole."""
    name = NAME if shard is None else f"manifest-{shard[0]}-of-{shard[1]}.json"
    return files.written(folder, name, (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode())


def companions(
    folder: Path, kind: str, tables: Sequence[str], parts: int | None, shard: tuple[int, int] | None = None
) -> list[Entry]:
    """`schema.json`, and for PostgreSQL the script that creates the tables and loads the rows.

    Every shard writes them, and they are the same in all.
    """
    mark = "" if shard is None else f".{shard[0]}-of-{shard[1]}"
    made = json.dumps(document(tables), indent=1, ensure_ascii=False) + "\n"
    entries = [files.written(folder, "schema.json", made.encode(), mark)]
    if kind == "postgres":
        entries.append(files.written(folder, "load.sql", _load(tables, parts).encode(), mark))
    return entries


def _load(tables: Sequence[str], parts: int | None) -> str:
    """What psql runs in the folder of an export."""
    from orgbilling_stubs.export.schema import BY_NAME
    from orgbilling_stubs.export.writers.sinks import path

    chosen = [BY_NAME[name] for name in tables]
    text = [
        "-- Run in this folder: psql --set ON_ERROR_STOP=1 --single-transaction --file load.sql DATABASE\n"
    ]
    text += [sql.create(table, "postgresql", within=tables) for table in chosen]
    for part in [None] if parts is None else range(parts):
        text += [f"\\copy {name} from '{path(name, 'postgres', part)}'\n" for name in tables]
    return "\n".join(text[: len(chosen) + 1]) + "\n" + "".join(text[len(chosen) + 1 :])


def read(folder: Path) -> dict[str, Any]:
    """The manifest of an export. Raises ExportError `no-manifest` when there is none."""
    try:
        found: dict[str, Any] = json.loads((folder / NAME).read_text("utf-8"))
    except FileNotFoundError:
        hint = "; its shards are not merged yet" if shards(folder) else ""
        raise ExportError("no-manifest", f"{folder}: no {NAME}: not a whole export{hint}") from None
    except OSError as error:
        raise from_os(error, folder) from error
    except ValueError as error:
        raise ExportError("bad-manifest", f"{folder / NAME}: {error}") from None
    if not isinstance(found, dict) or not {"format", "files", "rows"} <= found.keys():
        raise ExportError("bad-manifest", f"{folder / NAME}: not the manifest of an export")
    return found


def shards(folder: Path) -> dict[tuple[int, int], Path]:
    """The manifests of shards in a folder, by shard and number of shards."""
    found = {}
    for path in folder.glob("manifest-*-of-*.json"):
        match = _SHARD.fullmatch(path.name)
        if match:
            found[int(match[1]), int(match[2])] = path
    return found


def merge(folder: Path) -> dict[str, Any]:
    """Put the shards' manifests of a folder together; the result is that of an undivided export.

    Raises ExportError `shards-missing`, or `shards-differ` when they are not shards of one export.
    """
    found = shards(folder)
    if not found:
        raise ExportError("shards-missing", f"{folder}: no manifest-1-of-….json in it")
    count = max(of for _, of in found)
    missing = [number for number in range(1, count + 1) if (number, count) not in found]
    if missing:
        listed = ", ".join(f"{number}/{count}" for number in missing)
        raise ExportError("shards-missing", f"{folder}: shard {listed} is not there")
    if len(found) != count:
        raise ExportError("shards-differ", f"{folder}: shards of several exports")
    manifests = [json.loads(path.read_text("utf-8")) for path in found.values()]
    about = [
        {key: value for key, value in each.items() if key not in ("rows", "files")} for each in manifests
    ]
    if any(each != about[0] for each in about):
        raise ExportError("shards-differ", f"{folder}: shards of different exports")
    entries = {Entry(**each) for manifest in manifests for each in manifest["files"]}
    merged = make(about[0], [*entries])
    save(folder, merged)
    for path in found.values():
        path.unlink()
    return merged
