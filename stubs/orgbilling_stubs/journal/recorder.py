"""The last step of a request: it has the exchange recorded, for the journal and the coverage.

What was answered waits here, and is recorded with what was answered before and after it: 64 exchanges
together, a tenth of a second after the first of them, or when somebody asks. The journal and the coverage
have it recorded before they are read, so whoever has read a response finds it there all the same.

Why: between two requests the code of the recorder leaves the processor's caches. Run for one exchange it
takes 12 µs, run for 64 in a row 3 for each (docs/decisions/speed.md).
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from typing import TypeAlias

from orgbilling_openapi.redaction import redact, redact_bytes

from orgbilling_stubs.billing.tenant import ActiveScenario
from orgbilling_stubs.http.context import RequestContext, Response
from orgbilling_stubs.journal.coverage import CoverageTally
from orgbilling_stubs.journal.exchange import (
    EXCERPT_BYTES,
    OVERHEAD_BYTES,
    Exchange,
    RecordedError,
    redacted,
)
from orgbilling_stubs.journal.store import Journal
from orgbilling_stubs.tenants.clock import wall_ns
from orgbilling_stubs.tenants.service import Service

LOG = logging.getLogger("orgbilling")

KEPT_HEADERS = frozenset(
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
SHORTEST_SECRET_HEADER = 20
"""The length of the shortest header value that may hold a secret: the id of a key of AWS."""
LONGEST_HEADER = 1024
"""Longer header values are not kept."""
MAX_HARMLESS_VALUES = 1000
"""How many long header values are remembered as holding no secret: clients send the same ones again."""
MAX_VALIDATION_ERRORS = 50
"""How many validation errors of one exchange are kept."""
TOGETHER = 64
"""How many exchanges are recorded together."""
LONGEST_WAIT_S = 0.1
"""How long an exchange waits at most: until then the request is held as it came, with its token."""
LARGE_BYTES = 65_536
"""An exchange with more bytes than these does not wait."""

TenantState: TypeAlias = tuple[int, int, int, ActiveScenario | None]
"""Version, generation, instant in milliseconds, and active scenario of a tenant."""
Answered: TypeAlias = tuple[RequestContext, Response, int, TenantState]
"""An exchange that is still to be recorded: how long it took in nanoseconds, and the tenant after it."""
NO_TENANT: TenantState = 0, 0, 0, None


class Recorder:
    """Records every response of an operation (`http.context.RecordExchange`)."""

    def __init__(self, service: Service, journal: Journal, coverage: CoverageTally) -> None:
        self._service = service
        self._journal = journal
        self._coverage = coverage
        self._waiting: deque[Answered] = deque()
        self._reminded_by: asyncio.AbstractEventLoop | None = None
        """The event loop that will have what waits recorded."""
        self._last_long: dict[str, tuple[bytes, bytes]] = {}
        """The last long body of each operation, and its beginning: a body that is polled is cut once."""
        self._harmless_values: set[bytes] = set()
        journal.before_reading = coverage.before_reading = self.record_waiting

    def record(self, context: RequestContext, response: Response) -> None:
        """Have an exchange recorded. Runs with every request."""
        took_ns = wall_ns() - context.received_ns
        state = NO_TENANT
        if context.principal is not None:
            tenant = self._service.peek(context.principal.organization)
            if tenant is not None:
                state = tenant.version, tenant.generation, tenant.now_ms, tenant.active_scenario
        waiting = self._waiting
        waiting.append((context, response, took_ns, state))
        size = len(response.body) + len(context.raw_body or b"")
        if len(waiting) >= TOGETHER or size > LARGE_BYTES or self._journal.followers:
            self.record_waiting()
        else:
            self._record_soon()

    def _record_soon(self) -> None:
        """Have what waits recorded in time, by the event loop; at once where none runs."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.record_waiting()
            return
        if self._reminded_by is not loop:
            self._reminded_by = loop
            loop.call_later(LONGEST_WAIT_S, self._when_reminded)

    def _when_reminded(self) -> None:
        self._reminded_by = None
        self.record_waiting()

    def record_waiting(self) -> None:
        """Record what has been answered until now. Another thread that does so is waited for."""
        with self._journal.changing:
            while self._waiting:
                context, response, took_ns, state = self._waiting.popleft()
                try:
                    self._record(context, response, took_ns, state)
                except Exception as error:  # whoever has it recorded may have sent another one
                    LOG.error("%s cannot be recorded: %s", context.trace_id, error, exc_info=error)

    def _record(self, context: RequestContext, response: Response, took_ns: int, state: TenantState) -> None:
        principal, query, body = context.principal, context.query, context.raw_body or b""
        version, generation, now_ms, scenario = state
        if query:
            query = redacted(query)
        if body:
            body = redacted(body)
        excerpt = self._excerpt(context.operation.operation_id, response)
        # In the order of its fields: 24 names would take three times as long (1.8 in place of 0.7 µs).
        exchange = Exchange(
            context.trace_id,
            context.received_ns,
            took_ns,
            "" if principal is None else principal.organization,
            context.operation.operation_id,
            context.method,
            context.path,
            query,
            self._journaled_headers(context),
            _credentials(context.headers),
            principal,
            body,
            response.status,
            response.headers,
            excerpt,
            len(response.body),
            None if context.error is None else _recorded(context.error),
            version if context.version_before is None else context.version_before,
            version,
            generation,
            now_ms,
            context.fault,
            context.answered_by,
            OVERHEAD_BYTES + len(query) + len(body) + len(excerpt),
        )
        self._coverage.count(context, response, None if scenario is None else scenario.name)
        self._journal.append(exchange)

    def _journaled_headers(self, context: RequestContext) -> list[tuple[bytes, bytes]]:
        return [
            (name, value)
            for name, value in context.raw_headers
            if name in KEPT_HEADERS and (len(value) < SHORTEST_SECRET_HEADER or self._is_harmless(value))
        ]

    def _is_harmless(self, value: bytes) -> bool:
        """Whether no secret is in a header that is long enough for one."""
        if value in self._harmless_values:
            return True
        if len(value) > LONGEST_HEADER or redact_bytes(value) != value:
            return False
        if len(self._harmless_values) >= MAX_HARMLESS_VALUES:
            self._harmless_values.clear()
        self._harmless_values.add(value)
        return True

    def _excerpt(self, operation: str, response: Response) -> bytes:
        """The beginning of a response's body."""
        body = response.body
        if response.status >= 400:  # an error may repeat the token that it complains about
            return redacted(body)
        if len(body) <= EXCERPT_BYTES:
            return body
        last = self._last_long.get(operation)
        if last is None or last[0] is not body:
            last = self._last_long[operation] = body, body[:EXCERPT_BYTES]
        return last[1]


def _credentials(headers: Mapping[bytes, bytes]) -> str:
    """How a request carries its credentials; never what they are."""
    authorization = headers.get(b"authorization")
    if authorization:
        is_bearer = authorization.startswith(b"Bearer ") or authorization[:7].lower() == b"bearer "
        return "bearer" if is_bearer else "malformed"
    return "cookie" if b"__session" in headers.get(b"cookie", b"") else ""


def _recorded(error: Exception) -> RecordedError:
    """What the journal keeps of an error: names and places, no values that a client sent."""
    rows = list(getattr(error, "errors", None) or ())[:MAX_VALIDATION_ERRORS]
    findings = tuple((_text(row.get("location")), _text(row.get("message"))) for row in rows)
    return RecordedError(
        _text(getattr(error, "code", type(error).__name__)), _text(getattr(error, "detail", error)), findings
    )


def _text(value: object) -> str:
    return redact("" if value is None else str(value)[:EXCERPT_BYTES])
