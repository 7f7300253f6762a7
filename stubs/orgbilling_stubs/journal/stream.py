"""The journal as server-sent events: each exchange from now on, with a heartbeat."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import orjson

from orgbilling_stubs.http.connection import TICK_S, Receive, Send, departed, stopping
from orgbilling_stubs.journal.show import document
from orgbilling_stubs.journal.store import Exchange, Journal

MEDIA = b"text/event-stream"
HEARTBEAT_S = 15.0
BEHIND = 1_000
"""How many events may wait for a slow reader before it loses the oldest."""


class Stream:
    """Follows a journal for one client; wanted: which exchanges it is to hear of."""

    def __init__(
        self, journal: Journal, wanted: Callable[[Exchange], bool], heartbeat_s: float = HEARTBEAT_S
    ) -> None:
        self._journal = journal
        self._wanted = wanted
        self._heartbeat_s = heartbeat_s
        self._waiting: asyncio.Queue[Exchange] = asyncio.Queue()

    async def run(self, receive: Receive, send: Send) -> None:
        """Send events until the client leaves or the server stops."""
        already = stopping(send)
        self._journal.followers.append(self._follow)
        leaving = asyncio.ensure_future(departed(receive, send, float("inf")))
        try:
            await _write(send, b": following the journal\n\n")
            quiet_s = 0.0
            while not leaving.done() and stopping(send) <= already:
                try:
                    exchange = await asyncio.wait_for(self._waiting.get(), TICK_S)
                except TimeoutError:
                    quiet_s += TICK_S
                    if quiet_s >= self._heartbeat_s:
                        quiet_s = 0.0
                        await _write(send, b": heartbeat\n\n")
                    continue
                await _write(send, event(exchange))
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._journal.followers.remove(self._follow)
            leaving.cancel()

    def _follow(self, exchange: Exchange) -> None:
        if self._wanted(exchange):
            if self._waiting.qsize() >= BEHIND:
                self._waiting.get_nowait()
            self._waiting.put_nowait(exchange)


def event(exchange: Exchange) -> bytes:
    """One server-sent event; its id is the trace id."""
    data = orjson.dumps(document(exchange))
    return b"event: exchange\nid: " + exchange.trace.encode() + b"\ndata: " + data + b"\n\n"


async def _write(send: Send, text: bytes) -> None:
    message: dict[str, Any] = {"type": "http.response.body", "body": text, "more_body": True}
    await send(message)
