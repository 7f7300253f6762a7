"""uvicorn, told that most responses need no waiting.

Why: uvicorn starts a task for each request and sends a response in two writes, because an ASGI application
may have to wait. Measured on GET /org/billing over one connection: 34 µs of CPU a request with this protocol,
68 µs with uvicorn's own.

How: the pipeline is asynchronous, and is written once (see `http.pipeline`). When the last byte of a request
is here, this protocol starts the pipeline by hand. Most often it returns the response without having waited;
head and body then leave in one write. If it has to wait, or if its response takes time (a fault, a stream),
uvicorn is told what the parser has said so far, and the rest of the very same pipeline runs in uvicorn's
task. Requests that are not for an operation (a page, the control API), and large or slow bodies, take
uvicorn's own way from the beginning.

Example: a request with `Prefer: delay=250`. `start` runs the pipeline up to `asyncio.sleep` in the fault
injector and returns what is awaited; `_hand_over` lets uvicorn make its task, in which `resume` awaits the
rest, and the response leaves by way of uvicorn's `send`.
"""

from __future__ import annotations

import gc
from asyncio import TimerHandle
from typing import Any

import uvicorn
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from starlette.types import Receive, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from orgbilling_stubs.http.connection import Connection
from orgbilling_stubs.http.context import RequestContext, Response
from orgbilling_stubs.http.operation import Operation
from orgbilling_stubs.http.routing import CompiledApplication
from orgbilling_stubs.http.run_to_completion import Suspended, resume, start

PROMPT_BODY_BYTES = 65_536
"""Bodies up to this size are answered at once when they arrive with their head."""
UPGRADING = frozenset({b"upgrade", b"http2-settings"})
"""Headers, and words of `Connection`, that ask for another protocol."""
_HEADER = b": ".join
# From a header, as a pair, to its line. Mapped over all headers it takes 0.4 µs less than a loop.


class Protocol(HttpToolsProtocol):
    """Answers at once what can be answered at once."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """The same as uvicorn's, for a compiled application."""
        super().__init__(*arguments, **options)
        application: object = self.config.app
        assert isinstance(application, CompiledApplication)
        self._routing = application.routing
        self._operations = self._routing.operations
        self._held: tuple[Operation, str, str] | None = None
        """The operation of the request at hand, with method and path, while uvicorn knows nothing of it."""
        self._received: list[tuple[bytes, bytes]] = []
        self._headers: dict[bytes, bytes] = {}
        self._query = b""
        self._body = b""
        self._dates: Any = None
        self._heads: dict[int, bytes] = {}
        self._idle_since: float | None = None
        self._timer: TimerHandle | None = None

    def on_message_begin(self) -> None:
        """A request begins."""
        self.url = b""
        self.headers = []
        self._upgrades = False
        self._body = b""
        self._idle_since = None

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """A head is complete: hold the request back until its body is here, too."""
        received = self._received = self.headers
        self.headers = []  # what comes now are trailers: no headers (RFC 9110)
        headers = self._headers = dict(reversed(received))
        path, _, query = self.url.partition(b"?")
        method = self.parser.get_method()
        usual = b"expect" in headers or b"upgrade" in headers
        if usual and self.parser.should_upgrade() and method != b"CONNECT":
            self._upgrades = True
            return
        held = self._operations.get((method, path))
        waits = self.cycle is not None and not self.cycle.response_complete
        if held is None or waits or usual or self.flow.write_paused or query.find(b"#") >= 0:
            self._tell()
        else:
            self._held = held
            self._query = query

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        if self._held is None:
            super().on_body(body)
        elif len(body) + len(self._body) > PROMPT_BODY_BYTES:
            self._tell()
            super().on_body(body)
        else:
            self._body = self._body + body if self._body else body

    def on_message_complete(self) -> None:
        """A request is complete: answer now, or let it be served."""
        if self._upgrades:
            return
        if self._held is None:
            super().on_message_complete()
            return
        operation, method, path = self._held
        connection = Connection(None, None, method == "HEAD", self._body)
        routing = self._routing
        context = routing.context(
            operation,
            connection,
            method,
            path,
            self._query,
            self._received,
            self._headers,
            self.scheme or "http",
            self.server,
        )
        outcome = start(routing.pipeline(context))
        if isinstance(outcome, Response):
            routing.record(context, outcome)
            if outcome.complete and outcome.deliver is None:
                self._held = None
                self._respond(method, outcome)
                return
        self._hand_over(context, outcome)
        super().on_message_complete()

    def _hand_over(self, context: RequestContext, outcome: Response | Suspended[Response]) -> None:
        """Let uvicorn serve the rest of a request that has to wait, or whose response takes time."""

        async def finish(scope: Any, receive: Receive, send: Send) -> None:
            context.connection.attach(receive, send)
            if isinstance(outcome, Response):
                response = outcome
            else:
                response = await resume(outcome)
                self._routing.record(context, response)
            await context.connection.deliver(response)

        usual, self.app = self.app, finish
        self._tell()
        self.app = usual

    def data_received(self, data: bytes) -> None:
        """Bytes arrived; a request whose body is still on its way is served as usual."""
        if self.timeout_keep_alive_task is not None:
            self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as upgrade:
            if self._upgrades:
                self._stay(data[upgrade.args[0] :])
        except HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
            return
        if self._held is not None and not self.transport.is_closing():
            self._tell()

    def _stay(self, rest: bytes) -> None:
        """Ignore the wish for another protocol (RFC 9110, 7.8): read the request anew without it.

        The parser takes all that follows such a head for the other protocol. Java's client asks for h2c.
        """
        version = self.parser.get_http_version().encode()
        lines = [b"%b %b HTTP/%b" % (self.parser.get_method(), self.url, version)]
        for name, value in self._received:
            if name == b"connection":
                words = [word.strip() for word in value.split(b",")]
                value = b", ".join(word for word in words if word.lower() not in UPGRADING)
            if name not in UPGRADING and value:
                lines.append(name + b": " + value)
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.data_received(b"\r\n".join([*lines, b"", b""]) + rest)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()

    def _tell(self) -> None:
        """Let uvicorn have the request, as far as it is here."""
        url, body, self._held = self.url, self._body, None
        super().on_message_begin()
        self.url = url
        for name, value in self._received:
            super().on_header(name, value)
        super().on_headers_complete()
        self.headers = []
        if body:
            super().on_body(body)

    def _respond(self, method: str, response: Response) -> None:
        """Write a whole response."""
        parser, transport = self.parser, self.transport
        lines = [self._head(response.status), *map(_HEADER, response.headers)]
        keep_alive = parser.should_keep_alive() and parser.get_http_version() != "1.0"
        if not keep_alive:
            lines.append(b"connection: close")
        lines += (b"", b"" if method == "HEAD" else response.body)
        transport.write(b"\r\n".join(lines))
        self.server_state.total_requests += 1
        if not keep_alive:
            transport.close()
            return
        self._idle_since = self.loop.time()
        if self._timer is None:
            self._timer = self.loop.call_later(self.timeout_keep_alive, self._look)

    def _head(self, status: int) -> bytes:
        """The first line of an answer and uvicorn's own headers, made anew when their date changes."""
        defaults = self.server_state.default_headers
        if defaults is not self._dates:
            self._dates = defaults
            self._heads = {}
        head = self._heads.get(status)
        if head is None:
            lines = [STATUS_LINE[status][:-2], *map(_HEADER, defaults)]
            head = self._heads[status] = b"\r\n".join(lines)
        return head

    def _look(self) -> None:
        """Close the connection if nothing has come for so long; one timer looks after many answers."""
        self._timer = None
        if self._idle_since is None or self.transport.is_closing():
            return
        left_s = self._idle_since + self.timeout_keep_alive - self.loop.time()
        if left_s <= 0:
            self.transport.close()
        else:
            self._timer = self.loop.call_later(left_s, self._look)


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
        http=Protocol if isinstance(asgi, CompiledApplication) else "httptools",
        ws="none",
    )
