"""Errors behind the hosted pages: a problem document for a program that completes a session, else a page.

Each page says what happened and leads somewhere: to the session, to another one, or to the start.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from orgbilling_stubs.api.page_errors import page_problem, problem_document
from orgbilling_stubs.api.serializers import payment_url, portal_url
from orgbilling_stubs.billing.commands import OpenCheckout, OpenPortal
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.checkout import rendering
from orgbilling_stubs.checkout.amounts import format_amount
from orgbilling_stubs.checkout.lost_sessions import LostSession, command_anew, find_lost
from orgbilling_stubs.checkout.outcome_pages import console_link
from orgbilling_stubs.checkout.rendering import Link, Renewal, notice_page
from orgbilling_stubs.checkout.sessions import CheckoutSessions
from orgbilling_stubs.checkout.settings import host_of
from orgbilling_stubs.checkout.visitor import Visitor, visitor_of
from orgbilling_stubs.checkout.webhook_timing import WebhookTimingError
from orgbilling_stubs.http.errors import ORIGIN_REFUSED
from orgbilling_stubs.http.page_middleware import public_url
from orgbilling_stubs.http.request_head import first_values
from orgbilling_stubs.http.site import prefers_html
from orgbilling_stubs.tenants.store.errors import StoreError


class ErrorPages:
    """Makes the response to an error."""

    def __init__(self, sessions: CheckoutSessions) -> None:
        self._sessions = sessions

    async def respond(self, request: Request, error: Exception) -> Response:
        """The response to an error of a request."""
        visitor = visitor_of(request)
        if isinstance(error, WebhookTimingError):
            return notice_page(
                rendering.REFUSED,
                visitor,
                text=f"A webhook timing is {error}.",
                link=self._way_on(request, visitor),
            )
        problem = page_problem(error)
        if is_headless(request):
            return problem_document(problem, public_url(request).base_url)
        if problem.status == 404:
            return self._missing_page(request, visitor)
        if problem.code == ORIGIN_REFUSED.code:
            return notice_page(rendering.FOREIGN_ORIGIN, visitor, link=_start(visitor))
        if problem.status == 500:
            return notice_page(rendering.FAILED, visitor, link=_start(visitor))
        text = rendering.sentence(problem.detail)
        if problem.status < 500:
            text += " Nothing was changed."
        return notice_page(
            rendering.REFUSED,
            visitor,
            status=problem.status,
            text=text,
            link=self._way_on(request, visitor),
            headers=problem.headers,
        )

    def _missing_page(self, request: Request, visitor: Visitor) -> Response:
        """The page of an address that leads nowhere, or of a session that the organization does not have."""
        link = self._way_on(request, visitor)
        organization, session_id = _session_in(request)
        lost = None
        if link == _start(visitor):
            lost = find_lost(self._sessions.service, organization, session_id)
        if lost is None:
            return notice_page(rendering.MISSING, visitor, link=link)
        return self._lost_page(lost, organization, session_id, visitor)

    def _lost_page(self, lost: LostSession, organization: str, session_id: str, visitor: Visitor) -> Response:
        is_portal = session_id.startswith("bps_")
        address = portal_url if is_portal else payment_url
        command = command_anew(
            self._sessions.service,
            organization,
            lost,
            is_portal=is_portal,
            anyone=self._sessions.settings.network.loopback,
        )
        renewal = None
        if command is not None:
            label = "Start a new checkout"
            if isinstance(command, OpenPortal):
                label = "Open the billing page again"
            elif isinstance(command, OpenCheckout):
                label += f" of {format_amount(command.amount_minor, command.currency, visitor.locale)}"
            renewal = Renewal(f"{address(visitor.base_path, organization, session_id)}/renew", label)
        app_url = self._sessions.app_url(None if lost.opened is None else lost.opened.return_origin)
        return notice_page(
            rendering.LOST,
            visitor,
            renewal=renewal,
            link=console_link(visitor.base_path, organization)
            if app_url is None
            else Link(app_url, f"Back to {host_of(app_url)}"),
            facts=(("Why", lost.reason, "lost-reason"),),
        )

    def _way_on(self, request: Request, visitor: Visitor) -> Link:
        """The session that the address names, if there is one; else the start page."""
        organization, session_id = _session_in(request)
        try:
            tenant = self._sessions.tenant(organization)
        except (StoreError, BillingError):
            tenant = None
        if tenant is not None and session_id in tenant.checkouts:
            return Link(payment_url(visitor.base_path, organization, session_id), "Back to the payment")
        if tenant is not None and session_id in tenant.portals:
            return Link(portal_url(visitor.base_path, organization, session_id), "Back to billing")
        return _start(visitor)


def is_headless(request: Request) -> bool:
    """Whether a program completes a session; a browser that shows the address gets a page."""
    path: str = request.scope["path"]
    return path.endswith("/complete") and not prefers_html(first_values(request.scope["headers"]))


def _session_in(request: Request) -> tuple[str, str]:
    """Organization and session in the path; empty texts where it has none."""
    parameters = request.scope.get("path_params", {})
    return parameters.get("organization", ""), parameters.get("session", "")


def _start(visitor: Visitor) -> Link:
    return Link(f"{visitor.base_path}/", "To the start page")
