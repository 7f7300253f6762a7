from __future__ import annotations

import pytest
from orgbilling_stubs.export.columnar import engine
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.schema import NAMES
from orgbilling_stubs.export.writers.sinks import Part, path

from ..conftest import names_in, small_cast


def test_parts_are_numbered_and_a_whole_is_one_file():
    assert path("ledger", "csv", None) == "ledger.csv"
    assert path("ledger", "parquet", 7) == "ledger/part-00007.parquet"
    assert path("ledger", "postgres", 7) == "ledger/part-00007.copy"


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "postgres"])
def test_a_part_is_a_file_for_each_table(tmp_path, kind):
    cast = small_cast(2)
    made = engine.Engine(cast)
    with Part(tmp_path, kind, NAMES, 3) as part:
        rows = [part.write(made.tables(person)) for person in cast.people]
        assert all(name.endswith(".partial") for name in names_in(tmp_path))
        entries = part.keep()
    assert names_in(tmp_path) == {path(name, kind, 3) for name in NAMES}
    assert {entry.table: entry.rows for entry in entries}["ledger"] == sum(rows) > 0


def test_a_part_that_was_not_kept_leaves_nothing(tmp_path):
    def give_up():
        cast = small_cast(1)
        with Part(tmp_path, "parquet", NAMES, 0) as part:
            part.write(engine.Engine(cast).tables(cast.people[0]))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        give_up()
    assert names_in(tmp_path) == set()


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_disk_that_fills_up_is_one_line(tmp_path, monkeypatch, kind):
    def full(self, data):
        raise OSError(28, "No space left on device")

    def fill():
        cast = small_cast(1)
        with Part(tmp_path, kind, ("ledger",), None) as part:
            monkeypatch.setattr("orgbilling_stubs.export.writers.files.Hashing.write", full)
            part.write(engine.Engine(cast).tables(cast.people[0], ("ledger",)))
            part.keep()

    with pytest.raises(ExportError, match="no space left on device"):
        fill()
    monkeypatch.undo()
    assert names_in(tmp_path) == set()
