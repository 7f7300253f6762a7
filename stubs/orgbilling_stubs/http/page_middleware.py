"""What hosted pages and console share: the public URL, headers of responses, HEAD, and errors."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orgbilling_stubs.http.connection import Disconnected
from orgbilling_stubs.http.public_url import PublicUrl

STRICT_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Headers of every response: scripts from own files alone, no frames, nothing for other origins or caches."""

LANGUAGE = "en"
"""The language of all pages; amounts follow `Accept-Language`."""

ErrorResponse = Callable[[Request, Exception], Awaitable[Response]]

_PUBLIC_URL = "orgbilling.public_url"


def public_url(request: Request) -> PublicUrl:
    """Where the client of a page sees the server."""
    url: PublicUrl = request.scope[_PUBLIC_URL]
    return url


def scope_with_public_url(scope: Scope, url: PublicUrl) -> Scope:
    """The scope of a request, with what `public_url` reads from it."""
    return {**scope, _PUBLIC_URL: url}


class PageMiddleware:
    """Gives every response of an application its headers, and turns every exception into a response.

    An exception that nothing handles becomes a response here, because Starlette's own handler would raise it
    again, up to the server. A response to HEAD has no body. url_of: where the client of a request sees the
    server. error_response: the response to an error.
    """

    def __init__(
        self, app: ASGIApp, url_of: Callable[[Scope], PublicUrl], error_response: ErrorResponse
    ) -> None:
        self._app = app
        self._url_of = url_of
        self._error_response = error_response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope_with_public_url(scope, self._url_of(scope)), receive)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in STRICT_HEADERS.items():
                    headers.setdefault(name, value)
                if headers.get("content-type", "").startswith("text/html"):
                    headers["content-language"] = LANGUAGE
            elif request.method == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self._app(request.scope, receive, send_with_headers)
        except Disconnected:
            return
        except Exception as error:
            response = await self._error_response(request, error)
            await response(request.scope, receive, send_with_headers)
