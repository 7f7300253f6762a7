"""The files of one part: a file for each table, or the API's responses to each organization."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol

import orjson

from orgbilling_stubs.export.columnar.columns import TableColumns
from orgbilling_stubs.export.organization_tables import OrganizationTables
from orgbilling_stubs.export.request import ExportRequest, Part
from orgbilling_stubs.export.schema import Table
from orgbilling_stubs.export.selection import SelectedOrganization
from orgbilling_stubs.export.writers import text_formats
from orgbilling_stubs.export.writers.defects import LIST, DefectTableWriter, listed
from orgbilling_stubs.export.writers.files import ManifestEntry, PartialFile, write_file

if TYPE_CHECKING:
    from orgbilling_stubs.export.writers.partitions import PartitionedTableWriter

_TEXT_FORMATS = {"csv": text_formats.CSV, "jsonl": text_formats.JSONL, "postgres": text_formats.COPY}
_EXTENSIONS = {"csv": "csv", "jsonl": "jsonl", "postgres": "copy", "parquet": "parquet"}


def write_tables(request: ExportRequest, part: Part, tick: Callable[[int], None]) -> list[ManifestEntry]:
    """Write a part of each table. The files get their final names together, or are removed."""
    with ExitStack() as stack:
        files: dict[str, PartialFile] = {}
        by_date: dict[str, PartitionedTableWriter] = {}
        dirty: dict[str, DefectTableWriter] = {}
        writers: dict[str, TableWriter] = {}
        for name in request.tables:
            if request.partition_by is not None and request.is_partitioned(name):
                from orgbilling_stubs.export.writers.partitions import PartitionedTableWriter

                as_of_ms = request.selection.as_of_ms
                by_date[name] = PartitionedTableWriter(request.table(name), request.partition_by, as_of_ms)
                continue
            path = table_path(name, request.format, part.number)
            files[name] = stack.enter_context(PartialFile(request.folder, path))
            if request.dirty is not None:
                table, seed = request.table(name), request.selection.seed
                dirty[name] = DefectTableWriter(text_format(request), table, files[name], request.dirty, seed)
            writers[name] = dirty.get(name) or table_writer(request, name, files[name])

        def write(tables: Mapping[str, TableColumns]) -> None:
            for name, columns in tables.items():
                (by_date.get(name) or writers[name]).write(columns)

        if request.changes is None:
            source = OrganizationTables(request.selection)
            rows = source.write(part.organizations, request.tables, write, tick)
        else:
            first = (part.number or 0) * request.part_size
            rows = request.changes.write(first, len(part.organizations), request.tables, write, tick)
        for writer in writers.values():
            writer.close()
        for name, writer in dirty.items():
            rows[name] += writer.rows_added
        entries = [file.keep(name, rows[name]) for name, file in files.items()]
        if request.dirty is not None:
            defects = [defect for writer in dirty.values() for defect in writer.defects]
            entries.append(
                write_file(request.folder, table_path(LIST, "jsonl", part.number), listed(defects))
            )
        partitions = [
            entry for writer in by_date.values() for entry in writer.keep(request.folder, part.number)
        ]
        return entries + partitions


def write_responses(request: ExportRequest, part: Part, tick: Callable[[int], None]) -> list[ManifestEntry]:
    """Write what the API answers to a part of the organizations, a file for each."""
    tables = OrganizationTables(request.selection)
    entries = []
    for organization in part.organizations:
        responses = tables.responses(organization)
        with PartialFile(request.folder, responses_path(organization)) as file:
            file.write(orjson.dumps(responses, option=orjson.OPT_APPEND_NEWLINE))
            entries.append(file.keep("bodies", 1))
        tick(len(responses["getOrgLedger?days=all"] or ()))
    return entries


def responses_path(organization: SelectedOrganization) -> str:
    """Where the responses to an organization are."""
    return f"{organization.id}.json"


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

    def __init__(self, format: text_formats.TextFormat, table: Table, file: PartialFile) -> None:
        self._format, self._table, self._file = format, table, file
        file.write(text_formats.header(format, table).encode())

    def write(self, columns: TableColumns) -> None:
        """Add rows."""
        self._file.write(text_formats.rows_as_text(self._format, self._table, columns).encode())

    def close(self) -> None:
        """Nothing is left."""


class JsonLinesTableWriter:
    """Writes JSON Lines, and first a few rows in which each column has a value, if any row has one.

    JSON has no types beside its values. Readers take a column's type from the first rows (polars from 100,
    DuckDB from 20,480), and polars fails at a value in a column that was null until then. So of each column
    that may be null, the first row with a value stands before the others, which wait in a file of their own
    until all such rows are found.
    """

    def __init__(self, format: text_formats.TextFormat, table: Table, file: PartialFile) -> None:
        self._format, self._table, self._file = format, table, file
        self._untyped = [place for place, column in enumerate(table.columns) if column.nullable]
        self._later = file.spool()

    def write(self, columns: TableColumns) -> None:
        """Add rows."""
        rows = [*text_formats.rows_of_cells(self._format, self._table, columns)]
        first = self._typing(rows)
        lines = text_formats.lines(self._format, self._table, rows)
        for number in first:
            self._file.write(lines[number].encode())
        text = "".join([line for number, line in enumerate(lines) if number not in first] if first else lines)
        if self._untyped:
            self._later.write(text.encode())
        else:
            self._flush()
            self._file.write(text.encode())

    def close(self) -> None:
        """Write the other rows."""
        self._flush()

    def _typing(self, rows: Sequence[tuple[str, ...]]) -> dict[int, None]:
        """The numbers of the rows that are the first with a value in a column."""
        first: dict[int, None] = {}
        null, untyped = self._format.null, []
        for place in self._untyped:
            if any(rows[number][place] != null for number in first):
                continue
            number = next((number for number, row in enumerate(rows) if row[place] != null), None)
            if number is None:
                untyped.append(place)
            else:
                first[number] = None
        self._untyped = untyped
        return first

    def _flush(self) -> None:
        self._later.seek(0)
        shutil.copyfileobj(self._later, self._file)
        self._later.seek(0)
        self._later.truncate()


def text_format(request: ExportRequest) -> text_formats.TextFormat:
    """How the text of a request's format looks."""
    format = _TEXT_FORMATS[request.format]
    return format._replace(bare=format.bare if request.money == "number" else (), bom=request.bom)


def table_writer(request: ExportRequest, name: str, file: PartialFile) -> TableWriter:
    """The writer of a table; raises ExportError `extra_missing` for Parquet without its extra."""
    table = request.table(name)
    if request.format == "parquet":
        from orgbilling_stubs.export.writers.parquet import ParquetTableWriter

        return ParquetTableWriter(table, file)
    # Exports of changes keep the order of the changes, so that those of many days follow each other.
    if request.format == "jsonl" and request.changes is None:
        return JsonLinesTableWriter(text_format(request), table, file)
    return TextTableWriter(text_format(request), table, file)
