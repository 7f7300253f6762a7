from __future__ import annotations

import duckdb
import pytest
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.writers import duckdb as duck

from ..conftest import names_in


def test_the_database_has_all_rows_with_exact_types(tmp_path, make):
    exported = make(tmp_path, "duckdb")
    assert names_in(tmp_path) == {"orgbilling.duckdb", "schema.json", "manifest.json"}
    with duckdb.connect(str(tmp_path / duck.FILE), read_only=True) as connection:
        for table, rows in exported["rows"].items():
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,)
        types = dict(connection.execute("SELECT column_name, column_type FROM (DESCRIBE ledger)").fetchall())
        assert (types["amount_usd"], types["created_at"]) == ("DECIMAL(20,6)", "TIMESTAMP")
        [(first,)] = connection.execute("SELECT min(created_at) FROM ledger").fetchall()
        assert first.isoformat() == "2026-01-29T00:00:00"


@pytest.mark.slow
def test_one_block_is_loaded_too(tmp_path, make):
    assert make(tmp_path, "duckdb", part_size=100)["rows"] == make(tmp_path / "b", "duckdb")["rows"]


def test_an_error_of_duckdb_is_one_line(tmp_path, make, monkeypatch):
    def full(_, path, *__):
        path.with_name(path.name + ".wal").write_text("what DuckDB had still to write")
        path.with_name(path.name + ".tmp").mkdir()
        raise duckdb.IOException("IO Error: No space left\nLINE 1")

    monkeypatch.setattr(duck, "_load", full)
    with pytest.raises(ExportError, match=r"orgbilling\.duckdb: IO Error: No space left$"):
        make(tmp_path, "duckdb")
    assert [*tmp_path.iterdir()] == []
