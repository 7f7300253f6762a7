"""The billing portal: how it is paid, what was billed, and the contract."""

from __future__ import annotations

from typing import Any

from orgbilling_stubs.api.errors import problem as billing_problem
from orgbilling_stubs.api.serializers import payment_url
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.commands import CancelContract, ResumeContract
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.tenant import PORTAL_LIFE_MS, Tenant
from orgbilling_stubs.checkout import amounts, guard, notices, redirect, rendering
from orgbilling_stubs.checkout.invoices import PAID, Invoice, invoices
from orgbilling_stubs.checkout.reply import Reply, see_other
from orgbilling_stubs.checkout.request import Request
from orgbilling_stubs.checkout.sessions import CheckoutSessions

PAGE_SIZE = 20
CHANGES: dict[str, tuple[str, str, str, CancelContract | ResumeContract]] = {
    "cancel": (
        "Cancel the contract?",
        "It stops now: no further installments fall due. You can resume it until its term ends.",
        "Cancel the contract",
        CancelContract(),
    ),
    "resume": (
        "Resume the contract?",
        "It runs again from now on, and installments fall due as before.",
        "Resume the contract",
        ResumeContract(),
    ),
}
"""What can be done to the contract: question, consequence, button, command."""

STATUSES = {
    "draft": "Draft",
    "pending_payment": "Waiting for the first payment",
    "active": "Active",
    "cancelled": "Cancelled",
    "expired": "Expired",
}


def expired(tenant: Tenant, session_id: str) -> bool:
    """Whether a portal session is over."""
    return tenant.now_ms >= tenant.portals[session_id] + PORTAL_LIFE_MS


async def portal_response(till: CheckoutSessions, tenant: Tenant, request: Request) -> Reply | None:
    """The answer to a request within a portal session; None if there is no such page.

    Raises Problem for a form that is not ours.
    """
    if expired(tenant, request.session_id):
        url = return_url(till, tenant)
        return notices.notice_page(notices.PORTAL_EXPIRED, link=url, label="Back")
    match request.method, request.rest:
        case "GET", ():
            return overview(till, tenant, request)
        case "GET", ("invoices", number):
            return invoice(tenant, request, number)
        case "GET", ("cancel" | "resume" as change,):
            return _question(tenant, request, change)
        case "POST", ("cancel" | "resume" as change,):
            guard.form(request, till.defaults)
            await request.form()
            return _change(till, tenant, request, change)
    return None


def return_url(till: CheckoutSessions, tenant: Tenant) -> str:
    """Where the portal leads back to."""
    return redirect.redirect_url(tenant.checkout_settings.return_url, till.defaults.return_url) or "/"


def overview(till: CheckoutSessions, tenant: Tenant, request: Request) -> Reply:
    """The portal's first page; query `page` leafs through those paid."""
    found = invoices(tenant)
    owed = [each for each in found if each.status != PAID]
    paid = found[len(owed) :]
    pages = max(1, -(-len(paid) // PAGE_SIZE))
    text = request.query.get("page", "1")
    page = min(pages, max(1, int(text))) if text.isascii() and text.isdigit() and len(text) < 9 else 1
    shown = paid[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    url = return_url(till, tenant)
    return rendering.render_page(
        "portal",
        **_values(tenant, request),
        mode=tenant.config.mode,
        balance=amounts.format_micros(_standing(tenant), tenant.config.currency, named=False),
        card=_card(tenant),
        contract=_contract(tenant),
        owed=[_row(tenant, each) for each in owed],
        paid=[_row(tenant, each) for each in shown],
        page=page,
        pages=pages,
        return_url=url,
        return_label=redirect.host_of(url) or "the start page",
    )


def invoice(tenant: Tenant, request: Request, number: str) -> Reply | None:
    """One invoice on a page of its own; None if there is none of that number."""
    found = next((each for each in invoices(tenant) if each.number == number), None)
    if found is None:
        return None
    currency = tenant.config.currency
    return rendering.render_page(
        "invoice",
        **_values(tenant, request),
        tenant_id=tenant.config.tenant_id,
        invoice=_row(tenant, found),
        figure=amounts.format_micros(found.amount_micros, currency, named=False),
        lines=[(text, amounts.format_micros(micros, currency)) for text, micros in found.lines],
        card=_card(tenant) if found.status == "paid" else None,
    )


def _question(tenant: Tenant, request: Request, change: str) -> Reply:
    title, text, button, _ = CHANGES[change]
    return rendering.render_page(
        "confirm",
        **_values(tenant, request),
        title=title,
        text=text,
        button=button,
        action=f"{request.base}/{change}",
        danger=change == "cancel",
        contract=_contract(tenant),
    )


def _change(till: CheckoutSessions, tenant: Tenant, request: Request, change: str) -> Reply:
    """Carry it out. Asked a second time, the contract is already as it should be."""
    wanted = {"cancel": "cancelled", "resume": "active"}[change]
    if tenant.contract is None or tenant.contract.status != wanted:
        try:
            till.service.execute(tenant.config.organization, CHANGES[change][3])
        except BillingError as error:
            refusal = billing_problem(error)
            return notices.notice_page(
                notices.REFUSED,
                status=refusal.status,
                text=f"{refusal.detail[:1].upper()}{refusal.detail[1:]}.",
                link=request.base,
                label="Back to billing",
            )
    return see_other(request.base)


def _values(tenant: Tenant, request: Request) -> dict[str, Any]:
    return {
        "company": tenant.config.company,
        "organization": tenant.config.organization,
        "currency": tenant.config.currency,
        "base": request.base,
    }


def _standing(tenant: Tenant) -> int:
    """The credit balance, or what a postpaid organization owes, in micro-USD."""
    ledger = tenant.ledger
    return ledger.outstanding_micros if tenant.config.mode == "postpaid" else ledger.balance_micros


def _card(tenant: Tenant) -> dict[str, str] | None:
    """The card on file: every customer here paid with the test card that succeeds."""
    if tenant.stripe_customer_id is None:
        return None
    year = instants.moment(tenant.config.as_of_ms).year + 2
    return {"brand": "Visa", "last4": "4242", "expiry": f"12 / {year % 100:02d}"}


def _contract(tenant: Tenant) -> dict[str, Any] | None:
    contract = tenant.contract
    if contract is None:
        return None
    change = {"active": "cancel", "cancelled": "resume"}.get(contract.status)
    if change == "resume" and tenant.now_ms >= contract.end_ms:
        change = None
    return {
        "status": contract.status,
        "status_text": STATUSES[contract.status],
        "start_ms": contract.start_ms,
        "end_ms": contract.end_ms,
        "renews": contract.terms.auto_renew and contract.status == "active",
        "frequency": contract.terms.frequency.replace("_", "-"),
        "total": amounts.format_micros(
            sum(row.amount_micros for row in contract.schedule), tenant.config.currency
        ),
        "change": change,
    }


def _row(tenant: Tenant, invoice: Invoice) -> dict[str, Any]:
    return {
        "number": invoice.number,
        "title": invoice.title,
        "status": invoice.status,
        "at_ms": invoice.at_ms,
        "amount": amounts.format_micros(invoice.amount_micros, tenant.config.currency),
        "pay": payment_url("", tenant.config.organization, invoice.pay) if invoice.pay else None,
    }
