"""The log in SQLite: one row a record, checked by checksums, on disk before it is acknowledged.

`synchronous=FULL` with a write-ahead log: a commit returns when the record is on the disk, so that it
survives `kill -9` and the loss of power (https://www.sqlite.org/pragma.html#pragma_synchronous).

No call waits for a lock: it raises StoreLockError at once, and the caller decides whether to wait (see
`tenants.store.retry`). Only opening the file waits, before the server answers anybody.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import RLock

from orgbilling_stubs.billing.events import Record, TenantCreated
from orgbilling_stubs.tenants.clock import wall_ms
from orgbilling_stubs.tenants.store import errors
from orgbilling_stubs.tenants.store.checksums import BEGINNING, checksum
from orgbilling_stubs.tenants.store.errors import (
    ConflictError,
    LogDamageError,
    StoreError,
    StoreErrorKind,
    StoreLockError,
)
from orgbilling_stubs.tenants.store.protocol import SERVER_LOG, LogAppend, LogChange, LogHead
from orgbilling_stubs.tenants.store.record_rows import first_event, stored, verified_records
from orgbilling_stubs.tenants.store.sqlite_exchanges import SqliteExchangeTable
from orgbilling_stubs.tenants.store.sqlite_file import open_database

LOOK_EVERY_MS = 100
"""How often reads look whether the file is still the one that was opened. Writes always do."""

_KINDS: dict[int, StoreErrorKind] = {
    sqlite3.SQLITE_FULL: errors.FULL,
    sqlite3.SQLITE_READONLY: errors.READ_ONLY,
    sqlite3.SQLITE_PERM: errors.READ_ONLY,
}
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_PRIMARY = 0xFF
"""The bits of SQLite's extended error codes that are the error itself."""

_READ = """
SELECT log.generation, log.sequence, log.checksum, record.checksum,
    record.sequence, record.at_ms, record.event, record.batch, record.idempotency_key, record.fingerprint
FROM log LEFT JOIN record
    ON record.organization = log.organization AND record.generation = log.generation
    AND record.sequence >= ?
WHERE log.organization = ? ORDER BY record.sequence
"""
_FIRST = """
SELECT organization, generation, record.checksum,
    record.sequence, at_ms, event, batch, idempotency_key, fingerprint
FROM log JOIN record USING (organization, generation) WHERE record.sequence = 1
"""


class SqliteStore:
    """Logs in one database file, shared by any number of processes on the machine."""

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises StoreError when it cannot be opened, or is not a log of ours.
        """
        self._path = path
        self.writes = 0
        self._lock = RLock()
        self._db = open_database(path)
        self._files = [path, path.with_name(f"{path.name}-wal")]
        self._identities = self._identify()
        self._looked_ms = wall_ms()
        self._exchanges: SqliteExchangeTable | None = None

    def head(self, organization: str) -> LogHead | None:
        """Where a log ends; raises StoreError."""
        query = "SELECT generation, sequence FROM log WHERE organization = ?"
        with self._reading(organization):
            row = self._db.execute(query, (organization,)).fetchone()
            if row is None:
                self._check_absent(organization)
        return None if row is None else LogHead(*row)

    def _check_absent(self, organization: str) -> None:
        """Raise LogDamageError when a log without a head has records: its head was lost."""
        query = "SELECT 1 FROM record WHERE organization = ? LIMIT 1"
        if self._db.execute(query, (organization,)).fetchone() is not None:
            raise self._damaged(organization, "its head is missing")

    def read(self, organization: str, after: int = 0, generation: int | None = None) -> Sequence[Record]:
        """Records after a sequence number.

        Raises ConflictError for a log of another generation, LogDamageError, or StoreError.
        """
        with self._reading(organization):
            rows = self._db.execute(_READ, (max(after, 1), organization)).fetchall()
            if not rows:
                self._check_absent(organization)
            present = rows[0][0] if rows else None
            if generation is not None and present != generation:
                raise ConflictError(f"{organization}: the log is not of generation {generation}")
            if not rows:
                return []
            try:
                return verified_records(organization, after, rows)
            except LogDamageError as error:
                raise self._damaged(organization, str(error)) from error

    def append(self, organization: str, records: Sequence[Record], generation: int | None = None) -> int:
        """Append records in one transaction; raises ConflictError or StoreError."""
        with self._transaction(organization):
            return self._append(organization, records, generation)

    def _append(self, organization: str, records: Sequence[Record], generation: int | None) -> int:
        """Append records to a log, within a transaction; its generation."""
        first, last = records[0].sequence, records[-1].sequence
        head = self._db.execute(
            "SELECT log.generation, log.sequence, log.checksum, record.checksum FROM log LEFT JOIN record"
            " ON record.organization = log.organization AND record.generation = log.generation"
            " AND record.sequence = log.sequence WHERE log.organization = ?",
            (organization,),
        ).fetchone()
        if (generation, first - 1) != (None, 0) if head is None else head[:2] != (generation, first - 1):
            raise ConflictError(f"{organization}: sequence {first} of generation {generation} is taken")
        if head is None:
            self._check_absent(organization)
            statement = "INSERT INTO log (organization, sequence, checksum) VALUES (?, 0, ?)"
            generation = self._db.execute(statement, (organization, BEGINNING)).lastrowid
        elif head[2] != head[3]:
            raise self._damaged(organization, "its last record is not what was written")
        assert generation is not None
        previous = BEGINNING if head is None else head[2]
        rows = []
        for record in records:
            values = stored(record)
            previous = checksum(previous, organization, generation, values)
            rows.append((organization, generation, *values, previous))
        self._db.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        statement = "UPDATE log SET sequence = ?, checksum = ? WHERE generation = ?"
        self._db.execute(statement, (last, previous, generation))
        return generation

    def delete(self, organization: str) -> None:
        """Forget an organization, even one whose log is damaged; raises StoreError."""
        with self._transaction(organization):
            self._delete(organization)

    def _delete(self, organization: str) -> int:
        """Delete a log, within a transaction; 1, or 0 when there was none."""
        records = self._db.execute("DELETE FROM record WHERE organization = ?", (organization,)).rowcount
        heads = self._db.execute("DELETE FROM log WHERE organization = ?", (organization,)).rowcount
        return int(records + heads > 0)

    def write_all(self, changes: Sequence[LogChange]) -> Sequence[int]:
        """Carry out all changes in one transaction; raises ConflictError or StoreError."""
        with self._transaction(changes[0].organization):
            return [self._change(change) for change in changes]

    def _change(self, change: LogChange) -> int:
        """Carry out a change, within a transaction; what `write_all` returns for it."""
        if isinstance(change, LogAppend):
            return self._append(change.organization, change.records, change.generation)
        return self._delete(change.organization)

    def heads(self) -> Mapping[str, LogHead]:
        """Where every log ends, in the order of creation; raises StoreError."""
        with self._reading():
            rows = self._db.execute("SELECT organization, generation, sequence FROM log ORDER BY generation")
            return {
                organization: LogHead(*head) for organization, *head in rows if organization != SERVER_LOG
            }

    def organizations(self) -> Sequence[str]:
        """Every organization with a log, in the order of creation; raises StoreError."""
        with self._reading():
            rows = self._db.execute("SELECT organization FROM log ORDER BY generation").fetchall()
        return [organization for (organization,) in rows if organization != SERVER_LOG]

    def creation_events(self) -> Sequence[tuple[str, TenantCreated]]:
        """Every organization with the event that created it; those whose logs are damaged are left out."""
        try:
            with self._reading(SERVER_LOG):
                rows = self._db.execute(f"{_FIRST} ORDER BY generation").fetchall()
        except LogDamageError:  # bytes in one of them that are no text: one by one
            rows = [row for organization in self.organizations() for row in self._first(organization)]
        births = ((row[0], first_event(row)) for row in rows if row[0] != SERVER_LOG)
        return [(organization, event) for organization, event in births if isinstance(event, TenantCreated)]

    def _first(self, organization: str) -> Sequence[tuple[object, ...]]:
        """The row that a log begins with; none when it cannot be read."""
        try:
            with self._reading(organization):
                return self._db.execute(f"{_FIRST} AND organization = ?", (organization,)).fetchall()
        except LogDamageError:
            return []

    def is_locked(self) -> bool:
        """Whether another connection holds a lock; any other error is left to the call that meets it."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("ROLLBACK")
        except sqlite3.Error as error:
            return isinstance(self._error(error, "write", None), StoreLockError)
        return False

    def stamp(self) -> int:
        """SQLite's own count of commits by other connections; raises StoreError."""
        now_ms = wall_ms()
        if now_ms - self._looked_ms > LOOK_EVERY_MS:
            self._check_in_place()
            self._looked_ms = now_ms
        with self._reading():
            return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def hold(self, *organizations: str) -> AbstractContextManager[object]:
        """Keep other threads away from all logs."""
        return self._lock

    def exchanges(self) -> SqliteExchangeTable:
        """The table of exchanges, made at the first call; raises StoreError."""
        if self._exchanges is None:
            self._exchanges = SqliteExchangeTable(self._path.with_name(f"{self._path.name}-exchanges"))
        return self._exchanges

    def close(self) -> None:
        """Close the file, and that of the exchanges."""
        if self._exchanges is not None:
            self._exchanges.close()
        self._db.close()

    @contextmanager
    def _transaction(self, organization: str) -> Iterator[None]:
        """Write everything in the block, or nothing of it; raises StoreError.

        When it returns, the records are on disk, in the file that is found under its name.
        """
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            except BaseException:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise self._error(error, "write", organization) from error
        self.writes += 1
        self._check_in_place()

    @contextmanager
    def _reading(self, organization: str | None = None) -> Iterator[None]:
        """Read; raises StoreError. organization: whose log is read."""
        try:
            yield
        except sqlite3.Error as error:
            raise self._error(error, "read", organization) from error

    def _error(self, error: sqlite3.Error, purpose: str, organization: str | None) -> StoreError:
        """What an error of SQLite means."""
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return StoreLockError(f"{self._path} is locked by another program")
        undecodable = code == sqlite3.SQLITE_ERROR and "decode" in str(error)  # bytes that are no UTF-8
        if organization is not None and (undecodable or code in _DAMAGED):
            return self._damaged(organization, str(error))
        return StoreError(f"cannot {purpose} {self._path}: {error}", _KINDS.get(code, errors.FAILED))

    def _damaged(self, organization: str, problem: str) -> LogDamageError:
        return LogDamageError(f"{self._path}: the log of {organization} is damaged: {problem}")

    def _identify(self) -> list[tuple[int, int]]:
        """Device and inode of each file of the database; raises OSError when one is missing."""
        return [(status.st_dev, status.st_ino) for status in map(os.stat, self._files)]

    def _check_in_place(self) -> None:
        """Raise StoreError when the files of the database were deleted, moved or replaced."""
        try:
            if self._identify() == self._identities:
                return
            problem = "was replaced"
        except OSError as error:
            problem = f"cannot be found ({error.strerror})"
        raise StoreError(f"{self._path} {problem}: put it back, or start the server anew", errors.MISSING)
