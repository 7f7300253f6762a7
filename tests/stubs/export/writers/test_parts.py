from __future__ import annotations

import os

import pytest
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.request import ExportRequest, Part
from orgbilling_stubs.export.schema import NAMES
from orgbilling_stubs.export.writers.files import PartialFile
from orgbilling_stubs.export.writers.parts import table_path, write_tables

from ..conftest import names_in, small_selection


def test_parts_are_numbered_and_a_whole_is_one_file():
    assert table_path("ledger", "csv", None) == "ledger.csv"
    assert table_path("ledger", "parquet", 7) == "ledger/part-00007.parquet"
    assert table_path("ledger", "postgres", 7) == "ledger/part-00007.copy"


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "postgres"])
def test_a_part_is_a_file_for_each_table(tmp_path, kind):
    selected, ledger_rows = small_selection(2), []

    def tick(rows):
        assert all(name.endswith(".partial") for name in names_in(tmp_path))
        ledger_rows.append(rows)

    entries = write_tables(ExportRequest(tmp_path, kind, selected), Part(3, selected.organizations), tick)
    assert names_in(tmp_path) == {table_path(name, kind, 3) for name in NAMES}
    assert {entry.table: entry.rows for entry in entries}["ledger"] == sum(ledger_rows) > 0


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_part_that_is_given_up_leaves_nothing(tmp_path, kind):
    def stop(rows):
        raise KeyboardInterrupt

    selected = small_selection(2)
    with pytest.raises(KeyboardInterrupt):
        write_tables(ExportRequest(tmp_path, kind, selected), Part(0, selected.organizations), stop)
    assert names_in(tmp_path) == set()


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("kind", ["csv", "parquet", "json"])
def test_a_disk_that_fills_up_is_one_line(tmp_path, make, monkeypatch, kind):
    def full(self, data):
        raise OSError(28, os.strerror(28))

    with monkeypatch.context() as patched:
        patched.setattr(PartialFile, "write", full)
        patched.setattr("orgbilling_stubs.export.companions.write", lambda request: [])
        with pytest.raises(ExportError, match="no space left on device") as caught:
            make(tmp_path, kind, part_size=100)
    assert caught.value.code == "file_error"
    assert names_in(tmp_path) == set()
