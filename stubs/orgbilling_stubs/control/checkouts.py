"""The outcome of hosted payments, without a browser, and the checkout settings of an organization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing.commands import ChangeCheckoutSettings, OpenCheckout, OpenPortal
from orgbilling_stubs.billing.currencies import minor_units_of
from orgbilling_stubs.billing.events import CheckoutOpened, Idempotency, PortalOpened
from orgbilling_stubs.billing.money import MICROS_PER_USD
from orgbilling_stubs.billing.payment_cards import PaymentCard
from orgbilling_stubs.billing.tenant import Checkout, Tenant
from orgbilling_stubs.billing.urls import is_safe_redirect
from orgbilling_stubs.control.errors import CHECKOUT_NONE, URL_INVALID, error_at
from orgbilling_stubs.control.server import ControlServer, body_of, execute, organization_of
from orgbilling_stubs.http.context import Reply, RequestContext

DEFAULT_AMOUNT_MICROS = 25 * MICROS_PER_USD
"""What a checkout is over when the request does not say it."""
URLS = ("successUrl", "cancelUrl", "returnUrl")


class HostedCheckouts(Protocol):
    """The checkout sessions behind the hosted pages; `app` gives an implementation, `CheckoutCompletion`."""

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

    def settle(
        self, organization: str, session_id: str, base_url: str, idempotency: Idempotency | None = None
    ) -> JsonObject:
        """Let the webhook of a paid session arrive; the schema Checkout.

        Raises BillingError for a session that is unknown or not paid.
        """

    def describe(self, tenant: Tenant, checkout: Checkout, base_url: str) -> JsonObject:
        """The schema Checkout."""

    def server_settings(self) -> JsonObject:
        """What applies where an organization has chosen nothing: `server` of the schema CheckoutSettings."""

    def card_to_save(self, number: str, location: str, now_ms: int) -> PaymentCard:
        """The test card of a number, to be put on file. location: where the request has the number.

        Raises Problem for a number that is no test card, BillingError for a card that is declined.
        """


def list_checkouts(checkouts: HostedCheckouts, server: ControlServer, request: RequestContext) -> Reply:
    """The checkout sessions, newest first."""
    tenant = server.existing(organization_of(request))
    rows = [checkouts.describe(tenant, checkout, request.base_url) for checkout in _newest_first(tenant)]
    return Reply({"checkouts": rows})


def open_checkout(checkouts: HostedCheckouts, server: ControlServer, request: RequestContext) -> Reply:
    """Open a checkout session for a top-up, as a client would; the schema Checkout."""
    body = body_of(request)
    currency = (body.get("currency") or _currency(server, organization_of(request))).upper()
    amount_minor = body.get("amount", minor_units_of(DEFAULT_AMOUNT_MICROS, currency))
    opened = execute(server, request, OpenCheckout(amount_minor, currency))
    assert isinstance(opened, CheckoutOpened)
    tenant = server.existing(organization_of(request))
    checkout = tenant.checkouts[opened.session_id]
    return Reply(checkouts.describe(tenant, checkout, request.base_url), 201)


def _currency(server: ControlServer, organization: str) -> str:
    """The currency of an organization; of one that does not exist, what it would have. None is created."""
    service = server.service
    tenant = service.existing(organization)
    if tenant is None:
        return service.config_of(organization, service.first_event(organization)).currency
    return tenant.config.currency


def open_portal(checkouts: HostedCheckouts, server: ControlServer, request: RequestContext) -> Reply:
    """Open a session of the billing portal, as a client would: its address."""
    opened = execute(server, request, OpenPortal())
    assert isinstance(opened, PortalOpened)
    return Reply(serializers.portal(opened, organization_of(request), request.base_url), 201)


def _newest_first(tenant: Tenant) -> list[Checkout]:
    """With a frozen clock, sessions are opened at one instant: the last of them is the newest."""
    return sorted(tenant.checkouts.values(), key=lambda checkout: checkout.opened_ms)[::-1]


def _session_of(server: ControlServer, request: RequestContext) -> str:
    """The session in the path; `latest` is the newest."""
    tenant = server.existing(organization_of(request))
    session: str = request.parameters["session"]
    if session != "latest":
        return session
    if not tenant.checkouts:
        raise error_at(CHECKOUT_NONE, "path.session", session)
    return _newest_first(tenant)[0].session_id


def complete_checkout(checkouts: HostedCheckouts, server: ControlServer, request: RequestContext) -> Reply:
    """Let a session end one way or another."""
    organization, session = organization_of(request), _session_of(server, request)
    body = body_of(request)
    return Reply(checkouts.complete(organization, session, body, request.base_url, request.idempotency))


def deliver_webhook(checkouts: HostedCheckouts, server: ControlServer, request: RequestContext) -> Reply:
    """Let the webhook of a paid session arrive now."""
    organization, session = organization_of(request), _session_of(server, request)
    return Reply(checkouts.settle(organization, session, request.base_url, request.idempotency))


def get_checkout_settings(
    checkouts: HostedCheckouts, server: ControlServer, request: RequestContext
) -> Reply:
    """The checkout settings of an organization."""
    return Reply(_settings(checkouts, server.existing(organization_of(request))))


def set_checkout_settings(
    checkouts: HostedCheckouts, server: ControlServer, request: RequestContext
) -> Reply:
    """Choose the checkout settings of an organization."""
    body = body_of(request)
    for name in URLS:
        if body.get(name) is not None and not is_safe_redirect(body[name]):
            raise error_at(URL_INVALID, f"body.{name}", body[name])
    names = ("successUrl", "cancelUrl", "webhookSeconds", "returnUrl")
    execute(server, request, ChangeCheckoutSettings(*(body.get(name) for name in names)))
    return Reply(_settings(checkouts, server.service.tenant(organization_of(request))))


def _settings(checkouts: HostedCheckouts, tenant: Tenant) -> JsonObject:
    """The schema CheckoutSettings."""
    settings = tenant.checkout_settings
    delays_s = settings.webhook_delays_s
    return {
        "successUrl": settings.success_url,
        "cancelUrl": settings.cancel_url,
        "returnUrl": settings.return_url,
        "webhookSeconds": None if delays_s is None else list(delays_s),
        "server": checkouts.server_settings(),
    }
