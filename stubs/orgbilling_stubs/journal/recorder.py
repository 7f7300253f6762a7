"""The last step of a request: it records the exchange, for the journal and the coverage.

A response waits for as little as possible: the recorder copies a few references into an `Entry` and puts it
into the journal's buffer. Only when a few dozen entries wait, or when somebody reads, are they counted,
shortened and put into the journal (see `journal.store`). Whoever has read a response finds it recorded.
"""

from __future__ import annotations

from orgbilling_stubs.auth.redaction import redact
from orgbilling_stubs.http.context import RequestContext, Response
from orgbilling_stubs.journal.exchange import EXCERPT_BYTES, Entry, RecordedError
from orgbilling_stubs.journal.store import Journal
from orgbilling_stubs.tenants.clock import wall_ns
from orgbilling_stubs.tenants.service import Service

MOST_ERRORS = 50
"""So many validation errors of one exchange are kept."""


class Recorder:
    """Records every response of an operation, as it is about to be sent (`http.context.Record`)."""

    def __init__(self, service: Service, journal: Journal) -> None:
        self._seen_tenant = service.peek
        self._journal = journal

    def __call__(self, context: RequestContext, response: Response) -> None:
        """Record an exchange. Runs with every request."""
        ended_ns = wall_ns()
        headers, principal, error = context.headers, context.principal, context.error
        credentials = headers.pop(b"authorization", b"")[:7]
        if b"cookie" in headers and b"__session" in headers.pop(b"cookie"):
            credentials = credentials or b"cookie"
        organization, version, now_ms = "", 0, 0
        if principal is not None:
            organization = principal.organization
            tenant = self._seen_tenant(organization)
            if tenant is not None:
                version, now_ms = tenant.version, tenant.now_ms
        entry = Entry(
            context.trace_id,
            context.operation.operation_id,
            context.method,
            context.path,
            context.query,
            headers,
            credentials,
            organization,
            principal,
            context.raw_body,
            context.body,
            context.received_ns,
            ended_ns,
            response.status,
            response.headers,
            response.body,
            None if error is None else _recorded(error),
            version if context.version_before is None else context.version_before,
            version,
            now_ms,
            context.fault,
        )
        self._journal.record(entry)


def _recorded(error: Exception) -> RecordedError:
    """What the journal keeps of an error: names and places, no values that a client sent."""
    rows = list(getattr(error, "errors", None) or ())[:MOST_ERRORS]
    findings = tuple((_text(row.get("location")), _text(row.get("message"))) for row in rows)
    return RecordedError(
        _text(getattr(error, "code", type(error).__name__)), _text(getattr(error, "detail", error)), findings
    )


def _text(value: object) -> str:
    return redact("" if value is None else str(value)[:EXCERPT_BYTES])
