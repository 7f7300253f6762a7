from __future__ import annotations

import csv
import shutil
import sqlite3
import subprocess
from contextlib import closing
from decimal import Decimal

import pytest
from orgbilling_stubs.export import selection
from orgbilling_stubs.export.errors import ExportError
from orgbilling_stubs.export.organization_tables import OrganizationTables
from orgbilling_stubs.export.writers import sqlite

from ..conftest import AS_OF_MS, names_in


def test_the_database_has_all_rows_and_keeps_all_keys(tmp_path, make):
    exported = make(tmp_path, "sqlite")
    assert names_in(tmp_path) == {"orgbilling.sqlite", "schema.json", "sources.yml", "manifest.json"}
    connection = sqlite3.connect(tmp_path / sqlite.FILE)
    for table, rows in exported["rows"].items():
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (rows,)
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    first = "SELECT amount_usd, amount_usd_micros, created_at FROM ledger LIMIT 1"
    [(amount, micros, at)] = connection.execute(first).fetchall()
    assert (amount, micros, len(at)) == (10.0, 10_000_000, 24)
    connection.close()


@pytest.mark.slow
def test_amounts_compare_and_add_up_as_numbers(tmp_path, make):
    """With Python's sqlite3 and with the program: each amount is the decimal's nearest binary fraction."""
    make(tmp_path / "csv", part_size=100)
    make(tmp_path, "sqlite")
    with (tmp_path / "csv" / "ledger.csv").open(newline="") as file:
        amounts = [Decimal(row["amount_usd"]) for row in csv.DictReader(file)]
    below = {limit: sum(amount < limit for amount in amounts) for limit in (-100, Decimal("-0.5"), 0, 7)}
    assert len({*below.values()}) > 2
    # an amount that is in the ledger is a limit, too: it is not below itself
    below[min(amounts)] = 0
    with closing(sqlite3.connect(tmp_path / sqlite.FILE)) as connection:
        for limit, count in below.items():
            query = f"SELECT count(*) FROM ledger WHERE amount_usd < {limit}"
            assert connection.execute(query).fetchone() == (count,)
            assert program(tmp_path, query) in (None, str(count))
        total = connection.execute("SELECT sum(amount_usd_micros) FROM ledger").fetchone()
        assert total == (int(sum(amounts) * 1_000_000),)
        assert [*connection.execute("SELECT amount_usd FROM ledger")] == [
            (float(amount),) for amount in amounts
        ]
        [price] = connection.execute("SELECT unit_price_usd, unit_price_usd_nanos FROM event_prices LIMIT 1")
        assert price[0] == price[1] / 1_000_000_000


def program(folder, query):
    """What the program `sqlite3` answers, where it is installed."""
    if shutil.which("sqlite3") is None:
        return None
    command = ["sqlite3", "-batch", folder / sqlite.FILE, query]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_hostile_texts_come_back_as_they_are(tmp_path, make):
    selected = selection.select(selection.by_persona(["hostile_texts"]), 1, AS_OF_MS, 5)
    make(tmp_path, "sqlite", selection=selected)
    expected = OrganizationTables(selected).tables(selected.organizations[0], ("projects",))["projects"][
        "name"
    ]
    with closing(sqlite3.connect(tmp_path / sqlite.FILE)) as connection:
        assert [name for (name,) in connection.execute("SELECT name FROM projects ORDER BY rowid")] == [
            *expected
        ]


@pytest.mark.slow
def test_the_same_options_give_the_same_bytes(tmp_path, make):
    first, second = make(tmp_path / "a", "sqlite"), make(tmp_path / "b", "sqlite")
    assert first == second


@pytest.mark.slow
def test_a_disk_that_fills_up_is_one_line(tmp_path, make, monkeypatch):
    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(sqlite, "_fill", full)
    with pytest.raises(ExportError, match=r"orgbilling\.sqlite: database or disk is full"):
        make(tmp_path, "sqlite")
    assert names_in(tmp_path) == set()
