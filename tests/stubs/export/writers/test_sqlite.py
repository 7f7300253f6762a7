from __future__ import annotations

import sqlite3

import pytest
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.writers import sqlite

from ..conftest import names_in


def test_the_database_has_all_rows_and_keeps_all_keys(tmp_path, make):
    exported = make(tmp_path, "sqlite")
    assert names_in(tmp_path) == {"orgbilling.sqlite", "schema.json", "manifest.json"}
    connection = sqlite3.connect(tmp_path / sqlite.FILE)
    for table, rows in exported["rows"].items():
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    [(amount, at)] = connection.execute("SELECT amount_usd, created_at FROM ledger LIMIT 1").fetchall()
    assert (amount, len(at)) == ("10.000000", 24)
    connection.close()


def test_the_same_options_give_the_same_bytes(tmp_path, make):
    first, second = make(tmp_path / "a", "sqlite"), make(tmp_path / "b", "sqlite")
    assert first == second


def test_a_disk_that_fills_up_is_one_line(tmp_path, make, monkeypatch):
    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite, "_fill", full)
    with pytest.raises(ExportError, match=r"orgbilling\.sqlite: database or disk is full"):
        make(tmp_path, "sqlite")
    assert names_in(tmp_path) == set()
