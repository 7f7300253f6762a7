"""Every change of a tenant's state: the effects of events, and of what time brings.

`billing.decide` says whether something may happen, `billing.scheduler` when; this module alone says what
changes then. An effect posts ledger rows, replaces the contract, or notes a fact; it decides nothing and
raises nothing.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from dataclasses import replace
from functools import singledispatch
from typing import Any

from orgbilling_stubs.billing import contract as contracts
from orgbilling_stubs.billing import contract_catalog, events, ids
from orgbilling_stubs.billing.contract import PAYMENT_INTERVAL_MONTHS, Contract
from orgbilling_stubs.billing.instants import DAY_MS, add_months, month
from orgbilling_stubs.billing.money import MICROS_PER_CENT, token_charge_micros, unit_charge_micros
from orgbilling_stubs.billing.tenant import ActiveScenario, Checkout, Tenant
from orgbilling_stubs.billing.tenant_config import (
    NEVER_MS,
    ContractTerms,
    Meter,
    ModelPrice,
    Usage,
    VoucherTerms,
)

METER_CHARGES = {
    "event": ("event_charge", "Context engine events"),
    "service": ("service_charge", "Services"),
}
"""Entry type and description of the charge for each kind of meter."""


# Ledger entries


def note_change(tenant: Tenant, at_ms: int) -> None:
    """Note that the state changed at an instant."""
    tenant.changes += 1
    if at_ms > tenant.updated_ms:
        tenant.updated_ms = at_ms


def charge(
    tenant: Tenant,
    at_ms: int,
    kind: str,
    micros: int,
    description: str,
    *,
    tokens: int = 0,
    source: str | None = None,
) -> None:
    """Post a debit: from the credits of a prepaid tenant, to the bill of a postpaid one."""
    config, ledger = tenant.config, tenant.ledger
    prepaid = config.mode == "prepaid"
    if prepaid and config.stop_when_exhausted and tenant.top_up(at_ms) is None:
        # A tenant that stops at zero and is not topped up is never charged more than there is left.
        micros = min(micros, max(0, ledger.balance_micros))
        if not micros and not tokens:
            return
    ledger.post(at_ms, kind, -micros if prepaid else 0, -micros, description, tokens=tokens, source=source)
    if not prepaid:
        ledger.outstanding_micros += micros
    note_change(tenant, at_ms)
    _top_up(tenant, at_ms)


def _top_up(tenant: Tenant, at_ms: int) -> None:
    """Buy credits automatically when the balance has fallen below the tenant's threshold.

    The purchase is the least multiple of the rule's amount that reaches the threshold again:
    times = max(1, ceil((below - balance) / amount)). Example: amount 500 USD below 150 USD. With a balance of
    -720 USD, 870 USD are missing, so two times 500 USD are bought, in one entry.
    """
    rule = tenant.top_up(at_ms)
    if rule is None:
        return
    missing_micros = rule.below_micros - tenant.ledger.balance_micros
    if missing_micros > 0:
        times = max(1, -(-missing_micros // rule.amount_micros))
        credit(tenant, at_ms, "top_up", times * rule.amount_micros, "Automatic top-up")


def credit(
    tenant: Tenant,
    at_ms: int,
    kind: str,
    micros: int,
    description: str,
    *,
    usd_micros: int | None = None,
    created_by: str | None = None,
) -> None:
    """Post credits; `usd_micros` is the money behind them when it is another amount."""
    usd_micros = micros if usd_micros is None else usd_micros
    tenant.ledger.post(at_ms, kind, micros, usd_micros, description, created_by=created_by)
    note_change(tenant, at_ms)


def post_opening_entries(tenant: Tenant) -> None:
    """Post the free credit, and the opening balance: credits, or unpaid invoices of a postpaid tenant."""
    at_ms, config = tenant.created_ms, tenant.config
    if config.free_credit_micros:
        credit(tenant, at_ms, "free_credit", config.free_credit_micros, "Free credit")
    micros = config.opening_balance.opening_micros
    if not micros:
        return
    if config.mode == "prepaid":
        credit(tenant, at_ms, "adjustment", micros, "Balance carried forward from the previous plan")
    else:
        tenant.ledger.outstanding_micros += micros
        text = "Unpaid invoices of the previous plan"
        credit(tenant, at_ms, "adjustment", 0, text, usd_micros=-micros)


# What time brings: usage, meters, the evening, the month


def charge_usage(tenant: Tenant, usage: Usage) -> None:
    """Count token usage and charge for it; a tenant without credit has none."""
    if tenant.exhausted(usage.at_ms):
        return
    tokens = usage.input_tokens + usage.output_tokens
    price = tenant.model_prices[usage.model]
    micros = token_charge_micros(usage.input_tokens, usage.output_tokens, price[0], price[1])
    tenant.tokens.add(usage.at_ms, usage.input_tokens, usage.output_tokens, usage.messages, usage.sessions)
    tenant.last_used_ms[usage.project] = usage.at_ms
    text = tenant.usage_text(usage.project, usage.model)
    charge(tenant, usage.at_ms, "usage", micros, text, tokens=tokens, source=usage.source)


def read_meter(tenant: Tenant, meter: Meter) -> None:
    """Count events or services; they are charged in the evening."""
    if tenant.exhausted(meter.at_ms):
        return
    tenant.meter_series(meter.kind, meter.slug).add(meter.at_ms, meter.count)
    note_change(tenant, meter.at_ms)
    price_nanos = tenant.unit_prices[meter.kind, meter.slug]
    charges = tenant.unsettled_micros
    charges[meter.kind] = charges.get(meter.kind, 0) + unit_charge_micros(meter.count, price_nanos)


def count_characters(tenant: Tenant, at_ms: int, characters: int) -> None:
    """Note how many characters are active; the month's highest count is billed."""
    if not tenant.exhausted(at_ms):
        tenant.characters.add(at_ms, characters)
        tenant.month_characters = max(tenant.month_characters, characters)


def settle_day(tenant: Tenant, at_ms: int) -> None:
    """Charge the day's events and services: one entry for each kind, in the order of the kinds' names.

    Each reading was rounded to micro-USD when it was counted, so the entry is the exact sum of its readings.
    """
    charges, tenant.unsettled_micros = tenant.unsettled_micros, {}
    for kind in sorted(charges):
        if charges[kind]:
            entry_type, description = METER_CHARGES[kind]
            charge(tenant, at_ms, entry_type, charges[kind], description)


def open_month(tenant: Tenant, at_ms: int) -> None:
    """Bill last month's characters and the agreements; a postpaid tenant pays its invoice."""
    characters, tenant.month_characters = tenant.month_characters, 0
    last_month = month(at_ms - DAY_MS)
    if characters:
        micros = unit_charge_micros(characters, tenant.prices.character_month_nanos)
        tenant.characters_billed_ms = at_ms
        if micros:
            text = f"{characters} active characters in {last_month}"
            charge(tenant, at_ms, "character_charge", micros, text)
    _bill_agreements(tenant, at_ms)
    unpaid_micros = tenant.unpaid_after_invoice_micros(at_ms)
    paid_micros = tenant.ledger.outstanding_micros - unpaid_micros
    if paid_micros > 0:
        tenant.ledger.outstanding_micros = unpaid_micros
        text = f"Invoice {last_month} paid in part" if unpaid_micros else f"Invoice {last_month} paid"
        credit(tenant, at_ms, "adjustment", 0, text, usd_micros=paid_micros)


def _bill_agreements(tenant: Tenant, at_ms: int) -> None:
    billed_ms = tenant.agreements_billed_ms
    for terms in tenant.config.agreements:
        last_ms = billed_ms.get(terms.charge_id)
        if terms.created_ms >= at_ms or tenant.exhausted(at_ms):
            continue
        interval = PAYMENT_INTERVAL_MONTHS[terms.charge_type]
        if last_ms is None or (interval and at_ms >= add_months(last_ms, interval)):
            billed_ms[terms.charge_id] = at_ms
            charge(tenant, at_ms, "service_charge", terms.amount_micros, terms.description)


def post_closing_entry(tenant: Tenant, at_ms: int) -> None:
    """Let the credits expire that the opening balance has in excess, or post the payment on account."""
    micros, tenant.closing_ms = tenant.config.opening_balance.closing_micros, NEVER_MS
    if tenant.config.mode == "prepaid":
        credit(tenant, at_ms, "expiry", -micros, "Unused credit expired")
    else:
        tenant.ledger.outstanding_micros -= micros
        credit(tenant, at_ms, "adjustment", 0, "Payment on account", usd_micros=micros)


# What time brings: webhooks and the contract


def settle_checkout(tenant: Tenant, session_id: str, at_ms: int) -> None:
    """A webhook arrived: what was paid for takes effect, once however often the webhook comes."""
    checkout = tenant.checkouts[session_id]
    if checkout.settled:
        return
    checkout.settled = True
    if checkout.purpose == "top_up":
        micros = checkout.amount_cents * MICROS_PER_CENT
        credit(tenant, at_ms, "top_up", micros, "Credit top-up", created_by=tenant.admin())
    elif tenant.contract is not None and tenant.contract.session_id == session_id:
        _activate_contract(tenant, at_ms)


def deliver_webhook(tenant: Tenant, at_ms: int) -> None:
    """Let the first webhook on its way arrive."""
    settle_checkout(tenant, tenant.webhooks.pop(0)[1], at_ms)


def show_own_contract(tenant: Tenant, at_ms: int) -> None:
    """Let the contract of the tenant's configuration appear, in the state it had when it was signed."""
    config = tenant.config
    terms = config.contract
    assert terms is not None
    tenant.contract_from_ms = None
    status, session_id = "draft", None
    if terms.status != "draft":
        status = "pending_payment"
        session_id = ids.checkout_session(config.seed, config.identity_seed, terms.contract_id)
    _bind_contract(tenant, contracts.sign(terms, status, at_ms, config.as_of_ms, session_id), at_ms)


def _bind_contract(tenant: Tenant, contract: Contract, at_ms: int) -> None:
    """Make a contract the tenant's own, with a session for its first payment."""
    tenant.contract = contract
    if contract.session_id is not None:
        tenant.checkouts[contract.session_id] = Checkout(
            session_id=contract.session_id,
            purpose="contract",
            amount_cents=contract.first_payment_cents(),
            currency=tenant.config.currency,
            opened_ms=at_ms,
            contract_id=contract.terms.contract_id,
        )
    note_change(tenant, at_ms)


def run_contract(tenant: Tenant, at_ms: int) -> None:
    """Let the contract do the one thing that is due at the instant.

    In this order: it is paid for the first time, is cancelled, ends (and renews itself), or its next
    installment is paid.
    """
    contract = tenant.contract
    assert contract is not None
    if contract.status == "pending_payment":
        session = tenant.checkouts[contract.session_id or ""]
        session.completed = session.settled = True
        _activate_contract(tenant, at_ms)
        return
    cancel_ms = tenant.contract_cancel_ms()
    if cancel_ms is not None and at_ms >= cancel_ms:
        tenant.contract = contracts.ended(contract, "cancelled", at_ms)
    elif at_ms >= contract.end_ms:
        tenant.contract = (
            contracts.renewed(contract)
            if contract.terms.auto_renew
            else contracts.ended(contract, "expired", at_ms)
        )
    else:
        for index, row in enumerate(contract.schedule):
            if not row.paid and index not in contract.withheld and row.due_ms <= at_ms:
                _pay_installment(tenant, index, at_ms)
                break
    note_change(tenant, at_ms)


def _activate_contract(tenant: Tenant, at_ms: int) -> None:
    """The first payment arrived: the contract runs, and its bonus is granted."""
    contract = tenant.contract
    assert contract is not None
    tenant.contract = contracts.activated(contract, at_ms)
    for index in contract.due_first():
        if index not in contract.withheld:
            _pay_installment(tenant, index, at_ms)
    terms = contract.terms
    if terms.bonus_micros and terms.bonus_paid:
        tenant.contract = contracts.bonus_granted(tenant.contract, at_ms)
        credit(tenant, at_ms, "bonus_credit", terms.bonus_micros, "Contract bonus credit", usd_micros=0)


def _pay_installment(tenant: Tenant, index: int, at_ms: int) -> None:
    """Mark an installment paid, and post its credits."""
    contract = tenant.contract
    assert contract is not None
    row = contract.schedule[index]
    tenant.contract = contracts.paid(contract, index, at_ms)
    label = "Contract set-up" if row.one_time else "Contract installment"
    credit(
        tenant,
        at_ms,
        "contract_credit",
        row.credit_micros,
        f"{label} {row.period}",
        usd_micros=row.amount_micros,
        created_by=contract.terms.created_by,
    )


# Effects of events


@singledispatch
def apply_event(event: Any, tenant: Tenant, at_ms: int) -> None:
    """Change the tenant, which stands at the instant of the event, by the event."""
    raise AssertionError(f"no effect for {type(event).__name__}")


@apply_event.register
def _snapshot_taken(event: events.SnapshotTaken, tenant: Tenant, at_ms: int) -> None:
    """Being in the log is all that a snapshot needs."""


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
def _checkout_settings_changed(event: events.CheckoutSettingsChanged, tenant: Tenant, at_ms: int) -> None:
    tenant.checkout_settings = event


@apply_event.register
def _portal_opened(event: events.PortalOpened, tenant: Tenant, at_ms: int) -> None:
    tenant.portals[event.session_id] = at_ms


@apply_event.register
def _checkout_opened(event: events.CheckoutOpened, tenant: Tenant, at_ms: int) -> None:
    tenant.checkouts[event.session_id] = Checkout(
        event.session_id, "top_up", event.amount_cents, event.currency, at_ms
    )


@apply_event.register
def _checkout_completed(event: events.CheckoutCompleted, tenant: Tenant, at_ms: int) -> None:
    checkout = tenant.checkouts[event.session_id]
    checkout.completed, checkout.declined = True, None
    if tenant.stripe_customer_id is None:
        tenant.stripe_customer_id = ids.customer(tenant.config.seed, tenant.config.identity_seed)
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
        credit(tenant, at_ms, "voucher", event.credit_micros, text, created_by=tenant.admin())
    if event.discount_percent:
        tenant.discount_percent = max(tenant.discount_percent, event.discount_percent)
        contract = tenant.contract
        if contract is not None and contract.status in ("draft", "pending_payment", "active"):
            contract = tenant.contract = contracts.discounted(contract, event.discount_percent, at_ms)
            if contract.status == "pending_payment" and contract.session_id is not None:
                tenant.checkouts[contract.session_id].amount_cents = contract.first_payment_cents()


@apply_event.register
def _voucher_issued(event: events.VoucherIssued, tenant: Tenant, at_ms: int) -> None:
    tenant.vouchers[event.code] = VoucherTerms(
        event.code, event.credit_micros, event.discount_percent, event.state
    )
    tenant.redeemed.pop(event.code, None)


@apply_event.register
def _contract_subscribed(event: events.ContractSubscribed, tenant: Tenant, at_ms: int) -> None:
    terms = contract_catalog.subscribable(tenant.offers, event.contract_id, at_ms)
    contract = contracts.sign(terms, "pending_payment", at_ms, at_ms, event.session_id)
    if tenant.discount_percent:
        contract = contracts.discounted(contract, tenant.discount_percent, at_ms)
    _bind_contract(tenant, contract, at_ms)


@apply_event.register
def _contract_offered(event: events.ContractOffered, tenant: Tenant, at_ms: int) -> None:
    terms = ContractTerms(**event.terms)
    tenant.offers[terms.contract_id] = terms
    if tenant.contract is None or tenant.contract.status not in ("pending_payment", "active"):
        dated = contract_catalog.subscribable(tenant.offers, terms.contract_id, at_ms)
        _bind_contract(tenant, contracts.sign(dated, "draft", at_ms, at_ms, None), at_ms)


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
    assert tenant.contract is not None
    row = tenant.contract.schedule[event.index]
    if event.paid:
        _pay_installment(tenant, event.index, at_ms)
        return
    tenant.contract = contracts.unpaid(tenant.contract, event.index, at_ms)
    if row.paid:
        text = f"Contract installment {row.period} returned"
        credit(tenant, at_ms, "adjustment", -row.credit_micros, text, usd_micros=-row.amount_micros)


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
    credit(tenant, at_ms, "refund", -event.amount_micros, event.description, created_by=tenant.admin())


@apply_event.register
def _balance_adjusted(event: events.BalanceAdjusted, tenant: Tenant, at_ms: int) -> None:
    credit(tenant, at_ms, "adjustment", event.amount_micros, event.description, created_by=tenant.admin())


EFFECTS: dict[type[events.Event], Callable[[Any, Tenant, int], None]] = {
    event_type: apply_event.dispatch(event_type) for event_type in events.EVENT_TYPES.values()
}
"""The effect of each type of event, looked up once."""
