"""Completing a session without a browser: one request and one answer, whichever API takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.errors import SESSION_UNKNOWN, BillingError
from orgbilling_stubs.billing.events import Idempotency
from orgbilling_stubs.billing.tenant import Checkout, Tenant
from orgbilling_stubs.checkout.outcomes import OUTCOMES
from orgbilling_stubs.checkout.sessions import CheckoutSession, CheckoutSessions


def complete(
    till: CheckoutSessions,
    sale: CheckoutSession,
    asked: Mapping[str, Any],
    base_url: str,
    idempotency: Idempotency | None = None,
) -> dict[str, Any]:
    """Let a session end as asked (the schema CheckoutOutcome), and tell what became of it
    (CompletedCheckout).

    Raises Refusal or Problem when the session cannot end so.
    """
    outcome = OUTCOMES[asked["outcome"]]
    if "declineCode" in asked:
        outcome = replace(outcome, code=asked["declineCode"])
    after = till.conclude(sale, outcome, asked.get("webhookSeconds"), idempotency)
    leads = {"pay": after.success_url, "leave": after.cancel_url, "expire": after.cancel_url}
    return checkout_document(after.tenant, after.checkout, base_url) | {
        "outcome": outcome.name,
        "creditBalance": serializers.usd(after.tenant.ledger.balance_micros),
        "redirectUrl": leads.get(outcome.does),
    }


def checkout_document(tenant: Tenant, checkout: Checkout, base_url: str) -> dict[str, Any]:
    """The schema Checkout."""
    return {
        "session": checkout.session_id,
        "url": serializers.payment_url(base_url, tenant.config.organization, checkout.session_id),
        "purpose": checkout.purpose,
        "status": checkout.status(tenant.now_ms),
        "amount": checkout.amount_cents,
        "currency": checkout.currency,
        "openedAt": instants.text(checkout.opened_ms),
        "settled": checkout.settled,
        "declineCode": checkout.declined,
        "contractId": checkout.contract_id,
    }


class CheckoutCompletion:
    """The same for whoever has names instead of a sale: the control API."""

    def __init__(self, till: CheckoutSessions) -> None:
        self._till = till

    def complete(
        self,
        organization: str,
        session_id: str,
        asked: Mapping[str, Any],
        base_url: str,
        idempotency: Idempotency | None = None,
    ) -> dict[str, Any]:
        """As `complete`; raises Refusal for an unknown session, too."""
        sale = self._find(organization, session_id)
        return complete(self._till, sale, asked, base_url, idempotency)

    def deliver(
        self, organization: str, session_id: str, base_url: str, idempotency: Idempotency | None = None
    ) -> dict[str, Any]:
        """Let the webhook of a paid session arrive; the schema Checkout.

        Raises Refusal for a session that is unknown or not paid.
        """
        after = self._till.deliver(self._find(organization, session_id), idempotency)
        return checkout_document(after.tenant, after.checkout, base_url)

    def shown(self, tenant: Tenant, checkout: Checkout, base_url: str) -> dict[str, Any]:
        """The schema Checkout."""
        return checkout_document(tenant, checkout, base_url)

    def _find(self, organization: str, session_id: str) -> CheckoutSession:
        sale = self._till.find(organization, session_id)
        if sale is None:
            raise BillingError(SESSION_UNKNOWN)
        return sale
