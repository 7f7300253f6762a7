"""The thirteen operations, as plain functions that do no I/O.

A reading operation is a function of the request and the tenant that gives the reply. A writing operation is
two: one gives the command, and one makes the reply of the event that the command caused. `api.operations`
puts the service around them, which loads the tenant and carries out the command.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import urlencode

from orgbilling_stubs.api import serializers
from orgbilling_stubs.api.response_cache import ResponseCache
from orgbilling_stubs.billing import errors
from orgbilling_stubs.billing.commands import OpenCheckout, OpenPortal, RedeemVoucher, SubscribeContract
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.events import CheckoutOpened, ContractSubscribed, PortalOpened, VoucherRedeemed
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.http.context import EncodedReply, Reply, RequestContext
from orgbilling_stubs.http.errors import INVALID, Problem
from orgbilling_stubs.http.json_schemas import error_detail
from orgbilling_stubs.http.origin_policy import OriginPolicy

T = TypeVar("T", int, str)

DEFAULT_DAYS = 30
TYPE_NAMES: Mapping[type, str] = {int: "integer", str: "string"}


def get_billing(cache: ResponseCache, context: RequestContext, tenant: Tenant) -> Reply:
    """The billing profile."""
    return cache.profile(tenant)


def open_checkout(policy: OriginPolicy, context: RequestContext) -> OpenCheckout:
    """Open a checkout session for a top-up."""
    amount_minor, currency = _member(context, "amount", int), _member(context, "currency", str, "USD")
    return OpenCheckout(
        amount_minor, currency.upper(), _subject(context), policy.return_origin(context.headers)
    )


def checkout_opened(context: RequestContext, event: CheckoutOpened | ContractSubscribed) -> Reply:
    """Where to pay."""
    return Reply(serializers.opened(event, context.organization, context.base_url))


def open_portal(policy: OriginPolicy, context: RequestContext) -> OpenPortal:
    """Open a billing-portal session."""
    return OpenPortal(policy.return_origin(context.headers))


def portal_opened(context: RequestContext, event: PortalOpened) -> Reply:
    """Where the billing portal is."""
    return Reply(serializers.portal(event, context.organization, context.base_url))


def list_characters(context: RequestContext, tenant: Tenant) -> Reply:
    """Active characters of a window."""
    return Reply(serializers.characters(tenant, _whole(context, "days", DEFAULT_DAYS)))


def get_contract(when_none: str, context: RequestContext, tenant: Tenant) -> Reply:
    """The enterprise contract; without one 404, or 200 with status `none` where the server says so."""
    if tenant.contract is not None:
        return Reply(serializers.contract(tenant, tenant.contract, context.base_url))
    if when_none == "none":
        return Reply(serializers.no_contract(tenant))
    raise BillingError(errors.CONTRACT_NONE)


def subscribe_contract(policy: OriginPolicy, context: RequestContext) -> SubscribeContract:
    """Bind the tenant to a contract."""
    contract_id = _member(context, "contractId", str)
    return SubscribeContract(contract_id, _subject(context), policy.return_origin(context.headers))


def get_events(context: RequestContext, tenant: Tenant) -> Reply:
    """Context-engine events of a window."""
    return Reply(serializers.events(tenant, _whole(context, "days", DEFAULT_DAYS)))


def get_ledger(cache: ResponseCache, context: RequestContext, tenant: Tenant) -> Reply | EncodedReply:
    """The ledger of a window, newest row first; or a page of it, when `limit` or `cursor` ask for one.

    A cursor is the number of the row above the page. Example: of rows 0 to 9, `limit=4` answers rows 9 to 6,
    and links to `cursor=6`, which answers rows 5 to 2.
    """
    parameters = context.parameters
    days = _whole(context, "days", DEFAULT_DAYS)
    low, high = serializers.ledger_window(tenant, days)
    headers: dict[str, str] = {}
    if "limit" in parameters or "cursor" in parameters:
        high = max(low, min(high, _whole(context, "cursor", high)))
        limit = _whole(context, "limit", high)
        first = max(low, high - limit)
        if first > low:
            query = urlencode({"days": days, "limit": limit, "cursor": first})
            headers["Link"] = f'<{context.base_url}/api/v1/org/ledger?{query}>; rel="next"'
        low = first
    if low == high:
        return Reply(serializers.empty(tenant))
    return cache.ledger(tenant, low, high, headers)


def get_model_pricing(context: RequestContext, tenant: Tenant) -> Reply:
    """Prices by model."""
    return Reply(serializers.model_pricing(tenant))


def list_agreements(context: RequestContext, tenant: Tenant) -> Reply:
    """Active service agreements."""
    return Reply(serializers.agreements(tenant))


def get_service_usage(context: RequestContext, tenant: Tenant) -> Reply:
    """Services used in a window."""
    return Reply(serializers.services(tenant, _whole(context, "days", DEFAULT_DAYS)))


def get_summary(context: RequestContext, tenant: Tenant) -> Reply:
    """Usage summary of a window."""
    return Reply(serializers.summary(tenant, _whole(context, "days", DEFAULT_DAYS)))


def redeem_voucher(context: RequestContext) -> RedeemVoucher:
    """Redeem a voucher."""
    return RedeemVoucher(_member(context, "code", str), _subject(context))


def voucher_redeemed(context: RequestContext, event: VoucherRedeemed) -> Reply:
    """What the voucher was worth."""
    return Reply(serializers.redemption(event))


def _subject(context: RequestContext) -> str | None:
    """The user who asks: the token's `sub`."""
    return None if context.principal is None else context.principal.subject


def _whole(context: RequestContext, name: str, default: int) -> int:
    """A whole number of the query, or the default.

    A description of the vendor's (`--published`) need not have the parameter, nor give it this type.
    """
    value = context.parameters.get(name, default)
    try:
        return int(value)
    except (TypeError, ValueError):
        raise Problem(INVALID, [error_detail("expected integer", f"query.{name}", value)]) from None


def _member(context: RequestContext, name: str, kind: type[T], default: T | None = None) -> T:
    """A member of the request body, which a description of the vendor's need not have."""
    body = context.body
    value = body.get(name, default) if isinstance(body, dict) else default
    if not isinstance(value, kind):
        raise Problem(INVALID, [error_detail(f"expected {TYPE_NAMES[kind]}", f"body.{name}", value)])
    return value
