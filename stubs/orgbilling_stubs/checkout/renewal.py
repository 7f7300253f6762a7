"""Opens another session in place of one that has expired, or that the organization does not have any more."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orgbilling_stubs.api.serializers import payment_url, portal_url
from orgbilling_stubs.billing.commands import Command, OpenCheckout, OpenPortal
from orgbilling_stubs.billing.errors import SESSION_UNKNOWN, BillingError
from orgbilling_stubs.billing.events import CheckoutOpened, ContractSubscribed, PortalOpened
from orgbilling_stubs.checkout.lost_sessions import command_anew, find_lost
from orgbilling_stubs.checkout.sessions import CheckoutSessions
from orgbilling_stubs.checkout.submissions import SubmissionReader
from orgbilling_stubs.http.page_middleware import public_url


class SessionRenewal:
    """The buttons that begin anew. A form of another origin may not use them, like all forms of the pages."""

    def __init__(self, sessions: CheckoutSessions, submissions: SubmissionReader) -> None:
        self._sessions = sessions
        self._submissions = submissions

    async def renew(self, request: Request) -> Response:
        """Open another session, and lead to it; lead to the present one where it can still be used.

        Raises BillingError for whoever may not (see `lost_sessions.command_anew`), and where none can be.
        """
        await self._submissions.read_form(request)
        organization, session_id = request.path_params["organization"], request.path_params["session"]
        base_path = public_url(request).path
        is_portal = session_id.startswith("bps_")
        command = self._command(organization, session_id, is_portal)
        if command is None:
            address = portal_url if is_portal else payment_url
            return RedirectResponse(address(base_path, organization, session_id), 303)
        event, _ = self._sessions.service.execute(organization, command)
        assert isinstance(event, CheckoutOpened | ContractSubscribed | PortalOpened)
        address = portal_url if isinstance(event, PortalOpened) else payment_url
        return RedirectResponse(address(base_path, organization, event.session_id), 303)

    def _command(self, organization: str, session_id: str, is_portal: bool) -> Command | None:
        """The command that opens another session; None where the present one has not expired."""
        tenant = self._sessions.tenant(organization)
        if tenant is not None and session_id in tenant.portals:
            if not tenant.portal_is_expired(session_id):
                return None
            return OpenPortal(tenant.portal_return_origins[session_id])
        if tenant is not None and session_id in tenant.checkouts:
            checkout = tenant.checkouts[session_id]
            if checkout.purpose == "contract" or checkout.status(tenant.now_ms) != "expired":
                return None
            return OpenCheckout(
                checkout.amount_minor, checkout.currency, checkout.created_by, checkout.return_origin
            )
        lost = find_lost(self._sessions.service, organization, session_id)
        command = None
        if lost is not None:
            command = command_anew(
                self._sessions.service,
                organization,
                lost,
                is_portal=is_portal,
                anyone=self._sessions.settings.network.loopback,
            )
        if command is None:
            raise BillingError(SESSION_UNKNOWN)
        return command
