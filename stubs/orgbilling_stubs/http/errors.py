"""The errors of HTTP itself, in order of precedence: where several apply, the client gets the first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

BODY_LIMIT_BYTES = 1024 * 1024
BODY_SECONDS = 5.0

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    410: "Gone",
    412: "Precondition Failed",
    413: "Request Entity Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    501: "Not Implemented",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}
"""Reason phrases as Go's net/http has them, whatever this Python calls them."""


@dataclass(frozen=True, slots=True)
class ProblemType:
    """One row of an error table: the error code, the HTTP status, and the default text for the client."""

    code: str
    status: int
    detail: str


ROUTE_UNKNOWN = ProblemType("route_unknown", 404, "no operation at this path")
METHOD_WRONG = ProblemType("method_wrong", 405, "the path exists, the method does not: see Allow")
CREDENTIALS_MISSING = ProblemType("credentials_missing", 401, "this operation needs an Authorization header")
MEDIA_WRONG = ProblemType("media_wrong", 415, "unknown content type")
BODY_LARGE = ProblemType("body_large", 413, f"request body is too large limit={BODY_LIMIT_BYTES} bytes")
BODY_SLOW = ProblemType("body_slow", 408, "request body was not received in time")
BODY_MISSING = ProblemType("body_missing", 400, "request body is required")
BODY_MALFORMED = ProblemType("body_malformed", 400, "validation failed")
INVALID = ProblemType("invalid", 422, "validation failed")
CRASHED = ProblemType("crashed", 500, "unexpected error occurred")
INVALID_RESPONSE = ProblemType("invalid_response", 500, "unexpected error occurred")
UNIMPLEMENTED = ProblemType("unimplemented", 501, "no valid example of this response could be made")

TABLE = (
    ROUTE_UNKNOWN,
    METHOD_WRONG,
    CREDENTIALS_MISSING,
    MEDIA_WRONG,
    BODY_LARGE,
    BODY_SLOW,
    BODY_MISSING,
    BODY_MALFORMED,
    INVALID,
    CRASHED,
    INVALID_RESPONSE,
    UNIMPLEMENTED,
)


class Problem(Exception):  # noqa: N818 -- what the client gets, not an error of ours
    """An error that the client gets as a problem document (RFC 9457).

    errors: what is wrong where, as `http.json_schemas` writes it. headers: further headers of the response.
    detail: the text for the client instead of the default one.
    """

    def __init__(
        self,
        row: ProblemType,
        errors: Sequence[Mapping[str, object]] = (),
        headers: Mapping[str, str] | None = None,
        detail: str | None = None,
    ) -> None:
        super().__init__(row.code)
        self.code = row.code
        self.status = row.status
        self.detail = detail or row.detail
        self.errors = list(errors)
        self.headers = dict(headers or {})


class InvalidReply(Exception):  # noqa: N818
    """A reply of a handler that breaks the API description; the text says where."""
