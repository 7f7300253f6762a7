"""What the billing portal changes, without a browser: card, billing details, and payments of invoices."""

from __future__ import annotations

from collections.abc import Mapping

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.billing_details import BillingDetails, billing_details_errors, normalized
from orgbilling_stubs.billing.commands import ChangeBillingDetails, ChangePaymentMethod, PayInvoice
from orgbilling_stubs.billing.invoices import Invoice, invoice_numbered, invoices
from orgbilling_stubs.billing.payment_cards import PaymentCard
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.control.amounts import micros
from orgbilling_stubs.control.checkouts import HostedCheckouts
from orgbilling_stubs.control.server import ControlServer, body_of, execute, organization_of
from orgbilling_stubs.control.statements import decimal_usd
from orgbilling_stubs.http.context import Reply, RequestContext
from orgbilling_stubs.http.errors import INVALID, Problem

_DETAILS: Mapping[str, str] = {
    "name": "name",
    "email": "email",
    "line1": "line1",
    "line2": "line2",
    "postalCode": "postal_code",
    "city": "city",
    "state": "state",
    "country": "country",
    "taxIdType": "tax_id_type",
    "taxId": "tax_id",
}


def get_payment_method(server: ControlServer, request: RequestContext) -> Reply:
    """The card on file."""
    return Reply({"card": _card(server.existing(organization_of(request)).payment_card)})


def set_payment_method(checkouts: HostedCheckouts, server: ControlServer, request: RequestContext) -> Reply:
    """Keep a test card on file."""
    organization = organization_of(request)
    tenant = server.service.existing(organization)
    # An organization that the command creates begins at the server's present instant.
    now_ms = server.service.clock.now_ms() if tenant is None else tenant.now_ms
    card = checkouts.card_to_save(body_of(request)["number"], "body.number", now_ms)
    execute(server, request, ChangePaymentMethod(card))
    return Reply({"card": _card(server.service.tenant(organization).payment_card)})


def get_billing_details(server: ControlServer, request: RequestContext) -> Reply:
    """The billing details."""
    return Reply(_details(server.existing(organization_of(request))))


def set_billing_details(server: ControlServer, request: RequestContext) -> Reply:
    """Replace the billing details; what is left out is empty."""
    body = body_of(request)
    details = normalized(BillingDetails(**{detail: body.get(name, "") for name, detail in _DETAILS.items()}))
    errors = billing_details_errors(details)
    if errors:
        raise Problem(
            INVALID,
            [
                {"message": errors[detail], "location": f"body.{name}", "value": body.get(name, "")}
                for name, detail in _DETAILS.items()
                if detail in errors
            ],
        )
    execute(server, request, ChangeBillingDetails(details))
    return Reply(_details(server.service.tenant(organization_of(request))))


def list_invoices(server: ControlServer, request: RequestContext) -> Reply:
    """Every invoice: what is to pay first, then what is paid, the newest first."""
    tenant = server.existing(organization_of(request))
    return Reply({"invoices": [_invoice(invoice) for invoice in invoices(tenant)]})


def pay_invoice(server: ControlServer, request: RequestContext) -> Reply:
    """Pay an invoice, or a part of it, with the card on file."""
    number, amount_usd = request.parameters["number"], body_of(request).get("amountUsd")
    execute(server, request, PayInvoice(number, None if amount_usd is None else micros(amount_usd)))
    invoice = invoice_numbered(server.service.tenant(organization_of(request)), number)
    assert invoice is not None
    return Reply(_invoice(invoice))


def _card(card: PaymentCard | None) -> JsonObject | None:
    """The schema PaymentCard."""
    if card is None:
        return None
    return {
        "brand": card.brand,
        "last4": card.last4,
        "expMonth": card.exp_month,
        "expYear": card.exp_year,
        "offSessionDeclineCode": card.off_session_decline_code,
    }


def _details(tenant: Tenant) -> JsonObject:
    """The schema BillingDetails."""
    return {name: getattr(tenant.billing_details, detail) for name, detail in _DETAILS.items()}


def _invoice(invoice: Invoice) -> JsonObject:
    """The schema Invoice."""
    return {
        "number": invoice.number,
        "title": invoice.title,
        "status": invoice.status,
        "issuedAt": instants.text(invoice.issued_ms),
        "dueAt": instants.text(invoice.due_ms),
        "currency": invoice.currency,
        "amount": invoice.amount_minor,
        "amountPaid": invoice.paid_minor,
        "amountRemaining": invoice.remaining_minor,
        "remainingUsd": decimal_usd(invoice.remaining_micros),
        "payments": [
            {
                "paidAt": instants.text(payment.at_ms),
                "amount": payment.amount_minor,
                "card": _card(payment.card),
            }
            for payment in invoice.payments
        ],
    }
