"""What a handler gets (:class:`Call`) and what it gives back (:class:`Reply` or :class:`Encoded`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

NO_HEADERS: Mapping[str, str] = {}


class Call:
    """One request that passed routing, authentication and validation.

    principal: who asks (`auth.Principal`; None for an operation without security).
    parameters: path, query, header and cookie parameters by name, parsed, defaults applied.
    body: the validated JSON body, or None when there was none.
    base_url: scheme and authority as the client sees them, e.g. "http://127.0.0.1:4010".
    idempotency: (key, fingerprint of operation and body) if the client sent `Idempotency-Key`.
    service: the object given to `assemble`.
    trace_id: the `X-Trace-Id` of the response.
    """

    __slots__ = (
        "base_url",
        "body",
        "idempotency",
        "operation",
        "parameters",
        "principal",
        "service",
        "trace_id",
    )

    def __init__(
        self,
        operation: str,
        principal: Any,
        parameters: dict[str, Any],
        body: Any,
        base_url: str,
        idempotency: tuple[str, str] | None,
        service: Any,
        trace_id: str,
    ) -> None:
        self.operation = operation
        self.principal = principal
        self.parameters = parameters
        self.body = body
        self.base_url = base_url
        self.idempotency = idempotency
        self.service = service
        self.trace_id = trace_id


class Prepared(NamedTuple):
    """A reply as it goes on the wire, for clients that see the server at `origin`."""

    origin: Any
    headers: list[tuple[bytes, bytes]]
    payload: bytes
    tag: bytes | None


class Reply:
    """A response as a Python object. The runtime validates it against the contract, then serializes it.

    The runtime puts `$schema` first and sets `Link`, `ETag`, `X-Trace-Id` and `Content-Type` itself.
    A reply may be given many times: it is validated and serialized once, so it must not be changed.
    """

    __slots__ = ("body", "headers", "prepared", "status")

    def __init__(self, body: Any, status: int = 200, headers: Mapping[str, str] = NO_HEADERS) -> None:
        self.body = body
        self.status = status
        self.headers = headers
        self.prepared: Prepared | None = None


class Encoded:
    """A response that was validated and serialized piece by piece (see `runtime.rows`).

    etag: a strong validator without quotes, if the handler knows a cheaper one than a hash of the bytes.
    """

    __slots__ = ("body", "etag", "headers", "prepared", "status")

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
        self.prepared: Prepared | None = None


class Stream:
    """A response without an end that is known, such as server-sent events; always a 200.

    media: its content type. run: gets `receive` and `send` when the head of the response is out; sends the
    body, and returns when the client has left or the server stops.
    """

    __slots__ = ("media", "run")

    def __init__(self, media: bytes, run: Callable[[Any, Any], Awaitable[None]]) -> None:
        self.media = media
        self.run = run


Handler: TypeAlias = Callable[[Call], Reply | Encoded | Stream]


@runtime_checkable
class Refused(Protocol):
    """What an exception must carry to become a problem response: auth and domain refusals do.

    Used if present: `errors` (list of {message, location, value}), `headers` (mapping), `challenge` (the
    value of `WWW-Authenticate`), `retry_after_s` (whole seconds).
    """

    name: str
    status: int
    detail: str


Admit: TypeAlias = Callable[[Sequence[tuple[bytes, bytes]], str], Any]
"""Authentication and authorization: raw request headers and method in, principal out, or `Refused` raised."""
