import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from orgbilling_stubs.billing.events import PortalOpened, Record
from orgbilling_stubs.tenants.store.protocol import StoreError
from orgbilling_stubs.tenants.store.sqlite import SqliteStore


def test_files_that_are_not_ours_are_refused_unchanged(tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as db, db:
        db.execute("CREATE TABLE mine (a)")
    with pytest.raises(StoreError, match="something else"):
        SqliteStore(other)
    (tmp_path / "text.db").write_text("this is not a database, it is a letter to a friend" * 99)
    with pytest.raises(StoreError, match="cannot use"):
        SqliteStore(tmp_path / "text.db")
    with pytest.raises(StoreError, match="cannot use"):
        SqliteStore(tmp_path / "no" / "such" / "folder.db")


def test_a_newer_format_and_a_broken_row_are_named(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "a.db").append("org_a", [Record(1, 1, PortalOpened("b"), 1)])
    with closing(sqlite3.connect(tmp_path / "a.db")) as db, db:
        db.execute('UPDATE record SET event = \'{"kind": "Future"}\'')
    with pytest.raises(StoreError, match="Future"):
        SqliteStore(tmp_path / "a.db").read("org_a")
    with closing(sqlite3.connect(tmp_path / "a.db")) as db, db:
        db.execute("PRAGMA user_version=99")
    with pytest.raises(StoreError, match="format 99"):
        SqliteStore(tmp_path / "a.db")
