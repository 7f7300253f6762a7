"""What every exchange passes: faults before it, the journal and the coverage after it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import orjson

from orgbilling_stubs.auth.redact import redact
from orgbilling_stubs.clock import wall_ns
from orgbilling_stubs.journal.book import EXCERPT_BYTES, Exchange, Fired, Journal, Mark, Refusal
from orgbilling_stubs.runtime.exchange import Call, Encoded, Handler, Reply, Stream
from orgbilling_stubs.runtime.tap import Answered, Detour
from orgbilling_stubs.service import Service

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
LONGEST_HEADER = 1024
FINDINGS = 50


class Meddler(Protocol):
    """What may answer a request in place of its operation (see `faults.engine`)."""

    def detour(
        self, operation: Any, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]
    ) -> Detour | None:
        """Who answers instead, or None. Called with every request: has to be quick when nothing is to do."""


class Counter(Protocol):
    """What counts what the client has met (see `coverage.tally`)."""

    def count(self, answered: Answered) -> None:
        """An answer was given."""


class Watch:
    """The tap of a server: asks the meddler before, tells the journal and the counter after."""

    def __init__(self, service: Service, journal: Journal, meddler: Meddler, counter: Counter) -> None:
        self._service = service
        self._journal = journal
        self._detour = meddler.detour
        self._count = counter.count
        self._versions: dict[str, int] = {}

    def begin(self, operation: Any, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> int | Detour:
        """A request arrived: the instant in nanoseconds, or who answers instead."""
        return self._detour(operation, scope, headers) or wall_ns()

    def around(self, operation: Any, handler: Handler) -> Handler:
        """Note the tenant's version before each write."""
        if operation.safe:
            return handler

        def noting(call: Call) -> Reply | Encoded | Stream:
            tenant = self._service.peek(call.principal.organisation)
            self._versions[call.trace_id] = tenant.version if tenant is not None else 0
            return handler(call)

        return noting

    def record(self, answered: Answered, fault: Fired | None = None) -> None:
        """An answer was given."""
        operation, scope, headers, trace, began, principal, body, status, out, payload, error = answered
        size = len(payload)
        self._journal.append(
            Exchange(
                trace,
                began,
                wall_ns() - began,
                "" if principal is None else principal.organisation,
                operation.name,
                scope["method"],
                scope["path"],
                _excerpt(scope["query_string"]),
                [
                    pair
                    for pair in scope["headers"]
                    if pair[0] in KEPT and len(pair[1]) <= LONGEST_HEADER and b"eyJ" not in pair[1]
                ],
                _credentials(headers),
                principal,
                b"" if body is None else _excerpt(orjson.dumps(body)),
                status,
                out,
                payload if size <= EXCERPT_BYTES and b"eyJ" not in payload else _excerpt(payload),
                size,
                None if error is None else _refusal(error),
                None if principal is None else self._mark(operation, trace, principal.organisation),
                fault,
            )
        )
        self._count(answered)

    def _mark(self, operation: Any, trace: str, organisation: str) -> Mark | None:
        before = None if operation.safe else self._versions.pop(trace, None)
        tenant = self._service.peek(organisation)
        if tenant is None:
            return None
        return Mark(tenant.version if before is None else before, tenant.version, tenant.now_ms)


def _excerpt(content: bytes) -> bytes:
    """The beginning of a text, without tokens."""
    if b"eyJ" in content:
        content = redact(content.decode("utf-8", "replace")).encode("utf-8", "replace")
    return content[:EXCERPT_BYTES]


def _credentials(headers: Mapping[bytes, bytes]) -> str:
    authorization = headers.get(b"authorization")
    if authorization is not None:
        return "bearer" if authorization[:7].lower() == b"bearer " else "malformed"
    return "cookie" if b"__session" in headers.get(b"cookie", b"") else ""


def _refusal(error: Exception) -> Refusal:
    """What the journal keeps of an error: names and places, no values that a client sent."""
    errors = list(getattr(error, "errors", None) or ())[:FINDINGS]
    findings = tuple((str(row.get("location", "")), str(row.get("message", ""))) for row in errors)
    name = str(getattr(error, "name", type(error).__name__))
    return Refusal(name, str(getattr(error, "detail", error))[:EXCERPT_BYTES], findings)
