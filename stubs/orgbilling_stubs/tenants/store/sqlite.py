"""The log in SQLite: WAL, one row an event, safe against kill -9."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from orgbilling_stubs.billing.events import (
    Event,
    Idempotency,
    Record,
    TenantCreated,
    UnknownEventError,
    decode,
    encode,
)
from orgbilling_stubs.tenants.store.protocol import SERVER_LOG, ConflictError, StoreError

_FORMAT = 2
_SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    organization TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    event TEXT NOT NULL,
    batch INTEGER NOT NULL,
    idempotency_key TEXT,
    fingerprint TEXT,
    PRIMARY KEY (organization, sequence)
) STRICT;
"""


class SqliteStore:
    """Logs in one database file, shared by any number of processes on the machine."""

    def __init__(self, path: Path) -> None:
        """Open or create the file.

        Raises StoreError when it cannot be opened, or is not a log of ours.
        """
        self._path = path
        with ExitStack() as undone:
            try:
                self._db = sqlite3.connect(path, isolation_level=None, timeout=10, check_same_thread=False)
                undone.callback(self._db.close)
                self._db.execute("PRAGMA journal_mode=WAL")
                self._db.execute("PRAGMA synchronous=NORMAL")
                self._prepare()
            except sqlite3.Error as error:
                raise StoreError(f"cannot use {path} as a database: {error}") from error
            undone.pop_all()

    def _prepare(self) -> None:
        found = self._db.execute("PRAGMA user_version").fetchone()[0]
        tables = self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if found == 0 and tables:
            raise StoreError(f"{self._path} is a database of something else")
        if found not in (0, _FORMAT):
            raise StoreError(f"{self._path} was written by another version (format {found})")
        self._db.executescript(_SCHEMA)
        self._db.execute(f"PRAGMA user_version={_FORMAT}")

    def read(self, organization: str, after: int = 0) -> Sequence[Record]:
        """Records after a sequence number; raises StoreError when the log cannot be read."""
        try:
            rows = self._db.execute(
                "SELECT sequence, at_ms, event, batch, idempotency_key, fingerprint FROM record"
                " WHERE organization = ? AND sequence > ? ORDER BY sequence",
                (organization, after),
            ).fetchall()
            return [
                Record(
                    sequence,
                    at_ms,
                    decode(json.loads(event)),
                    batch,
                    Idempotency(key, fingerprint) if key else None,
                )
                for sequence, at_ms, event, batch, key, fingerprint in rows
            ]
        except (sqlite3.Error, ValueError, UnknownEventError) as error:
            raise StoreError(f"cannot read {self._path}: {error}") from error

    def append(self, organization: str, records: Sequence[Record]) -> None:
        """Append records in one transaction; raises Conflict or StoreError."""
        rows = [
            (
                organization,
                record.sequence,
                record.at_ms,
                json.dumps(encode(record.event), ensure_ascii=False, separators=(",", ":")),
                record.batch,
                record.idempotency.key if record.idempotency else None,
                record.idempotency.fingerprint if record.idempotency else None,
            )
            for record in records
        ]
        try:
            self._write("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        except sqlite3.IntegrityError as error:
            raise ConflictError(f"{organization}: {error}") from error
        except sqlite3.Error as error:
            raise StoreError(f"cannot write {self._path}: {error}") from error

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            self._db.executemany(statement, rows)
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def delete(self, organization: str) -> None:
        """Forget an organization; raises StoreError."""
        try:
            self._write("DELETE FROM record WHERE organization = ?", [(organization,)])
        except sqlite3.Error as error:
            raise StoreError(f"cannot write {self._path}: {error}") from error

    def organizations(self) -> Sequence[str]:
        """Every organization with a log, in the order of creation."""
        rows = self._db.execute("SELECT organization FROM record WHERE sequence = 1 ORDER BY rowid")
        return [organization for (organization,) in rows if organization != SERVER_LOG]

    def creation_events(self) -> Sequence[tuple[str, TenantCreated]]:
        """Every organization with the event that created it; raises StoreError."""
        births = ((organization, self._first(organization)) for organization in self.organizations())
        return [(organization, event) for organization, event in births if isinstance(event, TenantCreated)]

    def _first(self, organization: str) -> Event:
        """The event that a log begins with."""
        query = "SELECT event FROM record WHERE organization = ? AND sequence = 1"
        try:
            return decode(json.loads(self._db.execute(query, (organization,)).fetchone()[0]))
        except (sqlite3.Error, TypeError, ValueError, UnknownEventError) as error:
            raise StoreError(f"cannot read {self._path}: {error}") from error

    def stamp(self) -> int:
        """SQLite's own count of commits by other connections."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        self._db.close()
