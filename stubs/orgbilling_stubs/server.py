"""uvicorn, told that most answers need no waiting.

uvicorn starts a task for each request and sends an answer in two writes, because an ASGI application may
wait. Ours has its answer as soon as the body is here: it is asked at once, and head and body leave in one
write. Whatever has to wait (a slow or large body, a fault, a stream, a page) takes uvicorn's own way.
"""

from __future__ import annotations

import gc
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

PROMPT_BODY_BYTES = 65_536
"""Bodies up to this size are answered at once when they arrive with their head."""


class Protocol(HttpToolsProtocol):
    """Answers at once what can be answered at once."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """The same as uvicorn's, for an application that has an `answer`."""
        super().__init__(*arguments, **options)
        application: Any = self.config.app
        self._answer = application.answer
        self._fresh = False
        self._waiting: RequestResponseCycle | None = None

    def on_headers_complete(self) -> None:
        """A head arrived: hold the request back until its body is here, too."""
        self._fresh = True
        super().on_headers_complete()
        self._fresh = False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if self._fresh and not cycle.waiting_for_100_continue:
            self._waiting = cycle
        else:
            super()._start_asgi_task(cycle, app)

    def on_message_complete(self) -> None:
        """A body is complete: answer now, or let it be served."""
        super().on_message_complete()
        cycle, self._waiting = self._waiting, None
        if cycle is None:
            return
        if len(cycle.body) <= PROMPT_BODY_BYTES and not self.flow.write_paused:
            answered = self._answer(cycle.scope, bytes(cycle.body))
            if answered is not None:
                _respond(cycle, *answered)
                return
        super()._start_asgi_task(cycle, self.app)

    def data_received(self, data: bytes) -> None:
        """Bytes arrived; a request whose body is still on its way is served as usual."""
        super().data_received(data)
        cycle, self._waiting = self._waiting, None
        if cycle is not None:
            super()._start_asgi_task(cycle, self.app)


def _respond(
    cycle: RequestResponseCycle, status: int, headers: list[tuple[bytes, bytes]], payload: bytes
) -> None:
    """Write a whole answer, and tell uvicorn that it is complete."""
    if cycle.disconnected:
        return
    parts = [STATUS_LINE[status]]
    for name, value in cycle.default_headers:
        parts += (name, b": ", value, b"\r\n")
    for name, value in headers:
        parts += (name, b": ", value, b"\r\n")
    if not cycle.keep_alive:
        parts.append(b"connection: close\r\n")
    parts.append(b"\r\n")
    if cycle.scope["method"] != "HEAD":
        parts.append(payload)
    cycle.response_started = True
    cycle.transport.write(b"".join(parts))
    cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()


def config(asgi: Any) -> uvicorn.Config:
    """How uvicorn serves the stub: uvloop where there is one, httptools, no access log."""
    # What start-up made stays: the collector need not walk it again with every few hundred requests.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    return uvicorn.Config(
        asgi,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=3,
        loop="auto",
        http=Protocol if hasattr(asgi, "answer") else "httptools",
        ws="none",
    )
