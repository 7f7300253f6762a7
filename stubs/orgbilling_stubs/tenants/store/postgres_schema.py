"""The tables of the PostgreSQL store, as numbered migrations.

Plain SQL in order, because there are few tables and no models: Alembic would bring SQLAlchemy along. Each
migration runs once, in one transaction with the number of the schema, under a lock that makes servers which
start at the same time wait for each other.
"""

from __future__ import annotations

from typing import LiteralString

from orgbilling_stubs.tenants.store.connection_pool import Connection
from orgbilling_stubs.tenants.store.errors import StoreError
from orgbilling_stubs.tenants.store.postgres_connections import Connections

LOCK = 0x6F726762
"""`orgb`: the number of the advisory lock that migrations take."""

MIGRATIONS: tuple[LiteralString, ...] = (
    """
    CREATE TABLE orgbilling.log (
        generation bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        organization text COLLATE "C" NOT NULL UNIQUE,
        sequence bigint NOT NULL,
        checksum bytea NOT NULL
    );
    CREATE TABLE orgbilling.record (
        generation bigint NOT NULL REFERENCES orgbilling.log ON DELETE CASCADE,
        sequence bigint NOT NULL,
        at_ms bigint NOT NULL,
        event text NOT NULL,
        batch bigint NOT NULL,
        idempotency_key text,
        fingerprint text,
        checksum bytea NOT NULL,
        PRIMARY KEY (generation, sequence)
    );
    COMMENT ON SCHEMA orgbilling IS 'Org Billing API stub: read data with orgbilling export, not from here';
    COMMENT ON TABLE orgbilling.log IS 'where the log of each organization ends; _server: of the server';
    COMMENT ON TABLE orgbilling.record IS 'the events of each log; a checksum covers the record before it';
    """,
    """
    CREATE TABLE orgbilling.exchange (
        number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        instance bigint NOT NULL,
        kind text NOT NULL,
        organization text COLLATE "C",
        at_ms bigint NOT NULL,
        bytes bigint NOT NULL,
        content bytea NOT NULL
    );
    CREATE INDEX exchange_kept ON orgbilling.exchange (organization, number) INCLUDE (bytes, at_ms);
    CREATE SEQUENCE orgbilling.instance MINVALUE 0;
    CREATE TABLE orgbilling.coverage (counts bytea NOT NULL);
    INSERT INTO orgbilling.coverage VALUES ('');
    COMMENT ON TABLE orgbilling.exchange IS 'the journal of all servers; it may be emptied at any time';
    COMMENT ON TABLE orgbilling.coverage IS 'what the clients of all servers have met; one row';
    """,
)
"""What brings the schema from each number to the next; the first one begins with an empty schema."""


def migrate(connections: Connections) -> None:
    """Bring the tables to the present schema. Raises StoreError when that is not possible."""
    connections.run(_migrate, "prepare", repeatable=True)


async def _migrate(connection: Connection) -> None:
    encoding = await _value(connection, "SHOW server_encoding")
    if encoding != "UTF8":
        raise StoreError(f"the database has the encoding {encoding}: use one with UTF8")
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        present = await _present(connection)
        if present > len(MIGRATIONS):
            raise StoreError(
                f"the database was written by a newer version (schema {present}; this one knows"
                f" {len(MIGRATIONS)}): use another database, or that version"
            )
        for number, migration in enumerate(MIGRATIONS[present:], present + 1):
            await connection.execute(migration)
            await connection.execute("UPDATE orgbilling.schema SET number = %s", (number,))


async def _present(connection: Connection) -> int:
    """The number of the schema; an empty one is made where there is none."""
    exists = "SELECT to_regnamespace('orgbilling') IS NOT NULL"
    if not await _value(connection, exists):
        await connection.execute("CREATE SCHEMA orgbilling")
        await connection.execute("CREATE TABLE orgbilling.schema (number integer NOT NULL)")
        await connection.execute("INSERT INTO orgbilling.schema VALUES (0)")
    elif not await _value(connection, "SELECT to_regclass('orgbilling.schema') IS NOT NULL"):
        raise StoreError("the database has a schema orgbilling of something else")
    number = await _value(connection, "SELECT number FROM orgbilling.schema")
    assert isinstance(number, int)
    return number


async def _value(connection: Connection, query: LiteralString) -> object:
    row = await (await connection.execute(query)).fetchone()
    assert row is not None
    return row[0]
