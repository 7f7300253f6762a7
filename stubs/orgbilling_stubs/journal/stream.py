"""The journal as server-sent events: each exchange from now on, with a heartbeat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Literal

import orjson

from orgbilling_stubs.http.connection import TICK_S, Connection
from orgbilling_stubs.journal.exchange import Exchange
from orgbilling_stubs.journal.serializers import exchange_document
from orgbilling_stubs.journal.store import Journal

MEDIA_TYPE = b"text/event-stream"
HEARTBEAT_S = 15.0
MAX_WAITING = 1_000
"""How many events may wait for a slow reader before it loses the oldest."""


class JournalStream:
    """Follows a journal for one client; wanted: whether an exchange is sent to it."""

    def __init__(
        self, journal: Journal, wanted: Callable[[Exchange], bool], heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._journal = journal
        self._wanted = wanted
        self._heartbeat_s = heartbeat_s
        self._waiting: asyncio.Queue[Exchange] = asyncio.Queue()

    async def run(self, connection: Connection) -> None:
        """Send events until the client leaves or the server stops."""
        departed = asyncio.ensure_future(connection.departed(float("inf")))
        try:
            with self._journal.followed_by(self._follow):
                await self._send(connection, departed)
        finally:
            departed.cancel()

    async def _send(self, connection: Connection, departed: asyncio.Future[bool]) -> None:
        """Send events until the client has departed."""
        await connection.write(b": following the journal\n\n", more=True)
        silent_s = 0.0
        while not departed.done():
            if self._journal.sharing is not None:
                await self._journal.sharing.poll()
            try:
                exchange = await asyncio.wait_for(self._waiting.get(), TICK_S)
            except TimeoutError:
                silent_s += TICK_S
                if silent_s >= self._heartbeat_s:
                    silent_s = 0.0
                    await connection.write(b": heartbeat\n\n", more=True)
                continue
            await connection.write(event(exchange), more=True)
        await connection.write(b"")

    def _follow(self, exchange: Exchange) -> None:
        if self._wanted(exchange):
            if self._waiting.qsize() >= MAX_WAITING:
                self._waiting.get_nowait()
            self._waiting.put_nowait(exchange)


class JournalSummaryStream:
    """Tells one client how many exchanges have come, and that something was changed without one.

    It does so at most once in an interval. For a page that shows the journal: what arrives is counted, and
    nothing else is done for a request. 1,000 requests a second cost one event a second. wanted: whether an
    exchange is counted; a change is told whatever it is of.
    """

    def __init__(
        self,
        journal: Journal,
        wanted: Callable[[Exchange], bool],
        interval_s: float,
        heartbeat_s: float = HEARTBEAT_S,
    ) -> None:
        self._journal = journal
        self._wanted = wanted
        self._interval_s = interval_s
        self._heartbeat_s = heartbeat_s
        self._count = 0
        self._newest = ""
        self._changed = False
        self._arrival = asyncio.Event()

    async def run(self, connection: Connection) -> None:
        """Send events until the client leaves or the server stops.

        The first exchange or change after an interval without any is sent at once.
        """
        self._journal.change_followers.append(self._follow_change)
        departed = asyncio.ensure_future(connection.departed(float("inf")))
        try:
            with self._journal.followed_by(self._follow):
                await connection.write(b": following the journal\n\n", more=True)
                while not departed.done():
                    await self._arrived(departed)
                    if self._count and self._journal.sharing is not None:
                        # Whoever is told may ask another process.
                        await self._journal.sharing.written()
                    await connection.write(self._events() or b": heartbeat\n\n", more=True)
                    await asyncio.wait({departed}, timeout=self._interval_s)
                await connection.write(b"")
        finally:
            self._journal.change_followers.remove(self._follow_change)
            departed.cancel()

    async def _arrived(self, departed: asyncio.Future[bool]) -> None:
        """Wait until there is something to tell, the client has departed, or a heartbeat is due."""
        sharing, silent_s = self._journal.sharing, 0.0
        while silent_s < self._heartbeat_s:
            tick_s = self._heartbeat_s
            if sharing is not None:
                tick_s = TICK_S
                await sharing.poll()
            arrival = asyncio.ensure_future(self._arrival.wait())
            waiting: set[asyncio.Future[bool] | asyncio.Task[Literal[True]]] = {departed, arrival}
            done, _ = await asyncio.wait(waiting, timeout=tick_s, return_when=asyncio.FIRST_COMPLETED)
            arrival.cancel()
            if done:
                return
            silent_s += tick_s

    def _follow(self, exchange: Exchange) -> None:
        if self._wanted(exchange):
            self._count += 1
            self._newest = exchange.trace
            if self._count == 1:
                self._arrival.set()

    def _follow_change(self) -> None:
        self._changed = True
        self._arrival.set()

    def _events(self) -> bytes:
        """What has come since the last call; empty when nothing has."""
        events = b""
        if self._count:
            data = orjson.dumps({"count": self._count, "newest": self._newest})
            events += b"event: exchanges\ndata: " + data + b"\n\n"
        if self._changed:
            events += b"event: changes\ndata: {}\n\n"
        self._count, self._changed = 0, False
        self._arrival.clear()
        return events


def event(exchange: Exchange) -> bytes:
    """One server-sent event; its id is the trace id."""
    data = orjson.dumps(exchange_document(exchange))
    return b"event: exchange\nid: " + exchange.trace.encode() + b"\ndata: " + data + b"\n\n"
