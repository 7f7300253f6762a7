"""How much of an export is verified: all of it, the files of one shard, or what the shards have in common.

Nearly every invariant is about one organization, and a part has whole organizations. So n machines can
verify a shard each, and what is left are totals: no part is missing, rows add up, no organization stands
twice, and what organizations have in common is the same in all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.manifest import Manifest
from orgbilling_stubs.export.request import ONE_FILE_FORMATS
from orgbilling_stubs.export.schema import LONG, NAMES
from orgbilling_stubs.export.writers.files import PART_PATH

FileEntry = Mapping[str, str | int | None]
"""A file as the manifest lists it: path, table, rows, bytes, sha256."""

ORGANIZATIONS = "organizations"
COMPARED = tuple(name for name in NAMES if name not in LONG)
"""The tables by which organizations are compared; the long ones are left to the shards."""


@dataclass(frozen=True)
class Scope:
    """What is verified: the i-th of n shards, the totals, or, without either, everything."""

    shard: tuple[int, int] | None = None
    totals: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether everything is verified."""
        return self.shard is None and not self.totals

    def paths(self, contents: Manifest) -> list[str]:
        """The files that are read."""
        return [*dict.fromkeys(entry["path"] for entry in self.narrowed(contents)["files"])]

    def narrowed(self, contents: Manifest) -> Manifest:
        """The manifest with the files that are read, and their rows.

        Raises ExportError `one_file` for a shard of a format without parts.
        """
        if self.is_whole:
            return contents
        if contents["format"] in ONE_FILE_FORMATS:
            raise ExportError("one_file", f"{contents['format']} is one file: it has no shards to verify")
        if self.shard is None:
            entries = [entry for entry in contents["files"] if entry["table"] in COMPARED]
        else:
            entries = _of_shard(contents, *self.shard)
        rows: Counter[str] = Counter()
        for entry in entries:
            if entry["table"] is not None:
                rows[entry["table"]] += entry["rows"]
        return {**contents, "files": entries, "rows": dict(rows)}


def _of_shard(contents: Manifest, number: int, count: int) -> list[FileEntry]:
    """Every n-th part, or of JSON every n-th organization; the first shard has what is undivided."""
    if contents["format"] == "json":
        files: list[FileEntry] = contents["files"]
        return files[number - 1 :: count]
    return [entry for entry in contents["files"] if (part_number(entry["path"]) or 0) % count == number - 1]


EVERYTHING = Scope()


def part_number(path: object) -> int | None:
    """The number of the part that a file is of; None for the only one."""
    match = PART_PATH.search(str(path))
    return None if match is None else int(match[1])


def total_problems(contents: Manifest) -> Iterator[str]:
    """What is wrong with the totals of a manifest: rows that do not add up, parts that are missing."""
    rows: Counter[str] = Counter()
    parts: dict[str, set[int]] = {}
    for entry in contents["files"]:
        if entry["table"] is not None:
            rows[entry["table"]] += entry["rows"]
            part = part_number(entry["path"])
            if part is not None:
                parts.setdefault(entry["table"], set()).add(part)
    for table, count in contents["rows"].items():
        if rows[table] != count:
            yield f"{table}: the files have {rows[table]} rows, the manifest says {count}"
    size = contents.get("organizationsPerPart") or 1
    count = -(-contents.get("organizations", 0) // size) if parts else 0
    for table, numbers in parts.items():
        missing = sorted({*range(count)} - numbers)
        if missing:
            yield f"{table}: part {missing[0]} is missing"
