"""The journal as server-sent events: each exchange from now on, with a heartbeat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

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
        self._journal.followers.append(self._follow)
        departed = asyncio.ensure_future(connection.departed(float("inf")))
        try:
            await connection.write(b": following the journal\n\n", more=True)
            silent_s = 0.0
            while not departed.done():
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
        finally:
            self._journal.followers.remove(self._follow)
            departed.cancel()

    def _follow(self, exchange: Exchange) -> None:
        if self._wanted(exchange):
            if self._waiting.qsize() >= MAX_WAITING:
                self._waiting.get_nowait()
            self._waiting.put_nowait(exchange)


def event(exchange: Exchange) -> bytes:
    """One server-sent event; its id is the trace id."""
    data = orjson.dumps(exchange_document(exchange))
    return b"event: exchange\nid: " + exchange.trace.encode() + b"\ndata: " + data + b"\n\n"
