"""What each event changes in a tenant's state. No command is refused here: `billing.decide` does that."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from dataclasses import replace
from functools import singledispatch
from typing import Any

from orgbilling_stubs.billing import contract as contracts
from orgbilling_stubs.billing import contract_catalog, events, ids
from orgbilling_stubs.billing.billing_details import BillingDetails
from orgbilling_stubs.billing.checkout_settlement import settle_checkout
from orgbilling_stubs.billing.contract_lifecycle import bind_contract, pay_installment, return_installment
from orgbilling_stubs.billing.ledger_posting import METER_CHARGES, charge, post_credit_change
from orgbilling_stubs.billing.money import token_charge_micros, unit_charge_micros
from orgbilling_stubs.billing.payment_cards import card_of_members, usual_card
from orgbilling_stubs.billing.tenant import ActiveScenario, Checkout, Tenant
from orgbilling_stubs.billing.tenant_config import ContractTerms, ModelPrice, VoucherTerms


@singledispatch
def apply_event(event: Any, tenant: Tenant, at_ms: int) -> None:
    """Change the tenant, which stands at the instant of the event, by the event."""
    raise AssertionError(f"no change for {type(event).__name__}")


@apply_event.register
def _snapshot_taken(event: events.SnapshotTaken, tenant: Tenant, at_ms: int) -> None:
    """Being in the log is all that a snapshot needs."""


@apply_event.register
def _snapshot_deleted(event: events.SnapshotDeleted, tenant: Tenant, at_ms: int) -> None:
    """So it is with its deletion."""


@apply_event.register
def _command_refused(event: events.CommandRefused, tenant: Tenant, at_ms: int) -> None:
    """A refusal changes nothing; the state keeps it under its idempotency key, as it keeps every answer."""


@apply_event.register
def _clock_set(event: events.ClockSet, tenant: Tenant, at_ms: int) -> None:
    tenant.clock = event
    if event.by_user and tenant.active_scenario is not None:
        tenant.active_scenario = replace(tenant.active_scenario, previous_clock=None)


@apply_event.register
def _scenario_shown(event: events.ScenarioShown, tenant: Tenant, at_ms: int) -> None:
    clock = event.previous_clock
    tenant.active_scenario = ActiveScenario(
        event.name,
        tuple(event.fault_rules),
        None if clock is None else events.ClockSet(**clock),
        tenant.version,
    )


@apply_event.register
def _scenario_faults_cleared(event: events.ScenarioFaultsCleared, tenant: Tenant, at_ms: int) -> None:
    if tenant.active_scenario is not None:
        tenant.active_scenario = replace(tenant.active_scenario, fault_rules=())


@apply_event.register
def _checkout_settings_changed(event: events.CheckoutSettingsChanged, tenant: Tenant, at_ms: int) -> None:
    tenant.checkout_settings = event


@apply_event.register
def _portal_opened(event: events.PortalOpened, tenant: Tenant, at_ms: int) -> None:
    tenant.portals[event.session_id] = at_ms
    tenant.portal_return_origins[event.session_id] = event.return_origin


@apply_event.register
def _checkout_opened(event: events.CheckoutOpened, tenant: Tenant, at_ms: int) -> None:
    tenant.checkouts[event.session_id] = Checkout(
        event.session_id,
        "top_up",
        event.amount_cents,
        event.currency,
        at_ms,
        event.created_by,
        return_origin=event.return_origin,
    )


@apply_event.register
def _checkout_completed(event: events.CheckoutCompleted, tenant: Tenant, at_ms: int) -> None:
    checkout = tenant.checkouts[event.session_id]
    checkout.completed, checkout.declined = True, None
    checkout.card = usual_card(tenant.config.as_of_ms) if event.card is None else card_of_members(event.card)
    if tenant.payment_card is None or checkout.purpose == "contract":
        tenant.put_on_file(checkout.card)  # it pays the installments that follow
    if tenant.stripe_customer_id is None:
        tenant.stripe_customer_id = ids.customer(tenant.config.seed, tenant.config.identity_organization)
    for webhook_ms in event.webhooks_ms:
        if webhook_ms <= at_ms:
            settle_checkout(tenant, event.session_id, at_ms)
        else:
            insort(tenant.webhooks, (webhook_ms, event.session_id))


@apply_event.register
def _checkout_declined(event: events.CheckoutDeclined, tenant: Tenant, at_ms: int) -> None:
    tenant.checkouts[event.session_id].declined = event.code


@apply_event.register
def _checkout_expired(event: events.CheckoutExpired, tenant: Tenant, at_ms: int) -> None:
    tenant.checkouts[event.session_id].expired = True


@apply_event.register
def _payment_settled(event: events.PaymentSettled, tenant: Tenant, at_ms: int) -> None:
    settle_checkout(tenant, event.session_id, at_ms)


@apply_event.register
def _voucher_redeemed(event: events.VoucherRedeemed, tenant: Tenant, at_ms: int) -> None:
    tenant.redeemed[event.code] = at_ms
    if event.credit_micros:
        text = f"Voucher {event.code}"
        post_credit_change(tenant, at_ms, "voucher", event.credit_micros, text, created_by=event.created_by)
    if event.discount_percent:
        tenant.discount_percent = max(tenant.discount_percent, event.discount_percent)
        contract = tenant.contract
        if contract is not None and contract.status in ("draft", "pending_payment", "active"):
            contract = tenant.contract = contracts.discounted(contract, event.discount_percent, at_ms)
            if contract.status == "pending_payment" and contract.session_id is not None:
                checkout = tenant.checkouts[contract.session_id]
                checkout.amount_minor = contract.first_payment_minor(checkout.currency)


@apply_event.register
def _voucher_issued(event: events.VoucherIssued, tenant: Tenant, at_ms: int) -> None:
    tenant.vouchers[event.code] = VoucherTerms(
        event.code, event.credit_micros, event.discount_percent, event.state
    )
    tenant.redeemed.pop(event.code, None)


@apply_event.register
def _contract_subscribed(event: events.ContractSubscribed, tenant: Tenant, at_ms: int) -> None:
    terms = contract_catalog.subscribable(tenant.offers, event.contract_id, at_ms)
    terms = replace(terms, created_by=event.created_by)
    contract = contracts.sign(terms, "pending_payment", at_ms, at_ms, event.session_id)
    if tenant.discount_percent:
        contract = contracts.discounted(contract, tenant.discount_percent, at_ms)
    bind_contract(tenant, contract, at_ms)
    tenant.checkouts[event.session_id].return_origin = event.return_origin


@apply_event.register
def _contract_offered(event: events.ContractOffered, tenant: Tenant, at_ms: int) -> None:
    terms = ContractTerms(**event.terms)
    tenant.offers[terms.contract_id] = terms
    if tenant.contract is None or tenant.contract.status not in ("pending_payment", "active"):
        dated = contract_catalog.subscribable(tenant.offers, terms.contract_id, at_ms)
        bind_contract(tenant, contracts.sign(dated, "draft", at_ms, at_ms, None), at_ms)


@apply_event.register
def _contract_cancelled(event: events.ContractCancelled, tenant: Tenant, at_ms: int) -> None:
    assert tenant.contract is not None
    tenant.contract = contracts.ended(tenant.contract, "cancelled", at_ms)


@apply_event.register
def _contract_resumed(event: events.ContractResumed, tenant: Tenant, at_ms: int) -> None:
    assert tenant.contract is not None
    tenant.contract = contracts.activated(tenant.contract, at_ms)
    tenant.cancels_as_configured = False


@apply_event.register
def _installment_marked(event: events.InstallmentMarked, tenant: Tenant, at_ms: int) -> None:
    (pay_installment if event.paid else return_installment)(tenant, event.index, at_ms)


@apply_event.register
def _invoice_paid(event: events.InvoicePaid, tenant: Tenant, at_ms: int) -> None:
    if event.installment is not None:
        pay_installment(tenant, event.installment, at_ms)
        return
    post_credit_change(
        tenant,
        at_ms,
        "adjustment",
        0,
        event.description,
        usd_micros=event.amount_micros,
        owed_micros=-event.amount_micros,
        card=card_of_members(event.card),
    )


@apply_event.register
def _payment_method_changed(event: events.PaymentMethodChanged, tenant: Tenant, at_ms: int) -> None:
    tenant.put_on_file(card_of_members(event.card))


@apply_event.register
def _billing_details_changed(event: events.BillingDetailsChanged, tenant: Tenant, at_ms: int) -> None:
    tenant.billing_details = BillingDetails(**event.details)


@apply_event.register
def _usage_recorded(event: events.UsageRecorded, tenant: Tenant, at_ms: int) -> None:
    tenant.tokens.add(at_ms, event.input_tokens, event.output_tokens, event.messages, event.sessions)
    tenant.last_used_ms[event.project] = at_ms
    micros = token_charge_micros(event.input_tokens, event.output_tokens, *tenant.model_prices[event.model])
    text = tenant.usage_text(event.project, event.model)
    tokens = event.input_tokens + event.output_tokens
    charge(tenant, at_ms, "usage", micros, text, tokens=tokens, source=event.source)


@apply_event.register
def _meter_recorded(event: events.MeterRecorded, tenant: Tenant, at_ms: int) -> None:
    tenant.meter_series(event.meter, event.slug).add(at_ms, event.count)
    micros = unit_charge_micros(event.count, tenant.unit_prices[event.meter, event.slug])
    kind, text = METER_CHARGES[event.meter]
    if micros:
        charge(tenant, at_ms, kind, micros, f"{text}: {event.slug}")


@apply_event.register
def _prices_changed(event: events.PricesChanged, tenant: Tenant, at_ms: int) -> None:
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
    tenant.set_prices(
        replace(
            prices,
            events=tuple(sorted((dict(prices.events) | dict(event.events or {})).items())),
            services=tuple(sorted((dict(prices.services) | dict(event.services or {})).items())),
            models=tuple(models.values()),
            **single,
        )
    )


@apply_event.register
def _credits_refunded(event: events.CreditsRefunded, tenant: Tenant, at_ms: int) -> None:
    post_credit_change(
        tenant, at_ms, "refund", -event.amount_micros, event.description, created_by=tenant.admin()
    )


@apply_event.register
def _balance_adjusted(event: events.BalanceAdjusted, tenant: Tenant, at_ms: int) -> None:
    post_credit_change(
        tenant, at_ms, "adjustment", event.amount_micros, event.description, created_by=tenant.admin()
    )


EVENT_CHANGES: dict[type[events.Event], Callable[[Any, Tenant, int], None]] = {
    event_type: apply_event.dispatch(event_type) for event_type in events.EVENT_TYPES.values()
}
"""What each type of event changes, looked up once."""
