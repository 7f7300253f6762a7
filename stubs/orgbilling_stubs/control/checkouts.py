"""The outcome of hosted payments, without a browser, and the checkout settings of an organization."""

from __future__ import annotations

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_stubs.billing.commands import ChangeCheckoutSettings
from orgbilling_stubs.billing.tenant import Checkout, Tenant
from orgbilling_stubs.billing.urls import is_safe_redirect
from orgbilling_stubs.control.errors import CHECKOUT_NONE, URL_INVALID, error_at
from orgbilling_stubs.control.hosted_checkouts import HostedCheckouts
from orgbilling_stubs.control.server import ControlServer, body_of, execute, organization_of
from orgbilling_stubs.http.context import Reply, RequestContext
from orgbilling_stubs.http.errors import Problem

URLS = ("successUrl", "cancelUrl", "returnUrl")


def list_checkouts(checkouts: HostedCheckouts, server: ControlServer, request: RequestContext) -> Reply:
    """The checkout sessions, newest first."""
    tenant = server.existing(organization_of(request))
    rows = [checkouts.describe(tenant, checkout, request.base_url) for checkout in _newest_first(tenant)]
    return Reply({"checkouts": rows})


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
        raise Problem(CHECKOUT_NONE)
    return _newest_first(tenant)[0].session_id


def complete_checkout(checkouts: HostedCheckouts, server: ControlServer, request: RequestContext) -> Reply:
    """Let a session end one way or another."""
    organization, session = organization_of(request), _session_of(server, request)
    body = body_of(request)
    return Reply(checkouts.complete(organization, session, body, request.base_url, request.idempotency))


def deliver_webhook(checkouts: HostedCheckouts, server: ControlServer, request: RequestContext) -> Reply:
    """Let the webhook of a paid session arrive now."""
    organization, session = organization_of(request), _session_of(server, request)
    return Reply(checkouts.deliver_webhook(organization, session, request.base_url, request.idempotency))


def get_checkout_settings(server: ControlServer, request: RequestContext) -> Reply:
    """The checkout settings of an organization."""
    return Reply(_settings(server.existing(organization_of(request))))


def set_checkout_settings(server: ControlServer, request: RequestContext) -> Reply:
    """Choose the checkout settings of an organization."""
    body = body_of(request)
    for name in URLS:
        if body.get(name) is not None and not is_safe_redirect(body[name]):
            raise error_at(URL_INVALID, f"body.{name}", body[name])
    names = ("successUrl", "cancelUrl", "webhookSeconds", "returnUrl")
    execute(server, request, ChangeCheckoutSettings(*(body.get(name) for name in names)))
    return Reply(_settings(server.service.tenant(organization_of(request))))


def _settings(tenant: Tenant) -> JsonObject:
    """The schema CheckoutSettings."""
    settings = tenant.checkout_settings
    delays_s = settings.webhook_delays_s
    return {
        "successUrl": settings.success_url,
        "cancelUrl": settings.cancel_url,
        "returnUrl": settings.return_url,
        "webhookSeconds": None if delays_s is None else list(delays_s),
    }
