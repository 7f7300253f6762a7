from __future__ import annotations

import duckdb
import pytest
from orgbilling_stubs.billing import instants
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.schema import BY_NAME
from orgbilling_stubs.export.writers import duckdb as duck

from ..conftest import names_in


@pytest.mark.slow
def test_the_database_has_all_rows_with_exact_types(tmp_path, make):
    exported = make(tmp_path, "duckdb")
    assert names_in(tmp_path) == {"orgbilling.duckdb", "schema.json", "sources.yml", "manifest.json"}
    with duckdb.connect(str(tmp_path / duck.FILE), read_only=True) as connection:
        for table, rows in exported["rows"].items():
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,)
        types = dict(connection.execute("SELECT column_name, column_type FROM (DESCRIBE ledger)").fetchall())
        assert (types["amount_usd"], types["created_at"]) == ("DECIMAL(20,6)", "TIMESTAMP WITH TIME ZONE")
        # Python's TIMESTAMPTZ would need pytz.
        connection.execute("SET TimeZone = 'America/New_York'")
        [first] = connection.execute(
            "SELECT epoch_ms(min(created_at)), min(created_at)::TEXT FROM ledger"
        ).fetchall()
        assert first == (instants.parse("2026-01-29T00:00:00Z"), "2026-01-28 19:00:00-05")
        types = connection.execute("SELECT DISTINCT data_type FROM duckdb_columns()").fetchall()
        assert ("TIMESTAMP",) not in types
        [(table, column)] = connection.execute(
            "SELECT t.comment, c.comment FROM duckdb_tables() t JOIN duckdb_columns() c USING (table_name) "
            "WHERE table_name = 'ledger' AND column_name = 'amount_usd'"
        ).fetchall()
        assert table == f"{BY_NAME['ledger'].meaning}. Key: organization_id, number"
        assert column == next(each.meaning for each in BY_NAME["ledger"].columns if each.name == "amount_usd")


@pytest.mark.slow
def test_the_file_is_one_that_the_first_stable_release_reads(tmp_path, make):
    """Its storage version stands in the file's header; that of 1.0 is 64."""
    make(tmp_path, "duckdb")
    header = (tmp_path / duck.FILE).read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") == 64


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
