from __future__ import annotations

import sqlite3

import duckdb
import pytest
from orgbilling_stubs.export.schema import BY_NAME, KINDS, TABLES
from orgbilling_stubs.export.writers import sql


def test_every_kind_has_a_type_in_every_database():
    assert all(types.keys() == KINDS.keys() for types in sql.TYPES.values())


@pytest.mark.parametrize(
    "connect", [lambda: sqlite3.connect(":memory:"), duckdb.connect], ids=["sqlite", "duckdb"]
)
def test_the_tables_can_be_created_with_all_keys(connect):
    connection = connect()
    engine = "sqlite" if isinstance(connection, sqlite3.Connection) else "duckdb"
    for table in TABLES:
        connection.execute(sql.create(table, engine))
    connection.close()


def test_keys_are_enforced():
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA foreign_keys = ON")
    for name in ("organizations", "projects"):
        connection.execute(sql.create(BY_NAME[name], "sqlite"))
    values = ["'o'"] + ["0"] * (len(BY_NAME["organizations"].columns) - 1)
    connection.execute(f"INSERT INTO organizations VALUES ({', '.join(values)})")
    connection.execute("INSERT INTO projects VALUES ('p', 'o', 'n')")
    for row in (("p", "o", "n"), ("q", "nobody", "n"), ("r", "o", None)):
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute("INSERT INTO projects VALUES (?, ?, ?)", row)
    connection.close()


def test_money_is_exact_in_every_database():
    ledger = BY_NAME["ledger"]
    assert '"amount_usd" DECIMAL(20, 6) NOT NULL' in sql.create(ledger, "duckdb")
    assert '"amount_usd" numeric(20, 6) NOT NULL' in sql.create(ledger, "postgresql")
    stored = '"amount_usd_micros" INTEGER NOT NULL'
    shown = '"amount_usd" REAL GENERATED ALWAYS AS ("amount_usd_micros" / 1000000.0) VIRTUAL'
    assert f"{stored},\n    {shown}" in sql.create(ledger, "sqlite")
    assert 'UNIQUE ("organization_id", "entry_id")' in sql.create(ledger, "postgresql")


def test_keys_can_be_left_out():
    assert "PRIMARY KEY" not in sql.create(BY_NAME["ledger"], "duckdb", keys=False)
    assert "FOREIGN KEY" not in sql.create(BY_NAME["ledger"], "duckdb", within=("ledger",))
    assert sql.names(("a", "b")) == '"a", "b"'
