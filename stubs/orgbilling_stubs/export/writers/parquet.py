"""Parquet: dictionaries for texts, decimals for money, one row group for about 120,000 rows."""

from __future__ import annotations

from typing import Any

from orgbilling_stubs.export.columnar.columns import Chunk, count
from orgbilling_stubs.export.errors import need
from orgbilling_stubs.export.schema import Table
from orgbilling_stubs.export.writers import arrow

pa: Any = need("pyarrow", "Parquet")
pq: Any = need("pyarrow.parquet", "Parquet")

GROUP_ROWS = 120_000


class ParquetSink:
    """One Parquet file; rows are kept back until there are enough for a row group."""

    def __init__(self, table: Table, file: Any) -> None:
        self._table = table
        self._schema = arrow.schema(table)
        # zstd gives the same bytes on every processor, which snappy does not promise.
        self._writer = pq.ParquetWriter(
            file,
            self._schema,
            compression="zstd",
            compression_level=1,
            use_dictionary=arrow.coded(table),
            store_schema=False,
        )
        self._batches: list[Any] = []
        self._rows = 0

    def write(self, chunk: Chunk) -> None:
        """Add rows."""
        if not count(chunk):
            return
        self._batches.append(arrow.batch(self._table, chunk))
        self._rows += count(chunk)
        if self._rows >= GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Write what was kept back, and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._batches:
            rows = pa.Table.from_batches(self._batches, self._schema).unify_dictionaries()
            self._writer.write_table(rows.combine_chunks(), row_group_size=self._rows)
        self._batches, self._rows = [], 0
