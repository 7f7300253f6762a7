"""Forwards requests to the real API: a step of the pipeline, and an application.

`Gateway.step` stands in front of the operations that are described; `Gateway.serve` gets every other path
below the prefix, such as those of the vendor's further operations. A body is passed on as it comes. Of each
exchange a bounded copy goes to `traffic.TrafficObserver`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

from starlette.types import ASGIApp, Receive, Scope, Send

from orgbilling_stubs.beside.errors import (
    METHOD_OVERRIDDEN,
    UPSTREAM_BROKEN,
    UPSTREAM_TIMEOUT,
    WRITE_NOT_ALLOWED,
)
from orgbilling_stubs.beside.forwarded_headers import is_overridden, request_headers, response_headers
from orgbilling_stubs.beside.settings import (
    PREFIX,
    READ_METHODS,
    BesideMode,
    BesideSettings,
    matches_any,
    parse_pattern,
    parse_write,
)
from orgbilling_stubs.beside.traffic import MOST_COPIED_BYTES, ForwardedExchange, TrafficObserver
from orgbilling_stubs.beside.upstream import Upstream, UpstreamResponse, upstream_problem
from orgbilling_stubs.http.connection import Connection, Disconnected
from orgbilling_stubs.http.context import (
    CallNext,
    Headers,
    PendingResponse,
    RecordExchange,
    RequestContext,
    Response,
)
from orgbilling_stubs.http.cors import VARY
from orgbilling_stubs.http.errors import HOST_REFUSED, ORIGIN_REFUSED, ROUTE_UNKNOWN, Problem
from orgbilling_stubs.http.request_head import first_values
from orgbilling_stubs.http.responses import Responder
from orgbilling_stubs.tenants.clock import wall_ns

LOG = logging.getLogger("orgbilling")

ANSWERED_BY = (b"x-answered-by", b"real")
"""Of every response that the real API has given."""
FAILURES = {UPSTREAM_TIMEOUT.code: "timeout", UPSTREAM_BROKEN.code: "broken"}
"""What the conformance suite calls each way to give no whole answer, by the code of our error."""
WHOLE_BYTES = 65_536
"""A body whose Content-Length is no greater is read whole, and leaves in one write with its head."""
EVENT_STREAM = "text/event-stream"
ALL_METHODS = b"GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE"


class Gateway:
    """Sends the requests that the real API is to answer there, and passes its answers on.

    compared: called after an answer of the stub to a request that the real API could be asked, too.
    """

    def __init__(
        self,
        settings: BesideSettings,
        upstream: Upstream,
        observer: TrafficObserver,
        compared: Callable[[RequestContext, Response], None] | None = None,
    ) -> None:
        self._mode = settings.mode
        self.upstream = upstream
        self.observer = observer
        self._compared = compared
        self._token = settings.token
        self._real = [parse_pattern("--real", text) for text in settings.real]
        self._writes = [parse_write(text) for text in settings.allow_write]

    def step(self, call_next: CallNext) -> CallNext:
        """The step in front of the rest of the pipeline."""
        if self._mode is BesideMode.COMPARE:
            return lambda context: self._answered_and_compared(context, call_next)

        def answer(context: RequestContext) -> PendingResponse:
            operation = context.operation
            if self._is_real(operation.operation_id, context.method, context.path.removeprefix(PREFIX)):
                return self._forwarded(context)
            return call_next(context)

        return answer

    def recorder(self, record: RecordExchange) -> RecordExchange:
        """A recorder that records a response of the real API when its last byte is here."""

        def record_when_whole(context: RequestContext, response: Response) -> None:
            if isinstance(response.deliver, _PassedBody):
                response.deliver.at_end = lambda: record(context, response)
            else:
                record(context, response)

        return record_when_whole

    def serve(self, responder: Responder) -> ASGIApp:
        """The application for paths below the prefix that are not described. responder: of the server."""

        async def application(scope: Scope, receive: Receive, send: Send) -> None:
            await self._serve(responder, scope, receive, send)

        return application

    def _is_real(self, operation: str, method: str, path: str) -> bool:
        """Whether the real API answers a request; path: below the prefix."""
        if self._mode is BesideMode.OBSERVE:
            return True
        return self._mode is BesideMode.HYBRID and matches_any(self._real, operation, method, path)

    def _refusal(
        self, operation: str, method: str, path: str, headers: Headers, query: bytes
    ) -> Problem | None:
        """Why a request is not sent to the real API; None if it is."""
        if is_overridden(headers, query):
            return Problem(METHOD_OVERRIDDEN)
        if method in READ_METHODS or matches_any(self._writes, operation, method, path):
            return None
        return Problem(WRITE_NOT_ALLOWED)

    async def _answered_and_compared(self, context: RequestContext, call_next: CallNext) -> Response:
        response = await call_next(context)
        if self._compared is not None and context.method == "GET":
            self._compared(context, response)
        return response

    async def _forwarded(self, context: RequestContext) -> Response:
        """What the real API answers to an operation."""
        operation, path = context.operation, context.path.removeprefix(PREFIX)
        headers = list(context.raw_headers)
        refusal = self._refusal(operation.operation_id, context.method, path, headers, context.query)
        if refusal is not None:
            return operation.problem(context, refusal)
        await context.connection.ready()
        forwarded = _ForwardedRequest(self, context.method, path, context.query, headers, context.trace_id)
        forwarded.operation = operation.operation_id
        forwarded.buffered = context.fault is not None
        body: bytes | AsyncIterator[bytes] | None = None
        if context.method not in READ_METHODS:
            body = context.raw_body
            if body is None:
                body = _received(context.connection)
            else:
                forwarded.sent = body
        try:
            response = await forwarded.response(
                body, context.public_url.base_url + PREFIX, context.connection.head_only
            )
        except Problem as problem:
            forwarded.report_failure(problem)
            return operation.problem(context, problem)
        context.raw_body = forwarded.sent if context.raw_body is None else context.raw_body
        context.answered_by = "real"
        operation.finish(context, response)
        response.headers.append((b"x-trace-id", context.trace_id.encode()))
        return response

    async def _serve(self, responder: Responder, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers: Headers = list(scope["headers"])
        first = first_values(headers)
        method = scope["method"]
        raw_path = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0].decode("latin-1")
        path = raw_path.removeprefix(PREFIX)
        public_url = responder.public_urls.of(scope, first)
        problem: Problem | None = None
        if not public_url.is_allowed:
            problem = Problem(HOST_REFUSED)
        elif not self._is_real("", method, path) or _has_dots(path):
            problem = Problem(ROUTE_UNKNOWN)
        elif method == "OPTIONS" and b"access-control-request-method" in first:
            await self._preflight(responder, first, send)
            return
        elif method not in READ_METHODS and not responder.policy.may_write(first, headers, public_url.hosts):
            problem = Problem(ORIGIN_REFUSED)
        problem = problem or self._refusal("", method, path, headers, scope["query_string"])
        if problem is not None:
            await responder.send_problem(scope, send, problem)
            return
        connection = Connection(receive, send, method == "HEAD")
        forwarded = _ForwardedRequest(self, method, path, scope["query_string"], headers, responder.trace())
        body = None if method in READ_METHODS else _received(connection)
        try:
            response = await forwarded.response(body, public_url.base_url + PREFIX, method == "HEAD")
        except Problem as unanswered:
            await responder.send_problem(scope, send, unanswered)
            return
        except Disconnected:
            return
        responder.finish(first, response.headers)
        response.headers.append((b"x-trace-id", forwarded.trace.encode()))
        await connection.deliver(response)

    async def _preflight(self, responder: Responder, headers: dict[bytes, bytes], send: Send) -> None:
        answer: Headers = [*responder.cors.preflight(headers, ALL_METHODS), VARY]
        await send({"type": "http.response.start", "status": 204, "headers": answer})
        await send({"type": "http.response.body", "body": b""})

    async def send(
        self, forwarded: _ForwardedRequest, body: bytes | AsyncIterator[bytes] | None
    ) -> UpstreamResponse:
        """Send the request of an exchange; raises Problem."""
        headers = request_headers(
            forwarded.received, self.upstream.host, has_body=body is not None, token=self._token
        )
        query = forwarded.query.decode("latin-1")
        target = f"{forwarded.path}?{query}" if query else forwarded.path
        return await self.upstream.send(forwarded.method, target, headers, body)


class _ForwardedRequest:
    """A request that is forwarded to the real API, and what the observer is told of it.

    received: the headers of the client's request. sent: the beginning of its body, when it was copied.
    buffered: whether the response is needed whole, because a fault changes it.
    """

    def __init__(
        self, gateway: Gateway, method: str, path: str, query: bytes, received: Headers, trace: str
    ) -> None:
        self._gateway = gateway
        self.method = method
        self.path = path
        self.query = query
        self.received = received
        self.trace = trace
        self.operation = ""
        self.buffered = False
        self.sent: bytes | None = None
        self._began_ns = wall_ns()

    async def response(
        self, body: bytes | AsyncIterator[bytes] | None, public: str, head_only: bool
    ) -> Response:
        """The response for the client: whole where it is short, else one that passes its body on.

        public: the address of the prefix, as the client sees it. Raises Problem.
        """
        gateway = self._gateway
        if body is not None and not isinstance(body, bytes):
            body = _copied(body, self)
        answer = await gateway.send(self, body)
        seconds = (wall_ns() - self._began_ns) / 1e9
        headers = response_headers(answer.headers, gateway.upstream.base, public, prefix=PREFIX)
        headers.append(ANSWERED_BY)
        length = answer.header(b"content-length")
        is_short = length.isdecimal() and int(length) <= WHOLE_BYTES
        if head_only or answer.status in (204, 304) or is_short or self.buffered:
            try:
                content = b"".join([chunk async for chunk in answer])
            except Exception as error:
                raise upstream_problem(error, gateway.upstream.base) from None
            finally:
                await answer.aclose()
            self.report_exchange(answer, content, whole=True, seconds=seconds)
            if content and not length:
                headers.append((b"content-length", b"%d" % len(content)))
            return Response(answer.status, headers, content)
        if answer.header(b"content-type").startswith(EVENT_STREAM):
            answer.wait_without_limit()
        return Response(answer.status, headers, deliver=_PassedBody(self, answer, seconds))

    def report_failure(self, problem: Problem) -> None:
        """Tell the observer that the real API gave no whole answer, where it was reached at all."""
        failure = FAILURES.get(problem.code)
        if failure is not None:
            seconds = (wall_ns() - self._began_ns) / 1e9
            self._report(0, [], b"", whole=True, seconds=seconds, failure=failure)

    def report_exchange(
        self, answer: UpstreamResponse, content: bytes | None, *, whole: bool, seconds: float
    ) -> None:
        """Give the observer a copy of the exchange; content: None where the body was not copied."""
        self._report(answer.status, list(answer.headers), content, whole=whole, seconds=seconds)

    def _report(
        self,
        status: int,
        headers: Headers,
        content: bytes | None,
        *,
        whole: bool,
        seconds: float,
        failure: str = "",
    ) -> None:
        self._gateway.observer.submit(
            ForwardedExchange(
                trace=self.trace,
                method=self.method,
                path=self.path,
                query=self.query.decode("latin-1"),
                received=self.received,
                body=self.sent,
                status=status,
                headers=headers,
                content=content,
                whole=whole,
                seconds=seconds,
                at_ms=self._began_ns // 1_000_000,
                operation=self.operation,
                failure=failure,
            )
        )


class _PassedBody:
    """Passes a body on as it comes, and keeps a bounded copy.

    at_end: called before its last piece is sent.
    """

    def __init__(self, forwarded: _ForwardedRequest, answer: UpstreamResponse, seconds: float) -> None:
        self._forwarded_request = forwarded
        self._answer = answer
        self._seconds = seconds
        self.at_end: Callable[[], None] | None = None

    async def __call__(self, response: Response, connection: Connection) -> None:
        """Send head and body; the connection is closed when the body ends early."""
        answer = self._answer
        copy: list[bytes] = []
        copied, whole, failed = 0, False, False
        await connection.start(response.status, response.headers)
        departed = asyncio.ensure_future(connection.departed(float("inf")))
        chunks = aiter(answer)
        try:
            while (chunk := await _next_chunk(chunks, departed)) is not None:
                copied += len(chunk)
                if copied <= MOST_COPIED_BYTES:
                    copy.append(chunk)
                await connection.write(chunk, more=True)
            whole = not departed.done()
        except Exception as error:  # whatever ends the real API's answer ends the client's
            failed = True
            LOG.warning("the real API's answer ended early: %s", type(error).__name__)
        finally:
            departed.cancel()
            with suppress(Exception):
                await answer.aclose()
        is_copied = copied <= MOST_COPIED_BYTES
        response.body = b"".join(copy)
        response.complete = whole
        if self.at_end is not None:
            self.at_end()
        self._forwarded_request.report_exchange(
            answer, response.body if is_copied else None, whole=whole, seconds=self._seconds
        )
        if failed:
            await connection.close()
        elif whole:
            await connection.write(b"")


async def _next_chunk(chunks: AsyncIterator[bytes], departed: asyncio.Future[bool]) -> bytes | None:
    """The next piece of a body; None at its end, and when the client has left."""
    piece = asyncio.ensure_future(_pulled(chunks))
    waiting: set[asyncio.Future[bytes | None] | asyncio.Future[bool]] = {piece, departed}
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    if piece.done():
        return piece.result()
    piece.cancel()
    with suppress(asyncio.CancelledError):
        await piece
    return None


async def _pulled(chunks: AsyncIterator[bytes]) -> bytes | None:
    return await anext(chunks, None)


async def _received(connection: Connection) -> AsyncIterator[bytes]:
    """The body of the client's request as it comes; raises Disconnected."""
    while True:
        message = await connection.receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        if message.get("body"):
            yield message["body"]
        if not message.get("more_body"):
            return


async def _copied(body: AsyncIterator[bytes], forwarded: _ForwardedRequest) -> AsyncIterator[bytes]:
    """The same pieces, and their beginning in `forwarded.sent`."""
    forwarded.sent = b""
    async for piece in body:
        if forwarded.sent is not None:
            kept = forwarded.sent + piece
            forwarded.sent = kept if len(kept) <= MOST_COPIED_BYTES else None
        yield piece


def _has_dots(path: str) -> bool:
    """Whether a path has a segment `.` or `..`, in any encoding; another server may resolve such a path."""
    plain = path.lower().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/").replace("\\", "/")
    return any(segment in (".", "..") for segment in plain.split("/"))
