"""Requests to an application of this process, without a connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from starlette.types import ASGIApp, Message, Scope


class InProcessResponse(NamedTuple):
    """A response. status: 0 when the application ended without one."""

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


def in_process_scope(
    method: str, path: str, query: bytes, headers: Sequence[tuple[bytes, bytes]] = ((b"host", b"localhost"),)
) -> Scope:
    """The ASGI scope of a request from this machine."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "root_path": "",
        "headers": list(headers),
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 80),
    }


async def send_in_process(application: ASGIApp, scope: Scope, body: bytes | None) -> InProcessResponse:
    """Send one request to an ASGI application.

    Raises ConnectionResetError when a fault rule resets or closes the connection.
    """
    messages = [{"type": "http.request", "body": body or b"", "more_body": False}]
    status, chunks = 0, []
    headers: Sequence[tuple[bytes, bytes]] = ()

    async def receive() -> Message:
        return messages.pop() if messages else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status, headers = message["status"], message.get("headers", ())
        elif message["type"] == "http.response.body":
            chunks.append(message.get("body", b""))

    await application(scope, receive, send)
    return InProcessResponse(status, headers, b"".join(chunks))
