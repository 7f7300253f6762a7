"""Demo data as a table of Spark: each task generates its shard of the rows, and nothing is written before.

    from orgbilling_source import OrgBillingSource

    spark.dataSource.register(OrgBillingSource)
    options = {"table": "ledger", "orgs": 1000, "as_of": "2026-01-01", "shards": 8}
    ledger = spark.read.format("orgbilling").options(**options).load()

It needs Spark 4 and, on every machine, `pip install 'orgbilling[export]'`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from orgbilling.export import RecordBatches, batches
from pyspark.sql.datasource import DataSource, DataSourceReader, InputPartition
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
from pyspark.sql.types import StructType

SHARDS = 8


class OrgBillingSource(DataSource):
    """The source `orgbilling`. Options: those of `batches`, and `shards`: how many tasks there are."""

    @classmethod
    def name(cls) -> str:
        """What `spark.read.format` calls it."""
        return "orgbilling"

    def schema(self) -> StructType:
        """The columns of the table."""
        return from_arrow_schema(self._rows().schema)

    def reader(self, schema: StructType) -> OrgBillingReader:
        """What generates the rows."""
        return OrgBillingReader(self._rows(), int(self.options.get("shards", SHARDS)), schema)

    def _rows(self) -> RecordBatches:
        numbers = {name: int(self.options[name]) for name in ("orgs", "seed", "days") if name in self.options}
        texts = {name: self.options[name] for name in ("personas", "as_of") if name in self.options}
        return batches(self.options.get("table", "ledger"), **numbers, **texts)


class Shard(InputPartition):
    """The rows of one task: a description, which Spark sends to wherever the task runs."""

    def __init__(self, rows: RecordBatches) -> None:
        super().__init__(rows.shard)
        self.rows = rows


class OrgBillingReader(DataSourceReader):
    """Generates one table in shards."""

    def __init__(self, rows: RecordBatches, shards: int, schema: StructType) -> None:
        self._rows = rows
        self._shards = shards
        self._schema = schema

    def partitions(self) -> list[Shard]:
        """One for each task."""
        return [Shard(rows) for rows in self._rows.shards(self._shards)]

    def read(self, partition: Shard) -> Iterator[pa.RecordBatch]:
        """The rows of a task; instants in microseconds, as Spark has them."""
        arrow_schema = to_arrow_schema(self._schema, timezone="UTC")
        for batch in partition.rows:
            yield batch.cast(arrow_schema)
