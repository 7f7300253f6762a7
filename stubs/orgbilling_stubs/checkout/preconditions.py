"""Preconditions of forms: a form is carried out only if what its page showed still holds.

Session ids and invoice numbers are derived from the place in an organization's history. After an undo, a
reset or a restored snapshot, the same address may therefore show another payment while an old tab is still
open. So each form carries what its page showed in the hidden field `shown`, as `If-Match` carries an entity
tag.
"""

from __future__ import annotations

from collections.abc import Mapping

from orgbilling_stubs.billing.contract import Contract
from orgbilling_stubs.billing.invoices import Invoice
from orgbilling_stubs.billing.payment_cards import PaymentCard
from orgbilling_stubs.billing.tenant import Checkout

FIELD = "shown"
"""The hidden field of the forms."""


def checkout_shown(checkout: Checkout) -> str:
    """What a payment page shows: amount, currency and purpose, such as `2500 USD top_up`."""
    return (
        f"{checkout.amount_minor} {checkout.currency} {checkout.purpose} {checkout.contract_id or ''}".strip()
    )


def invoice_shown(invoice: Invoice, card: PaymentCard | None) -> str:
    """What the payment button of an invoice shows: `110000 USD visa 4242 12/2028`."""
    amount = f"{invoice.remaining_minor} {invoice.currency}"
    if card is None:
        return amount
    return f"{amount} {card.brand} {card.last4} {card.exp_month}/{card.exp_year}"


def contract_shown(contract: Contract | None) -> str:
    """Which contract a question is about: its id, total in micro-USD and term; empty without a contract."""
    if contract is None:
        return ""
    total_micros = sum(installment.amount_micros for installment in contract.schedule)
    return f"{contract.terms.contract_id} {total_micros} {contract.start_ms} {contract.end_ms}"


def has_changed(fields: Mapping[str, str], shown: str) -> bool:
    """Whether a submitted form comes from a page that showed something else than `shown`.

    A form without the field is a program's own, which has looked at no page.
    """
    return fields.get(FIELD, shown) != shown
