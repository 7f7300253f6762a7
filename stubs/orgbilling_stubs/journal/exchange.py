"""One exchange: as it is recorded, as few bytes as will explain it later, and as it can be shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from orgbilling_stubs.auth.principal import Principal
from orgbilling_stubs.auth.redaction import redact
from orgbilling_stubs.http.context import AppliedFault, Headers

NO_HEADERS: Mapping[bytes, bytes] = {}
EXCERPT_BYTES = 4096
OVERHEAD_BYTES = 1024
KEPT = frozenset(
    {
        b"accept",
        b"content-length",
        b"content-type",
        b"host",
        b"idempotency-key",
        b"if-none-match",
        b"origin",
        b"prefer",
        b"referer",
        b"traceparent",
        b"transfer-encoding",
        b"user-agent",
    }
)
"""The request headers that the journal keeps; no other may carry a secret into it."""
USUAL = KEPT | {
    b"accept-encoding",
    b"accept-language",
    b"cache-control",
    b"connection",
    b"dnt",
    b"pragma",
    b"priority",
    b"sec-ch-ua",
    b"sec-ch-ua-mobile",
    b"sec-ch-ua-platform",
    b"sec-fetch-dest",
    b"sec-fetch-mode",
    b"sec-fetch-site",
}
"""Headers that say nothing about who asks. A request with another one is looked through at once."""
CREDENTIALS = {b"": "", b"bearer ": "bearer", b"cookie": "cookie"}
LONGEST_HEADER = 1024
SHORTEST_TOKEN = 64


class RecordedError(NamedTuple):
    """Why an answer is no success: the error's name, and where validation found what."""

    name: str
    detail: str
    findings: tuple[tuple[str, str], ...] = ()


class Exchange(NamedTuple):
    """One request and its answer, as little of each as will explain it later. Holds no token.

    credentials: `bearer`, `cookie`, `malformed` or nothing. body, payload: the first bytes of each; size: of
    the whole answer. status: 0 when no answer was finished. before, after: the tenant's version around it
    (after is 0 when there is no tenant), now_ms: the tenant's instant. held_bytes: about how much memory
    it takes.
    """

    trace: str
    began_ns: int
    took_ns: int
    organization: str
    operation: str
    method: str
    path: str
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]
    credentials: str
    principal: Principal | None
    body: bytes
    status: int
    out: Sequence[tuple[bytes, bytes]]
    payload: bytes
    size: int
    refusal: RecordedError | None
    before: int
    after: int
    now_ms: int
    fault: AppliedFault | None
    held_bytes: int

    def exchange(self) -> Exchange:
        """Itself."""
        return self


class Entry:
    """One exchange, as little of it as will explain it later.

    organization: of the token, or an empty string. headers: of the request, without credentials.
    credentials: how they begin. body: parsed, for the coverage. payload: of the response. before, after: the
    tenant's version around the request.
    """

    __slots__ = (
        "after",
        "before",
        "body",
        "credentials",
        "ended_ns",
        "error",
        "fault",
        "header_count",
        "headers",
        "held_bytes",
        "method",
        "now_ms",
        "operation",
        "organization",
        "path",
        "payload",
        "principal",
        "query",
        "raw_body",
        "received_ns",
        "response_headers",
        "size",
        "status",
        "trace",
    )

    def __init__(
        self,
        trace: str,
        operation: str,
        method: str,
        path: str,
        query: bytes,
        headers: Mapping[bytes, bytes],
        credentials: bytes,
        organization: str,
        principal: Principal | None,
        raw_body: bytes,
        body: object,
        received_ns: int,
        ended_ns: int,
        status: int,
        response_headers: Headers,
        payload: bytes,
        error: RecordedError | None,
        before: int,
        after: int,
        now_ms: int,
        fault: AppliedFault | None,
    ) -> None:
        self.trace = trace
        self.operation = operation
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.credentials = credentials
        self.organization = organization
        self.principal = principal
        self.raw_body = raw_body
        self.body = body
        self.received_ns = received_ns
        self.ended_ns = ended_ns
        self.status = status
        self.response_headers = response_headers
        self.payload = payload
        self.error = error
        self.before = before
        self.after = after
        self.now_ms = now_ms
        self.fault = fault
        self.size = len(payload)

    def strip(self, excerpt: bytes) -> None:
        """Let go of whatever nobody will ask for, and of what may hold a token.

        excerpt: the beginning of the response's body. Headers and body of the request become one text: the
        fewer pieces an exchange has, the less it costs to forget it.
        """
        headers, raw_body, query = self.headers, self.raw_body, self.query
        # A list is joined in half the time of a tuple, and `find` takes a third of the time of `in`.
        text = b"\n".join([*headers, *headers.values(), raw_body])
        if len(text) > EXCERPT_BYTES or text.find(b"eyJ") >= 0 or not USUAL.issuperset(headers):
            headers = {name: value for name, value in headers.items() if name in KEPT and _harmless(value)}
            text = b"\n".join([*headers, *headers.values(), redacted(raw_body)])
        if query:
            self.query = redacted(query)
        self.body = None
        self.headers = NO_HEADERS
        self.header_count = len(headers)
        self.raw_body = text
        self.payload = excerpt
        self.held_bytes = OVERHEAD_BYTES + len(text) + len(self.query) + len(excerpt)

    def exchange(self) -> Exchange:
        """The exchange as it can be shown."""
        count = self.header_count
        parts = self.raw_body.split(b"\n", 2 * count)
        named = list(zip(parts[:count], parts[count:-1], strict=True))
        return Exchange(
            trace=self.trace,
            began_ns=self.received_ns,
            took_ns=self.ended_ns - self.received_ns,
            organization=self.organization,
            operation=self.operation,
            method=self.method,
            path=self.path,
            query=self.query,
            headers=[pair for pair in reversed(named) if pair[0] in KEPT],
            credentials=CREDENTIALS.get(self.credentials.lower(), "malformed"),
            principal=self.principal,
            body=parts[-1],
            status=self.status,
            out=self.response_headers,
            payload=self.payload,
            size=self.size,
            refusal=self.error,
            before=self.before,
            after=self.after,
            now_ms=self.now_ms,
            fault=self.fault,
            held_bytes=self.held_bytes,
        )


def redacted(content: bytes) -> bytes:
    """The beginning of a text, without tokens."""
    content = content[:EXCERPT_BYTES]
    if content.find(b"eyJ") >= 0:
        content = redact(content.decode("utf-8", "replace")).encode("utf-8", "replace")
    return content


def _harmless(value: bytes) -> bool:
    return len(value) < SHORTEST_TOKEN or (len(value) <= LONGEST_HEADER and b"eyJ" not in value)


def matching(exchanges: Iterator[Exchange], **wanted: Any) -> Iterator[Exchange]:
    """Those exchanges whose fields have the wanted values; None means any."""
    asked = {name: value for name, value in wanted.items() if value is not None}
    return (each for each in exchanges if all(getattr(each, name) == value for name, value in asked.items()))
