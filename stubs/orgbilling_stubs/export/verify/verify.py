"""Verification of an export: its files against the manifest, its tables against the schema and the
invariants."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path

from orgbilling_openapi import invariants as api_invariants

from orgbilling_stubs.export import manifest
from orgbilling_stubs.export.changes import feed_table
from orgbilling_stubs.export.errors import ExportError, from_os
from orgbilling_stubs.export.manifest import Manifest
from orgbilling_stubs.export.request import FORMATS
from orgbilling_stubs.export.schema import BY_NAME, NAMES, TABLES
from orgbilling_stubs.export.verify import invariants
from orgbilling_stubs.export.verify.check import Check
from orgbilling_stubs.export.verify.database import Cell, ExportDatabase, opened
from orgbilling_stubs.export.verify.defect_checks import defect_checks, is_list
from orgbilling_stubs.export.verify.invariants import SqlInvariant
from orgbilling_stubs.export.verify.scope import EVERYTHING, Scope, total_problems
from orgbilling_stubs.export.writers.files import sha256_of
from orgbilling_stubs.export.writers.text_formats import plain

_KINDS = {column.name: column.kind for table in TABLES for column in table.columns} | {
    "at_ms": "instant",
    "day_ms": "instant",
    "listed": "price",
}
"""The kind of each column of the tables and of the invariants' queries."""


def verify(folder: Path, scope: Scope = EVERYTHING) -> Iterator[Check]:
    """Check an export or a part of it, one check after the other.

    Raises ExportError when there is no manifest, when files cannot be read at all, or without DuckDB.
    """
    whole = manifest.read(folder)
    contents = scope.narrowed(whole)
    missing = False
    try:
        if scope.is_whole or scope.totals:
            yield from _totals(whole)
        for check in _files(folder, contents, scope):
            missing = missing or check.name == "file-missing"
            yield check
        if missing:
            return
        if contents["format"] == "json":
            yield from _api_responses(folder, contents)
        elif contents["format"] in FORMATS:
            yield from _tables(folder, contents)
    except OSError as error:
        raise from_os(error, folder) from error


def _totals(contents: Manifest) -> Iterator[Check]:
    """Rows add up over the files, and no part is missing."""
    problems = [*total_problems(contents)]
    statement = "the rows of all parts are those of the tables, and no part is missing"
    for problem in problems or [""]:
        yield Check("totals", statement, problem)


def _files(folder: Path, contents: Manifest, scope: Scope) -> Iterator[Check]:
    """Every file is there and has the bytes that the manifest knows."""
    digests = {entry["path"]: entry["sha256"] for entry in contents["files"]}
    problems = 0
    for path, sha256 in digests.items():
        if not (folder / path).is_file():
            yield Check("file-missing", "every file of the manifest is there", f"{path} is not there")
            problems += 1
        elif sha256_of(folder / path) != sha256:
            yield Check("file-digest", "every file has its SHA-256", f"{path} has changed")
            problems += 1
    for path in _unlisted(folder, digests) if scope.is_whole else ():
        suffixes = {Path(entry["path"]).suffix for entry in contents["files"] if entry["table"] is not None}
        if path.partition("/")[0] in NAMES or Path(path).suffix in suffixes:
            statement = "every file of data is in the manifest"
            yield Check("file-unlisted", statement, f"{path} is not of this export")
            problems += 1
        else:
            yield Check("file-other", "the manifest does not list it", path, is_note=True)
    if not problems:
        yield Check("files", f"{len(digests)} files are there and have their SHA-256", "")


def _unlisted(folder: Path, listed: Collection[str]) -> list[str]:
    """The files in a folder that are not listed, without hidden ones."""
    paths = [path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()]
    visible = [path.as_posix() for path in paths if not any(part.startswith(".") for part in path.parts)]
    return sorted({*visible} - {*listed, manifest.NAME})


def _tables(folder: Path, contents: Manifest) -> Iterator[Check]:
    """The tables can be read, and every invariant about those that can be read holds."""
    files: dict[str, list[str]] = {}
    for entry in contents["files"]:
        if entry["table"] is not None:
            files.setdefault(entry["table"], []).append(entry["path"])
    if "dirty" in contents:
        lists = [entry["path"] for entry in contents["files"] if is_list(entry["path"])]
        yield from defect_checks(folder, contents, files, lists)
        yield Check("dirty", "the invariants are about clean exports", "defects on request", is_note=True)
        return
    try:
        written = feed_table if contents.get("feed") else BY_NAME.__getitem__
        with opened(folder, contents["format"], files, written) as database:
            for table, row_count in contents["rows"].items():
                yield from _table(database, table, row_count)
            if "since" in contents:
                statement = "the invariants are about whole exports"
                yield Check("since", statement, f"changes since {contents['since']}", is_note=True)
                return
            readable = [table for table in files if table not in database.problems]
            for invariant in invariants.applicable(readable):
                yield Check(invariant.name, invariant.equation, _first_violation(database, invariant))
    except ExportError as error:
        if error.code != "unreadable":
            raise
        yield Check("unreadable", "the files can be read", str(error))


def _table(database: ExportDatabase, table: str, row_count: int) -> Iterator[Check]:
    """A table has its columns, cells that are of their column's kind, and its rows."""
    part, message = database.problems.get(table, ("", ""))
    columns = f"{table} has the columns of schema.json"
    yield Check(f"{table}-columns", columns, message if part == "columns" else "")
    if part == "cells":
        yield Check(f"{table}-cells", f"every row of {table} can be read", message)
    if not part:
        _, row = database.first(f"SELECT count(*) AS row_count FROM v_{table}")  # noqa: S608 -- a table of ours
        problem = "" if row == (row_count,) else f"{row[0] if row else 0} rows, not {row_count}"
        yield Check(f"{table}-rows", f"{table} has the rows that the manifest counts", problem)


def _first_violation(database: ExportDatabase, invariant: SqlInvariant) -> str:
    """The first row that violates an invariant, in words; empty when none does."""
    try:
        columns, row = database.first(invariant.violations)
    except ExportError as error:
        return str(error)
    if row is None:
        return ""
    cells = ", ".join(f"{name} {_readable(name, cell)}" for name, cell in zip(columns, row, strict=True))
    return f"{invariant.tables[0]}: {cells}"


def _readable(name: str, cell: Cell) -> str:
    """A cell of an invariant's query as the export writes it."""
    kind = _KINDS.get(name)
    if kind in (None, "bool") or not isinstance(cell, int):
        return str(cell)
    return str(plain(kind, [cell])[0])


def _api_responses(folder: Path, contents: Manifest) -> Iterator[Check]:
    """The invariants of the API hold in the responses of each organization."""
    problems = 0
    for entry in contents["files"]:
        if entry["table"] != "bodies":
            continue
        path = folder / entry["path"]
        try:
            bodies = json.loads(path.read_bytes())
        except ValueError as error:
            yield Check("unreadable", "the files can be read", f"{path}: {error}")
            problems += 1
            continue
        for violation in api_invariants.broken(bodies):
            problem = f"{entry['path']}: {violation.detail}"
            yield Check(violation.invariant.name, violation.invariant.equation, problem)
            problems += 1
    if not problems:
        count = len(api_invariants.INVARIANTS)
        yield Check("invariants", f"{count} invariants hold in every organization's responses", "")
