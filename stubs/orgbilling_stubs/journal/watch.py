"""What every exchange passes: faults before it, the journal and the coverage after it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Protocol

from orgbilling_stubs.auth.redact import redact
from orgbilling_stubs.clock import wall_ns
from orgbilling_stubs.journal.book import (
    EXCERPT_BYTES,
    OVERHEAD_BYTES,
    Exchange,
    Fired,
    Journal,
    Refusal,
)
from orgbilling_stubs.runtime.cors import Headers
from orgbilling_stubs.runtime.exchange import Call, Encoded, Handler, Reply, Stream
from orgbilling_stubs.runtime.tap import Detour, Turn
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
SHORTEST_TOKEN = 64
FINDINGS = 50

_exchange = partial(tuple.__new__, Exchange)


class Meddler(Protocol):
    """What may answer a request in place of its operation (see `faults.engine`)."""

    def begin(self, operation: Any, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> int | Detour:
        """The instant in nanoseconds, or who answers instead. Has to be quick when there is nothing to do."""


class Counter(Protocol):
    """What counts what the client has met (see `coverage.tally`)."""

    def count(self, operation: Any, turn: Turn, status: int, out: Headers, payload: bytes) -> None:
        """An answer is given."""


class Watch:
    """The tap of a server: asks the meddler before, tells the journal and the counter after."""

    def __init__(self, service: Service, journal: Journal, meddler: Meddler, counter: Counter) -> None:
        self.begin = meddler.begin
        self._peek = service.peek
        self._append = journal.append
        self._count = counter.count
        self._versions: dict[str, int] = {}
        self._last: dict[str, tuple[bytes, bytes]] = {}
        """The last long answer of each operation, and its beginning: polled again, it is cut once."""

    def around(self, operation: Any, handler: Handler) -> Handler:
        """Note the tenant's version before each write."""
        if operation.safe:
            return handler
        peek, versions = self._peek, self._versions

        def noting(call: Call) -> Reply | Encoded | Stream:
            tenant = peek(call.principal.organisation)
            versions[call.trace_id] = tenant.version if tenant is not None else 0
            return handler(call)

        return noting

    def record(
        self,
        operation: Any,
        turn: Turn,
        status: int,
        out: Headers,
        payload: bytes,
        fault: Fired | None = None,
    ) -> None:
        """An answer is given. Runs with every request: keeps references, and leaves the rest for later."""
        scope, trace, principal, error = turn.scope, turn.trace, turn.principal, turn.error
        query, body = scope["query_string"], turn.raw
        organisation, before, after, now_ms = "", 0, 0, 0
        if principal is not None:
            organisation = principal.organisation
            tenant = self._peek(organisation)
            if tenant is not None:
                before = after = tenant.version
                now_ms = tenant.now_ms
        if not operation.safe:
            before = self._versions.pop(trace, after)
            body = _excerpt(body)
        if query:
            query = _excerpt(query)
        kept = self._beginning(operation.name, status, payload)
        held = OVERHEAD_BYTES + len(kept) + len(body) + len(query)
        headers = [pair for pair in scope["headers"] if pair[0] in KEPT and _harmless(pair[1])]
        refusal = None if error is None else _refusal(error)
        asked = (trace, turn.began, wall_ns() - turn.began, organisation, operation.name, scope["method"])
        sent = (scope["path"], query, headers, _credentials(turn.headers), principal, body)
        given = (status, out, kept, len(payload), refusal, before, after, now_ms, fault, held)
        self._append(organisation, _exchange(asked + sent + given), held)
        self._count(operation, turn, status, out, payload)

    def _beginning(self, operation: str, status: int, payload: bytes) -> bytes:
        """What is kept of an answer. What is refused may be a token, told back."""
        if status >= 400:
            return _excerpt(payload)
        if len(payload) <= EXCERPT_BYTES:
            return payload
        last = self._last.get(operation)
        if last is None or last[0] is not payload:
            last = self._last[operation] = payload, payload[:EXCERPT_BYTES]
        return last[1]


def _excerpt(content: bytes) -> bytes:
    """The beginning of a text, without tokens."""
    content = content[:EXCERPT_BYTES]
    if b"eyJ" in content:
        content = redact(content.decode("utf-8", "replace")).encode("utf-8", "replace")
    return content


def _harmless(value: bytes) -> bool:
    return len(value) < SHORTEST_TOKEN or (len(value) <= LONGEST_HEADER and b"eyJ" not in value)


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
