"""The billing portal: the balance, the card on file, the contract, and every invoice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orgbilling_stubs.api.serializers import portal_url
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.commands import CancelContract, ResumeContract
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.tenant import PORTAL_LIFE_MS, Tenant
from orgbilling_stubs.checkout import rendering
from orgbilling_stubs.checkout.guard import RequestGuard
from orgbilling_stubs.checkout.invoices import PAID, invoices
from orgbilling_stubs.checkout.rendering import notice_page, render_page
from orgbilling_stubs.checkout.sessions import CheckoutSessions
from orgbilling_stubs.checkout.settings import HostedPageSettings, host_of, redirect_url
from orgbilling_stubs.http.errors import ROUTE_UNKNOWN, Problem

PAGE_SIZE = 20

STATUSES = {
    "draft": "Draft",
    "pending_payment": "Waiting for the first payment",
    "active": "Active",
    "cancelled": "Cancelled",
    "expired": "Expired",
}
"""What the portal calls the statuses of a contract."""


@dataclass(frozen=True, slots=True)
class ContractChange:
    """A change that the customer confirms.

    name: the last segment of its path. title, text, button: the question, what follows, and the button.
    status: the status of the contract afterwards.
    """

    name: str
    title: str
    text: str
    button: str
    command: CancelContract | ResumeContract
    status: str
    danger: bool = False


CONTRACT_CHANGES = (
    ContractChange(
        "cancel",
        "Cancel the contract?",
        "It stops now: no further installments fall due. You can resume it until its term ends.",
        "Cancel the contract",
        CancelContract(),
        status="cancelled",
        danger=True,
    ),
    ContractChange(
        "resume",
        "Resume the contract?",
        "It runs again from now on, and installments fall due as before.",
        "Resume the contract",
        ResumeContract(),
        status="active",
    ),
)
"""What can be done to a contract."""


class CardOnFile(NamedTuple):
    """The card that pays automatic top-ups."""

    brand: str
    last4: str
    expiry: str


@dataclass(frozen=True, slots=True)
class PortalSession:
    """A portal session of a tenant, as it is now; settings: those of the server."""

    tenant: Tenant
    session_id: str
    settings: HostedPageSettings

    @property
    def path(self) -> str:
        """The path of the overview."""
        return portal_url("", self.tenant.config.organization, self.session_id)

    @property
    def is_expired(self) -> bool:
        """Whether the session is over."""
        return self.tenant.now_ms >= self.tenant.portals[self.session_id] + PORTAL_LIFE_MS

    @property
    def return_url(self) -> str:
        """Where the portal leads back to."""
        return redirect_url(self.tenant.checkout_settings.return_url, self.settings.return_url) or "/"


class PortalPage:
    """The pages of a portal session."""

    def __init__(self, sessions: CheckoutSessions, guard: RequestGuard) -> None:
        self._sessions = sessions
        self._guard = guard

    async def overview(self, request: Request) -> Response:
        """How things stand, and the invoices; query `page` chooses a page of those that are paid."""
        portal = self._session(request)
        if portal.is_expired:
            return _expired_page(portal)
        tenant = portal.tenant
        all_invoices = invoices(tenant)
        owed = [invoice for invoice in all_invoices if invoice.status != PAID]
        paid = all_invoices[len(owed) :]
        pages = max(1, -(-len(paid) // PAGE_SIZE))
        page = min(pages, _page_number(request.query_params.get("page", "1")))
        return render_page(
            "portal",
            portal=portal,
            config=tenant.config,
            balance_micros=_balance_micros(tenant),
            card=_card_on_file(tenant),
            contract=tenant.contract,
            contract_statuses=STATUSES,
            contract_change=_possible_change(tenant),
            owed=owed,
            paid=paid[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
            page=page,
            pages=pages,
            return_label=host_of(portal.return_url) or "the start page",
        )

    async def invoice(self, request: Request) -> Response:
        """One invoice on a page of its own. Raises Problem if there is none of that number."""
        portal = self._session(request)
        if portal.is_expired:
            return _expired_page(portal)
        tenant, number = portal.tenant, request.path_params["number"]
        invoice = next((invoice for invoice in invoices(tenant) if invoice.number == number), None)
        if invoice is None:
            raise Problem(ROUTE_UNKNOWN)
        return render_page(
            "invoice",
            portal=portal,
            config=tenant.config,
            invoice=invoice,
            card=_card_on_file(tenant) if invoice.status == PAID else None,
        )

    async def contract_change(self, change: ContractChange, request: Request) -> Response:
        """Ask whether the contract is to be changed; with POST, change it.

        Raises Problem for a form that this page did not submit.
        """
        portal = self._session(request)
        if portal.is_expired:
            return _expired_page(portal)
        if request.method == "POST":
            await self._guard.read_form(request)
            return self._change(portal, change)
        return render_page(
            "confirm",
            portal=portal,
            config=portal.tenant.config,
            change=change,
            contract=portal.tenant.contract,
        )

    def _session(self, request: Request) -> PortalSession:
        tenant = self._sessions.tenant(request.path_params["organization"])
        session_id = request.path_params["session"]
        if tenant is None or session_id not in tenant.portals:
            raise Problem(ROUTE_UNKNOWN)
        return PortalSession(tenant, session_id, self._sessions.settings)

    def _change(self, portal: PortalSession, change: ContractChange) -> Response:
        """Change the contract, unless it is as it should be already: the form may be sent twice."""
        contract = portal.tenant.contract
        if contract is None or contract.status != change.status:
            try:
                self._sessions.service.execute(portal.tenant.config.organization, change.command)
            except BillingError as error:
                return rendering.refused_page(error, portal.path, "Back to billing")
        return RedirectResponse(portal.path, 303)


def _expired_page(portal: PortalSession) -> Response:
    return notice_page(rendering.PORTAL_EXPIRED, link=portal.return_url, label="Back")


def _page_number(text: str) -> int:
    """The page that a query names; the first one when it names none."""
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 9 else 1


def _balance_micros(tenant: Tenant) -> int:
    """The credit balance, or what a postpaid organization owes, in micro-USD."""
    ledger = tenant.ledger
    return ledger.outstanding_micros if tenant.config.mode == "postpaid" else ledger.balance_micros


def _card_on_file(tenant: Tenant) -> CardOnFile | None:
    """The card on file: every customer of the stub has paid with the test card that succeeds."""
    if tenant.stripe_customer_id is None:
        return None
    year = instants.moment(tenant.config.as_of_ms).year + 2
    return CardOnFile("Visa", "4242", f"12 / {year % 100:02d}")


def _possible_change(tenant: Tenant) -> str | None:
    """The name of the change that the contract allows now."""
    contract = tenant.contract
    if contract is None or (contract.status == "cancelled" and tenant.now_ms >= contract.end_ms):
        return None
    return {"active": "cancel", "cancelled": "resume"}.get(contract.status)
