from __future__ import annotations

import pytest
from orgbilling_stubs.export import organization_tables
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.schema import NAMES
from orgbilling_stubs.export.writers.parts import PartFiles, table_path

from ..conftest import names_in, small_selection


def test_parts_are_numbered_and_a_whole_is_one_file():
    assert table_path("ledger", "csv", None) == "ledger.csv"
    assert table_path("ledger", "parquet", 7) == "ledger/part-00007.parquet"
    assert table_path("ledger", "postgres", 7) == "ledger/part-00007.copy"


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "postgres"])
def test_a_part_is_a_file_for_each_table(tmp_path, kind):
    selected = small_selection(2)
    made = organization_tables.OrganizationTables(selected)
    with PartFiles(tmp_path, kind, NAMES, 3) as part:
        rows = [part.write(made.tables(organization)) for organization in selected.organizations]
        assert all(name.endswith(".partial") for name in names_in(tmp_path))
        entries = part.keep()
    assert names_in(tmp_path) == {table_path(name, kind, 3) for name in NAMES}
    assert {entry.table: entry.rows for entry in entries}["ledger"] == sum(rows) > 0


def test_a_part_that_was_not_kept_leaves_nothing(tmp_path):
    def give_up():
        selected = small_selection(1)
        with PartFiles(tmp_path, "parquet", NAMES, 0) as part:
            part.write(organization_tables.OrganizationTables(selected).tables(selected.organizations[0]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        give_up()
    assert names_in(tmp_path) == set()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_disk_that_fills_up_is_one_line(tmp_path, monkeypatch, kind):
    def full(self, data):
        raise OSError(28, "No space left on device")

    def fill():
        selected = small_selection(1)
        with PartFiles(tmp_path, kind, ("ledger",), None) as part:
            monkeypatch.setattr("orgbilling_stubs.export.writers.files.HashingFile.write", full)
            part.write(
                organization_tables.OrganizationTables(selected).tables(
                    selected.organizations[0], ("ledger",)
                )
            )
            part.keep()

    with pytest.raises(ExportError, match="no space left on device"):
        fill()
    monkeypatch.undo()
    assert names_in(tmp_path) == set()
