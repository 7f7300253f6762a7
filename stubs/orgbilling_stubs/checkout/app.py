"""The hosted pages as one ASGI application."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from orgbilling_stubs.api.errors import problem as billing_problem
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.checkout import (
    errors,
    headless,
    notices,
    payment_page,
    portal_page,
    rendering,
    webhook_timing,
)
from orgbilling_stubs.checkout.reply import Reply, problem
from orgbilling_stubs.checkout.request import Receive, Request, read
from orgbilling_stubs.checkout.sessions import CheckoutSessions
from orgbilling_stubs.checkout.settings import HostedPageSettings
from orgbilling_stubs.http.connection import Disconnected
from orgbilling_stubs.http.cors import Cors
from orgbilling_stubs.http.errors import CRASHED, METHOD_WRONG, ROUTE_UNKNOWN, Problem
from orgbilling_stubs.http.origin import Origins
from orgbilling_stubs.tenants.service import Service

LOG = logging.getLogger("orgbilling")
PREFIXES = ("/_mock/checkout/", "/_mock/portal/")
Send = Callable[[dict[str, Any]], Awaitable[None]]


def hosted_pages(service: Service, defaults: HostedPageSettings | None = None) -> HostedPages:
    """The application that answers under PREFIXES."""
    return HostedPages(service, defaults or HostedPageSettings())


class HostedPages:
    """Answers requests for hosted pages. No token: the session id in the path is the capability."""

    def __init__(self, service: Service, defaults: HostedPageSettings) -> None:
        self.till = CheckoutSessions(service, defaults)
        self.cors = Cors(defaults.cors)
        self.origins = Origins()

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        try:
            reply = await self._answer(scope, receive)
        except Disconnected:
            return
        headers = reply.head()
        origin = dict(scope["headers"]).get(b"origin")
        if origin is not None and scope["path"].endswith("/complete"):
            headers += [(b"vary", b"Origin"), *self.cors.headers(origin)]
        body = b"" if scope["method"] == "HEAD" else reply.body
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _answer(self, scope: Mapping[str, Any], receive: Receive) -> Reply:
        name = scope["path"].removeprefix(rendering.FOLDER)
        if name in rendering.STATIC and scope["method"] in ("GET", "HEAD"):
            return rendering.asset(name)
        plain = scope["path"].endswith("/complete")
        try:
            request = read(scope, receive, self.origins)
            if request is None:
                raise Problem(ROUTE_UNKNOWN)
            reply = await self._route(request)
        except webhook_timing.WebhookTimingError as error:
            return notices.notice_page(notices.REFUSED, text=f"A webhook timing is {error}.")
        except BillingError as error:
            refused = billing_problem(error)
            return self._problem(scope, refused) if plain else _refused(refused)
        except Problem as error:
            return self._problem(scope, error) if plain else _refused(error)
        except Exception:
            LOG.exception("hosted page")
            return self._problem(scope, Problem(CRASHED)) if plain else notices.notice_page(notices.FAILED)
        return reply

    def _problem(self, scope: Mapping[str, Any], error: Problem) -> Reply:
        origin = self.origins.of(scope, dict(reversed(scope["headers"]))).base_url
        return problem(error, origin, getattr(error, "headers", None))

    async def _route(self, request: Request) -> Reply:
        if request.method not in ("GET", "POST"):
            raise Problem(METHOD_WRONG, headers={"Allow": "GET, HEAD, POST"})
        reply = None
        if request.area == "checkout":
            reply = await self._checkout(request)
        elif request.area == "portal":
            tenant = self.till.tenant(request.organization)
            if tenant is not None and request.session_id in tenant.portals:
                reply = await portal_page.portal_response(self.till, tenant, request)
        if reply is None:
            raise Problem(ROUTE_UNKNOWN)
        return reply

    async def _checkout(self, request: Request) -> Reply | None:
        sale = self.till.find(request.organization, request.session_id)
        if sale is None:
            return None
        match request.method, request.rest:
            case "GET", ():
                return payment_page.payment_form(sale, request)
            case "POST", ():
                return await payment_page.submit(self.till, sale, request)
            case "GET", ("return",):
                return payment_page.returned(sale, request)
            case "GET", ("cancelled",):
                return payment_page.cancelled(sale, request)
            case "POST", ("complete",):
                return await headless.complete(self.till, sale, request)
            case "GET", ("complete",):
                raise Problem(METHOD_WRONG, headers={"Allow": "POST"})
        return None


def _refused(error: Problem) -> Reply:
    """The page for a refusal."""
    headers = dict(getattr(error, "headers", {}))
    if error.status == 404:
        return notices.notice_page(notices.MISSING, headers=headers)
    if error.name == errors.FOREIGN.name:
        return notices.notice_page(notices.FOREIGN, headers=headers)
    if error.status == 410:
        return notices.notice_page(notices.EXPIRED, headers=headers)
    text = f"{error.detail[:1].upper()}{error.detail[1:]}. Nothing was changed."
    return notices.notice_page(notices.REFUSED, status=error.status, text=text, headers=headers)
