"""Checkout sessions: finding them, and letting an attempt to pay end one way or another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from orgbilling_stubs.api.serializers import payment_url
from orgbilling_stubs.billing.commands import (
    Command,
    DeclineCheckout,
    DeliverWebhook,
    ExpireCheckout,
    PayCheckout,
)
from orgbilling_stubs.billing.errors import SESSION_EXPIRED, SESSION_UNKNOWN, BillingError
from orgbilling_stubs.billing.events import Idempotency
from orgbilling_stubs.billing.money import MICROS_PER_CENT
from orgbilling_stubs.billing.tenant import Checkout, Tenant
from orgbilling_stubs.checkout import amounts
from orgbilling_stubs.checkout.errors import PAYMENT_LINK_CANNOT_EXPIRE
from orgbilling_stubs.checkout.outcomes import PaymentOutcome
from orgbilling_stubs.checkout.settings import HostedPageSettings, redirect_url
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.tenants.service import Service


@dataclass(frozen=True, slots=True)
class CheckoutSession:
    """A checkout session of a tenant, as it is now; settings: those of the server."""

    tenant: Tenant
    checkout: Checkout
    settings: HostedPageSettings

    @property
    def organization(self) -> str:
        """The organization that pays."""
        return self.tenant.config.organization

    @property
    def path(self) -> str:
        """The path of the session's payment page."""
        return payment_url("", self.organization, self.checkout.session_id)

    @property
    def status(self) -> str:
        """`open`, `complete` or `expired`."""
        return self.checkout.status(self.tenant.now_ms)

    def amount(self, *, named: bool = True) -> str:
        """What is to be paid. The amount of a contract is in hundredths, whatever the currency."""
        checkout = self.checkout
        if checkout.purpose == "contract":
            amount_micros = checkout.amount_cents * MICROS_PER_CENT
            return amounts.format_micros(amount_micros, checkout.currency, named=named)
        return amounts.format_minor_units(checkout.amount_cents, checkout.currency, named=named)

    @property
    def can_expire(self) -> bool:
        """Whether it can expire: the link to the first payment of a contract stays until it is paid."""
        return self.checkout.purpose != "contract"

    @property
    def webhook_delays_s(self) -> Sequence[int]:
        """When the webhook arrives unless a payment says otherwise."""
        organization_delays_s = self.tenant.checkout_settings.webhook_delays_s
        return self.settings.webhook_delays_s if organization_delays_s is None else organization_delays_s

    @property
    def success_url(self) -> str | None:
        """Where a payment leads."""
        organization_url = self.tenant.checkout_settings.success_url
        return redirect_url(organization_url, self.settings.success_url, self.checkout.session_id)

    @property
    def cancel_url(self) -> str | None:
        """Where giving up leads."""
        organization_url = self.tenant.checkout_settings.cancel_url
        return redirect_url(organization_url, self.settings.cancel_url, self.checkout.session_id)


class CheckoutSessions:
    """The checkout sessions of all tenants; settings: those of the server."""

    def __init__(self, service: Service, settings: HostedPageSettings) -> None:
        self.service = service
        self.settings = settings

    def tenant(self, organization: str) -> Tenant | None:
        """The tenant as it is now, or None: opening an address that was guessed creates no tenant."""
        if not self.service.store.read(organization):
            return None
        return self.service.tenant(organization)

    def find(self, organization: str, session_id: str) -> CheckoutSession:
        """The session of an organization. Raises BillingError if it has no such session."""
        tenant = self.tenant(organization)
        checkout = None if tenant is None else tenant.checkouts.get(session_id)
        if tenant is None or checkout is None:
            raise BillingError(SESSION_UNKNOWN)
        return CheckoutSession(tenant, checkout, self.settings)

    def end_attempt(
        self,
        session: CheckoutSession,
        outcome: PaymentOutcome,
        webhook_delays_s: Sequence[int] | None = None,
        idempotency: Idempotency | None = None,
    ) -> CheckoutSession:
        """End an attempt to pay, and return the session as it is afterwards.

        A second payment or a decline does not change a session that is complete.
        webhook_delays_s: the timing of this payment; None stands for the organization's or the server's.
        Raises BillingError when the session has expired, or cannot expire because it is paid. Raises Problem
        when it cannot expire because it is the payment link of a contract: Stripe's payment links do not.
        """
        session_id = session.checkout.session_id
        command: Command | None = None
        if outcome.action == "pay":
            delays_s = session.webhook_delays_s if webhook_delays_s is None else webhook_delays_s
            command = PayCheckout(session_id, tuple(delays_s))
        elif outcome.action == "decline":
            command = DeclineCheckout(session_id, outcome.decline_code)
        elif outcome.action == "expire":
            if session.status == "open" and not session.can_expire:
                raise Problem(PAYMENT_LINK_CANNOT_EXPIRE)
            command = ExpireCheckout(session_id)
        elif session.status == "expired":
            raise BillingError(SESSION_EXPIRED)
        if command is not None:
            self.service.execute(session.organization, command, idempotency)
        return self.find(session.organization, session_id)

    def deliver_webhook(
        self, session: CheckoutSession, idempotency: Idempotency | None = None
    ) -> CheckoutSession:
        """Let the webhook of a paid session arrive now. Raises BillingError for one that is not paid."""
        session_id = session.checkout.session_id
        self.service.execute(session.organization, DeliverWebhook(session_id), idempotency)
        return self.find(session.organization, session_id)
