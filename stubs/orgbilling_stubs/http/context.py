"""The objects of one exchange: the request context, what a handler replies, and the response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from orgbilling_stubs.auth.credentials import HeaderValues
    from orgbilling_stubs.auth.principal import Principal
    from orgbilling_stubs.billing.events import Idempotency
    from orgbilling_stubs.billing.tenant import Tenant
    from orgbilling_stubs.http.connection import Connection
    from orgbilling_stubs.http.operation import Operation
    from orgbilling_stubs.http.public_url import PublicUrl

Headers: TypeAlias = list[tuple[bytes, bytes]]
Deliver: TypeAlias = "Callable[[Response, Connection], Awaitable[None]]"

NO_HEADERS: Mapping[str, str] = {}
NO_PARAMETERS: Mapping[str, str] = {}


@dataclass(slots=True)
class Serialized:
    """A reply as it goes on the wire, for clients that see the server at `public_url`."""

    public_url: PublicUrl
    headers: Headers
    payload: bytes
    tag: bytes | None


class Reply:
    """A response as a Python object; `http.responses` holds it to the API description, and serializes it.

    That also puts `$schema` first, and sets `Link`, `ETag`, `X-Trace-Id` and `Content-Type` itself.
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
    names them. rules: id and match number of each rule that fired.
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
    raw_headers: every header, names in lower case. headers: the first of each name; another request of the
    same connection may have the same object, so nothing changes it.
    path_parameters: texts of the parameters in the path, by name.
    public_url: where the client sees the server.
    trace_id: the `X-Trace-Id` of the response. received_ns: real time, in nanoseconds since 1970.
    connection: the client's connection: reads the request body, waits, cuts.
    raw_body: the body as sent, if the server has it already. Otherwise None, until validation has read it.

    Filled by the steps, in this order:
    principal: who asks (authentication); None for whoever is not let in. A preview of a scenario gives it
    another organization (fault injection).
    authorization_error: why there is no principal (authentication); an operation with security raises it.
    fault: what the fault injector did (fault injection).
    tenant_override: gives the tenant that reads answer from instead of the present one (fault injection).
    body: parsed (validation).
    parameters: by name, parsed, with defaults (validation).
    idempotency: what makes a command count once, if the client sent `Idempotency-Key` (validation).
    answered_by: `stub`, or `real` where the real API has answered (see `orgbilling_stubs.beside`).
    version_before: the tenant's version before the command (handler); None for a read.
    error: why the response is no success (whichever step raised it).
    """

    operation: Operation
    method: str
    path: str
    query: bytes
    raw_headers: Sequence[tuple[bytes, bytes]]
    headers: HeaderValues
    path_parameters: Mapping[str, str]
    public_url: PublicUrl
    trace_id: str
    received_ns: int
    connection: Connection
    raw_body: bytes | None
    parameters: Mapping[str, Any]
    principal: Principal | None = None
    authorization_error: Exception | None = None
    fault: AppliedFault | None = None
    tenant_override: Callable[[str], Tenant] | None = None
    body: Any = None
    idempotency: Idempotency | None = None
    version_before: int | None = None
    answered_by: str = "stub"
    error: Exception | None = None

    @property
    def organization(self) -> str:
        """The organization to answer for; only behind security, where there is a principal."""
        assert self.principal is not None
        return self.principal.organization

    @property
    def base_url(self) -> str:
        """What URLs of the server begin with for the client, e.g. "http://127.0.0.1:4010"."""
        return self.public_url.base_url


PendingResponse: TypeAlias = Coroutine[Any, Any, Response]
"""What a step of the pipeline returns: the response once it is awaited."""


CallNext: TypeAlias = Callable[[RequestContext], PendingResponse]
"""The rest of the pipeline."""


RecordExchange: TypeAlias = Callable[[RequestContext, Response], None]
"""The last step: told of every exchange right before its response is sent, so a client that has read a
response finds it in the journal. It changes nothing, and nothing waits for it: a plain function."""


Middleware: TypeAlias = Callable[[CallNext], CallNext]
"""A step in front of the rest of the pipeline, as fault injection is one (see `http.pipeline`).

It is called once, when the pipeline is put together, and returns the function that is called for a request.
That function may look at the context, change what the next steps see, call the rest of the pipeline with
`await call_next(context)`, and change or replace the response. A step that answers by itself does not call
the rest; `context.operation.problem(context, error)` makes the response of an error, and
`context.operation.respond(context, reply)` validates and serializes a reply. The rest never raises: an error
has become a response when `call_next` returns, and `context.error` says what it was.

A step that has nothing to do with the response can be a plain function that returns `call_next(context)`
without awaiting it: that saves a coroutine for each request.
"""


Handler: TypeAlias = Callable[[RequestContext], AnyReply | Coroutine[Any, Any, AnyReply]]
"""What serves an operation: a function, or a coroutine function where it may have to wait."""
