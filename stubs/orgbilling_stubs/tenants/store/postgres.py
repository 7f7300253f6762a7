"""The log in PostgreSQL: any number of servers on any number of machines share it.

Each call is one statement, or one transaction where it changes several logs. An append names the record
that it follows, so of two writers one gets a ConflictError. A commit is acknowledged when it is written
(`synchronous_commit`, on unless the database says otherwise).

Calls wait without stopping the event loop (see `suspension`). `head` asks the database once for each request
where a log ends: an answer counts for every request that began before the question was put. Each question
and each request has a logical time (`next_logical_time`), and these are compared. So a response shows every
write that was done before its request came, which makes it linearizable.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import LiteralString, NamedTuple, cast

import psycopg

from orgbilling_stubs.billing.events import Record, TenantCreated
from orgbilling_stubs.tenants.store.checksums import BEGINNING, RecordRow, checksum
from orgbilling_stubs.tenants.store.connection_pool import Connection
from orgbilling_stubs.tenants.store.errors import ConflictError, LogDamageError
from orgbilling_stubs.tenants.store.organization_locks import OrganizationLocks
from orgbilling_stubs.tenants.store.postgres_connections import (
    MOST_CONNECTIONS,
    CommitNotSentError,
    Connections,
)
from orgbilling_stubs.tenants.store.postgres_exchanges import PostgresExchangeTable
from orgbilling_stubs.tenants.store.postgres_schema import migrate
from orgbilling_stubs.tenants.store.protocol import SERVER_LOG, LogAppend, LogChange, LogHead
from orgbilling_stubs.tenants.store.record_rows import first_event, stored, verified_records
from orgbilling_stubs.tenants.store.suspension import (
    count_write,
    next_logical_time,
    start_of_call,
    writes_of_call,
)

MOST_REMEMBERED = 10_000
"""How many ends of logs are remembered."""

_HEADS = """
SELECT organization, generation, sequence, checksum FROM orgbilling.log WHERE organization IN (%s, %s)
"""
_READ = """
SELECT log.generation, log.sequence, log.checksum, record.checksum,
    record.sequence, record.at_ms, record.event, record.batch, record.idempotency_key, record.fingerprint
FROM orgbilling.log LEFT JOIN orgbilling.record
    ON record.generation = log.generation AND record.sequence >= %s
WHERE log.organization = %s ORDER BY record.sequence
"""
_FIRST = """
SELECT organization, generation, record.checksum,
    record.sequence, at_ms, event, batch, idempotency_key, fingerprint
FROM orgbilling.log JOIN orgbilling.record USING (generation)
WHERE record.sequence = 1 AND organization <> %s ORDER BY generation
"""
_BEGIN = """
INSERT INTO orgbilling.log (organization, sequence, checksum) VALUES (%s, 0, '')
ON CONFLICT (organization) DO NOTHING RETURNING generation
"""
_APPEND = """
WITH head AS (
    UPDATE orgbilling.log SET sequence = %s, checksum = %s
    WHERE generation = %s AND sequence = %s AND checksum = %s
    RETURNING generation
)
INSERT INTO orgbilling.record
SELECT head.generation, row.* FROM head, unnest(
    %s::bigint[], %s::bigint[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::bytea[]
) AS row
"""
_LOCK = """
SELECT 1 FROM orgbilling.log WHERE organization = ANY(%s) ORDER BY organization FOR UPDATE
"""


class _End(NamedTuple):
    """Where a log ends, as of a logical time. head: None when there is no log."""

    as_of: int
    head: LogHead | None
    checksum: bytes = BEGINNING


class PostgresStore:
    """Logs in the schema `orgbilling` of a database."""

    def __init__(self, address: str, most_connections: int = MOST_CONNECTIONS) -> None:
        """Connect, and make or migrate the tables. Raises StoreError."""
        self._writes = 0
        self._connections = Connections(address, most_connections)
        self._locks = OrganizationLocks()
        self._ends: OrderedDict[str, _End] = OrderedDict()
        self._exchanges: PostgresExchangeTable | None = None
        try:
            migrate(self._connections)
        except BaseException:
            self._connections.close()
            raise

    @property
    def writes(self) -> int:
        """How many changes the present request has made; outside of one, all calls outside of requests."""
        own = writes_of_call()
        return self._writes if own is None else own

    def _count_write(self) -> None:
        if start_of_call() is None:
            self._writes += 1
        count_write()

    def hold(self, *organizations: str) -> AbstractContextManager[object]:
        """Keep other requests of this process away from logs."""
        return self._locks.hold(*organizations)

    def head(self, organization: str) -> LogHead | None:
        """Where a log ends; raises StoreError."""
        return self._end(organization).head

    def _end(self, organization: str) -> _End:
        """Where a log ends, as of some instant since the request began."""
        began = start_of_call()
        known = self._ends.get(organization)
        if known is not None and began is not None and known.as_of > began:
            return known
        as_of = next_logical_time()

        async def work(connection: Connection) -> list[tuple[object, ...]]:
            return await (await connection.execute(_HEADS, (organization, SERVER_LOG))).fetchall()

        rows = self._connections.run(work, "read", repeatable=True)
        found = {row[0]: _End(as_of, LogHead(*row[1:3]), row[3]) for row in rows}  # type: ignore[arg-type]
        for name in {organization, SERVER_LOG}:
            self._remember(name, found.get(name, _End(as_of, None)))
        return self._ends[organization]

    def _remember(self, organization: str, end: _End) -> None:
        """Remember where a log ends, unless something newer is known."""
        known = self._ends.get(organization)
        if known is None or known.as_of < end.as_of:
            self._ends[organization] = end
            self._ends.move_to_end(organization)
            if len(self._ends) > MOST_REMEMBERED:
                self._ends.popitem(last=False)

    def _forget(self, organizations: Iterable[str]) -> None:
        """Ask anew where logs end, before the next use."""
        for organization in organizations:
            self._ends.pop(organization, None)

    def read(self, organization: str, after: int = 0, generation: int | None = None) -> Sequence[Record]:
        """Records after a sequence number.

        Raises ConflictError for a log of another generation, LogDamageError, or StoreError.
        """

        async def work(connection: Connection) -> list[tuple[object, ...]]:
            return await (await connection.execute(_READ, (max(after, 1), organization))).fetchall()

        rows = self._connections.run(work, "read", repeatable=True)
        present = rows[0][0] if rows else None
        if generation is not None and present != generation:
            self._forget([organization])
            raise ConflictError(f"{organization}: the log is not of generation {generation}")
        try:
            return verified_records(organization, after, rows) if rows else []
        except LogDamageError as error:
            raise LogDamageError(f"the log of {organization} is damaged: {error}") from error

    def append(self, organization: str, records: Sequence[Record], generation: int | None = None) -> int:
        """Append records in one transaction; raises ConflictError or StoreError."""
        if generation is None:
            return self.write_all([LogAppend(organization, records)])[0]
        end = self._ends.get(organization)
        if end is None or end.head != (generation, records[0].sequence - 1):
            self._forget([organization])
            end = self._end(organization)
        if end.head != (generation, records[0].sequence - 1):
            raise _taken(organization, records, generation)
        rows, last_checksum = _rows(organization, generation, records, end.checksum)
        as_of = next_logical_time()

        async def work(connection: Connection) -> int:
            return await _append(connection, generation, rows, end.checksum, last_checksum)

        try:
            written = self._connections.run(work, "write", repeatable=False)
        except BaseException:
            self._forget([organization])
            raise
        if not written:
            self._forget([organization])
            raise _taken(organization, records, generation)
        self._count_write()
        self._remember(organization, _End(as_of, LogHead(generation, records[-1].sequence), last_checksum))
        return generation

    def delete(self, organization: str) -> None:
        """Forget an organization, even one whose log is damaged; raises StoreError."""

        async def work(connection: Connection) -> int:
            return await _delete(connection, organization)

        try:
            self._connections.run(work, "write", repeatable=False)
        finally:
            self._forget([organization])
        self._count_write()

    def write_all(self, changes: Sequence[LogChange]) -> Sequence[int]:
        """Carry out all changes in one transaction; raises ConflictError or StoreError."""
        names = sorted({change.organization for change in changes})

        async def work(connection: Connection) -> list[int]:
            is_told_to_commit = False
            try:
                async with connection.transaction():
                    await connection.execute(_LOCK, (names,))
                    results = [await _change(connection, change) for change in changes]
                    is_told_to_commit = True
            except psycopg.OperationalError as error:
                if is_told_to_commit or error.sqlstate is not None:
                    raise
                raise CommitNotSentError(str(error)) from error
            return results

        try:
            results = self._connections.run(work, "write", repeatable=False)
        finally:
            self._forget(names)
        self._count_write()
        return results

    def heads(self) -> Mapping[str, LogHead]:
        """Where every log ends, in the order of creation; raises StoreError."""
        query: LiteralString = (
            "SELECT organization, generation, sequence FROM orgbilling.log"
            " WHERE organization <> %s ORDER BY generation"
        )
        rows = cast("list[tuple[str, int, int]]", self._rows(query))
        return {organization: LogHead(*head) for organization, *head in rows}

    def organizations(self) -> Sequence[str]:
        """Every organization with a log, in the order of creation; raises StoreError."""
        return list(self.heads())

    def creation_events(self) -> Sequence[tuple[str, TenantCreated]]:
        """Every organization with the event that created it; those whose logs are damaged are left out."""
        births = ((cast("str", row[0]), first_event(row)) for row in self._rows(_FIRST))
        return [(organization, event) for organization, event in births if isinstance(event, TenantCreated)]

    def _rows(self, query: LiteralString) -> list[tuple[object, ...]]:
        """The rows of a query about every organization."""

        async def work(connection: Connection) -> list[tuple[object, ...]]:
            return await (await connection.execute(query, (SERVER_LOG,))).fetchall()

        return self._connections.run(work, "read", repeatable=True)

    def is_locked(self) -> bool:
        """Never: PostgreSQL locks rows, for as long as a statement takes, and callers wait for them."""
        return False

    def stamp(self) -> None:
        """Nothing: whether another process has written is asked of each log (`head`)."""

    def exchanges(self) -> PostgresExchangeTable:
        """The table of exchanges, made at the first call; raises StoreError."""
        if self._exchanges is None:
            self._exchanges = PostgresExchangeTable(self._connections)
        return self._exchanges

    def close(self) -> None:
        """Close all connections."""
        if self._exchanges is not None:
            self._exchanges.close()
        self._connections.close()


async def _change(connection: Connection, change: LogChange) -> int:
    """Carry out a change, within a transaction; what `write_all` returns for it."""
    if not isinstance(change, LogAppend):
        return await _delete(connection, change.organization)
    organization, records, generation = change
    first = records[0].sequence
    if generation is None:
        row = await (await connection.execute(_BEGIN, (organization,))).fetchone()
        if row is None or first != 1:
            raise _taken(organization, records, generation)
        generation, before, previous = cast("int", row[0]), 0, BEGINNING
    else:
        query: LiteralString = "SELECT sequence, checksum FROM orgbilling.log WHERE generation = %s"
        row = await (await connection.execute(query, (generation,))).fetchone()
        if row is None:
            raise _taken(organization, records, generation)
        before, previous = cast("tuple[int, bytes]", row)
    rows, last_checksum = _rows(organization, generation, records, previous)
    if before != first - 1 or not await _append(connection, generation, rows, previous, last_checksum):
        raise _taken(organization, records, generation)
    return generation


def _rows(
    organization: str, generation: int, records: Sequence[Record], previous: bytes
) -> tuple[list[tuple[RecordRow, bytes]], bytes]:
    """The rows of records that follow a checksum, each with its own; and the last checksum."""
    rows = []
    for record in records:
        row = stored(record)
        previous = checksum(previous, organization, generation, row)
        rows.append((row, previous))
    return rows, previous


async def _append(
    connection: Connection,
    generation: int,
    rows: Sequence[tuple[RecordRow, bytes]],
    previous: bytes,
    last_checksum: bytes,
) -> int:
    """Append rows to a log that ends before the first of them; how many were appended: all, or none."""
    columns = [list(column) for column in zip(*((*row, own) for row, own in rows), strict=True)]
    first, last = rows[0][0].sequence, rows[-1][0].sequence
    cursor = await connection.execute(
        _APPEND, (last, last_checksum, generation, first - 1, previous, *columns)
    )
    return cursor.rowcount


async def _delete(connection: Connection, organization: str) -> int:
    """Delete a log with its records; 1, or 0 when there was none."""
    query: LiteralString = "DELETE FROM orgbilling.log WHERE organization = %s"
    return (await connection.execute(query, (organization,))).rowcount


def _taken(organization: str, records: Sequence[Record], generation: int | None) -> ConflictError:
    return ConflictError(
        f"{organization}: sequence {records[0].sequence} of generation {generation} is taken"
    )
