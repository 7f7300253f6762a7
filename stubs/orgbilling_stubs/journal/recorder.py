"""What every exchange passes: faults before it, the journal and the coverage after it.

An answer waits for nothing but a few references. They are counted and shelved some dozens at a time, and
become an exchange that can be shown when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from threading import RLock
from typing import Any, Protocol

from orgbilling_stubs.auth.redaction import redact
from orgbilling_stubs.http.context import Call, Encoded, Handler, Reply, Stream
from orgbilling_stubs.http.cors import Headers
from orgbilling_stubs.http.middleware import Detour, Turn
from orgbilling_stubs.journal.store import EXCERPT_BYTES, OVERHEAD_BYTES, Exchange, Fired, Journal, Refusal
from orgbilling_stubs.tenants.clock import wall_ns
from orgbilling_stubs.tenants.service import Service

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
FINDINGS = 50
TOGETHER = 64
"""So many answers are counted and shelved at a time,"""
LARGE_BYTES = 65_536
"""unless one of them is so large that it should not wait."""


class Meddler(Protocol):
    """What may answer a request in place of its operation (see `faults.engine`)."""

    def begin(self, operation: Any, scope: Mapping[str, Any], headers: Mapping[bytes, bytes]) -> int | Detour:
        """The instant in nanoseconds, or who answers instead. Has to be quick when there is nothing to do."""


class Counter(Protocol):
    """What counts what the client has met (see `coverage.tally`)."""

    settle: Any
    """Set to what has to be called before anything that was counted is read."""

    def count(self, turn: Turn) -> None:
        """An answer was given."""


class Watch:
    """The tap of a server: asks the meddler before, tells the journal and the counter after."""

    def __init__(self, service: Service, journal: Journal, meddler: Meddler, counter: Counter) -> None:
        self.begin = meddler.begin
        self._peek = service.peek
        self._journal = journal
        self._followers = journal.followers
        self._count = counter.count
        self._versions: dict[str, int] = {}
        self._waiting: list[Turn] = []
        self._last: dict[str, tuple[bytes, bytes]] = {}
        """The last long answer of each operation, and its beginning: polled again, it is cut once."""
        self._settling = RLock()
        journal.digest = digest
        journal.settle = counter.settle = self.settle

    def around(self, operation: Any, handler: Handler) -> Handler:
        """Note the tenant's version before each write."""
        if operation.safe:
            return handler
        peek, versions = self._peek, self._versions

        def noting(call: Call) -> Reply | Encoded | Stream:
            tenant = peek(call.principal.organization)
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
        scope, headers, principal = turn.scope, turn.headers, turn.principal
        turn.ended = wall_ns()
        turn.operation = operation.name
        turn.status = status
        turn.out = out
        turn.payload = payload
        turn.fault = fault
        turn.scope = None  # it holds the token
        turn.method = scope["method"]
        turn.path = scope["path"]
        turn.query = scope["query_string"]
        turn.sent = headers.pop(b"authorization", b"")[:7]
        if b"cookie" in headers and b"__session" in headers.pop(b"cookie"):
            turn.sent = turn.sent or b"cookie"
        tenant = None if principal is None else self._peek(principal.organization)
        if tenant is None:
            turn.before = turn.after = turn.now_ms = 0
        else:
            turn.before = turn.after = tenant.version
            turn.now_ms = tenant.now_ms
        if not operation.safe:
            turn.before = self._versions.pop(turn.trace, turn.after)
        if turn.error is not None:
            turn.error = _refusal(turn.error)
        waiting = self._waiting
        waiting.append(turn)
        if len(waiting) >= TOGETHER or len(payload) > LARGE_BYTES or self._followers:
            self.settle()

    def settle(self) -> None:
        """Count and shelve what waits."""
        with self._settling:
            waiting = self._waiting
            some = waiting[:]
            del waiting[: len(some)]
            append, count = self._journal.append, self._count
            for turn in some:
                count(turn)
                held = _strip(turn) + self._cut(turn)
                turn.held_bytes = held
                principal = turn.principal
                append("" if principal is None else principal.organization, turn, held)

    def _cut(self, turn: Turn) -> int:
        """Keep the beginning of an answer: how many bytes that is."""
        payload = turn.payload
        turn.size = len(payload)
        if turn.status >= 400:  # what is refused may be a token, told back
            payload = _excerpt(payload)
        elif turn.size > EXCERPT_BYTES:
            last = self._last.get(turn.operation)
            if last is None or last[0] is not payload:
                last = self._last[turn.operation] = payload, payload[:EXCERPT_BYTES]
            payload = last[1]
        turn.payload = payload
        return len(payload)


def _strip(turn: Turn) -> int:
    """Let go of whatever nobody will ask for, and of what may hold a token: how many bytes are left.

    Headers and body become one text: the fewer pieces an exchange has, the less it costs to forget it.
    """
    headers, raw, query = turn.headers, turn.raw, turn.query
    turn.body = turn.origin = None
    text = b"\n".join((*headers, *headers.values(), raw))
    if len(text) > EXCERPT_BYTES or b"eyJ" in text or query or not USUAL.issuperset(headers):
        headers = {name: value for name, value in headers.items() if name in KEPT and _harmless(value)}
        text = b"\n".join((*headers, *headers.values(), _excerpt(raw)))
        turn.query = _excerpt(query)
    turn.headers = len(headers)
    turn.raw = text
    return OVERHEAD_BYTES + len(text) + len(turn.query)


def digest(turn: Turn) -> Exchange:
    """The exchange as it can be shown."""
    principal, count = turn.principal, turn.headers
    parts = turn.raw.split(b"\n", 2 * count)
    named = list(zip(parts[:count], parts[count:-1], strict=True))
    return Exchange(
        trace=turn.trace,
        began_ns=turn.began,
        took_ns=turn.ended - turn.began,
        organization="" if principal is None else principal.organization,
        operation=turn.operation,
        method=turn.method,
        path=turn.path,
        query=turn.query,
        headers=[pair for pair in reversed(named) if pair[0] in KEPT],
        credentials=CREDENTIALS.get(turn.sent.lower(), "malformed"),
        principal=principal,
        body=parts[-1],
        status=turn.status,
        out=turn.out,
        payload=turn.payload,
        size=turn.size,
        refusal=turn.error,
        before=turn.before,
        after=turn.after,
        now_ms=turn.now_ms,
        fault=turn.fault,
        held_bytes=turn.held_bytes,
    )


def _excerpt(content: bytes) -> bytes:
    """The beginning of a text, without tokens."""
    content = content[:EXCERPT_BYTES]
    if b"eyJ" in content:
        content = redact(content.decode("utf-8", "replace")).encode("utf-8", "replace")
    return content


def _harmless(value: bytes) -> bool:
    return len(value) < SHORTEST_TOKEN or (len(value) <= LONGEST_HEADER and b"eyJ" not in value)


def _refusal(error: Exception) -> Refusal:
    """What the journal keeps of an error: names and places, no values that a client sent."""
    errors = list(getattr(error, "errors", None) or ())[:FINDINGS]
    findings = tuple((_told(row.get("location")), _told(row.get("message"))) for row in errors)
    return Refusal(
        _told(getattr(error, "name", type(error).__name__)), _told(getattr(error, "detail", error)), findings
    )


def _told(text: object) -> str:
    return redact("" if text is None else str(text)[:EXCERPT_BYTES])
