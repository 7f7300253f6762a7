"""Checkout sessions: finding them, and letting an attempt to pay end one way or another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orgbilling_stubs.billing import errors
from orgbilling_stubs.billing.commands import (
    Command,
    DeclineCheckout,
    DeliverWebhook,
    ExpireCheckout,
    PayCheckout,
)
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import Idempotency
from orgbilling_stubs.billing.money import MICROS_PER_CENT
from orgbilling_stubs.billing.tenant import Checkout, Tenant
from orgbilling_stubs.checkout import amounts
from orgbilling_stubs.checkout.errors import LINK_LASTS
from orgbilling_stubs.checkout.outcomes import PaymentOutcome
from orgbilling_stubs.checkout.redirect import redirect_url
from orgbilling_stubs.checkout.settings import HostedPageSettings
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.tenants.service import Service


@dataclass(frozen=True, slots=True)
class CheckoutSession:
    """A checkout session of a tenant, as it is now."""

    tenant: Tenant
    checkout: Checkout
    defaults: HostedPageSettings

    @property
    def status(self) -> str:
        """`open`, `complete` or `expired`."""
        return self.checkout.status(self.tenant.now_ms)

    def amount(self, *, named: bool = True) -> str:
        """What is to be paid. Contracts are priced in hundredths, whatever the currency."""
        checkout = self.checkout
        if checkout.purpose == "contract":
            micros = checkout.amount_cents * MICROS_PER_CENT
            return amounts.format_micros(micros, checkout.currency, named=named)
        return amounts.format_minor_units(checkout.amount_cents, checkout.currency, named=named)

    @property
    def perishable(self) -> bool:
        """Whether it can expire: the link to the first payment of a contract stays until it is paid."""
        return self.checkout.purpose != "contract"

    @property
    def webhook(self) -> Sequence[int]:
        """When the webhook arrives unless a payment says otherwise."""
        own = self.tenant.checkout_settings.webhook_delays_s
        return self.defaults.webhook if own is None else own

    @property
    def success_url(self) -> str | None:
        """Where a payment leads."""
        own = self.tenant.checkout_settings.success_url
        return redirect_url(own, self.defaults.success_url, self.checkout.session_id)

    @property
    def cancel_url(self) -> str | None:
        """Where giving up leads."""
        return redirect_url(
            self.tenant.checkout_settings.cancel_url, self.defaults.cancel_url, self.checkout.session_id
        )


class CheckoutSessions:
    """The sessions of a service."""

    def __init__(self, service: Service, defaults: HostedPageSettings) -> None:
        self.service = service
        self.defaults = defaults

    def tenant(self, organization: str) -> Tenant | None:
        """The tenant as it is now, or None: nobody is created by guessing an address."""
        if not self.service.store.read(organization):
            return None
        return self.service.tenant(organization)

    def find(self, organization: str, session_id: str) -> CheckoutSession | None:
        """A session of this organization, or None."""
        tenant = self.tenant(organization)
        checkout = tenant.checkouts.get(session_id) if tenant is not None else None
        return (
            None if tenant is None or checkout is None else CheckoutSession(tenant, checkout, self.defaults)
        )

    def conclude(
        self,
        sale: CheckoutSession,
        outcome: PaymentOutcome,
        webhook: Sequence[int] | None = None,
        idempotency: Idempotency | None = None,
    ) -> CheckoutSession:
        """Let an attempt end; on a session that is complete a second payment or a decline changes nothing.

        webhook: the payment's own timing; None = the organization's or the server's.
        Raises Refusal when the session has expired, or cannot expire because it is paid; Problem when it
        cannot expire because it is a payment link: those of Stripe do not.
        """
        session_id = sale.checkout.session_id
        command: Command | None = None
        if outcome.does == "pay":
            command = PayCheckout(session_id, tuple(sale.webhook if webhook is None else webhook))
        elif outcome.does == "decline":
            command = DeclineCheckout(session_id, outcome.code)
        elif outcome.does == "expire":
            if sale.status == "open" and not sale.perishable:
                raise Problem(LINK_LASTS)
            command = ExpireCheckout(session_id)
        elif sale.status == "expired":
            raise BillingError(errors.SESSION_EXPIRED)
        if command is not None:
            self.service.execute(sale.tenant.config.organization, command, idempotency)
        return self._again(sale)

    def deliver(self, sale: CheckoutSession, idempotency: Idempotency | None = None) -> CheckoutSession:
        """Let the webhook of a paid session arrive now; raises Refusal for one that is not paid."""
        command = DeliverWebhook(sale.checkout.session_id)
        self.service.execute(sale.tenant.config.organization, command, idempotency)
        return self._again(sale)

    def _again(self, sale: CheckoutSession) -> CheckoutSession:
        found = self.find(sale.tenant.config.organization, sale.checkout.session_id)
        assert found is not None
        return found
