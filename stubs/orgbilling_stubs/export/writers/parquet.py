"""Parquet: dictionaries for texts, decimals for money, one row group for about 120,000 rows."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from orgbilling_stubs.export.columnar import arrow
from orgbilling_stubs.export.columnar.columns import TableColumns, row_count
from orgbilling_stubs.export.errors import require
from orgbilling_stubs.export.schema import Table

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from orgbilling_stubs.export.writers.files import PartialFile
else:
    pa = require("pyarrow", "Parquet")
    pq = require("pyarrow.parquet", "Parquet")

ROW_GROUP_ROWS = 120_000


class ParquetTableWriter:
    """Writes one Parquet file; rows are kept back until there are enough for a row group."""

    def __init__(self, table: Table, file: PartialFile) -> None:
        self._schema = arrow.schema(table, dictionaries=True)
        self._writer = parquet_writer(table, self._schema, file)
        self._batches: list[pa.RecordBatch] = []
        self._rows = 0

    def write(self, columns: TableColumns) -> None:
        """Add rows."""
        if not row_count(columns):
            return
        self._batches.append(arrow.record_batch(self._schema, columns))
        self._rows += row_count(columns)
        if self._rows >= ROW_GROUP_ROWS:
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


def parquet_writer(table: Table, schema: pa.Schema, file: PartialFile) -> pq.ParquetWriter:
    """A writer of pyarrow's with the options that give the same bytes everywhere, and with comments.

    Parquet has a place for what a table means, but none for a column. Arrow's readers take the metadata of
    columns from the schema that Arrow keeps in the file. Ours says that texts are plain strings, as they are
    for all other readers; the one that pyarrow would store says that they are dictionaries.
    """
    # zstd gives the same bytes on every processor, which snappy does not promise.
    writer = pq.ParquetWriter(
        file,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=arrow.dictionary_columns(table),
        store_schema=False,
    )
    plain = base64.b64encode(arrow.schema(table).serialize())
    writer.add_key_value_metadata({arrow.COMMENT: table.description, "ARROW:schema": plain})
    return writer
