"""The fold: a tenant's state is what its log adds up to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import singledispatch
from typing import Any

from . import agenda, ids, offers
from . import contract as contracts
from .events import (
    CheckoutCompleted,
    CheckoutOpened,
    ContractSubscribed,
    PaymentSettled,
    PortalOpened,
    Record,
    TenantCreated,
    VoucherRedeemed,
)
from .money import MICROS_PER_CENT
from .plan import Plan
from .tenant import Checkout, Tenant

Genesis = Callable[[str, TenantCreated], Plan]
"""Turns an organisation and its first event into the plan that its history follows from."""


def fold(organisation: str, records: Iterable[Record], genesis: Genesis) -> Tenant:
    """The tenant after its log; the first record is its creation."""
    log = iter(records)
    first = next(log)
    assert isinstance(first.event, TenantCreated), "a log begins with the creation of its tenant"
    tenant = Tenant(genesis(organisation, first.event))
    agenda.start(tenant)
    evolve(tenant, first)
    for record in log:
        evolve(tenant, record)
    return tenant


def evolve(tenant: Tenant, record: Record) -> None:
    """Bring the tenant to the record's instant and apply its event."""
    agenda.advance(tenant, record.at_ms)
    _apply(record.event, tenant, record.at_ms)
    tenant.version = record.sequence
    if record.idempotency is not None:
        tenant.answered[record.idempotency.key] = (record.idempotency, record.event)
    tenant.touch(record.at_ms)


@singledispatch
def _apply(event: Any, tenant: Tenant, at_ms: int) -> None:
    raise AssertionError(f"no fold for {type(event).__name__}")


@_apply.register(TenantCreated)
@_apply.register(PortalOpened)
def _nothing(event: TenantCreated | PortalOpened, tenant: Tenant, at_ms: int) -> None:
    """These change nothing beyond being remembered."""


@_apply.register
def _opened(event: CheckoutOpened, tenant: Tenant, at_ms: int) -> None:
    tenant.checkouts[event.session_id] = Checkout(
        event.session_id, "top_up", event.amount_cents, event.currency, at_ms
    )


@_apply.register
def _completed(event: CheckoutCompleted, tenant: Tenant, at_ms: int) -> None:
    tenant.checkouts[event.session_id].completed = True
    if tenant.stripe_customer_id is None:
        tenant.stripe_customer_id = ids.customer(tenant.plan.seed, tenant.plan.organisation)


@_apply.register
def _settled(event: PaymentSettled, tenant: Tenant, at_ms: int) -> None:
    checkout = tenant.checkouts[event.session_id]
    if checkout.settled:
        return
    checkout.settled = True
    if checkout.purpose == "top_up":
        micros = checkout.amount_cents * MICROS_PER_CENT
        tenant.credit(at_ms, "top_up", micros, "Credit top-up", created_by=tenant.admin())
    elif tenant.contract is not None and tenant.contract.session_id == event.session_id:
        agenda.activate(tenant, at_ms)


@_apply.register
def _redeemed(event: VoucherRedeemed, tenant: Tenant, at_ms: int) -> None:
    tenant.redeemed[event.code] = at_ms
    if event.credit_micros:
        text = f"Voucher {event.code}"
        tenant.credit(at_ms, "voucher", event.credit_micros, text, created_by=tenant.admin())
    if event.discount_percent:
        tenant.discount_percent = max(tenant.discount_percent, event.discount_percent)
        contract = tenant.contract
        if contract is not None and contract.status in ("draft", "pending_payment", "active"):
            tenant.contract = contracts.discounted(contract, event.discount_percent, at_ms)


@_apply.register
def _subscribed(event: ContractSubscribed, tenant: Tenant, at_ms: int) -> None:
    terms = offers.offered(tenant.plan.contract, event.contract_id, at_ms)
    contract = contracts.sign(terms, "pending_payment", at_ms, at_ms, event.session_id)
    if tenant.discount_percent:
        contract = contracts.discounted(contract, tenant.discount_percent, at_ms)
    tenant.bind_contract(contract, at_ms)
