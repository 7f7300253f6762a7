from __future__ import annotations

import io
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from orgbilling_stubs.export import organization_tables
from orgbilling_stubs.export.columnar import arrow
from orgbilling_stubs.export.columnar.columns import ConstantColumn, DictionaryColumn, UuidColumn, values
from orgbilling_stubs.export.schema import BY_NAME, TABLES
from orgbilling_stubs.export.writers import parquet

from ..conftest import small_selection

PROJECTS = BY_NAME["projects"]


def chunk(count):
    return {"project_id": ["p"] * count, "organization_id": ConstantColumn("o", count), "name": ["n"] * count}


def written(chunks):
    file = io.BytesIO()
    sink = parquet.ParquetTableWriter(PROJECTS, file)
    for each in chunks:
        sink.write(each)
    sink.close()
    return pq.ParquetFile(io.BytesIO(file.getvalue()))


def test_rows_are_kept_back_until_there_are_enough_for_a_group(monkeypatch):
    monkeypatch.setattr(parquet, "ROW_GROUP_ROWS", 5)
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
        column.name: numbers if column.kind in ("int", "money", "instant") else ConstantColumn("t", 2)
        for column in ledger.columns
    }
    file = io.BytesIO()
    sink = parquet.ParquetTableWriter(ledger, file)
    sink.write(rows)
    sink.close()
    found = pq.read_table(io.BytesIO(file.getvalue()))
    assert str(found.schema.field("entry_type").type) == "string"
    assert str(found.schema.field("created_at").type) == "timestamp[ms, tz=UTC]"


def test_tables_and_columns_say_what_they_mean():
    found = written([chunk(1)]).schema_arrow
    assert found.metadata == {b"comment": PROJECTS.description.encode()}
    assert {field.name: field.metadata for field in found} == {
        column.name: {b"comment": column.meaning.encode()} for column in PROJECTS.columns
    }


def test_every_table_has_an_arrow_schema_of_its_kinds():
    for table in TABLES:
        exported = arrow.schema(table)
        assert [*exported.names] == [*table.names]
        assert [field.nullable for field in exported] == [column.nullable for column in table.columns]
    assert arrow.schema(BY_NAME["ledger"]).field("amount_usd").type == pa.decimal128(20, 6)
    assert arrow.schema(BY_NAME["model_prices"]).field("input_price_per_1k_usd").type == pa.decimal128(20, 9)


def test_rows_survive_the_way_into_arrow():
    selected = small_selection(1)
    for name, chunk in (
        organization_tables.OrganizationTables(selected).tables(selected.organizations[0]).items()
    ):
        batch = arrow.record_batch(arrow.schema(BY_NAME[name], dictionaries=True), chunk)
        for column in BY_NAME[name].columns:
            found = batch.column(column.name)
            if column.kind in ("instant", "date"):
                found = found.view(pa.int64() if column.kind == "instant" else pa.int32())
            shown = found.to_pylist()
            if column.kind in ("money", "price"):
                places = 6 if column.kind == "money" else 9
                shown = [None if value is None else int(value.scaleb(places)) for value in shown]
            assert shown == values(chunk[column.name]), (name, column.name)


@pytest.mark.parametrize("numbers", [[0, -1, 2**62, -(2**62)], [10**18, -(10**18)]])
def test_decimals_are_exact(numbers):
    kind = pa.decimal128(38, 6)
    expected = [Decimal(number).scaleb(-6) for number in numbers]
    assert arrow._decimals(numbers, kind).to_pylist() == expected
    assert arrow._decimals(np.array(numbers), kind).to_pylist() == expected


def test_decimals_beyond_63_bits_are_exact():
    assert arrow._decimals([2**64], pa.decimal128(38, 6)).to_pylist() == [Decimal(2**64).scaleb(-6)]


def test_texts_of_any_shape_become_dictionaries():
    column = DictionaryColumn(["b", None, "b"], np.array([2, 1, 0], dtype=np.int32))
    assert arrow._dictionary(column).to_pylist() == ["b", None, "b"]
    assert arrow._dictionary(ConstantColumn("x", 2)).to_pylist() == ["x", "x"]
    assert arrow._dictionary(["a", None, "a"]).to_pylist() == ["a", None, "a"]


def test_ids_are_taken_as_they_are():
    ids = UuidColumn(b"0" * 36 + b"1" * 36)
    assert arrow._array(ids, pa.string()).to_pylist() == [*ids]
    assert arrow._array(ConstantColumn(5, 2), pa.int64()).to_pylist() == [5, 5]


def test_truth_values_may_be_an_array():
    schema = pa.schema([("paid", pa.bool_())])
    batch = arrow.record_batch(schema, {"paid": np.array([True, False])})
    assert batch.to_pydict() == {"paid": [True, False]}
