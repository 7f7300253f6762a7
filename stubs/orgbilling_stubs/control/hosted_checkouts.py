"""What the control API needs of the hosted pages: `app` gives it an implementation, `CheckoutCompletion`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_stubs.billing.events import Idempotency
from orgbilling_stubs.billing.tenant import Checkout, Tenant


class HostedCheckouts(Protocol):
    """The checkout sessions behind the hosted pages."""

    def complete(
        self,
        organization: str,
        session_id: str,
        request: Mapping[str, JsonValue],
        base_url: str,
        idempotency: Idempotency | None = None,
    ) -> JsonObject:
        """End an attempt to pay as requested (schema CheckoutOutcome); the schema CompletedCheckout.

        Raises BillingError for an unknown session, BillingError or Problem for one that cannot end so.
        """

    def deliver_webhook(
        self, organization: str, session_id: str, base_url: str, idempotency: Idempotency | None = None
    ) -> JsonObject:
        """Let the webhook of a paid session arrive; the schema Checkout.

        Raises BillingError for a session that is unknown or not paid.
        """

    def describe(self, tenant: Tenant, checkout: Checkout, base_url: str) -> JsonObject:
        """The schema Checkout."""
