"""The portal's page for billing details: name, email, address and tax id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from starlette.requests import Request
from starlette.responses import Response

from orgbilling_stubs.billing.billing_details import (
    DETAIL_NAMES,
    BillingDetails,
    billing_details_errors,
    normalized,
)
from orgbilling_stubs.billing.commands import ChangeBillingDetails
from orgbilling_stubs.billing.tax_ids import TAX_ID_TYPES
from orgbilling_stubs.checkout.portal_session import PortalSession, find_portal_session
from orgbilling_stubs.checkout.rendering import render_page
from orgbilling_stubs.checkout.sessions import CheckoutSessions
from orgbilling_stubs.checkout.submissions import SubmissionReader


class BillingDetailsPage:
    """The page that changes the billing details."""

    def __init__(self, sessions: CheckoutSessions, submissions: SubmissionReader) -> None:
        self._sessions = sessions
        self._submissions = submissions

    async def page(self, request: Request) -> Response:
        """The form; with POST, keep what it says. Raises Problem for a form that this page did not submit."""
        portal = find_portal_session(self._sessions, request)
        if portal.is_expired:
            return portal.expired_page()
        if request.method != "POST":
            return _form_page(portal, portal.tenant.billing_details)
        fields = await self._submissions.read_form(request)
        details = normalized(BillingDetails(**{name: fields.get(name, "").strip() for name in DETAIL_NAMES}))
        errors = billing_details_errors(details)
        if errors:
            return _form_page(portal, details, errors, status=422)
        portal.execute(ChangeBillingDetails(details))
        return portal.overview()


def _form_page(
    portal: PortalSession, details: BillingDetails, errors: Mapping[str, str] | None = None, status: int = 200
) -> Response:
    return render_page(
        "billing_details",
        portal.visitor,
        status,
        portal=portal,
        config=portal.tenant.config,
        details=asdict(details),
        errors=dict.fromkeys(DETAIL_NAMES, "") | dict(errors or {}),
        error_places=list(errors or {}),
        tax_id_types=TAX_ID_TYPES.values(),
    )
