"""The connections of one event loop to a PostgreSQL database.

Why not psycopg_pool: its workers are tasks that outlive a cancellation, so an event loop that ends before the
pool is closed never ends. Nothing runs in the background here: a connection is made when a request needs one.
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import psycopg
from psycopg import AsyncConnection
from psycopg.pq import TransactionStatus

from orgbilling_stubs.tenants.store import errors
from orgbilling_stubs.tenants.store.errors import StoreError

WAIT_S = 2.0
"""How long a request waits for a connection while all are in use."""
IDLE_S = 60.0
"""After how long without use a connection is closed."""
FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 2.0
"""How long no connection is tried after one could not be made: doubled with each, up to the longest."""

Connection: TypeAlias = AsyncConnection[tuple[object, ...]]


class ConnectionPool:
    """At most so many connections; idle ones are kept for a while.

    name: of the database, for messages. connect: makes a connection, or raises psycopg.Error.
    """

    def __init__(self, name: str, most: int, connect: Callable[[], Awaitable[Connection]]) -> None:
        self._name = name
        self._most = most
        self._connect = connect
        self._loop = asyncio.get_running_loop()
        self._free = asyncio.Semaphore(most)
        self._idle: deque[tuple[Connection, float]] = deque()
        """Each with the time since when; the one used last is at the end."""
        self._problem = ""
        self._pause_s = FIRST_PAUSE_S
        self._paused_until_s = 0.0

    async def take(self) -> Connection:
        """A connection that works, as far as one can see; raises StoreError."""
        if self._free.locked():
            try:
                async with asyncio.timeout(WAIT_S):
                    await self._free.acquire()
            except TimeoutError:
                problem = f"all {self._most} connections of this process to {self._name} are in use"
                raise StoreError(problem, errors.POOL_EXHAUSTED) from None
        else:
            await self._free.acquire()
        try:
            while self._idle:
                connection, _ = self._idle.pop()
                if _works(connection):
                    return connection
                connection.pgconn.finish()
            return await self._new()
        except BaseException:
            self._free.release()
            raise

    async def give_back(self, connection: Connection) -> None:
        """Keep a connection for others, unless it is broken."""
        now_s = self._loop.time()
        if connection.pgconn.transaction_status == TransactionStatus.IDLE:
            self._idle.append((connection, now_s))
        else:
            await connection.close()
        while self._idle and now_s - self._idle[0][1] > IDLE_S:
            await self._idle.popleft()[0].close()
        self._free.release()

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop()[0].pgconn.finish()

    async def _new(self) -> Connection:
        """A new connection; while the database is away, an error at once, most of the time."""
        if self._loop.time() >= self._paused_until_s:
            try:
                connection = await self._connect()
            except psycopg.Error as error:
                self._problem = " ".join(str(error).split())
                self._paused_until_s = self._loop.time() + self._pause_s
                self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
            else:
                self._pause_s = FIRST_PAUSE_S
                return connection
        raise StoreError(f"cannot connect to {self._name}: {self._problem}", errors.UNREACHABLE)


def _works(connection: Connection) -> bool:
    """Whether an idle connection has not been ended by the server, which would have sent something."""
    if connection.closed:
        return False
    readable, _, _ = select.select([connection.pgconn.socket], [], [], 0)
    return not readable
