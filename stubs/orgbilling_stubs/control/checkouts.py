"""The outcome of hosted payments, without a browser, and the habits of the hosted pages."""

from __future__ import annotations

from typing import Any

from orgbilling_stubs.billing.commands import ChangeCheckoutSettings
from orgbilling_stubs.billing.tenant import Checkout, Tenant
from orgbilling_stubs.billing.urls import is_safe_redirect
from orgbilling_stubs.control import context
from orgbilling_stubs.control.context import control, execute, named
from orgbilling_stubs.control.errors import CHECKOUT_NONE, URL_INVALID, refusal
from orgbilling_stubs.control.hosted import Hosted
from orgbilling_stubs.http.context import Call, Reply
from orgbilling_stubs.http.errors import Problem

AT_ONCE = (0,)
URLS = ("successUrl", "cancelUrl", "returnUrl")


def listed(call: Call) -> Reply:
    """The checkout sessions, newest first."""
    tenant, desk = control(call).known(named(call)), _desk(call)
    return Reply({"checkouts": [desk.shown(tenant, each, call.base_url) for each in _newest_first(tenant)]})


def _newest_first(tenant: Tenant) -> list[Checkout]:
    """With a standing clock sessions are opened at one instant: the last of them is the newest."""
    return sorted(tenant.checkouts.values(), key=lambda each: each.opened_ms)[::-1]


def _session(call: Call) -> str:
    """The session in the path; `latest` is the newest."""
    tenant = control(call).known(named(call))
    asked: str = call.parameters["session"]
    if asked != "latest":
        return asked
    if not tenant.checkouts:
        raise Problem(CHECKOUT_NONE)
    return _newest_first(tenant)[0].session_id


def complete(call: Call) -> Reply:
    """Let a session end one way or another."""
    session, idempotency = _session(call), context.idempotency(call)
    return Reply(_desk(call).complete(named(call), session, context.body(call), call.base_url, idempotency))


def webhook(call: Call) -> Reply:
    """Let the webhook of a paid session arrive now."""
    return Reply(_desk(call).deliver(named(call), _session(call), call.base_url, context.idempotency(call)))


def _desk(call: Call) -> Hosted:
    desk = control(call).hosted
    assert desk is not None, "a server has hosted pages"
    return desk


def habits(call: Call) -> Reply:
    """The habits of an organization's hosted pages."""
    return Reply(_habits(control(call).known(named(call))))


def put_habits(call: Call) -> Reply:
    """Set the habits of an organization's hosted pages."""
    body = context.body(call)
    for name in URLS:
        if body.get(name) is not None and not is_safe_redirect(body[name]):
            raise refusal(URL_INVALID, f"body.{name}", body[name])
    execute(call, habits_of(body))
    return Reply(_habits(control(call).service.tenant(named(call))))


def habits_of(body: Any) -> ChangeCheckoutSettings:
    """The command that a HabitsRequest stands for."""
    names = ("successUrl", "cancelUrl", "webhookSeconds", "returnUrl")
    return ChangeCheckoutSettings(*(body.get(name) for name in names))


def _habits(tenant: Tenant) -> dict[str, Any]:
    found = tenant.checkout_settings
    return {
        "successUrl": found.success_url,
        "cancelUrl": found.cancel_url,
        "returnUrl": found.return_url,
        "webhookSeconds": None if found.webhook_delays_s is None else list(found.webhook_delays_s),
    }
