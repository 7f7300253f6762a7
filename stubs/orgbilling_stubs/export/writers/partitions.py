"""Parquet divided by date: `ledger/date=2026-01-31/part-00000.parquet`, the layout of Hive that engines know.

A query about one week then opens the files of one week. The date is that of the row's billing day or, in the
ledger, of its instant in UTC. It is in the name of the folder alone: no column is called like it.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.export.columnar import arrow
from orgbilling_stubs.export.columnar.columns import TableColumns, row_count
from orgbilling_stubs.export.errors import require
from orgbilling_stubs.export.schema import Table, date_column
from orgbilling_stubs.export.writers.files import ManifestEntry, PartialFile
from orgbilling_stubs.export.writers.parquet import parquet_writer

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Dates = NDArray[np.datetime64]
    Integers = NDArray[np.int64]
else:
    np = require("numpy", "Parquet")
    pa = require("pyarrow", "Parquet")

_UNITS = {"date": "D", "month": "M"}
"""The unit of numpy's instants for each of PARTITIONS."""


class PartitionedTableWriter:
    """Writes the rows of one table and one part, a file for each date; it keeps all of them until then.

    A part without rows is an empty file of the as-of date, so that there is a table to read.
    """

    def __init__(self, table: Table, partition_by: str, as_of_ms: int) -> None:
        self._table = table
        self._partition_by = partition_by
        self._as_of_ms = as_of_ms
        self._schema = arrow.schema(table, dictionaries=True)
        self._batches: list[pa.RecordBatch] = []

    def write(self, columns: TableColumns) -> None:
        """Add rows."""
        if row_count(columns):
            self._batches.append(arrow.record_batch(self._schema, columns))

    def keep(self, folder: Path, part: int | None) -> list[ManifestEntry]:
        """Write the files. Rows of one date keep their order."""
        rows = pa.Table.from_batches(self._batches, self._schema).unify_dictionaries().combine_chunks()
        self._batches = []
        periods = self._periods(rows)
        order = np.argsort(periods, kind="stable")
        rows, periods = rows.take(order), periods[order]
        starts = [0, *(np.flatnonzero(periods[1:] != periods[:-1]) + 1).tolist()]
        entries = []
        for start, end in pairwise([*starts, len(periods)]):
            period = periods[start] if len(periods) else self._period(np.array([self._as_of_ms // DAY_MS]))[0]
            partition = f"{self._table.name}/{self._partition_by}={period}"
            with PartialFile(folder, f"{partition}/part-{part or 0:05d}.parquet") as file:
                with parquet_writer(self._table, self._schema, file) as writer:
                    writer.write_table(rows.slice(start, end - start))
                entries.append(file.keep(self._table.name, end - start))
        return entries

    def _periods(self, rows: pa.Table) -> Dates:
        """The date or month of each row."""
        column = date_column(self._table)
        numbers = rows[column.name].cast(pa.int64() if column.kind == "instant" else pa.int32()).to_numpy()
        return self._period(numbers // DAY_MS if column.kind == "instant" else numbers)

    def _period(self, days: Integers) -> Dates:
        dates: Dates = days.astype("datetime64[D]").astype(f"datetime64[{_UNITS[self._partition_by]}]")
        return dates
