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
from typing import Any

from orgbilling_stubs.http.operation import Receive
from orgbilling_stubs.http.responses import Send

STEP_S = 0.05
"""How often a drip falls."""
TICK_S = 0.25
"""How soon at the latest a wait notices that the server stops."""


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
