"""Demo data as Arrow record batches, for pandas, polars, DuckDB, Spark, Ray or Dask.

    from orgbilling.export import batches

    ledger = batches("ledger", orgs=1000, as_of="2026-01-01")
    pyarrow.Table.from_batches(ledger, ledger.schema)

    for shard in ledger.shards(8):  # each can be pickled and iterated over elsewhere
        ...

The rows are those of `orgbilling export` with the same options. It needs `pip install 'orgbilling[export]'`.
"""

from __future__ import annotations

from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.record_batches import RecordBatches, batches
from orgbilling_stubs.export.schema import NAMES as TABLES

__all__ = ["TABLES", "ExportError", "RecordBatches", "batches"]
