"""Cross-origin access (CORS): the headers that tell a browser which origins may read an answer."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from orgbilling_stubs.http.context import Headers
from orgbilling_stubs.http.origin_policy import OriginPolicy

VARY = (b"vary", b"Origin")

ALLOWED = b"Authorization, Content-Type, Idempotency-Key, If-None-Match, Prefer, traceparent, tracestate"
EXPOSED = (
    b"ETag, Link, Preference-Applied, Retry-After, WWW-Authenticate, X-Trace-Id, "
    b"X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
)
NAMES = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
MOST_NAMES = 32
REMEMBERED = 256


class Cors:
    """The headers by origin, as `OriginPolicy.may_read` decides.

    Only a listed or local origin gets `Access-Control-Allow-Credentials`; one that `*` lets in does not.
    """

    def __init__(self, origins: Sequence[str] = ()) -> None:
        self._policy = OriginPolicy(origins)
        self._known: dict[bytes, Headers] = {}

    def headers(self, origin: bytes) -> Headers:
        """The headers that a response to this origin needs, empty if it may not read it."""
        found = self._known.get(origin)
        if found is None:
            found = self._headers(origin)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            if len(origin) <= REMEMBERED:
                self._known[origin] = found
        return found

    def _headers(self, origin: bytes) -> Headers:
        if not self._policy.may_read(origin):
            return []
        if self._policy.any_origin and origin not in self._policy.listed:
            return [(b"access-control-allow-origin", b"*"), (b"access-control-expose-headers", EXPOSED)]
        return [
            (b"access-control-allow-origin", origin),
            (b"access-control-allow-credentials", b"true"),
            (b"access-control-expose-headers", EXPOSED),
        ]

    def preflight(self, headers: Mapping[bytes, bytes], methods: bytes) -> Headers:
        """The headers of the answer to a preflight request for a path with these methods."""
        found = list(self.headers(headers.get(b"origin", b"")))
        if not found:
            return []
        found += [
            (b"access-control-allow-methods", methods),
            (b"access-control-allow-headers", _wanted(headers.get(b"access-control-request-headers", b""))),
            (b"access-control-max-age", b"600"),
        ]
        if headers.get(b"access-control-request-private-network") == b"true":
            found.append((b"access-control-allow-private-network", b"true"))
        return found


def _wanted(asked: bytes) -> bytes:
    """The request headers to allow: ours, and whatever else a client of an allowed origin wants to send."""
    known = {name.strip().lower() for name in ALLOWED.split(b",")}
    names = [name.strip() for name in asked.split(b",")[:MOST_NAMES]]
    more = [name for name in names if NAMES.fullmatch(name) and name.lower() not in known]
    return b", ".join([ALLOWED, *more])
