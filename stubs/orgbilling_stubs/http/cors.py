"""Cross-origin access (CORS): the headers that tell a browser which origins may read a response."""

from __future__ import annotations

import re
from collections.abc import Mapping

from orgbilling_stubs.http.context import Headers
from orgbilling_stubs.http.origin_policy import OriginPolicy

VARY = (b"vary", b"Origin")

ALLOWED = b"Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer, traceparent, tracestate"
EXPOSED = (
    b"ETag, Link, Preference-Applied, Retry-After, WWW-Authenticate, X-Trace-Id, "
    b"X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
)
HEADER_NAME = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
MAX_REQUESTED_HEADERS = 32
CACHED_ORIGINS = 256
LONGEST_CACHED_ORIGIN = 256


class Cors:
    """The headers by origin, as `OriginPolicy.may_read` decides.

    Only a listed or local origin gets `Access-Control-Allow-Credentials`; one that `*` lets in does not.
    """

    def __init__(self, policy: OriginPolicy | None = None) -> None:
        self._policy = policy or OriginPolicy()
        self._cache: dict[bytes, Headers] = {}

    def headers(self, origin: bytes) -> Headers:
        """The headers that a response to this origin needs, empty if it may not read it."""
        headers = self._cache.get(origin)
        if headers is None:
            headers = self._headers(origin)
            if len(self._cache) >= CACHED_ORIGINS:
                self._cache.clear()
            if len(origin) <= LONGEST_CACHED_ORIGIN:
                self._cache[origin] = headers
        return headers

    def _headers(self, origin: bytes) -> Headers:
        if not self._policy.may_read(origin):
            return []
        if self._policy.any_origin and not self._policy.is_listed(origin):
            return [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", EXPOSED)]
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", EXPOSED),
        ]

    def preflight(self, request_headers: Mapping[bytes, bytes], methods: bytes) -> Headers:
        """The headers of the response to a preflight request for a path with these methods."""
        headers = list(self.headers(request_headers.get(b"origin", b"")))
        if not headers:
            return []
        requested = request_headers.get(b"access-control-request-headers", b"")
        headers += [
            (b"access-control-allow-methods", methods),
            (b"access-control-allow-headers", _allowed_headers(requested)),
            (b"access-control-max-age", b"600"),
        ]
        if request_headers.get(b"access-control-request-private-network") == b"true":
            headers.append((b"access-control-allow-private-network", b"true"))
        return headers


def _allowed_headers(requested: bytes) -> bytes:
    """The request headers to allow: ours, and whatever else a client of an allowed origin wants to send."""
    ours = {name.strip().lower() for name in ALLOWED.split(b",")}
    names = [name.strip() for name in requested.split(b",")[:MAX_REQUESTED_HEADERS]]
    others = [name for name in names if HEADER_NAME.fullmatch(name) and name.lower() not in ours]
    return b", ".join([ALLOWED, *others])
