"""The exchanges of all processes that share a SQLite store, in a file of their own beside it.

A file of its own, because a write to the store's file would make every other process look whether its logs
have grown, and would stand in the way of commands. `FILE-exchanges` may be deleted while no server runs.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock

from orgbilling_stubs.tenants.clock import wall_ms
from orgbilling_stubs.tenants.store.errors import StoreError, StoreLockError
from orgbilling_stubs.tenants.store.exchange_table import (
    AGE_MS,
    CLEARING,
    EXCHANGE,
    PER_ORGANIZATION,
    PRUNE_EVERY,
    PRUNE_EVERY_BYTES,
    TOTAL_BYTES,
    ExchangeRow,
    StoredExchangeRow,
)

FORMAT = 1
WAIT_S = 2.0
"""How long a write waits for another process. It is not the event loop that waits."""

SCHEMA = """
CREATE TABLE exchange (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    instance INTEGER NOT NULL,
    kind TEXT NOT NULL,
    organization TEXT,
    at_ms INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE INDEX exchange_kept ON exchange (organization, number, bytes, at_ms);
CREATE TABLE instance (number INTEGER PRIMARY KEY AUTOINCREMENT) STRICT;
CREATE TABLE coverage (counts BLOB NOT NULL) STRICT;
INSERT INTO coverage VALUES (x'');
"""
_CLEAR = """
DELETE FROM exchange WHERE kind = ? AND at_ms <= ? AND (organization = ? OR ? IS NULL)
"""
_PRUNE = """
DELETE FROM exchange WHERE number IN (
    SELECT number FROM (
        SELECT number, at_ms,
            row_number() OVER (PARTITION BY organization ORDER BY number DESC) AS place,
            sum(bytes) OVER (ORDER BY number DESC) AS total
        FROM exchange
    ) AS kept
    WHERE place > ? OR total > ? OR at_ms < ?
)
"""
_INSERT = """
INSERT INTO exchange (instance, kind, organization, at_ms, bytes, content) VALUES (?, ?, ?, ?, ?, ?)
"""


class SqliteExchangeTable:
    """Rows in a file that any number of processes on the machine share."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises StoreError when it cannot be used."""
        self._path = path
        self.before_close: list[Callable[[], None]] = []
        self._mutex = Lock()
        """Held while the writing connection is used."""
        self._unpruned, self._unpruned_bytes = PRUNE_EVERY, 0
        try:
            self._writing = self._connect(WAIT_S)
            try:
                self._prepare()
                self._reading = self._connect(0)
            except BaseException:
                self._writing.close()
                raise
        except sqlite3.Error as error:
            raise StoreError(
                f"cannot use {path}, which holds the journal of {path.name.removesuffix('-exchanges')}:"
                f" {error}; without it a new one is begun"
            ) from error

    def _connect(self, wait_s: float) -> sqlite3.Connection:
        return sqlite3.connect(
            self._path.absolute(), isolation_level=None, timeout=wait_s, check_same_thread=False
        )

    def _prepare(self) -> None:
        """Make the tables in a new file, and take a number for this process."""
        db = self._writing
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")  # the last rows may be lost with the power
        with self._transaction():
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if not found:
                for statement in SCHEMA.split(";")[:-1]:
                    db.execute(statement)
                db.execute(f"PRAGMA user_version={FORMAT}")
            elif found != FORMAT:
                raise sqlite3.DatabaseError(f"it has format {found}, this version reads format {FORMAT}")
            number = db.execute("INSERT INTO instance DEFAULT VALUES").lastrowid
            db.execute("DELETE FROM instance WHERE number <> ?", (number,))
        assert number is not None
        self.instance = number - 1

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Write everything in the block, or nothing of it."""
        self._writing.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._writing.execute("COMMIT")
        except BaseException:
            if self._writing.in_transaction:
                self._writing.execute("ROLLBACK")
            raise

    @contextmanager
    def _write(self) -> Iterator[None]:
        """A transaction for one thread at a time; raises StoreError."""
        with self._mutex:
            try:
                with self._transaction():
                    yield
            except sqlite3.Error as error:
                raise self._error("write", error) from error

    def append(self, rows: Sequence[ExchangeRow]) -> None:
        """Append rows in one transaction; raises StoreError."""
        values = [
            (self.instance, row.kind, row.organization, row.at_ms, len(row.content), row.content)
            for row in rows
        ]
        with self._write():
            for row in rows:
                if row.kind == CLEARING:
                    named = (EXCHANGE, row.at_ms, row.organization, row.organization)
                    self._writing.execute(_CLEAR, named)
            self._writing.executemany(_INSERT, values)
            self._unpruned += len(rows)
            self._unpruned_bytes += sum(len(row.content) for row in rows)
            if self._unpruned >= PRUNE_EVERY or self._unpruned_bytes >= PRUNE_EVERY_BYTES:
                self._writing.execute(_PRUNE, (PER_ORGANIZATION, TOTAL_BYTES, wall_ms() - AGE_MS))
                self._unpruned = self._unpruned_bytes = 0

    def read(self, after: int, most: int) -> Sequence[StoredExchangeRow]:
        """Rows after a number; raises StoreError."""
        query = (
            "SELECT number, instance, kind, organization, content FROM exchange"
            " WHERE number > ? ORDER BY number LIMIT ?"
        )
        try:
            return [
                StoredExchangeRow._make(row) for row in self._reading.execute(query, (after, most)).fetchall()
            ]
        except sqlite3.Error as error:
            raise self._error("read", error) from error

    def counts(self) -> bytes:
        """The counts; raises StoreError."""
        try:
            row: tuple[bytes] = self._reading.execute("SELECT counts FROM coverage").fetchone()
        except sqlite3.Error as error:
            raise self._error("read", error) from error
        return row[0]

    def change_counts(self, change: Callable[[bytes], bytes]) -> None:
        """Change the counts in one transaction; raises StoreError."""
        with self._write():
            (before,) = self._writing.execute("SELECT counts FROM coverage").fetchone()
            self._writing.execute("UPDATE coverage SET counts = ?", (change(before),))

    def close(self) -> None:
        """Close both connections."""
        for act in self.before_close:
            act()
        self.before_close.clear()
        with self._mutex, closing(self._writing), closing(self._reading):
            pass

    def _error(self, purpose: str, error: sqlite3.Error) -> StoreError:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreLockError(f"{self._path} is locked by another program")
        return StoreError(f"cannot {purpose} {self._path}: {error}")
