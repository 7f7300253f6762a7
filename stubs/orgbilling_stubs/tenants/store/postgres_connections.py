"""Connections to PostgreSQL from any thread and event loop, time limits, and what an error means.

A call from within a request (see `suspension`) uses the pool of the request's event loop, and suspends the
request. Any other call, such as those at the start, uses the pool of an event loop in a thread, and waits.

A read whose connection turns out to be lost is done again. Nothing is sent twice that may have changed
something: what was lost on the way to a commit is `database_outcome_unknown`.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from threading import Lock, Thread
from typing import LiteralString, TypeAlias, TypeVar

import psycopg
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from orgbilling_stubs.tenants.store import errors
from orgbilling_stubs.tenants.store.connection_pool import Connection, ConnectionPool
from orgbilling_stubs.tenants.store.errors import (
    ConflictError,
    StoreError,
    StoreErrorKind,
    StoreLockError,
)
from orgbilling_stubs.tenants.store.suspension import start_of_call, wait_for

MOST_CONNECTIONS = 8
"""How many connections a process has at most."""
STATEMENT_TIMEOUT_S = 5
"""How long the server works on one statement at most."""
LOCK_TIMEOUT_S = 2
"""How long a statement waits at most for a row that another one changes."""
ANSWER_TIMEOUT_S = 8.0
"""After how long without an answer a connection is given up: the server, or the way to it, hangs."""
ATTEMPTS = 3
"""How often a read is tried while connections turn out to be lost."""

DEFAULTS: dict[str, str | int] = {
    "application_name": "orgbilling",
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 8_000,
}
"""Parameters of libpq that an address may set otherwise."""

_KINDS: dict[str, StoreErrorKind] = {
    "25006": errors.READ_ONLY,
    "42501": errors.READ_ONLY,
    "53100": errors.FULL,
    "53300": errors.POOL_EXHAUSTED,
    "57014": errors.TIMEOUT,
}
"""By SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html)."""
_CONFLICTS = ("40001", "40P01", "23505")
_LOCKED = "55P03"
_ENDING = "57P0"
"""The server, or this connection, is shut down."""

T = TypeVar("T")
Work: TypeAlias = Callable[[Connection], Awaitable[T]]


class Connections:
    """Connections to one database, from any thread and event loop."""

    def __init__(self, address: str, most: int = MOST_CONNECTIONS) -> None:
        """Raises StoreError for an address that libpq does not understand."""
        try:
            given = conninfo_to_dict(address)
            self._conninfo = make_conninfo("", **(DEFAULTS | given))
        except psycopg.Error as error:
            raise StoreError(f"the database address cannot be used: {_line(error)}") from None
        self.name = f"{given.get('host') or 'localhost'}/{given.get('dbname') or given.get('user') or ''}"
        """Host and name of the database, for messages."""
        self._most = most
        self._pools: dict[asyncio.AbstractEventLoop, ConnectionPool] = {}
        self._mutex = Lock()
        self._thread_loop: asyncio.AbstractEventLoop | None = None

    def run(self, work: Work[T], purpose: str, *, repeatable: bool) -> T:
        """What `work` returns, given a connection.

        repeatable: it changes nothing, so it is done again when its connection turns out to be lost.
        Raises StoreError.
        """
        call = self._run(work, purpose, repeatable)
        if start_of_call() is not None:
            return wait_for(call)
        return self._in_thread(call)

    def close(self) -> None:
        """Close every idle connection."""
        with self._mutex:
            loop, self._thread_loop = self._thread_loop, None
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()

    def _in_thread(self, call: Coroutine[object, object, T]) -> T:
        """Run a coroutine in the event loop of the thread, and wait for it."""
        with self._mutex:
            loop = self._thread_loop
            if loop is None:
                loop = self._thread_loop = asyncio.new_event_loop()
                Thread(target=_run_loop, args=[loop], name="orgbilling-postgres", daemon=True).start()
        return asyncio.run_coroutine_threadsafe(call, loop).result()

    async def _run(self, work: Work[T], purpose: str, repeatable: bool) -> T:
        loop, pool = asyncio.get_running_loop(), self._pool()
        for attempt in range(1, ATTEMPTS + 1):
            connection = await pool.take()
            timer = loop.call_later(ANSWER_TIMEOUT_S, _cut, connection)
            try:
                return await work(connection)
            except psycopg.Error as error:
                if not (connection.closed and repeatable and attempt < ATTEMPTS):
                    raise self._error(error, purpose, connection.closed, repeatable) from error
            finally:
                timer.cancel()
                await pool.give_back(connection)
        raise AssertionError("the last attempt returns or raises")

    def _pool(self) -> ConnectionPool:
        """The pool of the running event loop."""
        loop = asyncio.get_running_loop()
        pool = self._pools.get(loop)
        if pool is None:
            for ended in [other for other in self._pools if other.is_closed()]:
                self._pools.pop(ended).close()
            pool = self._pools[loop] = ConnectionPool(self.name, self._most, self._connect)
        return pool

    async def _connect(self) -> Connection:
        connection = await AsyncConnection.connect(self._conninfo, autocommit=True, prepare_threshold=2)
        await self._configure(connection)
        return connection

    async def _configure(self, connection: Connection) -> None:
        settings = {
            "statement_timeout": f"{STATEMENT_TIMEOUT_S}s",
            "lock_timeout": f"{LOCK_TIMEOUT_S}s",
            "idle_in_transaction_session_timeout": f"{2 * STATEMENT_TIMEOUT_S}s",
        }
        names, values = list(settings), list(settings.values())
        query: LiteralString = (
            "SELECT set_config(name, value, false) FROM unnest(%s::text[], %s::text[]) AS s (name, value)"
        )
        await connection.execute(query, (names, values))

    def _error(self, error: psycopg.Error, purpose: str, lost: bool, repeatable: bool) -> StoreError:
        """What an error means; lost: the connection is gone."""
        state = error.sqlstate or ""
        text = f"cannot {purpose} {self.name}: {_line(error)}"
        if state in _CONFLICTS:
            return ConflictError(text)
        if state == _LOCKED:
            return StoreLockError(text)
        if state in _KINDS:
            return StoreError(text, _KINDS[state])
        if lost or state.startswith(_ENDING) or not state:
            committing = not repeatable and not isinstance(error, CommitNotSentError)
            return StoreError(text, errors.OUTCOME_UNKNOWN if committing else errors.UNREACHABLE)
        return StoreError(text, errors.FAILED)


class CommitNotSentError(psycopg.OperationalError):
    """The connection was lost before a transaction was told to commit: nothing has happened."""


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Run an event loop until it is stopped, and end what it still does."""
    asyncio.set_event_loop(loop)
    loop.run_forever()
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks))
    loop.close()


def _cut(connection: Connection) -> None:
    """End a connection that does not answer, so that whoever waits for it gets an error."""
    with suppress(OSError, psycopg.Error):
        descriptor = os.dup(connection.pgconn.socket)
        with socket.socket(fileno=descriptor) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)


def _line(error: Exception) -> str:
    """An error as one line."""
    return " ".join(str(error).split()) or type(error).__name__
