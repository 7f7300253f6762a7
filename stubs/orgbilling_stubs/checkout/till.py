"""Checkout sessions: finding them, and letting an attempt to pay end one way or another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..domain import refusals
from ..domain.commands import Command, DeclineCheckout, DeliverWebhook, ExpireCheckout, PayCheckout
from ..domain.events import Idempotency
from ..domain.money import MICROS_PER_CENT
from ..domain.refusals import Refusal
from ..domain.tenant import Checkout, Tenant
from ..runtime.refusals import Problem
from ..service import Service
from . import amounts
from .defaults import Defaults
from .outcomes import Outcome
from .redirect import choose
from .refusals import LINK_LASTS


@dataclass(frozen=True, slots=True)
class Sale:
    """A checkout session of a tenant, as it is now."""

    tenant: Tenant
    checkout: Checkout
    defaults: Defaults

    @property
    def status(self) -> str:
        """`open`, `complete` or `expired`."""
        return self.checkout.status(self.tenant.now_ms)

    def amount(self, *, named: bool = True) -> str:
        """What is to be paid. Contracts are priced in hundredths, whatever the currency."""
        checkout = self.checkout
        if checkout.purpose == "contract":
            micros = checkout.amount_cents * MICROS_PER_CENT
            return amounts.micros(micros, checkout.currency, named=named)
        return amounts.minor(checkout.amount_cents, checkout.currency, named=named)

    @property
    def perishable(self) -> bool:
        """Whether it can expire: the link to the first payment of a contract stays until it is paid."""
        return self.checkout.purpose != "contract"

    @property
    def webhook(self) -> Sequence[int]:
        """When the webhook arrives unless a payment says otherwise."""
        own = self.tenant.habits.webhook
        return self.defaults.webhook if own is None else own

    @property
    def success_url(self) -> str | None:
        """Where a payment leads."""
        own = self.tenant.habits.success_url
        return choose(own, self.defaults.success_url, self.checkout.session_id)

    @property
    def cancel_url(self) -> str | None:
        """Where giving up leads."""
        return choose(self.tenant.habits.cancel_url, self.defaults.cancel_url, self.checkout.session_id)


class Till:
    """The sessions of a service."""

    def __init__(self, service: Service, defaults: Defaults) -> None:
        self.service = service
        self.defaults = defaults

    def tenant(self, organisation: str) -> Tenant | None:
        """The tenant as it is now, or None: nobody is created by guessing an address."""
        if not self.service.store.read(organisation):
            return None
        return self.service.tenant(organisation)

    def find(self, organisation: str, session_id: str) -> Sale | None:
        """A session of this organisation, or None."""
        tenant = self.tenant(organisation)
        checkout = tenant.checkouts.get(session_id) if tenant is not None else None
        return None if tenant is None or checkout is None else Sale(tenant, checkout, self.defaults)

    def conclude(
        self,
        sale: Sale,
        outcome: Outcome,
        webhook: Sequence[int] | None = None,
        idempotency: Idempotency | None = None,
    ) -> Sale:
        """Let an attempt end; on a session that is complete a second payment or a decline changes nothing.

        webhook: the payment's own timing; None = the organisation's or the server's.
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
            raise Refusal(refusals.SESSION_EXPIRED)
        if command is not None:
            self.service.execute(sale.tenant.plan.organisation, command, idempotency)
        return self._again(sale)

    def deliver(self, sale: Sale, idempotency: Idempotency | None = None) -> Sale:
        """Let the webhook of a paid session arrive now; raises Refusal for one that is not paid."""
        command = DeliverWebhook(sale.checkout.session_id)
        self.service.execute(sale.tenant.plan.organisation, command, idempotency)
        return self._again(sale)

    def _again(self, sale: Sale) -> Sale:
        found = self.find(sale.tenant.plan.organisation, sale.checkout.session_id)
        assert found is not None
        return found
