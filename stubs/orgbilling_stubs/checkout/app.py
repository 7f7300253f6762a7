"""The hosted pages as one Starlette application: routes, the headers of every response, and errors."""

from __future__ import annotations

import logging
from functools import partial
from urllib.parse import quote, unquote

import orjson
from starlette.applications import Starlette
from starlette.convertors import Convertor, register_url_convertor
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orgbilling_stubs.api.errors import problem as billing_problem
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.checkout import errors, rendering
from orgbilling_stubs.checkout.completion import CompletionEndpoint
from orgbilling_stubs.checkout.guard import RequestGuard, own_origin
from orgbilling_stubs.checkout.payment_page import PaymentPage
from orgbilling_stubs.checkout.portal_page import CONTRACT_CHANGES, PortalPage
from orgbilling_stubs.checkout.sessions import CheckoutSessions
from orgbilling_stubs.checkout.settings import HostedPageSettings
from orgbilling_stubs.checkout.webhook_timing import WebhookTimingError
from orgbilling_stubs.http.connection import Disconnected
from orgbilling_stubs.http.cors import Cors
from orgbilling_stubs.http.errors import CRASHED, METHOD_WRONG, ROUTE_UNKNOWN, TITLES, Problem
from orgbilling_stubs.tenants.service import Service

LOG = logging.getLogger("orgbilling")
PREFIXES = ("/_mock/checkout/", "/_mock/portal/")
CHECKOUT = "/_mock/checkout/{organization:encoded}/{session:encoded}"
PORTAL = "/_mock/portal/{organization:encoded}/{session:encoded}"

STRICT_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Headers of every response: no scripts, no frames, nothing from or for other origins, nothing kept."""


class EncodedSegment(Convertor[str]):
    """A path segment that is decoded after the path is split, so that an id may hold an encoded slash."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        """The segment, decoded."""
        return unquote(value, errors="replace")

    def to_string(self, value: str) -> str:
        """The segment, encoded."""
        return quote(value, safe="")


register_url_convertor("encoded", EncodedSegment())


def hosted_pages(service: Service, settings: HostedPageSettings | None = None) -> Starlette:
    """The application that answers under PREFIXES.

    It asks for no token: who knows the session id in a path may use the session. Endpoints and error handlers
    are coroutines, because Starlette runs plain functions in threads and the service belongs to one thread.
    """
    settings = settings or HostedPageSettings()
    sessions, guard = CheckoutSessions(service, settings), RequestGuard(settings)
    payment, portal = PaymentPage(sessions, guard), PortalPage(sessions, guard)
    completion = CompletionEndpoint(sessions, guard)
    app = Starlette(
        routes=[
            Route(CHECKOUT, payment.page, methods=["GET", "POST"]),
            Route(f"{CHECKOUT}/return", payment.returned),
            Route(f"{CHECKOUT}/cancelled", payment.cancelled),
            Route(f"{CHECKOUT}/complete", completion.complete, methods=["POST"]),
            Route(PORTAL, portal.overview),
            Route(f"{PORTAL}/invoices/{{number:encoded}}", portal.invoice),
            *(
                Route(
                    f"{PORTAL}/{change.name}",
                    partial(portal.contract_change, change),
                    methods=["GET", "POST"],
                )
                for change in CONTRACT_CHANGES
            ),
        ],
        middleware=[Middleware(HostedPageMiddleware, cors=Cors(settings.cors))],
        exception_handlers=dict.fromkeys(
            (HTTPException, Problem, BillingError, WebhookTimingError), error_response
        ),
    )
    app.router.redirect_slashes = False  # a path with a slash at its end is another path, and no page
    return app


class HostedPageMiddleware:
    """Prepares a request for the routes, and gives every response the headers that it needs.

    Routes match the path as it was sent, not decoded. An exception that nothing handles becomes a response
    here: Starlette's own handler would raise it again, up to the server.
    """

    def __init__(self, app: ASGIApp, cors: Cors) -> None:
        self.app = app
        self.cors = cors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        raw_path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
        scope = {**scope, "path": raw_path.partition(b"?")[0].decode("latin-1")}
        request = Request(scope, receive)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add_headers(request, message)
            elif request.method == "HEAD":
                message = {**message, "body": b""}
            await send(message)

        try:
            await self.app(scope, receive, send_with_headers)
        except Disconnected:
            return
        except Exception as error:
            response = await error_response(request, error)
            await response(scope, receive, send_with_headers)

    def _add_headers(self, request: Request, message: Message) -> None:
        headers = MutableHeaders(scope=message)
        for name, value in STRICT_HEADERS.items():
            headers.setdefault(name, value)
        origin = request.headers.get("origin")
        if origin is not None and _is_headless(request):
            headers.add_vary_header("Origin")
            message["headers"] += self.cors.headers(origin.encode("latin-1"))


async def error_response(request: Request, error: Exception) -> Response:
    """The response to an error: a problem document for a program that completes a session, else a page."""
    if isinstance(error, WebhookTimingError):
        return rendering.notice_page(rendering.REFUSED, text=f"A webhook timing is {error}.")
    if isinstance(error, Problem):
        problem = error
    elif isinstance(error, BillingError):
        problem = billing_problem(error)
    elif isinstance(error, HTTPException) and error.status_code == 405:
        allow = (error.headers or {}).get("Allow", "")
        problem = Problem(METHOD_WRONG, headers={"Allow": ", ".join(sorted(allow.split(", ")))})
    elif isinstance(error, HTTPException):
        problem = Problem(ROUTE_UNKNOWN)
    else:
        LOG.error("hosted page", exc_info=error)
        problem = Problem(CRASHED)
    if _is_headless(request):
        return _problem_document(problem, own_origin(request))
    return _error_page(problem)


def _is_headless(request: Request) -> bool:
    path: str = request.scope["path"]
    return path.endswith("/complete")


def _problem_document(problem: Problem, base_url: str) -> Response:
    """A problem document (RFC 9457), like those of the control API at the same origin."""
    document = {
        "$schema": f"{base_url}/_mock/v1/schemas/ErrorModel.json",
        "title": TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "detail": problem.detail,
    }
    if problem.errors:
        document["errors"] = problem.errors
    return Response(orjson.dumps(document), problem.status, problem.headers, "application/problem+json")


def _error_page(problem: Problem) -> Response:
    notices = {
        404: rendering.MISSING,
        410: rendering.EXPIRED,
        500: rendering.FAILED,
    }
    notice = (
        rendering.FOREIGN_ORIGIN
        if problem.code == errors.FOREIGN_ORIGIN.code
        else notices.get(problem.status)
    )
    if notice is not None:
        return rendering.notice_page(notice, headers=problem.headers)
    text = f"{rendering.sentence(problem.detail)} Nothing was changed."
    return rendering.notice_page(rendering.REFUSED, status=problem.status, text=text, headers=problem.headers)
