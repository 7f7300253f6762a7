"""What the control API asks of the hosted pages; `app` brings them together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from orgbilling_stubs.billing.events import Idempotency
from orgbilling_stubs.billing.tenant import Checkout, Tenant


class Hosted(Protocol):
    """Checkout sessions as the hosted pages see them."""

    def complete(
        self,
        organization: str,
        session_id: str,
        asked: Mapping[str, Any],
        base_url: str,
        idempotency: Idempotency | None = None,
    ) -> dict[str, Any]:
        """Let a session end as asked (CheckoutOutcome); the schema CompletedCheckout.

        Raises Refusal or Problem when it cannot end so.
        """

    def deliver(
        self, organization: str, session_id: str, base_url: str, idempotency: Idempotency | None = None
    ) -> dict[str, Any]:
        """Let the webhook of a paid session arrive; the schema Checkout. Raises Refusal."""

    def shown(self, tenant: Tenant, checkout: Checkout, base_url: str) -> dict[str, Any]:
        """The schema Checkout."""
