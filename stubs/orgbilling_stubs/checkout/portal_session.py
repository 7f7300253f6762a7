"""Portal sessions: finding the one that a request is about, and what its pages have in common."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orgbilling_stubs.api.serializers import portal_url
from orgbilling_stubs.billing.commands import Command
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.checkout import rendering
from orgbilling_stubs.checkout.rendering import Link, Renewal, notice_page
from orgbilling_stubs.checkout.sessions import CheckoutSessions
from orgbilling_stubs.checkout.settings import HostedPageSettings, redirect_url
from orgbilling_stubs.checkout.visitor import Visitor, visitor_of
from orgbilling_stubs.http.errors import ROUTE_UNKNOWN, Problem


@dataclass(frozen=True, slots=True)
class PortalSession:
    """A portal session of a tenant, as it is now.

    visitor: who looks at it. app_url: where the app is that opened it, if that is known.
    """

    tenant: Tenant
    session_id: str
    sessions: CheckoutSessions
    visitor: Visitor
    app_url: str | None = None

    @property
    def settings(self) -> HostedPageSettings:
        """Those of the server."""
        return self.sessions.settings

    @property
    def path(self) -> str:
        """The path of the overview."""
        return portal_url(self.visitor.base_path, self.tenant.config.organization, self.session_id)

    @property
    def is_expired(self) -> bool:
        """Whether the session is over."""
        return self.tenant.portal_is_expired(self.session_id)

    @property
    def return_url(self) -> str:
        """Where the portal leads back to."""
        organization_url = self.tenant.checkout_settings.return_url
        chosen_url = redirect_url(organization_url, self.settings.return_url)
        return chosen_url or self.app_url or f"{self.visitor.base_path}/"

    def execute(self, command: Command) -> None:
        """Execute a command on the organization. Raises BillingError when its state does not allow it."""
        self.sessions.service.execute(self.tenant.config.organization, command)

    def overview(self) -> Response:
        """Continue with the overview, so that reloading the page repeats nothing."""
        return RedirectResponse(self.path, 303)

    def expired_page(self) -> Response:
        """The page of a session that is over."""
        return notice_page(
            rendering.PORTAL_EXPIRED,
            self.visitor,
            link=Link(self.return_url, "Back"),
            renewal=Renewal(f"{self.path}/renew", "Open the billing page again"),
        )


def find_portal_session(sessions: CheckoutSessions, request: Request) -> PortalSession:
    """The portal session that a path names. Raises Problem if there is none."""
    tenant = sessions.tenant(request.path_params["organization"])
    session_id = request.path_params["session"]
    if tenant is None or session_id not in tenant.portals:
        raise Problem(ROUTE_UNKNOWN)
    app_url = sessions.app_url(tenant.portal_return_origins[session_id])
    return PortalSession(tenant, session_id, sessions, visitor_of(request), app_url)
