"""The billing portal: the balance, the card on file, the contract, and every invoice."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orgbilling_stubs.api.errors import problem as billing_problem
from orgbilling_stubs.billing.commands import CancelContract, PayInvoice, ResumeContract
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.invoices import PAID, UPCOMING, Invoice, invoice_numbered, invoices
from orgbilling_stubs.billing.tax_ids import TAX_ID_TYPES
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.checkout import preconditions, rendering
from orgbilling_stubs.checkout.amounts import format_amount
from orgbilling_stubs.checkout.cards import BRAND_NAMES, read_decision
from orgbilling_stubs.checkout.outcomes import FAILED_3DS, OUTCOMES_BY_DECLINE_CODE
from orgbilling_stubs.checkout.portal_session import PortalSession, find_portal_session
from orgbilling_stubs.checkout.rendering import Link, render_page
from orgbilling_stubs.checkout.sessions import CheckoutSessions
from orgbilling_stubs.checkout.settings import host_of
from orgbilling_stubs.checkout.submissions import SubmissionReader
from orgbilling_stubs.http.errors import ROUTE_UNKNOWN, Problem

PAGE_SIZE = 20

SELLER = ("Org Billing Test Seller", "1 Loopback Street", "00127 Localhost", "No tax id: it sells nothing")
"""Who issues the invoices: nobody, which is what its name and address say."""

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


class PortalPage:
    """The pages of a portal session."""

    def __init__(self, sessions: CheckoutSessions, submissions: SubmissionReader) -> None:
        self._sessions = sessions
        self._submissions = submissions

    async def overview(self, request: Request) -> Response:
        """How things stand, and the invoices; query `page` chooses a page of those that are paid."""
        portal = find_portal_session(self._sessions, request)
        if portal.is_expired:
            return portal.expired_page()
        tenant = portal.tenant
        all_invoices = invoices(tenant)
        owed = [invoice for invoice in all_invoices if invoice.status != PAID]
        paid = all_invoices[len(owed) :]
        pages = max(1, -(-len(paid) // PAGE_SIZE))
        page = min(pages, _page_number(request.query_params.get("page", "1")))
        return render_page(
            "portal",
            portal.visitor,
            portal=portal,
            config=tenant.config,
            balance_micros=_balance_micros(tenant),
            card=tenant.payment_card,
            details=tenant.billing_details,
            contract=tenant.contract,
            contract_statuses=STATUSES,
            contract_change=_possible_change(tenant),
            owed=[invoice for invoice in owed if invoice.status != UPCOMING],
            upcoming=[invoice for invoice in owed if invoice.status == UPCOMING],
            paid=paid[(page - 1) * PAGE_SIZE : page * PAGE_SIZE],
            page=page,
            pages=pages,
            return_label=host_of(portal.return_url) or "the start page",
        )

    async def invoice(self, request: Request) -> Response:
        """One invoice on a page of its own. Raises Problem if there is none of that number."""
        portal = find_portal_session(self._sessions, request)
        if portal.is_expired:
            return portal.expired_page()
        return _invoice_page(portal, _invoice(portal, request))

    async def pay_invoice(self, request: Request) -> Response:
        """Pay an invoice with the card on file, after the bank has asked where it has to.

        Raises Problem for an unknown invoice, and for a form that this page did not submit.
        """
        portal = find_portal_session(self._sessions, request)
        if portal.is_expired:
            return portal.expired_page()
        fields = await self._submissions.read_form(request)
        decision = read_decision(fields)
        invoice, card = _invoice(portal, request), portal.tenant.payment_card
        path = f"{portal.path}/invoices/{quote(invoice.number, safe='')}"
        if invoice.can_be_paid and preconditions.has_changed(
            fields, preconditions.invoice_shown(invoice, card)
        ):
            return _changed_invoice_page(portal, invoice, path)
        if card is not None and card.requires_authentication and invoice.can_be_paid:
            if decision == "fail":
                return _invoice_page(portal, invoice, FAILED_3DS.message, status=402)
            if not decision:
                amount = format_amount(
                    invoice.remaining_minor, invoice.currency, portal.visitor.locale, named=False
                )
                return render_page(
                    "challenge",
                    portal.visitor,
                    config=portal.tenant.config,
                    path=f"{path}/pay",
                    purpose="this payment",
                    amount=(amount, invoice.currency),
                    card=card,
                    shown=preconditions.invoice_shown(invoice, card),
                    hidden={},
                )
        try:
            portal.execute(PayInvoice(invoice.number))
        except BillingError as error:
            outcome = OUTCOMES_BY_DECLINE_CODE.get(error.value or "")
            message = rendering.sentence(error.message) if outcome is None else outcome.message
            return _invoice_page(portal, invoice, message, status=billing_problem(error).status)
        return RedirectResponse(path, 303)

    async def contract_change(self, change: ContractChange, request: Request) -> Response:
        """Ask whether the contract is to be changed; with POST, change it.

        Raises Problem for a form that this page did not submit.
        """
        portal = find_portal_session(self._sessions, request)
        if portal.is_expired:
            return portal.expired_page()
        if request.method == "POST":
            fields = await self._submissions.read_form(request)
            if preconditions.has_changed(fields, preconditions.contract_shown(portal.tenant.contract)):
                return _changed_contract_page(portal)
            return self._change(portal, change)
        return render_page(
            "confirm",
            portal.visitor,
            portal=portal,
            config=portal.tenant.config,
            change=change,
            contract=portal.tenant.contract,
            shown=preconditions.contract_shown(portal.tenant.contract),
        )

    def _change(self, portal: PortalSession, change: ContractChange) -> Response:
        """Change the contract, unless it is as it should be already: the form may be sent twice."""
        contract = portal.tenant.contract
        if contract is None or contract.status != change.status:
            try:
                portal.execute(change.command)
            except BillingError as error:
                return rendering.refused_page(error, portal.visitor, portal.path, "Back to billing")
        return portal.overview()


def _invoice(portal: PortalSession, request: Request) -> Invoice:
    """The invoice that a path names. Raises Problem if there is none of that number."""
    invoice = invoice_numbered(portal.tenant, request.path_params["number"])
    if invoice is None:
        raise Problem(ROUTE_UNKNOWN)
    return invoice


def _invoice_page(
    portal: PortalSession, invoice: Invoice, error: str | None = None, status: int = 200
) -> Response:
    """An invoice on a page that can be printed; error: why it could not be paid."""
    tenant = portal.tenant
    return render_page(
        "invoice",
        portal.visitor,
        status,
        portal=portal,
        config=tenant.config,
        invoice=invoice,
        details=tenant.billing_details,
        tax_id_type=TAX_ID_TYPES.get(tenant.billing_details.tax_id_type),
        card=tenant.payment_card,
        shown=preconditions.invoice_shown(invoice, tenant.payment_card),
        seller=SELLER,
        error=error,
    )


def _changed_invoice_page(portal: PortalSession, invoice: Invoice, path: str) -> Response:
    """The page of a payment that an old page of the invoice sent: its amount or the card differs since."""
    amount = format_amount(invoice.remaining_minor, invoice.currency, portal.visitor.locale)
    card = portal.tenant.payment_card
    with_card = "" if card is None else f" with {BRAND_NAMES.get(card.brand, 'Card')} ending in {card.last4}"
    return rendering.notice_page(
        rendering.CHANGED,
        portal.visitor,
        amount=amount,
        text=f"The page that you sent showed another amount or another card. Now it is {amount}{with_card}. "
        "Nothing was charged.",
        link=Link(path, "Look at the invoice"),
    )


def _changed_contract_page(portal: PortalSession) -> Response:
    """The page of an answer to a question about another contract than the present one."""
    return rendering.notice_page(
        rendering.CHANGED,
        portal.visitor,
        text="The page that you sent was about another contract. Nothing was changed.",
        link=Link(portal.path, "Back to billing"),
    )


def _page_number(text: str) -> int:
    """The page that a query names; the first one when it names none."""
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 9 else 1


def _balance_micros(tenant: Tenant) -> int:
    """The credit balance, or what a postpaid organization owes, in micro-USD."""
    ledger = tenant.ledger
    return ledger.outstanding_micros if tenant.config.mode == "postpaid" else ledger.balance_micros


def _possible_change(tenant: Tenant) -> str | None:
    """The name of the change that the contract allows now."""
    contract = tenant.contract
    if contract is None or (contract.status == "cancelled" and tenant.now_ms >= contract.end_ms):
        return None
    return {"active": "cancel", "cancelled": "resume"}.get(contract.status)
