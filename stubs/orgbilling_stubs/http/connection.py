"""What can be done to a connection under uvicorn: send slowly, close, reset, or leave it open.

ASGI has no message for these. uvicorn hands the application a bound method of the object that holds the
transport, with httptools as with h11, and nothing between uvicorn and us wraps that method; so the transport
is reached through it. Where there is none (an application driven in process), a close is a
ConnectionResetError.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Generator
from types import coroutine
from typing import TYPE_CHECKING, Any

from starlette.types import Message, Receive, Send

if TYPE_CHECKING:
    from orgbilling_stubs.http.context import Headers, Response

DRIP_INTERVAL_S = 0.05
TICK_S = 0.25
"""How soon at the latest a wait notices that the server stops."""


class Disconnected(Exception):  # noqa: N818
    """The client disconnected before it had sent its body, so there is no response to send."""


class Connection:
    """The client's connection, as far as one exchange may use it.

    receive, send: of ASGI. A server that has the whole request before it starts the pipeline (see
    `http.server`) attaches them only when they are needed.
    head_only: the request is a HEAD: bodies are left out, with their headers kept.
    """

    __slots__ = ("_receive", "_send", "head_only")

    def __init__(self, receive: Receive | None, send: Send | None, head_only: bool = False) -> None:
        self._receive = receive
        self._send = send
        self.head_only = head_only

    def attach(self, receive: Receive, send: Send) -> None:
        """Give the connection of a request whose pipeline has been started without one."""
        self._receive = receive
        self._send = send

    async def ready(self) -> None:
        """Wait until there is a connection; what comes then runs in a task, which timeouts need."""
        await self._attached()

    async def receive(self) -> Message:
        """The next message of the client: a piece of the body, or that it has left."""
        receive, _ = await self._attached()
        return await receive()

    async def deliver(self, response: Response) -> None:
        """Put a response on the connection, in its own way if it has one.

        The connection is closed after a response that is not complete.
        """
        if response.deliver is not None:
            await response.deliver(response, self)
            return
        await self.start(response.status, response.headers)
        more = not response.complete and not self.head_only
        await self.write(response.body, more=more)
        if more:
            await self.close()

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head of a response alone."""
        _, send = await self._attached()
        await send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, body: bytes, *, more: bool = False) -> None:
        """Send a piece of a body. more: there is more to come."""
        _, send = await self._attached()
        payload = b"" if self.head_only else body
        await send({"type": "http.response.body", "body": payload, "more_body": more})

    async def drip(self, body: bytes, bytes_per_s: int, *, more: bool = False) -> None:
        """Send a body at so many bytes a second, a piece every `DRIP_INTERVAL_S`; stop if the client leaves.

        A client that has closed only its half of the connection is still there. more: there is more to come.
        """
        _, send = await self._attached()
        stopped_before = _is_stopping(send)
        piece_bytes = max(1, round(bytes_per_s * DRIP_INTERVAL_S))
        for start in range(0, len(body), piece_bytes):
            piece = body[start : start + piece_bytes]
            last = start + piece_bytes >= len(body)
            await send({"type": "http.response.body", "body": piece, "more_body": more or not last})
            if not last:
                await self.pause(len(piece) / bytes_per_s)
                if _is_disconnected(send) or _is_stopping(send) > stopped_before:
                    return

    async def pause(self, seconds: float) -> None:
        """Wait for so long, or until the server stops; reads nothing of the request."""
        _, send = await self._attached()
        stopped_before = _is_stopping(send)
        while seconds > 0 and _is_stopping(send) <= stopped_before:
            await asyncio.sleep(min(seconds, TICK_S))
            seconds -= TICK_S

    async def departed(self, seconds: float) -> bool:
        """Wait until the client has left or the server stops, or for so long; False when time was up.

        Discards the body of the request.
        """
        receive, send = await self._attached()
        stopped_before = _is_stopping(send)
        disconnect = asyncio.ensure_future(_disconnect(receive))
        try:
            while seconds > 0:
                await asyncio.wait({disconnect}, timeout=min(seconds, TICK_S))
                seconds -= TICK_S
                if disconnect.done() or _is_stopping(send) > stopped_before:
                    return True
            return disconnect.done()
        finally:
            disconnect.cancel()

    async def close(self) -> None:
        """Close the connection after what has been written."""
        _, send = await self._attached()
        _release(send, "closed").close()

    async def reset(self) -> None:
        """Reset the connection: the client sees RST, and nothing that was still waiting to be written."""
        _, send = await self._attached()
        transport = _release(send, "reset")
        # Closing a socket that lingers for no time makes the kernel send RST. The option is set through a
        # duplicate, because event loops hand out sockets that do not let their options be set.
        duplicate = socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno()))
        duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        duplicate.close()
        transport.abort()

    async def _attached(self) -> tuple[Receive, Send]:
        """Receive and send, once there are any."""
        if self._send is None or self._receive is None:
            await _next_loop_iteration()
        assert self._receive is not None
        assert self._send is not None
        return self._receive, self._send


@coroutine
def _next_loop_iteration() -> Generator[None, None, None]:
    """Wait for the next iteration of the event loop: by then `http.server` has attached a connection."""
    yield


def _release(send: Send, done: str) -> asyncio.Transport:
    """The transport under a `send`, of which uvicorn is told that the client has left it.

    Raises `ConnectionResetError` where there is no transport; done: what a fault rule did to the connection.
    """
    cycle: Any = getattr(send, "__self__", None)
    transport: asyncio.Transport | None = getattr(cycle, "transport", None)
    if transport is None:
        raise ConnectionResetError(f"the connection was {done} by a fault rule")
    cycle.disconnected = True  # else uvicorn complains of a response that is not complete
    return transport


def _is_stopping(send: Send) -> bool:
    """Whether the server is shutting down: uvicorn then takes `keep_alive` from every open connection."""
    return getattr(getattr(send, "__self__", None), "keep_alive", True) is False


def _is_disconnected(send: Send) -> bool:
    """Whether uvicorn has lost the connection."""
    return getattr(getattr(send, "__self__", None), "disconnected", False) is True


async def _disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
