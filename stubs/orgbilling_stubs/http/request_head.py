"""Request heads: their limits, their `Host`, and header values without whitespace around them.

What is checked here holds under any ASGI server, which has read the syntax of HTTP before. The protocol of
`http.server` refuses what is too large earlier, while it still arrives.
"""

from __future__ import annotations

from functools import lru_cache

from starlette.types import Scope

from orgbilling_stubs.auth.credentials import HeaderValues
from orgbilling_stubs.http.errors import (
    HEAD_LARGE,
    HEADER_LARGE,
    HEADERS_MANY,
    HOST_INVALID,
    HOST_MISSING,
    HOST_REPEATED,
    REQUEST_MALFORMED,
    TARGET_LONG,
    TRANSFER_CODING_UNKNOWN,
    Problem,
    ProblemType,
)
from orgbilling_stubs.http.origin import parse_host
from orgbilling_stubs.http.origin_policy import RawHeaders

HEAD_LIMIT_BYTES = 65_536
LINE_LIMIT_BYTES = 8_192
HEADER_LIMIT = 100

CLOSE = {"Connection": "close"}
"""What a response to a head that was refused says: nobody knows where the next request would begin."""


def checked_scope(scope: Scope) -> Scope:
    """The scope of a request, header values without the whitespace around them (RFC 9110, 5.5).

    Raises Problem for a head that exceeds a limit or has no valid `Host`.
    """
    raw_headers: RawHeaders = scope["headers"]
    target = scope.get("raw_path") or scope["path"].encode()
    target_bytes = len(target) + len(scope.get("query_string", b""))
    problem_type = head_problem(target_bytes, raw_headers, scope.get("http_version", "1.1"))
    if problem_type is not None:
        raise Problem(problem_type, headers=CLOSE)
    headers = [(name, value.strip()) for name, value in raw_headers]
    return scope if headers == raw_headers else {**scope, "headers": headers}


def first_values(headers: RawHeaders) -> HeaderValues:
    """The first value of each header; without `reversed` it would be the last."""
    return HeaderValues(reversed(headers))


def head_problem(target_bytes: int, headers: RawHeaders, http_version: str) -> ProblemType | None:
    """What is wrong with a head; None for a good one."""
    if http_version not in ("1.0", "1.1"):
        return REQUEST_MALFORMED
    if target_bytes > LINE_LIMIT_BYTES:
        return TARGET_LONG
    if len(headers) > HEADER_LIMIT:
        return HEADERS_MANY
    lines_bytes = list(map(line_bytes, headers))
    if max(lines_bytes, default=0) > LINE_LIMIT_BYTES:
        return HEADER_LARGE
    if target_bytes + sum(lines_bytes) > HEAD_LIMIT_BYTES:
        return HEAD_LARGE
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if codings and (codings != [b"chunked"] or http_version == "1.0"):
        # What one server takes for a body, another may take for the next request (RFC 9112, 6.1).
        return TRANSFER_CODING_UNKNOWN
    hosts = [value.strip() for name, value in headers if name == b"host"]
    if len(hosts) > 1:
        return HOST_REPEATED
    if not hosts:
        # HTTP/1.0 has no Host (RFC 9112, 3.2).
        return None if http_version == "1.0" else HOST_MISSING
    return None if is_host(hosts[0]) else HOST_INVALID


def line_bytes(header: tuple[bytes, bytes]) -> int:
    """The length of the line of a header, without its end."""
    name, value = header
    return len(name) + len(b": ") + len(value)


@lru_cache(256)
def is_host(value: bytes) -> bool:
    """Whether a `Host` value is a name or an address, with a port or without."""
    return parse_host(value.decode("latin-1")) is not None
