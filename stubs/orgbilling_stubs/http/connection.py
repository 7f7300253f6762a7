"""What can be done to a connection under uvicorn: trickle, cut, reset, or leave it hanging.

ASGI has no word for any of this. uvicorn hands the application a bound method of the object that holds the
transport, with httptools as with h11, and nothing between it and us wraps that method; so the transport is
reached through it. Where there is none (an application driven in process), a cut is a ConnectionResetError.
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

STEP_S = 0.05
"""How often a drip falls."""
TICK_S = 0.25
"""How soon at the latest a wait notices that the server stops."""


class Disconnected(Exception):  # noqa: N818
    """The client went away before it had sent its body: nobody is left to answer."""


class Connection:
    """The client's connection, as far as one exchange may use it.

    receive, send: of ASGI. A server that has the whole request before it starts the pipeline (see
    `http.server`) gives the body instead, and attaches receive and send only when they are needed.
    head_only: the request is a HEAD: bodies are left out, with their headers kept.
    """

    __slots__ = ("_body", "_receive", "_send", "head_only")

    def __init__(
        self,
        receive: Receive | None,
        send: Send | None,
        head_only: bool = False,
        body: bytes | None = None,
    ) -> None:
        self._receive = receive
        self._send = send
        self._body = body
        self.head_only = head_only

    def attach(self, receive: Receive, send: Send) -> None:
        """Give the connection of a request whose pipeline has been started without one."""
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        """The next message of the client: a piece of the body, or that it has left."""
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        receive, _ = await self._both()
        return await receive()

    async def deliver(self, response: Response) -> None:
        """Put a response on the connection, in its own way if it has one."""
        if response.deliver is not None:
            await response.deliver(response, self)
        else:
            await self.send(response)

    async def send(self, response: Response) -> None:
        """Send a response at once; close the connection after one that is not complete."""
        await self.start(response.status, response.headers)
        more = not response.complete and not self.head_only
        await self.write(response.body, more=more)
        if more:
            await self.close()

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head of a response alone."""
        _, send = await self._both()
        await send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, body: bytes, *, more: bool = False) -> None:
        """Send a piece of a body. more: there is more to come."""
        _, send = await self._both()
        payload = b"" if self.head_only else body
        await send({"type": "http.response.body", "body": payload, "more_body": more})

    async def drip(self, body: bytes, bytes_per_s: int, *, more: bool = False) -> None:
        """Send a body so many bytes a second, one drop at a time; stop if the client leaves."""
        receive, send = await self._both()
        await drip(send, body, bytes_per_s, receive, more=more)

    async def pause(self, seconds: float) -> None:
        """Wait for so long, or until the server stops; reads nothing of the request."""
        _, send = await self._both()
        await pause(send, seconds)

    async def departed(self, seconds: float) -> bool:
        """Wait until the client has left or the server stops, or for so long; False when time was up.

        Swallows the body of the request.
        """
        receive, send = await self._both()
        return await departed(receive, send, seconds)

    async def close(self) -> None:
        """Close the connection after what has been written."""
        _, send = await self._both()
        close(send)

    async def reset(self) -> None:
        """Reset the connection: the client sees RST, and nothing that was still waiting to be written."""
        _, send = await self._both()
        reset(send)

    async def _both(self) -> tuple[Receive, Send]:
        if self._send is None or self._receive is None:
            await _attached()
        assert self._receive is not None
        assert self._send is not None
        return self._receive, self._send


@coroutine
def _attached() -> Generator[None, None, None]:
    """Wait for a turn of the loop: whoever has started the pipeline by hand then attaches a connection."""
    yield


def transport(send: Send) -> Any:
    """The transport under a `send`, or None when there is none to reach."""
    return getattr(getattr(send, "__self__", None), "transport", None)


def stopping(send: Send) -> bool:
    """Whether the server is shutting down: uvicorn then takes `keep-alive` from every open connection."""
    return getattr(getattr(send, "__self__", None), "keep_alive", True) is False


def reset(send: Send) -> None:
    """Reset the connection: the client sees RST, and nothing that was still waiting to be written."""
    held = transport(send)
    if held is None:
        raise ConnectionResetError("the connection was reset by a fault rule")
    # Closing a socket that lingers for no time makes the kernel send RST. The option is set through a
    # duplicate, because event loops hand out sockets that refuse to have options set.
    duplicate = socket.socket(fileno=os.dup(held.get_extra_info("socket").fileno()))
    duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    duplicate.close()
    _forget(send)
    held.abort()


def close(send: Send) -> None:
    """Close the connection after what has been written."""
    held = transport(send)
    if held is None:
        raise ConnectionResetError("the connection was closed by a fault rule")
    _forget(send)
    held.close()


async def departed(receive: Receive, send: Send, seconds: float) -> bool:
    """Wait until the client has left or the server stops, or for so long; False when time was up.

    Swallows the body of the request.
    """
    already = stopping(send)
    leaving = asyncio.ensure_future(_left(receive))
    try:
        while seconds > 0:
            await asyncio.wait({leaving}, timeout=min(seconds, TICK_S))
            seconds -= TICK_S
            if leaving.done() or stopping(send) > already:
                return True
        return leaving.done()
    finally:
        leaving.cancel()


async def pause(send: Send, seconds: float) -> None:
    """Wait for so long, or until the server stops; reads nothing of the request."""
    already = stopping(send)
    while seconds > 0 and stopping(send) <= already:
        await asyncio.sleep(min(seconds, TICK_S))
        seconds -= TICK_S


async def drip(send: Send, payload: bytes, bytes_per_s: int, receive: Receive, *, more: bool = False) -> None:
    """Send a body so many bytes a second, one drop at a time; stop if the client leaves.

    more: there would be more to come.
    """
    step = max(1, round(bytes_per_s * STEP_S))
    for start in range(0, len(payload), step):
        drop = payload[start : start + step]
        last = start + step >= len(payload)
        await send({"type": "http.response.body", "body": drop, "more_body": more or not last})
        if not last and await departed(receive, send, len(drop) / bytes_per_s):
            return


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _forget(send: Send) -> None:
    """Let uvicorn take the exchange for finished: the client is gone, so there is nothing to complain of."""
    cycle: Any = getattr(send, "__self__", None)
    cycle.disconnected = True
