"""A request that is served by a task, and its response: uvicorn's cycle, with what we do otherwise.

- A response says how long its connection stays open (`Keep-Alive`).
- A client that has closed only its sending half of the connection (`shutdown(SHUT_WR)` of a socket) still
  gets a response that is on its way. TCP does not tell such a client from one that is gone, so a response
  without an end of its own, such as a stream, ends then.
- A client that leaves before its request is complete is no error of ours: nothing is logged.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from starlette.types import ASGIApp, Receive, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from orgbilling_stubs.http.connection import Disconnected

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent

KEEP_ALIVE_SECONDS = 75
"""How long an idle connection can be used again, as the server says. Clients poll every 5 to 60 seconds."""
KEEP_ALIVE_GRACE_SECONDS = 5
"""How much later an idle connection is closed, so that a request of the last moment still arrives."""
PERSISTENT = [(b"connection", b"keep-alive"), (b"keep-alive", b"timeout=%d" % KEEP_ALIVE_SECONDS)]
"""Headers of a response after which the connection stays; the first names the second (RFC 9110, 7.6.1)."""


class RequestCycle(RequestResponseCycle):
    """One request and its response.

    input_ended: nothing more comes from the client. It has closed its half of the connection, or the rest of
    its request cannot be read.
    """

    input_ended = False
    _is_received = False

    async def serve(self, application: ASGIApp) -> None:
        """Have an application respond. Returns without a response when the request never becomes complete.

        What is known not to become complete does not reach the application.
        """
        if self.input_ended and self.more_body:
            self.disconnected = True
            return
        try:
            await application(self.scope, cast(Receive, self.receive), cast(Send, self.send))  # type: ignore[arg-type]
        except (Disconnected, asyncio.CancelledError):
            self.disconnected = True  # else uvicorn logs that there is no response
        if self.input_ended and not self.response_started:
            self.disconnected = True

    async def send(self, message: ASGISendEvent) -> None:
        """Send a part of the response."""
        if message["type"] == "http.response.start" and self.keep_alive:
            headers = list(message.get("headers", ()))
            if not any(name == b"connection" for name, _ in headers):
                message = {**message, "headers": [*PERSISTENT, *headers]}
        await super().send(message)

    async def receive(self) -> ASGIReceiveEvent:
        """The next part of the body. A disconnect when nothing more comes."""
        was_received = self._is_received
        if not self._is_exhausted(was_received):
            message = await super().receive()
            self._is_received = not self.more_body
            if message["type"] == "http.disconnect" or not self._is_exhausted(was_received):
                return message
        return {"type": "http.disconnect"}

    def end_input(self) -> None:
        """Nothing more comes from the client."""
        self.input_ended = True
        self.message_event.set()

    def _is_exhausted(self, was_received: bool) -> bool:
        """Whether nothing is left to receive. was_received: the application has the last part of the body."""
        return self.input_ended and (self.more_body or was_received)
