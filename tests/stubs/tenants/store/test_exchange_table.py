"""What the table must do in which processes share their exchanges, in every store that several can serve."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from orgbilling_stubs.tenants.clock import wall_ms
from orgbilling_stubs.tenants.store import exchange_table, postgres_exchanges, sqlite_exchanges
from orgbilling_stubs.tenants.store.errors import StoreError, StoreLockError
from orgbilling_stubs.tenants.store.exchange_table import (
    AGE_MS,
    CHANGE,
    CLEARING,
    EXCHANGE,
    ExchangeRow,
    ExchangeTable,
)
from orgbilling_stubs.tenants.store.protocol import Store

OpenTable = Callable[[], ExchangeTable]


@pytest.fixture
def open_table(lasting_store_address: str, open_store: Callable[[str], Store]) -> OpenTable:
    """Opens the table as another process would."""

    def opened() -> ExchangeTable:
        table = open_store(lasting_store_address).exchanges()
        assert table is not None
        return table

    return opened


def row(
    content: bytes, organization: str | None = "org_a", kind: str = EXCHANGE, at_ms: int | None = None
) -> ExchangeRow:
    return ExchangeRow(kind, organization, wall_ms() if at_ms is None else at_ms, content)


def contents(table: ExchangeTable, after: int = 0) -> list[bytes]:
    return [read.content for read in table.read(after, 10_000)]


def test_memory_needs_no_table(open_store: Callable[[str], Store]) -> None:
    assert open_store("memory:").exchanges() is None


def test_every_process_has_a_number_of_its_own(open_table: OpenTable) -> None:
    tables = [open_table() for _ in range(3)]
    assert [table.instance for table in tables] == [0, 1, 2]
    for table in tables:
        table.close()
    assert open_table().instance == 3


def test_rows_are_read_by_all_in_order(open_table: OpenTable) -> None:
    first, second = open_table(), open_table()
    first.append([row(b"1"), row(b"\x002\xff", None, CHANGE)])
    second.append([row(b"3", "")])
    for table in (first, second):
        read = table.read(0, 10)
        assert [(found.instance, found.kind, found.organization, found.content) for found in read] == [
            (0, EXCHANGE, "org_a", b"1"),
            (0, CHANGE, None, b"\x002\xff"),
            (1, EXCHANGE, "", b"3"),
        ]
        assert [found.content for found in table.read(read[0].number, 1)] == [b"\x002\xff"]
        assert table.read(read[2].number, 10) == []


def test_a_clearing_removes_what_it_names(open_table: OpenTable) -> None:
    table = open_table()
    table.append([row(b"1"), row(b"2", "org_b"), row(b"3", "")])
    table.append([row(b"c", "org_a", CLEARING)])
    assert contents(table) == [b"2", b"3", b"c"]
    table.append([row(b"later", "org_c", at_ms=5_000)])
    table.append([row(b"c", "org_c", CLEARING, at_ms=4_999)])
    assert b"later" in contents(table)
    table.append([row(b"d", None, CLEARING), row(b"4")])
    assert contents(table) == [b"c", b"c", b"d", b"4"]


def test_numbers_are_not_given_twice(open_table: OpenTable) -> None:
    table = open_table()
    table.append([row(b"1"), row(b"2")])
    last = table.read(0, 10)[-1].number
    table.append([row(b"c", None, CLEARING)])
    assert [read.number > last for read in table.read(0, 10)] == [True]


@pytest.mark.slow_beyond(1)
def test_no_row_becomes_visible_behind_one_that_was_read(open_table: OpenTable) -> None:
    """Whoever asks for what came after the last row it has read misses nothing."""
    reader, writers = open_table(), [open_table() for _ in range(3)]

    def write(writer: ExchangeTable) -> None:
        for number in range(40):
            writer.append([row(b"%d.%d" % (writer.instance, number)), row(b"")])

    threads = [threading.Thread(target=write, args=[writer]) for writer in writers]
    for thread in threads:
        thread.start()
    found, last = [], 0
    while any(thread.is_alive() for thread in threads) or reader.read(last, 1):
        for read in reader.read(last, 7):
            found.append(read.content)
            last = read.number
    assert len(found) == len([*filter(None, found)]) * 2 == 3 * 40 * 2


@pytest.mark.parametrize(
    ("limit", "value", "kept"),
    [("PER_ORGANIZATION", 3, [b"0", b"7", b"8", b"9"]), ("TOTAL_BYTES", 2, [b"8", b"9"])],
)
def test_what_is_too_much_is_forgotten_the_oldest_first(
    open_table: OpenTable, limit: str, value: int, kept: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (sqlite_exchanges, postgres_exchanges):
        monkeypatch.setattr(module, limit, value)
        monkeypatch.setattr(module, "PRUNE_EVERY", 1)
    table = open_table()
    table.append([row(b"0", "org_b")])
    for number in range(1, 10):
        table.append([row(b"%d" % number)])
    assert contents(table) == kept


def test_what_is_too_old_is_forgotten(open_table: OpenTable, monkeypatch: pytest.MonkeyPatch) -> None:
    table = open_table()
    table.append([row(b"old", at_ms=wall_ms() - AGE_MS - 60_000), row(b"new")])
    assert contents(table) == [b"new"]  # the first append of a process looks
    assert exchange_table.PRUNE_EVERY > 1


def test_counts_are_changed_by_one_at_a_time(open_table: OpenTable) -> None:
    tables = [open_table() for _ in range(3)]
    assert tables[0].counts() == b""

    def count(table: ExchangeTable) -> None:
        for _ in range(30):
            table.change_counts(lambda before: b"%d" % (int(before or b"0") + 1))

    threads = [threading.Thread(target=count, args=[table]) for table in tables]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [table.counts() for table in tables] == [b"90"] * 3


def test_a_closed_table_says_so(open_table: OpenTable) -> None:
    table, closed = open_table(), []
    table.before_close.append(lambda: closed.append(table.read(0, 1)))
    table.close()
    table.close()
    assert closed == [[]]
    calls: list[Callable[[], Any]] = [
        lambda: table.read(0, 1),
        table.counts,
        lambda: table.append([row(b"1")]),
        lambda: table.change_counts(lambda before: before),
    ]
    for call in calls:
        with pytest.raises(StoreError):
            call()


@pytest.mark.parametrize("content", [b"a letter to a friend" * 99, b""])
def test_a_file_of_something_else(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.db-exchanges"
    path.write_bytes(content)
    if not content:
        sqlite_exchanges.SqliteExchangeTable(path).close()
        return
    with pytest.raises(StoreError, match=r"which holds the journal of a\.db: file is not a database"):
        sqlite_exchanges.SqliteExchangeTable(path)


def test_a_file_of_another_version(tmp_path: Path) -> None:
    path = tmp_path / "a.db-exchanges"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version=7")
    db.close()
    with pytest.raises(StoreError, match="it has format 7, this version reads format 1"):
        sqlite_exchanges.SqliteExchangeTable(path)


def test_a_file_that_another_program_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_exchanges, "WAIT_S", 0.0)
    path = tmp_path / "a.db-exchanges"
    table = sqlite_exchanges.SqliteExchangeTable(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreLockError):
        table.append([row(b"1")])
    assert table.read(0, 1) == []
    other.execute("ROLLBACK")
    table.append([row(b"1")])
    other.close()
    table.close()
