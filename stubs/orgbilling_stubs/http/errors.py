"""Every refusal that HTTP itself can give, in order of precedence: the first that applies is the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
    """One refusal: its name, status and what it tells the client."""

    name: str
    status: int
    detail: str

    @property
    def title(self) -> str:
        """The reason phrase of the status."""
        return TITLES[self.status]


ROUTE_UNKNOWN = ProblemType("route_unknown", 404, "no operation at this path")
METHOD_WRONG = ProblemType("method_wrong", 405, "the path exists, the method does not: see Allow")
TOKEN_MISSING = ProblemType("token_missing", 401, "this operation needs an Authorization header")
MEDIA_WRONG = ProblemType("media_wrong", 415, "unknown content type")
BODY_LARGE = ProblemType("body_large", 413, f"request body is too large limit={BODY_LIMIT_BYTES} bytes")
BODY_SLOW = ProblemType("body_slow", 408, "request body was not received in time")
BODY_MISSING = ProblemType("body_missing", 400, "request body is required")
BODY_MALFORMED = ProblemType("body_malformed", 400, "validation failed")
INVALID = ProblemType("invalid", 422, "validation failed")
CRASHED = ProblemType("crashed", 500, "unexpected error occurred")
BREACHED = ProblemType("breached", 500, "unexpected error occurred")
UNIMPLEMENTED = ProblemType("unimplemented", 501, "no valid example of this response could be made")

TABLE = (
    ROUTE_UNKNOWN,
    METHOD_WRONG,
    TOKEN_MISSING,
    MEDIA_WRONG,
    BODY_LARGE,
    BODY_SLOW,
    BODY_MISSING,
    BODY_MALFORMED,
    INVALID,
    CRASHED,
    BREACHED,
    UNIMPLEMENTED,
)


class Problem(Exception):  # noqa: N818 -- an answer, not an error of ours
    """A refusal on its way to the client."""

    def __init__(
        self,
        row: ProblemType,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        detail: str | None = None,
    ) -> None:
        super().__init__(row.name)
        self.name = row.name
        self.status = row.status
        self.title = row.title
        self.detail = detail or row.detail
        self.errors = list(errors)
        self.headers = dict(headers or {})


class InvalidReply(Exception):  # noqa: N818
    """A reply of ours that breaks the contract; the text says where."""
