"""The objects of one exchange: the request context, what a handler replies, and the response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from orgbilling_stubs.auth.principal import Principal
    from orgbilling_stubs.billing.events import Idempotency
    from orgbilling_stubs.billing.tenant import Tenant
    from orgbilling_stubs.http.connection import Connection
    from orgbilling_stubs.http.operation import Operation
    from orgbilling_stubs.http.origin import Origin

Headers: TypeAlias = list[tuple[bytes, bytes]]
Deliver: TypeAlias = "Callable[[Response, Connection], Awaitable[None]]"

NO_HEADERS: Mapping[str, str] = {}


class Serialized(NamedTuple):
    """A reply as it goes on the wire, for clients that see the server at `origin`."""

    origin: Origin
    headers: Headers
    payload: bytes
    tag: bytes | None


class Reply:
    """A response as a Python object. The runtime validates it against the contract, then serializes it.

    The runtime puts `$schema` first and sets `Link`, `ETag`, `X-Trace-Id` and `Content-Type` itself.
    A reply may be given many times: it is validated and serialized once, so it must not be changed.
    """

    __slots__ = ("body", "headers", "serialized", "status")

    def __init__(self, body: Any, status: int = 200, headers: Mapping[str, str] = NO_HEADERS) -> None:
        self.body = body
        self.status = status
        self.headers = headers
        self.serialized: Serialized | None = None


class EncodedReply:
    """A response that was validated and serialized piece by piece (see `api.response_cache`).

    etag: a strong validator without quotes, if the handler knows a cheaper one than a hash of the bytes.
    """

    __slots__ = ("body", "etag", "headers", "serialized", "status")

    def __init__(
        self,
        body: bytes,
        status: int = 200,
        headers: Mapping[str, str] = NO_HEADERS,
        etag: str | None = None,
    ) -> None:
        self.body = body
        self.status = status
        self.headers = headers
        self.etag = etag
        self.serialized: Serialized | None = None


class StreamReply:
    """A response without an end that is known, such as server-sent events; always a 200.

    media: its content type. run: gets the connection when the head of the response is out; sends the body,
    and returns when the client has left or the server stops.
    """

    __slots__ = ("media", "run")

    def __init__(self, media: bytes, run: Callable[[Connection], Awaitable[None]]) -> None:
        self.media = media
        self.run = run


AnyReply: TypeAlias = Reply | EncodedReply | StreamReply


@dataclass(slots=True)
class AppliedFault:
    """What the fault injector did to an exchange.

    text: in one line, for the journal. override: the preferences that were applied, as `Preference-Applied`
    names them. rules: id and match number of each rule that struck.
    """

    text: str
    override: str = ""
    rules: tuple[tuple[str, int], ...] = ()


@dataclass(slots=True)
class Response:
    """What goes back to the client.

    status: 0 when nothing is sent at all. body: the bytes that are sent. complete: False when the body stops
    before the end that Content-Length promises; the connection is then closed after it. deliver: puts the
    response on the connection in a way of its own (drip, reset, hang, event stream); None sends it at once.
    """

    status: int
    headers: Headers
    body: bytes = b""
    complete: bool = True
    deliver: Deliver | None = None


@dataclass(slots=True)
class RequestContext:
    """One request on its way through the pipeline, from its arrival until its response is recorded.

    Known from the start:
    operation: the compiled operation that was routed to; `operation.operation_id` names it.
    method, path, query: as sent; `query` without the question mark, still percent-encoded.
    raw_headers: every header, names in lower case. headers: the first of each name.
    path_parameters: texts of the parameters in the path, by name.
    origin: scheme and authority as the client sees them.
    trace_id: the `X-Trace-Id` of the response. received_ns: real time, in nanoseconds since 1970.
    connection: the client's connection: reads the request body, waits, cuts.

    Filled by the steps, in this order:
    fault: what the fault injector did (fault injection).
    authorization: the principal, or the error that says that it is not let in (whichever step asks first).
    organization_override: answer as this organization instead of the principal's own (fault injection).
    tenant_override: gives the tenant that reads answer from instead of the present one (fault injection).
    principal: who asks (authentication); None for an operation without security.
    raw_body, body: as sent, and parsed (validation).
    parameters: by name, parsed, with defaults (validation).
    idempotency: what makes a command count once, if the client sent `Idempotency-Key` (validation).
    version_before: the tenant's version before the command (handler); None for a read.
    error: why the response is no success (whichever step raised it).
    """

    operation: Operation
    method: str
    path: str
    query: bytes
    raw_headers: Sequence[tuple[bytes, bytes]]
    headers: dict[bytes, bytes]
    path_parameters: Mapping[str, str]
    origin: Origin
    trace_id: str
    received_ns: int
    connection: Connection
    parameters: Mapping[str, Any]
    fault: AppliedFault | None = None
    authorization: Principal | Exception | None = None
    organization_override: str | None = None
    tenant_override: Callable[[str], Tenant] | None = None
    principal: Principal | None = None
    raw_body: bytes = b""
    body: Any = None
    idempotency: Idempotency | None = None
    version_before: int | None = None
    error: Exception | None = None

    @property
    def organization(self) -> str:
        """The organization to answer for; only behind security, where there is a principal."""
        assert self.principal is not None
        return self.principal.organization

    @property
    def base_url(self) -> str:
        """Scheme and authority as the client sees them, e.g. "http://127.0.0.1:4010"."""
        return self.origin.base_url


CallNext: TypeAlias = Callable[[RequestContext], Coroutine[Any, Any, Response]]
"""The rest of the pipeline."""


RecordExchange: TypeAlias = Callable[[RequestContext, Response], None]
"""The last step: told of every exchange right before its response is sent, so a client that has read a
response finds it recorded. It changes nothing, and nothing waits for it: a plain function."""


Middleware: TypeAlias = Callable[[CallNext], CallNext]
"""One step of the pipeline (see `http.pipeline`): puts itself in front of the rest of the pipeline.

It is called once, when the pipeline is composed, and returns the function that is called with every request.
That function may look at the context, change what the next steps see, call the rest of the pipeline with
`await call_next(context)`, and change or replace the response. A step that answers by itself does not call
the rest; `context.operation.problem(context, error)` makes the response of an error, and
`context.operation.respond(context, reply)` validates and serializes a reply. Steps after fault injection
never raise: what a later step raises has become a response when `call_next` returns, and `context.error`
says what it was.

A step that has nothing to do with the response can be a plain function that returns `call_next(context)`
without awaiting it: that saves a coroutine for each request.
"""


Handler: TypeAlias = Callable[[RequestContext], AnyReply | Coroutine[Any, Any, AnyReply]]
"""What serves an operation: a function, or a coroutine function where it may have to wait."""
