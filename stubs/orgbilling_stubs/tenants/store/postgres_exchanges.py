"""The exchanges of all processes that share a PostgreSQL store, in a table of its schema."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, cast

from orgbilling_stubs.tenants.clock import wall_ms
from orgbilling_stubs.tenants.store import errors
from orgbilling_stubs.tenants.store.connection_pool import Connection
from orgbilling_stubs.tenants.store.errors import StoreError
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
from orgbilling_stubs.tenants.store.postgres_connections import Connections

T = TypeVar("T")

LOCK = 0x65786368
"""`exch`: the advisory lock of those who append. Without it a row with a smaller number could become visible
after one with a greater number, and whoever has read the latter would never read the former."""

_APPEND = """
INSERT INTO orgbilling.exchange (instance, kind, organization, at_ms, bytes, content)
SELECT %s, row.* FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::bytea[]) AS row
"""
_CLEAR = """
DELETE FROM orgbilling.exchange
WHERE kind = %s AND at_ms <= %s AND (organization = %s OR %s::text IS NULL)
"""
_READ = """
SELECT number, instance, kind, organization, content FROM orgbilling.exchange
WHERE number > %s ORDER BY number LIMIT %s
"""
_PRUNE = """
DELETE FROM orgbilling.exchange WHERE number IN (
    SELECT number FROM (
        SELECT number, at_ms,
            row_number() OVER (PARTITION BY organization ORDER BY number DESC) AS place,
            sum(bytes) OVER (ORDER BY number DESC) AS total
        FROM orgbilling.exchange
    ) AS kept
    WHERE place > %s OR total > %s OR at_ms < %s
)
"""


class PostgresExchangeTable:
    """Rows in the schema `orgbilling`."""

    def __init__(self, connections: Connections) -> None:
        """Take a number for this process. Raises StoreError."""
        self._connections = connections
        self.before_close: list[Callable[[], None]] = []
        self._is_closed = False
        self._unpruned, self._unpruned_bytes = PRUNE_EVERY, 0

        async def work(connection: Connection) -> int:
            row = await (await connection.execute("SELECT nextval('orgbilling.instance')")).fetchone()
            assert row is not None
            return cast("int", row[0])

        self.instance = self._run(work, "prepare", repeatable=True)

    def _run(self, work: Callable[[Connection], Awaitable[T]], purpose: str, *, repeatable: bool) -> T:
        if self._is_closed:
            raise StoreError("the server has closed the database", errors.UNREACHABLE)
        return self._connections.run(work, purpose, repeatable=repeatable)

    def append(self, rows: Sequence[ExchangeRow]) -> None:
        """Append rows in one transaction; raises StoreError."""
        kinds, organizations, instants, contents = (list(column) for column in zip(*rows, strict=True))
        sizes = [len(row.content) for row in rows]
        self._unpruned += len(rows)
        self._unpruned_bytes += sum(sizes)
        prunes = self._unpruned >= PRUNE_EVERY or self._unpruned_bytes >= PRUNE_EVERY_BYTES

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
                for row in rows:
                    if row.kind == CLEARING:
                        named = (EXCHANGE, row.at_ms, row.organization, row.organization)
                        await connection.execute(_CLEAR, named)
                columns = (self.instance, kinds, organizations, instants, sizes, contents)
                await connection.execute(_APPEND, columns)
                if prunes:
                    limits = (PER_ORGANIZATION, TOTAL_BYTES, wall_ms() - AGE_MS)
                    await connection.execute(_PRUNE, limits)

        self._run(work, "write", repeatable=False)
        if prunes:
            self._unpruned = self._unpruned_bytes = 0

    def read(self, after: int, most: int) -> Sequence[StoredExchangeRow]:
        """Rows after a number; raises StoreError."""

        async def work(connection: Connection) -> list[tuple[object, ...]]:
            return await (await connection.execute(_READ, (after, most))).fetchall()

        rows = self._run(work, "read", repeatable=True)
        return [StoredExchangeRow._make(row) for row in rows]

    def counts(self) -> bytes:
        """The counts; raises StoreError."""
        return self._run(_counts, "read", repeatable=True)

    def change_counts(self, change: Callable[[bytes], bytes]) -> None:
        """Change the counts in one transaction; raises StoreError."""

        async def work(connection: Connection) -> None:
            async with connection.transaction():
                # A lock of the row, before its value is read.
                await connection.execute("UPDATE orgbilling.coverage SET counts = counts")
                after = change(await _counts(connection))
                await connection.execute("UPDATE orgbilling.coverage SET counts = %s", (after,))

        self._run(work, "write", repeatable=False)

    def close(self) -> None:
        """Say that no more calls will come; the connections are the store's."""
        for act in self.before_close:
            act()
        self.before_close.clear()
        self._is_closed = True


async def _counts(connection: Connection) -> bytes:
    row = await (await connection.execute("SELECT counts FROM orgbilling.coverage")).fetchone()
    assert row is not None
    return cast("bytes", row[0])
