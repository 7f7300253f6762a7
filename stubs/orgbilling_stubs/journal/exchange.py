"""One exchange, as the journal keeps it: as little of it as will explain it later."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from typing import NamedTuple

from orgbilling_openapi.redaction import may_hold_secret, redact_bytes

from orgbilling_stubs.auth.principal import Principal
from orgbilling_stubs.http.context import AppliedFault

EXCERPT_BYTES = 4096
OVERHEAD_BYTES = 1024


class RecordedError(NamedTuple):
    """Why an answer is no success: the error's name, and where validation found what."""

    name: str
    detail: str
    findings: tuple[tuple[str, str], ...] = ()


class Exchange(NamedTuple):
    """One request and its response. Holds no token.

    began_ns: the instant at which the request came. took_ns: until its response was made. credentials:
    `bearer`, `cookie`, `malformed` or nothing. request_headers: those that the journal keeps. request_body,
    response_body: the first bytes of each. response_size: of the whole response body, in bytes. status: 0
    when no response was finished. error: what the response reports, if it is no success. version_before,
    version_after: the tenant's version around the request (version_after is 0 when there is no tenant).
    generation: of the tenant's log. now_ms: the tenant's instant. answered_by: `stub`, or `real` for the real
    API beside it. held_bytes: about how much memory it takes.
    """

    trace: str
    began_ns: int
    took_ns: int
    organization: str
    operation: str
    method: str
    path: str
    query: bytes
    request_headers: Sequence[tuple[bytes, bytes]]
    credentials: str
    principal: Principal | None
    request_body: bytes
    status: int
    response_headers: Sequence[tuple[bytes, bytes]]
    response_body: bytes
    response_size: int
    error: RecordedError | None
    version_before: int
    version_after: int
    generation: int
    now_ms: int
    fault: AppliedFault | None
    answered_by: str
    held_bytes: int


def redacted(content: bytes) -> bytes:
    """The beginning of a text, without tokens."""
    content = content[:EXCERPT_BYTES]
    return redact_bytes(content) if may_hold_secret(content) else content


def exchange_filter(filters: Mapping[str, str | None]) -> Callable[[Exchange], bool]:
    """Whether an exchange matches: its organization, operation and status; None and what is missing is any.

    A status is a number such as `409`, or a class such as `4XX`. It runs with every request that is followed.
    """
    organization, operation = filters.get("organization"), filters.get("operation")
    status = filters.get("status")
    statuses: Container[int] | None = None
    if status is not None:
        first = int(status[0]) * 100 if status[1:].upper() == "XX" else int(status)
        statuses = range(first, first + 100) if status[1:].upper() == "XX" else (first,)

    def matches(exchange: Exchange) -> bool:
        return (
            (organization is None or exchange.organization == organization)
            and (operation is None or exchange.operation == operation)
            and (statuses is None or exchange.status in statuses)
        )

    return matches
