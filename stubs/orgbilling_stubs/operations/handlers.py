"""The thirteen operations: what each reads from the tenant, or asks of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlencode

from .. import views
from ..domain import refusals
from ..domain.commands import Command, OpenCheckout, OpenPortal, RedeemVoucher, SubscribeContract
from ..domain.events import (
    CheckoutOpened,
    ContractSubscribed,
    Event,
    Idempotency,
    PortalOpened,
    VoucherRedeemed,
)
from ..domain.refusals import Refusal
from ..domain.tenant import Tenant
from ..runtime.exchange import Call, Encoded, Reply
from ..runtime.rows import Rows
from ..service import Service

_E = TypeVar("_E", bound=Event)


def _tenant(call: Call) -> Tenant:
    service: Service = call.service
    return service.tenant(call.principal.organisation)


def _execute(call: Call, command: Command, kind: type[_E]) -> _E:
    service: Service = call.service
    idempotency = Idempotency(*call.idempotency) if call.idempotency is not None else None
    event, _ = service.execute(call.principal.organisation, command, idempotency)
    assert isinstance(event, kind)
    return event


def _kept(tenant: Tenant, name: str, key: object, make: Callable[[], Reply | Encoded]) -> Reply | Encoded:
    """The reply that was made last, as long as what it depends on (the key) has not changed."""
    kept = tenant.kept.get(name)
    if kept is None or kept[0] != key:
        kept = tenant.kept[name] = (key, make())
    reply: Reply | Encoded = kept[1]
    return reply


def get_billing(call: Call) -> Reply | Encoded:
    """The billing profile."""
    tenant = _tenant(call)
    return _kept(tenant, "profile", tenant.changes, lambda: Reply(views.profile(tenant)))


def create_checkout(call: Call) -> Reply:
    """Open a checkout session for a top-up."""
    currency = call.body.get("currency", "USD")
    event = _execute(call, OpenCheckout(call.body["amount"], currency), CheckoutOpened)
    return Reply(views.opened(event, call.principal.organisation, call.base_url))


def create_portal(call: Call) -> Reply:
    """Open a billing-portal session."""
    event = _execute(call, OpenPortal(), PortalOpened)
    return Reply(views.portal(event, call.principal.organisation, call.base_url))


def list_characters(call: Call) -> Reply:
    """Active characters of a window."""
    return Reply(views.characters(_tenant(call), call.parameters["days"]))


def get_contract(when_none: str, call: Call) -> Reply:
    """The enterprise contract; without one 404, or 200 with status `none` where the server says so."""
    tenant = _tenant(call)
    if tenant.contract is not None:
        return Reply(views.contract(tenant, tenant.contract, call.base_url))
    if when_none == "none":
        return Reply(views.no_contract(tenant))
    raise Refusal(refusals.CONTRACT_NONE)


def subscribe_contract(call: Call) -> Reply:
    """Bind the tenant to a contract and answer where to pay."""
    event = _execute(call, SubscribeContract(call.body["contractId"]), ContractSubscribed)
    return Reply(views.opened(event, call.principal.organisation, call.base_url))


def get_events(call: Call) -> Reply:
    """Context-engine events of a window."""
    return Reply(views.events(_tenant(call), call.parameters["days"]))


def get_ledger(rows: Rows, call: Call) -> Reply | Encoded:
    """The ledger of a window; every row is validated and serialised once, when it is first shown."""
    tenant = _tenant(call)
    asked = call.parameters
    low, high = views.ledger_window(tenant, asked["days"])
    headers: dict[str, str] = {}
    if "limit" in asked or "cursor" in asked:
        high = max(low, min(high, asked.get("cursor", high)))
        first = max(low, high - asked.get("limit", high))
        if first > low:
            query = urlencode({"days": asked["days"], "limit": asked["limit"], "cursor": first})
            headers["Link"] = f'<{call.base_url}/api/v1/org/ledger?{query}>; rel="next"'
        low = first
    if low == high:
        return Reply(views.empty(tenant))
    key = (low, high, headers.get("Link"))
    return _kept(tenant, "ledger", key, lambda: _page(rows, tenant, low, high, headers))


def _page(rows: Rows, tenant: Tenant, low: int, high: int, headers: dict[str, str]) -> Encoded:
    encoded, ledger = tenant.ledger.encoded, tenant.ledger.rows
    for number in range(low, high):
        if number not in encoded:
            encoded[number] = rows.encode(views.ledger_row(tenant, ledger[number]))
    newest_first = map(encoded.__getitem__, range(high - 1, low - 1, -1))
    return Encoded(rows.join(newest_first), headers=headers)


def get_model_pricing(call: Call) -> Reply:
    """Prices by model."""
    return Reply(views.model_pricing(_tenant(call)))


def list_agreements(call: Call) -> Reply:
    """Active service agreements."""
    return Reply(views.agreements(_tenant(call)))


def get_service_usage(call: Call) -> Reply:
    """Services used in a window."""
    return Reply(views.services(_tenant(call), call.parameters["days"]))


def get_summary(call: Call) -> Reply:
    """Usage summary of a window."""
    return Reply(views.summary(_tenant(call), call.parameters["days"]))


def redeem_voucher(call: Call) -> Reply:
    """Redeem a voucher."""
    return Reply(views.redemption(_execute(call, RedeemVoucher(call.body["code"]), VoucherRedeemed)))
