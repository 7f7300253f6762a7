"""Checkout sessions: finding them, and letting an attempt to pay end one way or another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from orgbilling_stubs.api.serializers import payment_url
from orgbilling_stubs.billing.commands import (
    Command,
    DeclineCheckout,
    DeliverWebhook,
    ExpireCheckout,
    PayCheckout,
)
from orgbilling_stubs.billing.currencies import usd_micros_of
from orgbilling_stubs.billing.errors import SESSION_EXPIRED, SESSION_UNKNOWN, BillingError
from orgbilling_stubs.billing.events import Idempotency
from orgbilling_stubs.billing.payment_cards import PaymentCard
from orgbilling_stubs.billing.tenant import Checkout, Tenant
from orgbilling_stubs.checkout.amounts import format_amount, format_credits, format_usd
from orgbilling_stubs.checkout.errors import PAYMENT_LINK_CANNOT_EXPIRE
from orgbilling_stubs.checkout.lost_sessions import find_lost
from orgbilling_stubs.checkout.outcomes import PaymentOutcome
from orgbilling_stubs.checkout.settings import HostedPageSettings, redirect_url
from orgbilling_stubs.checkout.visitor import Visitor
from orgbilling_stubs.checkout.webhook_timing import applicable_timing
from orgbilling_stubs.http.errors import Problem
from orgbilling_stubs.http.origin_policy import OriginPolicy
from orgbilling_stubs.tenants.service import Service
from orgbilling_stubs.tenants.store.protocol import SERVER_LOG


@dataclass(frozen=True, slots=True)
class CheckoutSession:
    """A checkout session of a tenant, as it is now.

    settings: those of the server. visitor: who looks at it. app_url: where the app is that opened it, if that
    is known. clock_is_frozen: whether time passes for the organization only when somebody moves its clock.
    """

    tenant: Tenant
    checkout: Checkout
    settings: HostedPageSettings
    visitor: Visitor = field(default_factory=Visitor)
    app_url: str | None = None
    clock_is_frozen: bool = False

    @property
    def organization(self) -> str:
        """The organization that pays."""
        return self.tenant.config.organization

    @property
    def path(self) -> str:
        """The path of the session's payment page."""
        return payment_url(self.visitor.base_path, self.organization, self.checkout.session_id)

    @property
    def status(self) -> str:
        """`open`, `complete` or `expired`."""
        return self.checkout.status(self.tenant.now_ms)

    def amount(self, *, named: bool = True) -> str:
        """What is to be paid."""
        checkout = self.checkout
        return format_amount(checkout.amount_minor, checkout.currency, self.visitor.locale, named=named)

    def credits(self) -> str:
        """How many credits a top-up brings; each is worth one US dollar."""
        usd_micros = usd_micros_of(self.checkout.amount_minor, self.checkout.currency)
        return format_credits(usd_micros, self.visitor.locale)

    def usd(self, usd_micros: int) -> str:
        """An amount in micro-USD as it is paid in the currency of the session."""
        return format_usd(usd_micros, self.checkout.currency, self.visitor.locale)

    @property
    def can_expire(self) -> bool:
        """Whether it can expire: the link to the first payment of a contract stays until it is paid."""
        return self.checkout.purpose != "contract"

    def webhook_timing(self, payment: Sequence[int] | None = None) -> tuple[int, ...]:
        """When the webhook of a payment arrives; payment: the timing that it asks for itself."""
        organization = self.tenant.checkout_settings.webhook_delays_s
        return applicable_timing(payment, organization, self.settings.webhook_delays_s)

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
        self._policy = OriginPolicy(settings.network)

    def tenant(self, organization: str) -> Tenant | None:
        """The tenant as it is now, or None: opening an address that was guessed creates no tenant."""
        return None if organization == SERVER_LOG else self.service.existing(organization)

    def find(self, organization: str, session_id: str, visitor: Visitor | None = None) -> CheckoutSession:
        """The session of an organization. Raises BillingError if it has no such session."""
        tenant = self.tenant(organization)
        checkout = None if tenant is None else tenant.checkouts.get(session_id)
        if tenant is None or checkout is None:
            lost = find_lost(self.service, organization, session_id)
            why = "" if lost is None else f": {lost.reason}"
            message = f"{SESSION_UNKNOWN.message}{why}".removesuffix(".")
            raise BillingError(SESSION_UNKNOWN, session_id, message)
        return CheckoutSession(
            tenant,
            checkout,
            self.settings,
            visitor or Visitor(),
            self.app_url(checkout.return_origin),
            self.service.clock.is_frozen(tenant.clock),
        )

    def app_url(self, return_origin: str | None) -> str | None:
        """Where the app is that opened a session, if its pages may lead there.

        An origin may come from a bundle that somebody else wrote, so the policy is asked again.
        """
        if return_origin is None or not self._policy.may_lead_to(return_origin):
            return None
        return f"{return_origin}/"

    def end_attempt(
        self,
        session: CheckoutSession,
        outcome: PaymentOutcome,
        webhook_delays_s: Sequence[int] | None = None,
        idempotency: Idempotency | None = None,
        card: PaymentCard | None = None,
    ) -> CheckoutSession:
        """End an attempt to pay, and return the session as it is afterwards.

        A second payment or a decline does not change a session that is complete.
        webhook_delays_s: the timing of this payment; None stands for the organization's or the server's.
        card: what pays; None is the customer's usual card.
        Raises BillingError when the session has expired, or cannot expire because it is paid. Raises Problem
        when it cannot expire because it is the payment link of a contract: Stripe's payment links do not.
        """
        session_id = session.checkout.session_id
        command: Command | None = None
        if outcome.action == "pay":
            command = PayCheckout(session_id, session.webhook_timing(webhook_delays_s), card)
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
        return self.find(session.organization, session_id, session.visitor)

    def settle(self, session: CheckoutSession, idempotency: Idempotency | None = None) -> CheckoutSession:
        """Let the webhook of a paid session arrive now. Raises BillingError for one that is not paid."""
        session_id = session.checkout.session_id
        self.service.execute(session.organization, DeliverWebhook(session_id), idempotency)
        return self.find(session.organization, session_id, session.visitor)
