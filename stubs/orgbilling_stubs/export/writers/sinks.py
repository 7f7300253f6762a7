"""Where a part's rows go: a file for each table, opened together, kept together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from orgbilling_stubs.export.columnar.columns import Chunk, count
from orgbilling_stubs.export.errors import from_os
from orgbilling_stubs.export.schema import BY_NAME, NAMES, Table
from orgbilling_stubs.export.writers import lines
from orgbilling_stubs.export.writers.files import Draft, Entry, draft

DIALECTS = {"csv": lines.CSV, "jsonl": lines.JSONL, "postgres": lines.COPY}
SUFFIXES = {"csv": "csv", "jsonl": "jsonl", "postgres": "copy", "parquet": "parquet"}


class Sink(Protocol):
    """Takes the rows of one table."""

    def write(self, chunk: Chunk) -> None:
        """Add rows."""

    def close(self) -> None:
        """Write what is left."""


class TextSink:
    """One line a row, in one of the dialects."""

    def __init__(self, dialect: lines.Dialect, table: Table, file: Any) -> None:
        self._dialect, self._table, self._file = dialect, table, file
        file.write(lines.header(dialect, table).encode())

    def write(self, chunk: Chunk) -> None:
        """Add rows."""
        self._file.write(lines.lines(self._dialect, self._table, chunk).encode())

    def close(self) -> None:
        """Nothing is left."""


def sink(kind: str, table: Table, file: Any) -> Sink:
    """The sink of a format; raises ExportError `extra-missing` for Parquet without its extra."""
    if kind == "parquet":
        from orgbilling_stubs.export.writers.parquet import ParquetSink

        return ParquetSink(table, file)
    return TextSink(DIALECTS[kind], table, file)


def path(table: str, kind: str, part: int | None) -> str:
    """Where a table's rows are: one file, or one of a folder of parts."""
    suffix = SUFFIXES[kind]
    return f"{table}.{suffix}" if part is None else f"{table}/part-{part:05d}.{suffix}"


class Part:
    """The files of one block of organizations. Those that were not kept are gone at the end."""

    def __init__(self, folder: Path, kind: str, wanted: Collection[str], part: int | None) -> None:
        self._stack = ExitStack()
        self._open: dict[str, tuple[Draft, Sink]] = {}
        self._rows = dict.fromkeys(wanted, 0)
        self._folder = folder
        try:
            for name in NAMES:
                if name in wanted:
                    made = self._stack.enter_context(draft(folder, path(name, kind, part)))
                    self._open[name] = made, sink(kind, BY_NAME[name], made.file)
        except BaseException:
            self._stack.close()
            raise

    def write(self, tables: Mapping[str, Chunk]) -> int:
        """Add an organization; answers how many ledger rows it has."""
        try:
            for name, (_, out) in self._open.items():
                out.write(tables[name])
                self._rows[name] += count(tables[name])
        except OSError as error:
            raise from_os(error, self._folder) from error
        return count(tables["ledger"]) if "ledger" in tables else 0

    def keep(self) -> list[Entry]:
        """Give all files their final names."""
        try:
            for _, out in self._open.values():
                out.close()
        except OSError as error:
            raise from_os(error, self._folder) from error
        return [made.keep(name, self._rows[name]) for name, (made, _) in self._open.items()]

    def __enter__(self) -> Part:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()
