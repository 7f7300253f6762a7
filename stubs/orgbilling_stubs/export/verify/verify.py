"""The proof that an export adds up: files as the manifest lists them, and every law, by SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from orgbilling_openapi import laws as equations

from orgbilling_stubs.export import manifest, texts
from orgbilling_stubs.export.errors import ExportError, from_os
from orgbilling_stubs.export.request import FORMATS
from orgbilling_stubs.export.schema import TABLES
from orgbilling_stubs.export.verify import invariants
from orgbilling_stubs.export.verify.queries import Law
from orgbilling_stubs.export.verify.source import Source, opened
from orgbilling_stubs.export.writers.files import digest

_KINDS = {column.name: column.kind for table in TABLES for column in table.columns}


class Finding(NamedTuple):
    """One thing that was checked; `problem` is empty when it holds."""

    name: str
    what: str
    problem: str


def verify(folder: Path) -> Iterator[Finding]:
    """Check an export, law by law.

    Raises ExportError when there is no manifest, or when files cannot be read at all.
    """
    found = manifest.read(folder)
    missing = []
    try:
        for finding in _files(folder, found):
            missing += [finding] if finding.name == "file-missing" else []
            yield finding
        if missing:
            return
        if found["format"] == "json":
            yield from _bodies(folder, found)
        elif found["format"] in FORMATS:
            yield from _laws(folder, found)
    except OSError as error:
        raise from_os(error, folder) from error


def _files(folder: Path, found: Mapping[str, Any]) -> Iterator[Finding]:
    """Every file is there and has the bytes that the manifest knows."""
    listed = {each["path"]: each for each in found["files"]}
    wrong = 0
    for path, each in listed.items():
        if not (folder / path).is_file():
            yield Finding("file-missing", "every file of the manifest is there", f"{path} is not there")
            wrong += 1
        elif digest(folder / path) != each["sha256"]:
            yield Finding("file-digest", "every file has its SHA-256", f"{path} has changed")
            wrong += 1
    if not wrong:
        yield Finding("files", f"{len(listed)} files are there and have their SHA-256", "")


def _laws(folder: Path, found: Mapping[str, Any]) -> Iterator[Finding]:
    files: dict[str, list[str]] = {}
    for each in found["files"]:
        if each["table"] is not None:
            files.setdefault(each["table"], []).append(each["path"])
    try:
        with opened(folder, found["format"], files) as source:
            yield from _tables(source, found["rows"])
            for law in invariants.applicable([name for name in files if name not in source.flaws]):
                yield Finding(law.name, law.equation, _first(source, law))
    except ExportError as error:
        if error.name != "unreadable":
            raise
        yield Finding("unreadable", "the files can be read", str(error))


def _tables(source: Source, rows: Mapping[str, int]) -> Iterator[Finding]:
    """Every table has its columns, cells that are what they should be, and its rows."""
    for table, expected in rows.items():
        flaw = source.flaws.get(table)
        wrong = flaw.problem if flaw is not None and flaw.what == "columns" else ""
        yield Finding(f"{table}-columns", f"{table} has the columns of schema.json", wrong)
        if flaw is not None:
            if not wrong:
                yield Finding(f"{table}-cells", f"every row of {table} can be read", flaw.problem)
            continue
        _, counted = source.ask(f"SELECT count(*), 0 FROM v_{table}")  # noqa: S608 -- a table of ours
        assert counted is not None
        problem = "" if counted[0] == expected else f"{counted[0]} rows, not {expected}"
        yield Finding(f"{table}-rows", f"{table} has the rows that the manifest counts", problem)


def _first(source: Source, law: Law) -> str:
    """The first row that breaks a law, in words; empty when none does."""
    try:
        columns, row = source.ask(law.broken)
    except ExportError as error:
        return str(error)
    if row is None:
        return ""
    shown = ", ".join(f"{name} {_shown(name, value)}" for name, value in zip(columns, row, strict=True))
    return f"{law.tables[0]}: {shown}"


def _shown(name: str, value: Any) -> str:
    """A value of a law's query as people read it."""
    kind = _KINDS.get(name)
    if value is None or kind is None or kind == "bool" or not isinstance(value, int):
        if name in ("day_ms", "at_ms") and value is not None:
            return texts.instants([value])[0]
        return str(value)
    return str(texts.plain(kind, [value])[0])


def _bodies(folder: Path, found: Mapping[str, Any]) -> Iterator[Finding]:
    """The laws of the API over each organization's answers."""
    broken = 0
    for each in found["files"]:
        if each["table"] != "bodies":
            continue
        try:
            bodies = json.loads((folder / each["path"]).read_bytes())
        except ValueError as error:
            yield Finding("unreadable", "the files can be read", f"{folder / each['path']}: {error}")
            broken += 1
            continue
        for verdict in equations.broken(bodies):
            yield Finding(verdict.law.name, verdict.law.equation, f"{each['path']}: {verdict.detail}")
            broken += 1
    if not broken:
        yield Finding("laws", f"{len(equations.LAWS)} laws hold in every organization's answers", "")
