"""The thirteen operations: what each reads from the tenant, or asks of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlencode

from orgbilling_stubs.api import serializers
from orgbilling_stubs.billing import errors
from orgbilling_stubs.billing.commands import (
    Command,
    OpenCheckout,
    OpenPortal,
    RedeemVoucher,
    SubscribeContract,
)
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import (
    CheckoutOpened,
    ContractSubscribed,
    Event,
    Idempotency,
    PortalOpened,
    VoucherRedeemed,
)
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.http.context import Call, Encoded, Reply
from orgbilling_stubs.http.rows import Rows
from orgbilling_stubs.tenants.service import Service

_E = TypeVar("_E", bound=Event)


def _tenant(call: Call) -> Tenant:
    service: Service = call.service
    return service.tenant(call.principal.organization)


def _execute(call: Call, command: Command, kind: type[_E]) -> _E:
    service: Service = call.service
    idempotency = Idempotency(*call.idempotency) if call.idempotency is not None else None
    event, _ = service.execute(call.principal.organization, command, idempotency)
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
    return _kept(tenant, "profile", tenant.changes, lambda: Reply(serializers.profile(tenant)))


def create_checkout(call: Call) -> Reply:
    """Open a checkout session for a top-up."""
    currency = call.body.get("currency", "USD")
    event = _execute(call, OpenCheckout(call.body["amount"], currency), CheckoutOpened)
    return Reply(serializers.opened(event, call.principal.organization, call.base_url))


def create_portal(call: Call) -> Reply:
    """Open a billing-portal session."""
    event = _execute(call, OpenPortal(), PortalOpened)
    return Reply(serializers.portal(event, call.principal.organization, call.base_url))


def list_characters(call: Call) -> Reply:
    """Active characters of a window."""
    return Reply(serializers.characters(_tenant(call), call.parameters["days"]))


def get_contract(when_none: str, call: Call) -> Reply:
    """The enterprise contract; without one 404, or 200 with status `none` where the server says so."""
    tenant = _tenant(call)
    if tenant.contract is not None:
        return Reply(serializers.contract(tenant, tenant.contract, call.base_url))
    if when_none == "none":
        return Reply(serializers.no_contract(tenant))
    raise BillingError(errors.CONTRACT_NONE)


def subscribe_contract(call: Call) -> Reply:
    """Bind the tenant to a contract and answer where to pay."""
    event = _execute(call, SubscribeContract(call.body["contractId"]), ContractSubscribed)
    return Reply(serializers.opened(event, call.principal.organization, call.base_url))


def get_events(call: Call) -> Reply:
    """Context-engine events of a window."""
    return Reply(serializers.events(_tenant(call), call.parameters["days"]))


def get_ledger(rows: Rows, call: Call) -> Reply | Encoded:
    """The ledger of a window; every row is validated and serialized once, when it is first shown."""
    tenant = _tenant(call)
    asked = call.parameters
    low, high = serializers.ledger_window(tenant, asked["days"])
    headers: dict[str, str] = {}
    if "limit" in asked or "cursor" in asked:
        high = max(low, min(high, asked.get("cursor", high)))
        first = max(low, high - asked.get("limit", high))
        if first > low:
            query = urlencode({"days": asked["days"], "limit": asked["limit"], "cursor": first})
            headers["Link"] = f'<{call.base_url}/api/v1/org/ledger?{query}>; rel="next"'
        low = first
    if low == high:
        return Reply(serializers.empty(tenant))
    key = (low, high, headers.get("Link"))
    return _kept(tenant, "ledger", key, lambda: _page(rows, tenant, low, high, headers))


def _page(rows: Rows, tenant: Tenant, low: int, high: int, headers: dict[str, str]) -> Encoded:
    encoded, ledger = tenant.ledger.encoded, tenant.ledger.rows
    for number in range(low, high):
        if number not in encoded:
            encoded[number] = rows.encode(serializers.ledger_row(tenant, ledger[number]))
    newest_first = map(encoded.__getitem__, range(high - 1, low - 1, -1))
    return Encoded(rows.join(newest_first), headers=headers)


def get_model_pricing(call: Call) -> Reply:
    """Prices by model."""
    return Reply(serializers.model_pricing(_tenant(call)))


def list_agreements(call: Call) -> Reply:
    """Active service agreements."""
    return Reply(serializers.agreements(_tenant(call)))


def get_service_usage(call: Call) -> Reply:
    """Services used in a window."""
    return Reply(serializers.services(_tenant(call), call.parameters["days"]))


def get_summary(call: Call) -> Reply:
    """Usage summary of a window."""
    return Reply(serializers.summary(_tenant(call), call.parameters["days"]))


def redeem_voucher(call: Call) -> Reply:
    """Redeem a voucher."""
    return Reply(serializers.redemption(_execute(call, RedeemVoucher(call.body["code"]), VoucherRedeemed)))
