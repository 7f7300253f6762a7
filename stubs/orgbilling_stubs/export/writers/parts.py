"""The files of one part: a file for each table, or the API's responses to each organization."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Protocol

import orjson

from orgbilling_stubs.export.columnar.columns import TableColumns, row_count
from orgbilling_stubs.export.errors import from_os
from orgbilling_stubs.export.organization_tables import OrganizationTables
from orgbilling_stubs.export.request import ExportRequest, Part
from orgbilling_stubs.export.schema import BY_NAME, NAMES, Table
from orgbilling_stubs.export.writers import text_formats
from orgbilling_stubs.export.writers.files import HashingFile, ManifestEntry, PartialFile, partial_file

TEXT_FORMATS = {"csv": text_formats.CSV, "jsonl": text_formats.JSONL, "postgres": text_formats.COPY}
_EXTENSIONS = {"csv": "csv", "jsonl": "jsonl", "postgres": "copy", "parquet": "parquet"}


def write_tables(request: ExportRequest, part: Part, tick: Callable[[int], None]) -> list[ManifestEntry]:
    """Write a part of each table."""
    tables = OrganizationTables(request.selection)
    with PartFiles(request.folder, request.format, request.tables, part.number) as files:
        for organization in part.organizations:
            tick(files.write(tables.tables(organization, request.tables)))
        return files.keep()


def write_responses(request: ExportRequest, part: Part, tick: Callable[[int], None]) -> list[ManifestEntry]:
    """Write what the API answers to a part of the organizations, a file for each."""
    tables = OrganizationTables(request.selection)
    entries = []
    for organization in part.organizations:
        responses = tables.responses(organization)
        with partial_file(request.folder, f"{organization.id}.json") as partial:
            partial.file.write(orjson.dumps(responses, option=orjson.OPT_APPEND_NEWLINE))
            entries.append(partial.keep("bodies", 1))
        tick(len(responses["getOrgLedger?days=all"] or ()))
    return entries


def table_path(table: str, format: str, part: int | None) -> str:
    """Where a table's rows are: one file, or one of a folder of parts."""
    extension = _EXTENSIONS[format]
    return f"{table}.{extension}" if part is None else f"{table}/part-{part:05d}.{extension}"


class TableWriter(Protocol):
    """Writes the rows of one table into a file."""

    def write(self, columns: TableColumns) -> None:
        """Add rows."""

    def close(self) -> None:
        """Write what is left."""


class TextTableWriter:
    """Writes one line a row, in one of the text formats."""

    def __init__(self, format: text_formats.TextFormat, table: Table, file: HashingFile) -> None:
        self._format, self._table, self._file = format, table, file
        file.write(text_formats.header(format, table).encode())

    def write(self, columns: TableColumns) -> None:
        """Add rows."""
        self._file.write(text_formats.rows_as_text(self._format, self._table, columns).encode())

    def close(self) -> None:
        """Nothing is left."""


def table_writer(format: str, table: Table, file: HashingFile) -> TableWriter:
    """The writer of a format; raises ExportError `extra_missing` for Parquet without its extra."""
    if format == "parquet":
        from orgbilling_stubs.export.writers.parquet import ParquetTableWriter

        return ParquetTableWriter(table, file)
    return TextTableWriter(TEXT_FORMATS[format], table, file)


class PartFiles:
    """The files of a part's tables, opened together and kept together. Those that were not kept are removed.

    Raises ExportError `file_error` for what the file system refuses.
    """

    def __init__(self, folder: Path, format: str, tables: Collection[str], part: int | None) -> None:
        self._stack = ExitStack()
        self._open: dict[str, tuple[PartialFile, TableWriter]] = {}
        self._rows = dict.fromkeys(tables, 0)
        self._folder = folder
        try:
            for name in NAMES:
                if name in tables:
                    path = table_path(name, format, part)
                    partial = self._stack.enter_context(partial_file(folder, path))
                    self._open[name] = partial, table_writer(format, BY_NAME[name], partial.file)
        except BaseException:
            self._stack.close()
            raise

    def write(self, tables: Mapping[str, TableColumns]) -> int:
        """Add an organization; returns how many ledger rows it has."""
        try:
            for name, (_, writer) in self._open.items():
                writer.write(tables[name])
                self._rows[name] += row_count(tables[name])
        except OSError as error:
            raise from_os(error, self._folder) from error
        return row_count(tables["ledger"]) if "ledger" in tables else 0

    def keep(self) -> list[ManifestEntry]:
        """Give all files their final names."""
        try:
            for _, writer in self._open.values():
                writer.close()
        except OSError as error:
            raise from_os(error, self._folder) from error
        return [partial.keep(name, self._rows[name]) for name, (partial, _) in self._open.items()]

    def __enter__(self) -> PartFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
