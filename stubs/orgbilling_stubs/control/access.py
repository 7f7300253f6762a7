"""Decides which requests may use the control API: none from pages of other sites, and beyond loopback only
those with the control token.

A request passes when each of these holds, in this order:

1. `Host` is one that the server answers under, and
2. `Origin` is absent or allowed, also for a preflight and for reading (both: see `http.origin_policy`).
3. Beyond loopback, the request carries the control token. A browser that is signed in at the console carries
   it in a cookie, which counts for the API reference and the description, and for nothing else here.
4. The body of a request that changes something is JSON. A form or a beacon of a page cannot send that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from orgbilling_stubs.auth.authorization import READ_METHODS
from orgbilling_stubs.control.errors import MEDIA_REFUSED, TOKEN_MISSING, TOKEN_WRONG
from orgbilling_stubs.control.token import is_same_token, token_of_cookies
from orgbilling_stubs.http.errors import HOST_REFUSED, ORIGIN_REFUSED, Problem
from orgbilling_stubs.http.public_url import PublicUrl
from orgbilling_stubs.http.request_body import has_body
from orgbilling_stubs.http.request_head import first_values
from orgbilling_stubs.http.responses import Responder

PREFIX = "/_mock/v1"
DOCS = "/_mock/docs"
DOCUMENTS = re.compile(rf"{DOCS}|{PREFIX}/(?:docs|openapi[^/]*|schemas/[^/]+)")
"""The paths of the API reference, and of the description that it shows."""
SAFE_METHODS = READ_METHODS | {"OPTIONS"}
JSON = re.compile(rb"application/(?:json|x-ndjson)\s*(?:;.*)?", re.IGNORECASE | re.DOTALL)


class ControlApiAccess:
    """Passes a request on to the control API, or answers with an error.

    responder: knows the origin policy. token: what a request must carry; None on loopback.
    """

    def __init__(self, inner: ASGIApp, responder: Responder, token: str | None = None) -> None:
        self.inner = inner
        self.responder = responder
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            self.check(scope)
        except Problem as problem:
            await self.responder.send_problem(scope, send, problem)
            return
        await self.inner(scope, receive, send)

    def check(self, scope: Scope) -> None:
        """Raise Problem for a request that is not allowed."""
        method: str = scope["method"]
        raw = scope["headers"]
        headers = first_values(raw)
        public_url = self.public_url(scope)
        if sum(name == b"host" for name, _ in raw) > 1 or not public_url.is_allowed:
            raise Problem(HOST_REFUSED)
        if not self.responder.policy.may_write(headers, raw, public_url.hosts):
            raise Problem(ORIGIN_REFUSED)
        if method == "OPTIONS":
            return  # A preflight carries no token. It changes nothing, and its answer holds nothing.
        if self._token is not None:
            reads_documents = method in READ_METHODS and DOCUMENTS.fullmatch(scope["path"]) is not None
            self._check_token(headers, self._token, with_cookie=reads_documents)
        if (
            method not in SAFE_METHODS
            and has_body(headers)
            and not JSON.fullmatch(headers.get(b"content-type", b""))
        ):
            raise Problem(MEDIA_REFUSED)

    def public_url(self, scope: Scope) -> PublicUrl:
        """Where the client sees the server."""
        return self.responder.public_urls.of(scope, first_values(scope["headers"]))

    def check_form(self, scope: Scope) -> None:
        """Raise Problem for a form that a page of another origin submits to the console."""
        headers, hosts = first_values(scope["headers"]), self.public_url(scope).hosts
        if not self.responder.policy.may_submit_form(headers, hosts):
            raise Problem(ORIGIN_REFUSED)

    @staticmethod
    def _check_token(headers: Mapping[bytes, bytes], token: str, *, with_cookie: bool) -> None:
        sent = headers.get(b"x-control-token")
        if sent is None:
            scheme, _, credentials = headers.get(b"authorization", b"").partition(b" ")
            sent = credentials.strip() if scheme.lower() == b"bearer" else None
        given = None if sent is None else sent.decode("latin-1")
        if given is None and with_cookie:
            given = token_of_cookies(headers.get(b"cookie", b"").decode("latin-1"))
        if given is None:
            raise Problem(TOKEN_MISSING)
        if not is_same_token(given, token):
            raise Problem(TOKEN_WRONG)
