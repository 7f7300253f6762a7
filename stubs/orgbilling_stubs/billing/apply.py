"""The fold: a tenant's state is what its log adds up to."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import singledispatch
from typing import Any

from orgbilling_stubs.billing import contract as contracts
from orgbilling_stubs.billing import contract_catalog, ids, scheduler
from orgbilling_stubs.billing import events as on
from orgbilling_stubs.billing.events import Record, TenantCreated
from orgbilling_stubs.billing.log_branches import active_branch
from orgbilling_stubs.billing.money import token_charge_micros, unit_charge_micros
from orgbilling_stubs.billing.tenant import ActiveScenario, Checkout, Tenant
from orgbilling_stubs.billing.tenant_config import ContractTerms, ModelPrice, TenantConfig, VoucherTerms

TenantFactory = Callable[[str, TenantCreated], TenantConfig]
"""Turns an organization and its first event into the plan that its history follows from."""


SETTING_EVENTS = frozenset({on.ClockSet, on.CheckoutSettingsChanged, on.ScenarioShown, on.SnapshotTaken})
"""Events about the stand-in rather than about billing: no id and no answer depends on them."""


def state_of(organization: str, records: Sequence[Record], tenant_factory: TenantFactory) -> Tenant:
    """The tenant after its log, at the instant of the last record that counts."""
    path = active_branch(records)
    first = path[0].event
    assert isinstance(first, TenantCreated), "a log begins with the creation of its tenant"
    tenant = Tenant(tenant_factory(organization, first))
    scheduler.post_opening_entries(tenant)
    tenant.depth = 1
    for record in path[1:]:
        apply(tenant, record)
    tenant.version = records[-1].sequence
    return tenant


def apply(tenant: Tenant, record: Record) -> None:
    """Bring the tenant to the record's instant and apply its event."""
    sequence, at_ms, event, _, idempotency = record
    scheduler.advance(tenant, at_ms)
    kind = type(event)
    _FOLDS[kind](event, tenant, at_ms)
    tenant.quiet_until_ms = 0
    tenant.version = sequence
    if idempotency is not None:
        tenant.answered[idempotency.key] = (idempotency, event)
    if kind not in SETTING_EVENTS:
        tenant.depth += 1
        tenant.touch(at_ms)


@singledispatch
def _apply(event: Any, tenant: Tenant, at_ms: int) -> None:
    raise AssertionError(f"no fold for {type(event).__name__}")


@_apply.register
def _remembered(event: on.SnapshotTaken, tenant: Tenant, at_ms: int) -> None:
    """This changes nothing beyond being remembered."""


@_apply.register
def _portal_opened(event: on.PortalOpened, tenant: Tenant, at_ms: int) -> None:
    tenant.portals[event.session_id] = at_ms


@_apply.register
def _clock_set(event: on.ClockSet, tenant: Tenant, at_ms: int) -> None:
    tenant.clock = event
    if event.by_user and tenant.active_scenario is not None:
        tenant.active_scenario = replace(tenant.active_scenario, previous_clock=None)


@_apply.register
def _scenario_shown(event: on.ScenarioShown, tenant: Tenant, at_ms: int) -> None:
    clock = event.previous_clock
    tenant.active_scenario = ActiveScenario(
        event.name, tuple(event.fault_rules), None if clock is None else on.ClockSet(**clock)
    )


@_apply.register
def _habits_set(event: on.CheckoutSettingsChanged, tenant: Tenant, at_ms: int) -> None:
    tenant.checkout_settings = event


@_apply.register
def _opened(event: on.CheckoutOpened, tenant: Tenant, at_ms: int) -> None:
    tenant.checkouts[event.session_id] = Checkout(
        event.session_id, "top_up", event.amount_cents, event.currency, at_ms
    )


@_apply.register
def _completed(event: on.CheckoutCompleted, tenant: Tenant, at_ms: int) -> None:
    checkout = tenant.checkouts[event.session_id]
    checkout.completed, checkout.declined = True, None
    if tenant.stripe_customer_id is None:
        tenant.stripe_customer_id = ids.customer(tenant.config.seed, tenant.config.identity_seed)
    for webhook_ms in event.webhooks_ms:
        if webhook_ms <= at_ms:
            scheduler.settle_checkout(tenant, event.session_id, at_ms)
        else:
            insort(tenant.webhooks, (webhook_ms, event.session_id))


@_apply.register
def _declined(event: on.CheckoutDeclined, tenant: Tenant, at_ms: int) -> None:
    tenant.checkouts[event.session_id].declined = event.code


@_apply.register
def _expired(event: on.CheckoutExpired, tenant: Tenant, at_ms: int) -> None:
    tenant.checkouts[event.session_id].expired = True


@_apply.register
def _settled(event: on.PaymentSettled, tenant: Tenant, at_ms: int) -> None:
    scheduler.settle_checkout(tenant, event.session_id, at_ms)


@_apply.register
def _redeemed(event: on.VoucherRedeemed, tenant: Tenant, at_ms: int) -> None:
    tenant.redeemed[event.code] = at_ms
    if event.credit_micros:
        text = f"Voucher {event.code}"
        tenant.credit(at_ms, "voucher", event.credit_micros, text, created_by=tenant.admin())
    if event.discount_percent:
        tenant.discount_percent = max(tenant.discount_percent, event.discount_percent)
        contract = tenant.contract
        if contract is not None and contract.status in ("draft", "pending_payment", "active"):
            contract = tenant.contract = contracts.discounted(contract, event.discount_percent, at_ms)
            if contract.status == "pending_payment" and contract.session_id is not None:
                tenant.checkouts[contract.session_id].amount_cents = contract.first_payment_cents()


@_apply.register
def _issued(event: on.VoucherIssued, tenant: Tenant, at_ms: int) -> None:
    tenant.vouchers[event.code] = VoucherTerms(
        event.code, event.credit_micros, event.discount_percent, event.state
    )
    tenant.redeemed.pop(event.code, None)


@_apply.register
def _subscribed(event: on.ContractSubscribed, tenant: Tenant, at_ms: int) -> None:
    terms = contract_catalog.subscribable(tenant.offers, event.contract_id, at_ms)
    contract = contracts.sign(terms, "pending_payment", at_ms, at_ms, event.session_id)
    if tenant.discount_percent:
        contract = contracts.discounted(contract, tenant.discount_percent, at_ms)
    tenant.bind_contract(contract, at_ms)


@_apply.register
def _offered(event: on.ContractOffered, tenant: Tenant, at_ms: int) -> None:
    terms = ContractTerms(**event.terms)
    tenant.offers[terms.contract_id] = terms
    if tenant.contract is None or tenant.contract.status not in ("pending_payment", "active"):
        dated = contract_catalog.subscribable(tenant.offers, terms.contract_id, at_ms)
        tenant.bind_contract(contracts.sign(dated, "draft", at_ms, at_ms, None), at_ms)


@_apply.register
def _cancelled(event: on.ContractCancelled, tenant: Tenant, at_ms: int) -> None:
    assert tenant.contract is not None
    tenant.contract = contracts.ended(tenant.contract, "cancelled", at_ms)


@_apply.register
def _resumed(event: on.ContractResumed, tenant: Tenant, at_ms: int) -> None:
    assert tenant.contract is not None
    tenant.contract = contracts.activated(tenant.contract, at_ms)
    tenant.cancels_by_plan = False


@_apply.register
def _marked(event: on.InstallmentMarked, tenant: Tenant, at_ms: int) -> None:
    assert tenant.contract is not None
    row = tenant.contract.schedule[event.index]
    if event.paid:
        scheduler.pay_installment(tenant, event.index, at_ms)
        return
    tenant.contract = contracts.unpaid(tenant.contract, event.index, at_ms)
    if row.paid:
        text = f"Contract installment {row.period} returned"
        tenant.credit(at_ms, "adjustment", -row.credit_micros, text, usd_micros=-row.amount_micros)


@_apply.register
def _used(event: on.UsageRecorded, tenant: Tenant, at_ms: int) -> None:
    tenant.tokens.add(at_ms, event.input_tokens, event.output_tokens, event.messages, event.sessions)
    tenant.last_used_ms[event.project] = at_ms
    micros = token_charge_micros(event.input_tokens, event.output_tokens, *tenant.model_prices[event.model])
    text = tenant.usage_text(event.project, event.model)
    tokens = event.input_tokens + event.output_tokens
    tenant.charge(at_ms, "usage", micros, text, tokens=tokens, source=event.source)


@_apply.register
def _metered(event: on.MeterRecorded, tenant: Tenant, at_ms: int) -> None:
    tenant.series(event.meter, event.slug).add(at_ms, event.count)
    micros = unit_charge_micros(event.count, tenant.unit_prices[event.meter, event.slug])
    kind, text = scheduler.METER_CHARGES[event.meter]
    if micros:
        tenant.charge(at_ms, kind, micros, f"{text}: {event.slug}")


@_apply.register
def _repriced(event: on.PricesChanged, tenant: Tenant, at_ms: int) -> None:
    prices = tenant.prices
    models = {model.model: model for model in prices.models} | {
        slug: ModelPrice(slug, *pair) for slug, pair in (event.models or {}).items()
    }
    single = {
        name: getattr(event, name)
        for name in (
            "input_per_1k_nanos",
            "output_per_1k_nanos",
            "token_per_1k_nanos",
            "character_month_nanos",
        )
        if getattr(event, name) is not None
    }
    tenant.reprice(
        replace(
            prices,
            events=tuple(sorted((dict(prices.events) | dict(event.events or {})).items())),
            services=tuple(sorted((dict(prices.services) | dict(event.services or {})).items())),
            models=tuple(models.values()),
            **single,
        )
    )


@_apply.register
def _refunded(event: on.CreditsRefunded, tenant: Tenant, at_ms: int) -> None:
    tenant.credit(at_ms, "refund", -event.amount_micros, event.description, created_by=tenant.admin())


@_apply.register
def _adjusted(event: on.BalanceAdjusted, tenant: Tenant, at_ms: int) -> None:
    tenant.credit(at_ms, "adjustment", event.amount_micros, event.description, created_by=tenant.admin())


_FOLDS = {kind: _apply.dispatch(kind) for kind in on.EVENT_TYPES.values()}
"""The function of each kind of event, looked up once."""
