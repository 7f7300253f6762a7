"""One connection under uvicorn, of a client that is not trusted.

What one client can take is bounded (see docs/limits.md):

- Size: a head that arrives in one small segment cannot be too large. Any other is refused while it arrives,
  or measured by `http.request_head`.
- Order: what cannot be read is refused after the responses to all requests before it.
- Amount: the parser gets a large segment piece by piece. While requests wait for their responses, or
  responses for the client to read them, the rest of the segment waits, and nothing more is read.
- Time: one timer a connection, which is set anew when it rings, looks after heads, bodies and idleness.

Each request is served by a task, in the order of their arrival (see `request_cycle`). The protocol of
`uvicorn_protocol` answers most of them without one.
"""

from __future__ import annotations

import asyncio
import enum
from asyncio import TimerHandle
from typing import Any
from urllib.parse import unquote

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser, parse_url
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from orgbilling_stubs.auth.credentials import HeaderValues
from orgbilling_stubs.http.context import Headers, Response
from orgbilling_stubs.http.errors import (
    FRAMING_LARGE,
    HEAD_LARGE,
    HEAD_SLOW,
    REQUEST_MALFORMED,
    SERVER_FULL,
    TARGET_LONG,
    Problem,
)
from orgbilling_stubs.http.request_head import (
    CLOSE,
    HEAD_LIMIT_BYTES,
    LINE_LIMIT_BYTES,
    first_values,
    line_bytes,
)
from orgbilling_stubs.http.routing import CompiledApplication
from orgbilling_stubs.http.server.request_cycle import RequestCycle
from orgbilling_stubs.http.site import HEALTH_PATH

PARSED_BYTES = 16_384
"""The parser gets so much of a large segment at once."""
CONNECTION_LIMIT = 1_000
RESERVED_CONNECTIONS = 50
"""How many connections beyond the limit can still ask for /healthz. All others get a 503 at once."""
HEAD_SECONDS = 10.0
UNREAD_BODY_SECONDS = 5.0
"""How long the rest of a body may take when its request has been answered without it."""
STALLED_SECONDS = 60.0
"""How long a client may leave a response unread that it has asked for."""
LINGER_SECONDS = 2.0
"""How long to read and discard what follows a refused request. To close at once would destroy the refusal."""
FRAMING_LIMIT_BYTES = 65_536
FRAMING_BYTES_PER_BYTE = 8
"""A chunked body may have so much of chunk sizes, extensions and trailers: the limit, and more for each byte
of content, so that chunks of one byte ("1 CR LF x CR LF", five bytes of framing) are never too much."""
UPGRADING = frozenset({b"upgrade", b"http2-settings"})
"""Headers, and words of `Connection`, that ask for another protocol."""
header_line = b": ".join
"""From a header, as a pair, to its line. Mapped over all headers it takes 0.4 µs less than a loop."""


class Phase(enum.Enum):
    """What a connection waits for."""

    IDLE = "the next request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"
    RESPONSE = "the response to a complete request"
    REFUSED = "the client to close the connection"


# Names of the module are found faster than members of an enumeration.
_IDLE, _HEAD, _BODY, _RESPONSE, _REFUSED = Phase


class LastRequest(Exception):  # noqa: N818 -- it stops the parser
    """The client has sent its last request on this connection: what follows is not read."""


class BoundedProtocol(HttpToolsProtocol):
    """Serves the requests of one connection within the limits."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """The same as uvicorn's, for a compiled application."""
        super().__init__(*arguments, **options)
        application: object = self.config.app
        assert isinstance(application, CompiledApplication)
        self._routing = application.routing
        self.url = b""
        self.headers = []
        self._phase = _IDLE
        self._since = 0.0
        """When the phase began, by the clock of the event loop."""
        self._stalled_since = 0.0
        """Since when the client has not read what was written."""
        self._timer: TimerHandle | None = None
        self._unparsed = b""
        """What has arrived, and waits for the responses before it."""
        self._refusal: Exception | None = None
        """Why what comes next cannot be read: sent after the responses that are still to be made."""
        self._is_discarding = False
        """Nothing that arrives is read: it comes after the last request, or after one that was refused."""
        self._input_ended = False
        """The client has closed its half of the connection."""
        self._is_surplus = False
        """There are more connections than allowed."""
        self._serving: RequestCycle | None = None
        """The request that a task serves, the first of those without a response."""
        self._received: Headers = []
        self._headers = HeaderValues()
        """The first header of each name."""
        self._is_large = False
        """The head at hand may be larger than a limit."""
        self._measured: Headers = []
        """The headers of the request whose size is counted; their identity tells requests apart."""
        self._counted_bytes = 0
        self._body_bytes = 0

    # What arrives

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(transport)
        surplus = len(self.connections) - (self.limit_concurrency or CONNECTION_LIMIT)
        if surplus > RESERVED_CONNECTIONS:
            self._refuse(Problem(SERVER_FULL, headers={"Retry-After": "1"}))
            transport.close()
            return
        self._since = self.loop.time()
        if surplus > 0:
            self._is_surplus = True
            self._phase = _HEAD  # it does not get the time of an idle connection
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Bytes arrived."""
        if self._unparsed or len(data) > LINE_LIMIT_BYTES or self._is_discarding:
            if not self._is_discarding:
                self._unparsed += data
                self._parse_waiting()
            return
        self._parse(data)
        if self._phase is not _IDLE:
            self._look_at_incomplete(len(data))

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client sends nothing more. True keeps the connection for responses that are on their way."""
        self._input_ended = True
        return bool(self._unparsed) or self._end_input()

    def _end_input(self) -> bool:
        """Tell requests that nothing more comes for them; whether there are any."""
        if self._phase is _BODY:
            self._drop_incomplete()
        if self._serving is None:
            return False
        for cycle in (self._serving, *(cycle for cycle, _ in self.pipeline)):
            assert isinstance(cycle, RequestCycle)
            cycle.end_input()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody is there any more."""
        if self._serving is not None:
            self._serving.disconnected = True
            self._serving.message_event.set()
        self.pipeline.clear()
        self._unparsed = b""
        self._is_discarding = True
        super().connection_lost(exc)
        if self._timer is not None:
            self._timer.cancel()

    def resume_writing(self) -> None:
        """The client has read what was sent: go on with what waits."""
        super().resume_writing()
        if self._unparsed:
            self.loop.call_soon(self._parse_waiting)

    def pause_writing(self) -> None:
        """The client does not read as fast as it asks."""
        super().pause_writing()
        self._stalled_since = self.loop.time()
        self._watch()

    def _parse_waiting(self) -> None:
        """Parse what has arrived, until requests have to wait for the responses before them."""
        if self.transport.is_closing():
            return
        size = len(self._unparsed)
        self._is_large = True
        while self._unparsed and not self.pipeline and not self.flow.write_paused:
            piece = self._unparsed[:PARSED_BYTES]
            self._unparsed = self._unparsed[PARSED_BYTES:]
            self._parse(piece)
        self._is_large = False
        if self._is_discarding or self.transport.is_closing():
            return
        if self._unparsed:
            self.flow.pause_reading()
        elif self._input_ended:
            if not self._end_input():
                self.transport.close()
        else:
            self.flow.resume_reading()
            if self._phase is not _IDLE:
                self._look_at_incomplete(size)

    def _parse(self, data: bytes) -> None:
        """Let the parser have a piece."""
        while data:
            try:
                self.parser.feed_data(data)
                return
            except HttpParserUpgrade as upgrade:
                if not self._upgrades:
                    self._refuse(Problem(REQUEST_MALFORMED))
                    return
                data = self._without_upgrade() + data[upgrade.args[0] :]
            except HttpParserError as error:
                cause = error.__context__
                if isinstance(cause, LastRequest):
                    self._is_discarding = True
                    self._unparsed = b""
                elif isinstance(cause, Exception) and not isinstance(cause, HttpParserError):
                    self._refuse(cause)
                else:
                    self._refuse(Problem(REQUEST_MALFORMED))
                return

    def _without_upgrade(self) -> bytes:
        """The head at hand without its wish for another protocol, which we ignore (RFC 9110, 7.8).

        The parser takes all that follows such a head for the other protocol, so a new one reads the request
        again. Java's client asks for h2c.
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
        return b"\r\n".join([*lines, b"", b""])

    def _look_at_incomplete(self, size_bytes: int) -> None:
        """Apply the limits to a request of which only a part has arrived.

        size_bytes: of the segment that has arrived. Of the segment in which a request begins, only what the
        parser has read of the request is counted, because others may have come before it.
        """
        self._is_large = self._phase is _HEAD
        if self._is_discarding:
            return
        if self._phase is _HEAD:
            if self._measured is not self.headers:
                self._measured = self.headers
                self._since = self.loop.time()
                self._counted_bytes = sum(map(line_bytes, self.headers))
                self._watch()
            else:
                self._counted_bytes += size_bytes
            if len(self.url) > LINE_LIMIT_BYTES:
                self._refuse(Problem(TARGET_LONG))
            elif self._counted_bytes > HEAD_LIMIT_BYTES:
                self._refuse(Problem(HEAD_LARGE))
        elif self._phase is _BODY and b"transfer-encoding" in self._headers:
            if self._measured is not self._received:
                self._measured = self._received
                self._counted_bytes = self._body_bytes = 0
            else:
                self._counted_bytes += size_bytes
            if self._counted_bytes > FRAMING_LIMIT_BYTES + (FRAMING_BYTES_PER_BYTE + 1) * self._body_bytes:
                self._refuse(Problem(FRAMING_LARGE))

    # What the parser says

    def on_message_begin(self) -> None:
        """A request begins."""
        self.url = b""
        self.headers = []
        self._upgrades = False
        self._phase = _HEAD

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header. The parser takes off the whitespace in front of a value, not the one behind it."""
        self.headers.append((name.lower(), value.rstrip()))

    def on_headers_complete(self) -> None:
        """A head is complete."""
        self._received = self.headers
        self.headers = []  # what comes now are trailers: no headers (RFC 9110)
        self._headers = first_values(self._received)
        self._phase = _BODY
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._upgrades = True
        else:
            self._begin_cycle()

    def on_body(self, body: bytes) -> None:
        """A piece of a body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is complete."""
        if not self._upgrades:
            self._complete_cycle()

    # Requests that a task serves

    def _begin_cycle(self, application: ASGIApp | None = None) -> None:
        """Let a task serve the request, as far as it is here, when the requests before it have responses."""
        raw_path, query = self._path_and_query()
        path = unquote(raw_path.decode("latin-1"))
        version = self.parser.get_http_version()
        scope: Scope = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": "",
            "method": self.parser.get_method().decode("ascii"),
            "path": path,
            "raw_path": raw_path,
            "query_string": query,
            "headers": self._received,
            "state": self.app_state.copy(),
        }
        if application is None:
            application = self.app if not self._is_surplus or path == HEALTH_PATH else self._serve_full
        before = self.cycle
        cycle = self.cycle = RequestCycle(
            scope=scope,  # type: ignore[arg-type]
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=version != "1.0"
            and self._headers.get(b"expect", b"").lower() == b"100-continue",
            keep_alive=version != "1.0" and not self._is_surplus and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        if before is None or before.response_complete:
            self._start_asgi_task(cycle, application)
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((cycle, application))  # type: ignore[arg-type]

    def _path_and_query(self) -> tuple[bytes, bytes]:
        """Path and query of the request target. Raises Problem for a target that has none.

        A target with a host (absolute form) replaces the `Host` header (RFC 9112, 3.2.2).
        """
        target = self.url
        if not target.startswith(b"/"):
            try:
                absolute = parse_url(target)
            except HttpParserError:
                absolute = None
            if absolute is None or not absolute.path:
                self._phase = _HEAD  # there is no cycle that could wait for a body
                raise Problem(REQUEST_MALFORMED)
            host = absolute.host or b""
            authority = host if absolute.port is None else b"%b:%d" % (host, absolute.port)
            self._received = [header for header in self._received if header[0] != b"host"]
            self._received.append((b"host", authority))
            return absolute.path, absolute.query or b""
        path, _, query = target.partition(b"#")[0].partition(b"?")
        return path, query

    def _complete_cycle(self) -> None:
        """The last byte of the latest cycle's request is here."""
        cycle = self.cycle
        if cycle.response_complete:
            self._phase = _IDLE
            self._since = self.loop.time()
        else:
            self._phase = _RESPONSE
            cycle.more_body = False
            cycle.message_event.set()
        if not cycle.keep_alive:
            raise LastRequest

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
        """Have a task serve a request."""
        assert isinstance(cycle, RequestCycle)
        self._serving = cycle

        async def serve(scope: Scope, receive: Receive, send: Send) -> None:
            await cycle.serve(app)
            if cycle.disconnected and not self.transport.is_closing():
                self._serving = None
                self._refuse_or_close()

        super()._start_asgi_task(cycle, serve)  # type: ignore[arg-type]

    def on_response_complete(self) -> None:
        """A task has sent a response: go on with what has waited for that."""
        self.server_state.total_requests += 1
        self._serving = None
        if self.transport.is_closing():
            return
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())  # type: ignore[arg-type]
        elif self._unparsed:
            self.loop.call_soon(self._parse_waiting)
        elif self._input_ended or self._is_discarding:
            self._refuse_or_close()
        else:
            self.flow.resume_reading()
        if self._phase is _RESPONSE and self._serving is None:
            self._phase = _IDLE
        if self._phase is not _HEAD and self._phase is not _REFUSED:
            self._since = self.loop.time()
            self._watch()

    async def _serve_full(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond that there are too many connections."""
        await self._routing.responder.send_problem(scope, send, _server_full())

    def shutdown(self) -> None:
        """The server stops: close the connection when what is on its way has been sent."""
        super().shutdown()
        if self._serving is not None:
            self._serving.keep_alive = False

    # Requests that are refused

    def _refuse(self, error: Exception) -> None:
        """Answer what cannot be read, after the requests before it, and close the connection.

        A request whose body cannot be read still gets its own response if it needs no more of the body:
        something may have been booked.
        """
        self._is_discarding = True
        self._unparsed = b""
        self._refusal = error
        if self._phase is _BODY:
            if self.cycle.response_complete:
                self._refusal = None
            self._drop_incomplete()
        if self._serving is None:
            self._refuse_or_close()

    def _drop_incomplete(self) -> None:
        """The rest of the latest cycle's request never comes, or cannot be read."""
        if self.pipeline and self.pipeline[0][0] is self.cycle:
            self.pipeline.popleft()
        elif self._serving is not None:
            self._serving.keep_alive = False
            self._serving.end_input()

    def _refuse_or_close(self) -> None:
        """All requests that could be read have their responses: refuse what could not, and close."""
        error, self._refusal = self._refusal, None
        if error is None:
            self.transport.close()
            return
        responder = self._routing.responder
        public_url = responder.public_urls.of_request({}, self.scheme or "http", self.server, self.client)
        response = responder.problem(error, public_url, responder.trace())
        responder.finish({}, response.headers)
        self._write_last(response, response.body)
        self.transport.write_eof()
        self.flow.resume_reading()
        self._phase = _REFUSED
        self._since = self.loop.time()
        self._watch()

    def _write_last(self, response: Response, body: bytes) -> None:
        """Write the last response of the connection."""
        status_line = STATUS_LINE[response.status][:-2]
        headers = [*self.server_state.default_headers, *response.headers, (b"connection", b"close")]
        self.transport.write(b"\r\n".join([status_line, *map(header_line, headers), b"", body]))

    # Time

    def _watch(self) -> None:
        """Have the timer ring at the deadline, if it does not ring before that."""
        deadline = self._deadline()
        if self._timer is None or self._timer.when() > deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self.loop.call_at(deadline, self._look)

    def _deadline(self) -> float:
        """When the client has had its time, by the clock of the event loop."""
        seconds = {_HEAD: HEAD_SECONDS, _BODY: UNREAD_BODY_SECONDS, _REFUSED: LINGER_SECONDS}
        deadline = self._since + seconds.get(self._phase, self.timeout_keep_alive)
        if self.flow.write_paused:
            deadline = min(deadline, self._stalled_since + STALLED_SECONDS)
        return deadline

    def _look(self) -> None:
        """Close the connection if what it waits for has not come in time."""
        self._timer = None
        now = self.loop.time()
        if self.transport.is_closing():
            # What was written last has not been read yet.
            self._timer = self.loop.call_at(now + STALLED_SECONDS, self.transport.abort)
            return
        if self.flow.write_paused and now >= self._stalled_since + STALLED_SECONDS:
            self.transport.abort()
            return
        if self._serving is not None and (self._phase is not _HEAD or self.flow.read_paused):
            self._since = now  # the server makes the client wait
        if now < self._deadline():
            self._watch()
        elif self._phase is _HEAD:
            self._refuse(Problem(HEAD_SLOW))
        else:
            self.transport.close()


def _server_full() -> Problem:
    return Problem(SERVER_FULL, headers={**CLOSE, "Retry-After": "1"})
