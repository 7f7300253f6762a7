"""The outcome of hosted payments, without a browser, and the habits of the hosted pages."""

from __future__ import annotations

from typing import Any

from .. import views
from ..domain import instant
from ..domain.commands import DeclineCheckout, DeliverWebhook, ExpireCheckout, PayCheckout, SetHabits
from ..domain.link import safe
from ..domain.tenant import Checkout, Tenant
from ..runtime.exchange import Call, Reply
from ..runtime.refusals import Problem
from . import state
from .refusals import CHECKOUT_NONE, URL_INVALID, refusal
from .state import control, execute, named

AT_ONCE = (0,)
URLS = ("successUrl", "cancelUrl", "returnUrl")


def listed(call: Call) -> Reply:
    """The checkout sessions, newest first."""
    tenant = control(call).known(named(call))
    rows = sorted(tenant.checkouts.values(), key=lambda each: -each.opened_ms)
    return Reply({"checkouts": [shown(call, tenant, each) for each in rows]})


def shown(call: Call, tenant: Tenant, checkout: Checkout) -> dict[str, Any]:
    """The schema Checkout."""
    return {
        "session": checkout.session_id,
        "url": views.payment_url(call.base_url, tenant.plan.organisation, checkout.session_id),
        "purpose": checkout.purpose,
        "status": checkout.status(tenant.now_ms),
        "amount": checkout.amount_cents,
        "currency": checkout.currency,
        "openedAt": instant.text(checkout.opened_ms),
        "settled": checkout.settled,
        "declineCode": checkout.declined,
        "contractId": checkout.contract_id,
    }


def _session(call: Call, tenant: Tenant) -> str:
    """The session in the path; `latest` is the newest."""
    asked: str = call.parameters["session"]
    if asked != "latest":
        return asked
    if not tenant.checkouts:
        raise Problem(CHECKOUT_NONE)
    return max(tenant.checkouts.values(), key=lambda each: each.opened_ms).session_id


def complete(call: Call) -> Reply:
    """Pay a session, decline its card, or let it expire."""
    body = state.body(call)
    outcome = body["outcome"]
    tenant = control(call).known(named(call))
    session = _session(call, tenant)
    if outcome == "declined":
        execute(call, DeclineCheckout(session, body.get("declineCode", "card_declined")))
    elif outcome == "expired":
        execute(call, ExpireCheckout(session))
    else:
        habit = AT_ONCE if tenant.habits.webhook is None else tenant.habits.webhook
        execute(call, PayCheckout(session, body.get("webhookSeconds", habit)))
    return _now(call, session)


def webhook(call: Call) -> Reply:
    """Let the webhook of a paid session arrive now."""
    session = _session(call, control(call).known(named(call)))
    execute(call, DeliverWebhook(session))
    return _now(call, session)


def _now(call: Call, session: str) -> Reply:
    tenant = control(call).service.tenant(named(call))
    return Reply(shown(call, tenant, tenant.checkouts[session]))


def habits(call: Call) -> Reply:
    """The habits of an organisation's hosted pages."""
    return Reply(_habits(control(call).known(named(call))))


def put_habits(call: Call) -> Reply:
    """Set the habits of an organisation's hosted pages."""
    body = state.body(call)
    for name in URLS:
        if body.get(name) is not None and not safe(body[name]):
            raise refusal(URL_INVALID, f"body.{name}", body[name])
    execute(call, habits_of(body))
    return Reply(_habits(control(call).service.tenant(named(call))))


def habits_of(body: Any) -> SetHabits:
    """The command that a HabitsRequest stands for."""
    names = ("successUrl", "cancelUrl", "webhookSeconds", "returnUrl")
    return SetHabits(*(body.get(name) for name in names))


def _habits(tenant: Tenant) -> dict[str, Any]:
    found = tenant.habits
    return {
        "successUrl": found.success_url,
        "cancelUrl": found.cancel_url,
        "returnUrl": found.return_url,
        "webhookSeconds": None if found.webhook is None else list(found.webhook),
    }
