"""Decides which requests may use the control API: none from pages of other sites, and beyond loopback only
those with the control token.

A request passes when each of these holds, in this order:

1. `Host` is one that the control API answers under, and
2. `Origin` is absent or allowed, also for a preflight (both: see `http.origin_policy`).
3. Beyond loopback, the request carries the control token.
4. The body of a request that changes something is JSON. A form or a beacon of a page cannot send that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from orgbilling_stubs.control.errors import (
    HOST_REFUSED,
    MEDIA_REFUSED,
    ORIGIN_REFUSED,
    TOKEN_MISSING,
    TOKEN_WRONG,
)
from orgbilling_stubs.control.token import is_same_token
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.http.origin_policy import OriginPolicy
from orgbilling_stubs.http.responses import Responder

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
JSON = re.compile(rb"application/(?:json|x-ndjson)\s*(?:;.*)?", re.IGNORECASE | re.DOTALL)


class ControlApiGuard:
    """Passes a request on to the control API, or answers with an error.

    origins: those given with `--cors`. token: what a request must carry; None on loopback.
    host: the name or address that the server listens on.
    """

    def __init__(
        self,
        inner: ASGIApp,
        responder: Responder,
        origins: Sequence[str] = (),
        token: str | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self._inner = inner
        self._responder = responder
        self._policy = OriginPolicy(origins, loopback=token is None, bound_host=host)
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            self.check(scope["method"], scope["headers"])
        except Problem as problem:
            await self._responder.send_problem(scope, send, problem)
            return
        await self._inner(scope, receive, send)

    def check(self, method: str, raw: Sequence[tuple[bytes, bytes]]) -> None:
        """Raise Problem for a request that is not allowed."""
        headers = dict(reversed(raw))
        host = headers.get(b"host", b"")
        if sum(name == b"host" for name, _ in raw) > 1 or not self._policy.is_control_host(host):
            raise Problem(HOST_REFUSED)
        if any(not self._policy.may_control(value, host) for name, value in raw if name == b"origin"):
            raise Problem(ORIGIN_REFUSED)
        if method == "OPTIONS":
            return  # A preflight carries no token. It changes nothing, and its answer holds nothing.
        if self._token is not None:
            self._check_token(headers, self._token)
        if (
            method not in SAFE
            and _has_body(headers)
            and not JSON.fullmatch(headers.get(b"content-type", b""))
        ):
            raise Problem(MEDIA_REFUSED)

    @staticmethod
    def _check_token(headers: Mapping[bytes, bytes], token: str) -> None:
        sent = headers.get(b"x-control-token")
        if sent is None:
            scheme, _, credentials = headers.get(b"authorization", b"").partition(b" ")
            sent = credentials.strip() if scheme.lower() == b"bearer" else None
        if sent is None:
            raise Problem(TOKEN_MISSING)
        if not is_same_token(sent.decode("latin-1"), token):
            raise Problem(TOKEN_WRONG)


def _has_body(headers: Mapping[bytes, bytes]) -> bool:
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0").strip() != b"0"
