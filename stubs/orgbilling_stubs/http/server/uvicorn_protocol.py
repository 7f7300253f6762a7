"""A protocol of uvicorn that makes a task only for requests that have to wait.

Why: uvicorn starts a task for each request and sends a response in two writes, because an ASGI application
may have to wait. GET /org/billing over one connection takes less than half of the processor time with this
protocol that it takes with uvicorn's own.

How: the pipeline is asynchronous, and is written once (see `http.pipeline`). When the last byte of a request
is here, this protocol starts the pipeline by hand. Most often it returns the response without having waited;
head and body then leave in one write. If it has to wait, or if its response takes time (a fault, a stream),
the rest of the very same pipeline runs in a task of uvicorn's. Requests that are not for an operation (a
page, the control API), and large or slow bodies, are served by a task from the beginning (`request_cycle`).

Example: a request with `Prefer: delay=250`. `start` runs the pipeline up to `asyncio.sleep` in the fault
injector and returns what is awaited; `_hand_over` makes a task, in which `resume` awaits the rest, and the
response leaves by way of uvicorn's `send`.

A client sends the same headers with nearly every request. What follows from them alone is worked out once,
and kept by the connection until other headers come (`_look_through`). With every request, it would take about
5 µs (docs/decisions/speed.md).

What a client may do is bounded by `bounded_protocol`. A head that arrives in one small segment cannot be too
large, so most requests pay one comparison for it.
"""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from orgbilling_stubs.auth.credentials import HeaderValues
from orgbilling_stubs.http.connection import Connection
from orgbilling_stubs.http.context import NO_PARAMETERS, Headers, RequestContext, Response
from orgbilling_stubs.http.operation import Operation
from orgbilling_stubs.http.request_head import HEADER_LIMIT, first_values, is_host
from orgbilling_stubs.http.routing import CompiledApplication
from orgbilling_stubs.http.run_to_completion import Suspended, resume, start
from orgbilling_stubs.http.server.bounded_protocol import (
    CONNECTION_LIMIT,
    RESERVED_CONNECTIONS,
    BoundedProtocol,
    LastRequest,
    Phase,
    header_line,
)
from orgbilling_stubs.http.server.open_files import allow_open_files
from orgbilling_stubs.http.server.request_cycle import (
    KEEP_ALIVE_GRACE_SECONDS,
    KEEP_ALIVE_SECONDS,
    PERSISTENT,
)

PROMPT_BODY_BYTES = 65_536
"""Bodies up to this size are answered at once when they arrive with their head."""
SPECIAL_HEADERS = (b"expect", b"upgrade", b"transfer-encoding")
"""Headers of requests that are not answered at once."""
OTHER_OPEN_FILES = 100
"""Databases, logs, and connections that have just been refused."""

# Names of the module are found faster than members of an enumeration.
_IDLE, _HEAD, _BODY = Phase.IDLE, Phase.HEAD, Phase.BODY


class Protocol(BoundedProtocol):
    """Answers at once what can be answered at once."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected; when there are too many, no request of it is answered at once."""
        self._held: tuple[Operation, str, str] | None = None
        """The operation of the request at hand, with method and path, while there is no cycle for it."""
        self._query = b""
        self._body = b""
        self._known: Headers = []
        """The headers that were looked through last: a client sends the same ones again."""
        self._values = HeaderValues()
        self._is_special = False
        """Whether one of them is of `SPECIAL_HEADERS`."""
        self._is_ordinary = False
        """Whether a request with these headers may be answered at once."""
        self._dates: Headers | None = None
        self._heads: dict[int, bytes] = {}
        super().connection_made(transport)
        self._operations = {} if self._is_surplus else self._routing.operations

    def on_headers_complete(self) -> None:
        """A head is complete: hold the request back until its body is here, too."""
        received = self._received = self.headers
        self.headers = []  # what comes now are trailers: no headers (RFC 9110)
        if received != self._known:
            self._look_through(received)
        headers = self._headers = self._values
        self._phase = _BODY
        parser = self.parser
        path, _, query = self.url.partition(b"?")
        method = parser.get_method()
        if self._is_special and parser.should_upgrade() and method != b"CONNECT":
            self._upgrades = True
            return
        held = self._operations.get((method, path))
        waits = self.cycle is not None and not self.cycle.response_complete
        if (
            held is None
            or waits
            or not self._is_ordinary
            or self.flow.write_paused
            or (query and b"#" in query)
            or self._is_large
            # Without a Connection header only HTTP/1.1 keeps a connection. The version takes longer to get.
            or (
                (b"connection" in headers or not parser.should_keep_alive())
                and parser.get_http_version() != "1.1"
            )
        ):
            self._begin_cycle()
        else:
            self._held = held
            self._query = query
            self._body = b""

    def _look_through(self, received: Headers) -> None:
        """Find out what follows from headers alone; it is kept for the next request with the same ones."""
        values = self._values = first_values(received)
        self._known = received
        self._is_special = not values.keys().isdisjoint(SPECIAL_HEADERS)
        self._is_ordinary = (
            not self._is_special
            and HEADER_LIMIT >= len(received) == len(values)
            and is_host(values.get(b"host", b""))
        )
        public_urls = self._routing.responder.public_urls
        self._public_url = public_urls.of_request(values, self.scheme or "http", self.server, self.client)

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        if self._held is None:
            super().on_body(body)
        elif len(body) + len(self._body) > PROMPT_BODY_BYTES:
            self._release()
            super().on_body(body)
        else:
            self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        """A request is complete: answer now, or let it be served."""
        if self._held is None:
            super().on_message_complete()
            return
        operation, method, path = self._held
        routing = self._routing
        context = RequestContext(
            operation,
            method,
            path,
            self._query,
            self._received,
            self._headers,
            NO_PARAMETERS,
            self._public_url,
            routing.responder.trace(),
            routing.now_ns(),
            Connection(None, None, method == "HEAD"),
            self._body,
            NO_PARAMETERS,
        )
        outcome = start(routing.pipeline(context))
        if isinstance(outcome, Response):
            routing.record(context, outcome)
            if outcome.complete and outcome.deliver is None:
                self._held = None
                self._respond(method, outcome)
                return
        self._hand_over(context, outcome)
        self._complete_cycle()

    def _hand_over(self, context: RequestContext, outcome: Response | Suspended[Response]) -> None:
        """Let a task serve the rest of a request that has to wait, or whose response takes time."""

        async def finish(scope: Scope, receive: Receive, send: Send) -> None:
            context.connection.attach(receive, send)
            if isinstance(outcome, Response):
                response = outcome
            else:
                response = await resume(outcome)
                self._routing.record(context, response)
            await context.connection.deliver(response)

        self._release(finish)

    def _release(self, application: ASGIApp | None = None) -> None:
        """Let a task serve the request that was held back."""
        self._held = None
        self._begin_cycle(application)
        if self._body:
            super().on_body(self._body)

    def _look_at_incomplete(self, size_bytes: int) -> None:
        """Hold back no request whose body is still on its way."""
        if self._held is not None:
            self._release()
        super()._look_at_incomplete(size_bytes)

    def _refuse(self, error: Exception) -> None:
        """Answer what cannot be read; a request that was held back is a part of that."""
        if self._held is not None:
            self._held = None
            self._phase = _HEAD  # there is no cycle that could wait for its body
        super()._refuse(error)

    def _respond(self, method: str, response: Response) -> None:
        """Write a whole response."""
        body = b"" if method == "HEAD" else response.body
        self.server_state.total_requests += 1
        if not self.parser.should_keep_alive():
            self._write_last(response, body)
            self.transport.close()
            raise LastRequest
        lines = [self._head(response.status), *map(header_line, response.headers), b"", body]
        self.transport.write(b"\r\n".join(lines))
        self._phase = _IDLE
        self._since = self.loop.time()

    def _head(self, status: int) -> bytes:
        """The first line of a response and the server's own headers, made anew when their date changes."""
        defaults = self.server_state.default_headers
        if defaults is not self._dates:
            self._dates = defaults
            self._heads = {}
        head = self._heads.get(status)
        if head is None:
            lines = [STATUS_LINE[status][:-2], *map(header_line, [*defaults, *PERSISTENT])]
            head = self._heads[status] = b"\r\n".join(lines)
        return head


def config(asgi: Any) -> uvicorn.Config:
    """How uvicorn serves the stub: uvloop where there is one, httptools, no access log."""
    # What start-up made stays: the collector need not walk it again with every few hundred requests.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    open_files = allow_open_files(CONNECTION_LIMIT + RESERVED_CONNECTIONS + OTHER_OPEN_FILES)
    connections = min(CONNECTION_LIMIT, max(open_files - RESERVED_CONNECTIONS - OTHER_OPEN_FILES, 1))
    return uvicorn.Config(
        asgi,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=connections,
        timeout_keep_alive=KEEP_ALIVE_SECONDS + KEEP_ALIVE_GRACE_SECONDS,
        timeout_graceful_shutdown=3,
        loop="auto",
        http=Protocol if isinstance(asgi, CompiledApplication) else "httptools",
        ws="none",
    )
