"""Settling a checkout: Stripe's webhook arrives, and what was paid for takes effect."""

from __future__ import annotations

from orgbilling_stubs.billing.contract_lifecycle import activate_contract
from orgbilling_stubs.billing.currencies import usd_micros_of
from orgbilling_stubs.billing.ledger_posting import post_credit_change
from orgbilling_stubs.billing.tenant import Tenant


def settle_checkout(tenant: Tenant, session_id: str, at_ms: int) -> None:
    """A webhook arrived: what was paid for takes effect, once however often the webhook comes."""
    checkout = tenant.checkouts[session_id]
    if checkout.settled:
        return
    checkout.settled = True
    if checkout.purpose == "top_up":
        micros = usd_micros_of(checkout.amount_minor, checkout.currency)
        post_credit_change(
            tenant,
            at_ms,
            "top_up",
            micros,
            "Credit top-up",
            created_by=checkout.created_by,
            card=checkout.card,
        )
        checkout.ledger_row = tenant.ledger.rows[-1].number
    elif tenant.contract is not None and tenant.contract.session_id == session_id:
        activate_contract(tenant, at_ms)


def settle_due_webhook(tenant: Tenant, at_ms: int) -> None:
    """Let the first webhook arrive that was due by time; one sent by hand is a `PaymentSettled` event."""
    settle_checkout(tenant, tenant.webhooks.pop(0)[1], at_ms)
