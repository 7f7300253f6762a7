"""The errors of the stub as a gateway to the real API. Errors of the real API itself pass unchanged."""

from __future__ import annotations

from orgbilling_stubs.http.errors import ProblemType

WRITE_NOT_ALLOWED = ProblemType(
    "write_not_allowed", 403, "this would write to the real API: name it with --allow-write"
)
METHOD_OVERRIDDEN = ProblemType(
    "method_overridden", 403, "a request that overrides its method is not sent to the real API"
)
UPSTREAM_UNREACHABLE = ProblemType("upstream_unreachable", 502, "the real API cannot be reached")
UPSTREAM_BROKEN = ProblemType("upstream_broken", 502, "the real API's answer is not HTTP, or ended early")
UPSTREAM_TIMEOUT = ProblemType("upstream_timeout", 504, "the real API did not answer in time")
UPSTREAM_BUSY = ProblemType("upstream_busy", 503, "too many requests are waiting for the real API: try again")

TABLE = (
    WRITE_NOT_ALLOWED,
    METHOD_OVERRIDDEN,
    UPSTREAM_UNREACHABLE,
    UPSTREAM_BROKEN,
    UPSTREAM_TIMEOUT,
    UPSTREAM_BUSY,
)
