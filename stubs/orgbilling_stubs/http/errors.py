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
    414: "Request URI Too Long",
    415: "Unsupported Media Type",
    421: "Misdirected Request",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
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


SERVER_FULL = ProblemType("server_full", 503, "too many connections are open: try again")
REQUEST_MALFORMED = ProblemType("request_malformed", 400, "this is not a well-formed HTTP/1.1 request")
TARGET_LONG = ProblemType("target_long", 414, "the request target has more than 8192 bytes")
HEADERS_MANY = ProblemType("headers_many", 431, "the request has more than 100 headers")
HEADER_LARGE = ProblemType("header_large", 431, "a header of the request has more than 8192 bytes")
HEAD_LARGE = ProblemType("head_large", 431, "the head of the request has more than 65536 bytes")
HEAD_SLOW = ProblemType("head_slow", 408, "the head of the request was not received in time")
FRAMING_LARGE = ProblemType(
    "framing_large", 400, "the chunk extensions and trailers of the request body are too large"
)
TRANSFER_CODING_UNKNOWN = ProblemType(
    "transfer_coding_unknown", 400, "Transfer-Encoding can only be chunked, and not in HTTP/1.0"
)
HOST_MISSING = ProblemType("host_missing", 400, "the request needs a Host header")
HOST_REPEATED = ProblemType("host_repeated", 400, "the request has more than one Host header")
HOST_INVALID = ProblemType("host_invalid", 400, "the Host header is not a host name or address")
HOST_REFUSED = ProblemType(
    "host_refused",
    421,
    "the Host header names another server: see --allowed-host and --public-url in docs/network.md",
)
ROUTE_UNKNOWN = ProblemType("route_unknown", 404, "no operation at this path")
METHOD_WRONG = ProblemType("method_wrong", 405, "the path exists, the method does not: see Allow")
ORIGIN_REFUSED = ProblemType(
    "origin_refused", 403, "pages of this origin may not change anything here: see --cors in docs/network.md"
)
CREDENTIALS_MISSING = ProblemType("credentials_missing", 401, "this operation needs an Authorization header")
MEDIA_WRONG = ProblemType("media_wrong", 415, "unknown content type")
BODY_LARGE = ProblemType("body_large", 413, f"request body is too large limit={BODY_LIMIT_BYTES} bytes")
BODY_SLOW = ProblemType("body_slow", 408, "request body was not received in time")
BODY_MISSING = ProblemType("body_missing", 400, "request body is required")
BODY_MALFORMED = ProblemType("body_malformed", 400, "validation failed")
INVALID = ProblemType("invalid", 422, "validation failed")
CRASHED = ProblemType("crashed", 500, "unexpected error occurred")
INVALID_RESPONSE = ProblemType("invalid_response", 500, "unexpected error occurred")
UNIMPLEMENTED = ProblemType("unimplemented", 404, "no valid example of this response could be made")

TABLE = (
    SERVER_FULL,
    REQUEST_MALFORMED,
    TARGET_LONG,
    HEADERS_MANY,
    HEADER_LARGE,
    HEAD_LARGE,
    HEAD_SLOW,
    FRAMING_LARGE,
    TRANSFER_CODING_UNKNOWN,
    HOST_MISSING,
    HOST_REPEATED,
    HOST_INVALID,
    HOST_REFUSED,
    ROUTE_UNKNOWN,
    METHOD_WRONG,
    ORIGIN_REFUSED,
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
