from __future__ import annotations

import re

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.request import parse_partition
from orgbilling_stubs.export.schema import BY_NAME, LONG, date_column
from orgbilling_stubs.export.verify import verify
from orgbilling_stubs.export.writers.partitions import PartitionedTableWriter

from ..conftest import AS_OF_MS, names_in


@pytest.mark.slow
@pytest.mark.parametrize(("by", "label"), [("date", "%Y-%m-%d"), ("month", "%Y-%m")])
def test_each_row_is_in_the_folder_of_its_date(tmp_path, make, by, label):
    make(tmp_path, "parquet", partition_by=by)
    for name in LONG:
        paths = sorted((tmp_path / name).rglob("*.parquet"))
        assert paths
        column = date_column(BY_NAME[name]).name
        for path in paths:
            assert re.fullmatch(r"part-\d{5}\.parquet", path.name)
            dates = pq.read_table(path, partitioning=None)[column]
            labels = {f"{by}={date}" for date in pa.compute.strftime(dates, label).to_pylist()}
            assert labels <= {path.parent.name}


@pytest.mark.slow
def test_the_rows_are_those_of_an_export_without(tmp_path, make):
    whole = make(tmp_path / "whole", "parquet")
    divided = make(tmp_path / "divided", "parquet", partition_by="month")
    assert divided["rows"] == whole["rows"]
    for name in LONG:
        keys = [(key, "ascending") for key in BY_NAME[name].key]
        read = [
            ds.dataset(tmp_path / folder / name, format="parquet").to_table().sort_by(keys)
            for folder in ("whole", "divided")
        ]
        assert read[0].equals(read[1])


def test_engines_find_the_date_in_the_name_of_the_folder(tmp_path, make):
    make(tmp_path, "parquet", partition_by="month")
    query = (
        f"SELECT DISTINCT month FROM read_parquet('{tmp_path}/ledger/*/*.parquet', hive_partitioning = true)"
    )
    with duckdb.connect() as connection:
        months = {row[0] for row in connection.execute(query).fetchall()}
    assert months == {"2026-01", "2026-02", "2026-03"}


@pytest.mark.slow
def test_it_can_be_verified_and_replaced(tmp_path, make):
    make(tmp_path, "parquet", partition_by="date")
    assert [check for check in verify.verify(tmp_path) if check.problem] == []
    make(tmp_path, "parquet", partition_by="month", force=True)
    assert not [name for name in names_in(tmp_path) if "/date=" in name]
    assert [check for check in verify.verify(tmp_path) if check.problem] == []


def test_a_part_without_rows_is_an_empty_file(tmp_path):
    [entry] = PartitionedTableWriter(BY_NAME["services"], "date", AS_OF_MS).keep(tmp_path, 3)
    assert (entry.path, entry.rows) == ("services/date=2026-03-10/part-00003.parquet", 0)
    assert pq.read_table(tmp_path / entry.path, partitioning=None).num_rows == 0


def test_only_parquet_is_divided(tmp_path, make):
    with pytest.raises(ExportError, match="csv has none") as caught:
        make(tmp_path / "new", "csv", partition_by="date")
    assert caught.value.code == "conflicting_options"
    assert not (tmp_path / "new").exists()


def test_tables_are_divided_by_date_or_month():
    assert [parse_partition(text) for text in (None, "date", "month")] == [None, "date", "month"]
    with pytest.raises(ExportError, match="'dates' is not one of date, month") as caught:
        parse_partition("dates")
    assert caught.value.code == "unknown_partition"


def test_every_long_table_has_a_date():
    assert {name: date_column(BY_NAME[name]).name for name in LONG} == {
        "events": "day",
        "services": "day",
        "usage_by_day": "day",
        "ledger": "created_at",
    }
