"""Ends checkout sessions without a browser, and sets how the hosted pages treat an organization."""

from __future__ import annotations

from collections.abc import Mapping

from orgbilling_openapi.strict_json import JsonObject, JsonValue

from orgbilling_stubs.billing.commands import ChangeCheckoutSettings
from orgbilling_stubs.billing.tenant import Checkout, Tenant
from orgbilling_stubs.billing.urls import is_safe_redirect
from orgbilling_stubs.control import context
from orgbilling_stubs.control.context import control, execute, named
from orgbilling_stubs.control.errors import CHECKOUT_NONE, URL_INVALID, refusal
from orgbilling_stubs.control.hosted_checkouts import HostedCheckouts
from orgbilling_stubs.http.context import Call, Reply
from orgbilling_stubs.http.errors import Problem

LATEST = "latest"
"""Stands for the newest session in a path."""

URLS = ("successUrl", "cancelUrl", "returnUrl")


def list_checkouts(call: Call) -> Reply:
    """The checkout sessions, newest first."""
    tenant, checkouts = control(call).known(named(call)), _hosted_checkouts(call)
    documents = [checkouts.describe(tenant, checkout, call.base_url) for checkout in _newest_first(tenant)]
    return Reply({"checkouts": documents})


def complete_checkout(call: Call) -> Reply:
    """Let a session end one way or another."""
    session_id, idempotency = _session_id(call), context.idempotency(call)
    body = context.body(call)
    return Reply(_hosted_checkouts(call).complete(named(call), session_id, body, call.base_url, idempotency))


def deliver_webhook(call: Call) -> Reply:
    """Let the webhook of a paid session arrive now."""
    session_id, idempotency = _session_id(call), context.idempotency(call)
    return Reply(_hosted_checkouts(call).deliver_webhook(named(call), session_id, call.base_url, idempotency))


def get_checkout_settings(call: Call) -> Reply:
    """How the hosted pages treat an organization."""
    return Reply(_checkout_settings(control(call).known(named(call))))


def set_checkout_settings(call: Call) -> Reply:
    """Set how the hosted pages treat an organization."""
    body = context.body(call)
    for name in URLS:
        if body.get(name) is not None and not is_safe_redirect(body[name]):
            raise refusal(URL_INVALID, f"body.{name}", body[name])
    execute(call, change_of(body))
    return Reply(_checkout_settings(control(call).service.tenant(named(call))))


def change_of(body: Mapping[str, JsonValue]) -> ChangeCheckoutSettings:
    """The command for a request body."""
    names = ("successUrl", "cancelUrl", "webhookSeconds", "returnUrl")
    return ChangeCheckoutSettings(*(body.get(name) for name in names))


def _newest_first(tenant: Tenant) -> list[Checkout]:
    """The sessions. Under a frozen clock several are opened at one instant: the last one is the newest."""
    return sorted(tenant.checkouts.values(), key=lambda checkout: checkout.opened_ms)[::-1]


def _session_id(call: Call) -> str:
    """The session that the path names."""
    tenant = control(call).known(named(call))
    session_id: str = call.parameters["session"]
    if session_id != LATEST:
        return session_id
    if not tenant.checkouts:
        raise Problem(CHECKOUT_NONE)
    return _newest_first(tenant)[0].session_id


def _hosted_checkouts(call: Call) -> HostedCheckouts:
    checkouts = control(call).hosted
    assert checkouts is not None, "a server has hosted pages"
    return checkouts


def _checkout_settings(tenant: Tenant) -> JsonObject:
    settings = tenant.checkout_settings
    delays_s = settings.webhook_delays_s
    return {
        "successUrl": settings.success_url,
        "cancelUrl": settings.cancel_url,
        "returnUrl": settings.return_url,
        "webhookSeconds": None if delays_s is None else list(delays_s),
    }
