from __future__ import annotations

import io

import numpy as np
import pyarrow.parquet as pq
from orgbilling_stubs.export.columnar.columns import Same
from orgbilling_stubs.export.schema import BY_NAME
from orgbilling_stubs.export.writers import parquet

PROJECTS = BY_NAME["projects"]


def chunk(count):
    return {"project_id": ["p"] * count, "organization_id": Same("o", count), "name": ["n"] * count}


def written(chunks):
    file = io.BytesIO()
    sink = parquet.ParquetSink(PROJECTS, file)
    for each in chunks:
        sink.write(each)
    sink.close()
    return pq.ParquetFile(io.BytesIO(file.getvalue()))


def test_rows_are_kept_back_until_there_are_enough_for_a_group(monkeypatch):
    monkeypatch.setattr(parquet, "GROUP_ROWS", 5)
    found = written([chunk(2)] * 6)
    assert [found.metadata.row_group(group).num_rows for group in range(found.num_row_groups)] == [6, 6]


def test_a_table_without_rows_is_a_file_with_a_schema():
    found = written([chunk(0)])
    assert found.metadata.num_rows == 0
    assert found.schema_arrow.names == [*PROJECTS.names]


def test_texts_are_plain_strings_for_those_who_read():
    ledger = BY_NAME["ledger"]
    numbers = np.arange(2, dtype=np.int64)
    rows = {
        column.name: numbers if column.kind in ("int", "money", "instant") else Same("t", 2)
        for column in ledger.columns
    }
    file = io.BytesIO()
    sink = parquet.ParquetSink(ledger, file)
    sink.write(rows)
    sink.close()
    found = pq.read_table(io.BytesIO(file.getvalue()))
    assert str(found.schema.field("entry_type").type) == "string"
    assert str(found.schema.field("created_at").type) == "timestamp[ms, tz=UTC]"
    assert found.schema.metadata is None
