"""What time brings by itself: usage, charges, installments, renewals, expiry.

`advance` is a pure function of the state and the instant, and does not depend on the steps taken:
a year in one step, or day by day, posts the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from orgbilling_stubs.billing import contract as contracts
from orgbilling_stubs.billing.contract import Contract
from orgbilling_stubs.billing.instants import DAY_MS, MINUTE_MS, add_months, is_first_of_month, month
from orgbilling_stubs.billing.money import MICROS_PER_CENT, token_charge_micros, unit_charge_micros
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import NEVER_MS, Meter, Usage

_MONTH_OPENS = 5 * MINUTE_MS
_DAY_SETTLES = DAY_MS - 5 * MINUTE_MS

_USAGE, _METER, _MONTH, _CHARACTERS, _SETTLE = range(5)
# In this order at one instant: a month is billed before the characters of its first day are counted.
_AGREEMENT_MONTHS = {"monthly": 1, "annual": 12, "one_time": 0}
METER_CHARGES = {
    "event": ("event_charge", "Context engine events"),
    "service": ("service_charge", "Services"),
}

Item = tuple[int, int, Usage | Meter | int]


def advance(tenant: Tenant, until_ms: int) -> None:
    """Bring the tenant to an instant; one that lies behind it changes nothing."""
    if until_ms <= tenant.now_ms:
        return
    if until_ms < tenant.quiet_until_ms:
        tenant.now_ms = until_ms
        return
    _run(tenant, until_ms)
    tenant.now_ms = until_ms
    tenant.quiet_until_ms = next_ms(tenant)


def post_opening_entries(tenant: Tenant) -> None:
    """Post what a new tenant is given, and what it brings along."""
    at_ms, config = tenant.created_ms, tenant.config
    if config.free_credit_micros:
        tenant.credit(at_ms, "free_credit", config.free_credit_micros, "Free credit")
    micros = config.opening_balance.opening_micros
    if not micros:
        return
    if config.mode == "prepaid":
        tenant.credit(at_ms, "adjustment", micros, "Balance carried forward from the previous plan")
    else:
        tenant.ledger.outstanding_micros += micros
        text = "Unpaid invoices of the previous plan"
        tenant.credit(at_ms, "adjustment", 0, text, usd_micros=-micros)


def next_ms(tenant: Tenant) -> int:
    """When the next thing happens that nobody asks for (it may turn out to post nothing)."""
    item_ms = _next_item(tenant)[0]
    return min(item_ms, _due_ms(tenant), tenant.closing_ms)


def _run(tenant: Tenant, until_ms: int) -> None:
    while True:
        due_ms = _due_ms(tenant)
        # The end of the course comes after all else of its instant, whatever is due before.
        closes = tenant.closing_ms < due_ms
        if closes:
            due_ms = tenant.closing_ms
        items = tenant.cursor_items
        index = tenant.cursor_index
        if index >= len(items):
            item_ms = _next_item(tenant)[0]
            items, index = tenant.cursor_items, tenant.cursor_index
        else:
            item_ms = items[index][0]
        if due_ms < item_ms or (due_ms == item_ms and not closes):
            if due_ms > until_ms:
                return
            (_close if closes else _due_step)(tenant, due_ms)
            continue
        limit = min(until_ms, due_ms if closes else due_ms - 1)
        if item_ms > limit:
            return
        while index < len(items) and items[index][0] <= limit:
            tenant.cursor_index = index + 1
            _happen(tenant, items[index])
            index += 1


def _next_item(tenant: Tenant) -> Item:
    while tenant.cursor_index >= len(tenant.cursor_items):
        if tenant.cursor_loaded:
            tenant.cursor_day += 1
        tenant.cursor_items = _items(tenant, tenant.cursor_day)
        tenant.cursor_index = 0
        tenant.cursor_loaded = True
    return tenant.cursor_items[tenant.cursor_index]


def _items(tenant: Tenant, day: int) -> Sequence[Item]:
    """What happens on a day, in time order; never empty."""
    activity = tenant.config.activity.day(day)
    begin_ms = day * DAY_MS
    items: list[Item] = [(usage.at_ms, _USAGE, usage) for usage in activity.usage]
    items += [(meter.at_ms, _METER, meter) for meter in activity.meters]
    items.append((begin_ms + _MONTH_OPENS, _CHARACTERS, activity.characters))
    if is_first_of_month(day):
        items.append((begin_ms + _MONTH_OPENS, _MONTH, day))
    items.append((begin_ms + _DAY_SETTLES, _SETTLE, day))
    items.sort(key=itemgetter(0, 1))
    return items


def _happen(tenant: Tenant, item: Item) -> None:
    at_ms, kind, what = item
    if kind == _USAGE:
        _use(tenant, what)  # type: ignore[arg-type]
    elif kind == _METER:
        _meter(tenant, what)  # type: ignore[arg-type]
    elif kind == _CHARACTERS:
        assert isinstance(what, int)
        if not tenant.exhausted(at_ms):
            tenant.characters.add(at_ms, what)
            tenant.month_high = max(tenant.month_high, what)
    elif kind == _MONTH:
        _open_month(tenant, at_ms)
    else:
        _settle_day(tenant, at_ms)


def _use(tenant: Tenant, usage: Usage) -> None:
    if tenant.exhausted(usage.at_ms):
        return
    tokens = usage.input_tokens + usage.output_tokens
    price = tenant.model_prices[usage.model]
    micros = token_charge_micros(usage.input_tokens, usage.output_tokens, price[0], price[1])
    record_usage(tenant, usage)
    text = tenant.usage_text(usage.project, usage.model)
    tenant.charge(usage.at_ms, "usage", micros, text, tokens=tokens, source=usage.source)


def record_usage(tenant: Tenant, usage: Usage) -> None:
    """Count a usage in the running sums, without charging for it."""
    tenant.tokens.add(usage.at_ms, usage.input_tokens, usage.output_tokens, usage.messages, usage.sessions)
    tenant.last_used_ms[usage.project] = usage.at_ms


def _meter(tenant: Tenant, meter: Meter) -> None:
    if tenant.exhausted(meter.at_ms):
        return
    tenant.series(meter.kind, meter.slug).add(meter.at_ms, meter.count)
    tenant.touch(meter.at_ms)
    price = tenant.unit_prices[meter.kind, meter.slug]
    charges = tenant.day_charges
    charges[meter.kind] = charges.get(meter.kind, 0) + unit_charge_micros(meter.count, price)


def _settle_day(tenant: Tenant, at_ms: int) -> None:
    charges, tenant.day_charges = tenant.day_charges, {}
    for kind in sorted(charges):
        if charges[kind]:
            entry_type, description = METER_CHARGES[kind]
            tenant.charge(at_ms, entry_type, charges[kind], description)


def _open_month(tenant: Tenant, at_ms: int) -> None:
    """Bill last month's characters and the agreements; collect a postpaid tenant's invoice."""
    high, tenant.month_high = tenant.month_high, 0
    last_month = month(at_ms - DAY_MS)
    if high:
        micros = unit_charge_micros(high, tenant.prices.character_month_nanos)
        tenant.characters_billed_ms = at_ms
        if micros:
            tenant.charge(at_ms, "character_charge", micros, f"{high} active characters in {last_month}")
    _bill_agreements(tenant, at_ms)
    left = _left_unpaid(tenant, at_ms)
    paid = tenant.ledger.outstanding_micros - left
    if paid > 0:
        tenant.ledger.outstanding_micros = left
        text = f"Invoice {last_month} paid in part" if left else f"Invoice {last_month} paid"
        tenant.credit(at_ms, "adjustment", 0, text, usd_micros=paid)


def _left_unpaid(tenant: Tenant, at_ms: int) -> int:
    """What a postpaid tenant still owes after it has paid its invoice."""
    opening_balance, owed = tenant.config.opening_balance, tenant.ledger.outstanding_micros
    if not opening_balance.unpaid_from_ms <= at_ms <= tenant.config.as_of_ms:
        return 0
    return min(owed, opening_balance.unpaid_rest_micros) if at_ms == opening_balance.unpaid_from_ms else owed


def _bill_agreements(tenant: Tenant, at_ms: int) -> None:
    billed = tenant.agreements_billed_ms
    for terms in tenant.config.agreements:
        last_ms = billed.get(terms.charge_id)
        if terms.created_ms >= at_ms or tenant.exhausted(at_ms):
            continue
        wait = _AGREEMENT_MONTHS[terms.charge_type]
        if last_ms is None or (wait and at_ms >= add_months(last_ms, wait)):
            billed[terms.charge_id] = at_ms
            tenant.charge(at_ms, "service_charge", terms.amount_micros, terms.description)


def _due_ms(tenant: Tenant) -> int:
    """When the next webhook arrives, or the contract does something."""
    contract_ms = _contract_ms(tenant)
    return min(contract_ms, tenant.webhooks[0][0]) if tenant.webhooks else contract_ms


def _due_step(tenant: Tenant, at_ms: int) -> None:
    if tenant.webhooks and tenant.webhooks[0][0] <= at_ms:
        settle_checkout(tenant, tenant.webhooks.pop(0)[1], at_ms)
    else:
        _contract_step(tenant, at_ms)


def _close(tenant: Tenant, at_ms: int) -> None:
    """What the tenant's course has in excess expires, or is paid on account."""
    micros, tenant.closing_ms = tenant.config.opening_balance.closing_micros, NEVER_MS
    if tenant.config.mode == "prepaid":
        tenant.credit(at_ms, "expiry", -micros, "Unused credit expired")
    else:
        tenant.ledger.outstanding_micros -= micros
        tenant.credit(at_ms, "adjustment", 0, "Payment on account", usd_micros=micros)


def settle_checkout(tenant: Tenant, session_id: str, at_ms: int) -> None:
    """A webhook arrived: what was paid for takes effect, once however often it comes."""
    checkout = tenant.checkouts[session_id]
    if checkout.settled:
        return
    checkout.settled = True
    if checkout.purpose == "top_up":
        micros = checkout.amount_cents * MICROS_PER_CENT
        tenant.credit(at_ms, "top_up", micros, "Credit top-up", created_by=tenant.admin())
    elif tenant.contract is not None and tenant.contract.session_id == session_id:
        activate_contract(tenant, at_ms)


def _contract_ms(tenant: Tenant) -> int:
    if tenant.contract_from_ms is not None:
        return tenant.contract_from_ms
    contract = tenant.contract
    if contract is None:
        return NEVER_MS
    if contract.status == "pending_payment" and _is_own(tenant, contract) and _was_paid(tenant):
        return contract.start_ms
    due_ms = contract.next_ms()
    if due_ms is None:
        return NEVER_MS
    cancel_ms = tenant.cancel_ms() if _is_own(tenant, contract) else None
    return due_ms if cancel_ms is None else min(due_ms, cancel_ms)


def _is_own(tenant: Tenant, contract: Contract) -> bool:
    return contract.terms is tenant.config.contract


def _was_paid(tenant: Tenant) -> bool:
    return tenant.config.contract is not None and tenant.config.contract.status in (
        "active",
        "expired",
        "cancelled",
    )


def _contract_step(tenant: Tenant, at_ms: int) -> None:
    """Let the contract do what is due at the instant."""
    if tenant.contract_from_ms is not None:
        tenant.open_contract(at_ms)
        return
    contract = tenant.contract
    assert contract is not None
    if contract.status == "pending_payment":
        session = tenant.checkouts[contract.session_id or ""]
        session.completed = session.settled = True
        activate_contract(tenant, at_ms)
        return
    cancel_ms = tenant.cancel_ms() if _is_own(tenant, contract) else None
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
                pay_installment(tenant, index, at_ms)
                break
    tenant.touch(at_ms)


def activate_contract(tenant: Tenant, at_ms: int) -> None:
    """The first payment arrived: the contract runs, and its bonus is granted."""
    contract = tenant.contract
    assert contract is not None
    tenant.contract = contracts.activated(contract, at_ms)
    for index in contract.due_first():
        if index not in contract.withheld:
            pay_installment(tenant, index, at_ms)
    terms = contract.terms
    if terms.bonus_micros and terms.bonus_paid:
        tenant.contract = contracts.bonus_granted(tenant.contract, at_ms)
        tenant.credit(at_ms, "bonus_credit", terms.bonus_micros, "Contract bonus credit", usd_micros=0)


def pay_installment(tenant: Tenant, index: int, at_ms: int) -> None:
    """Mark an installment paid and post its credits."""
    contract = tenant.contract
    assert contract is not None
    row = contract.schedule[index]
    tenant.contract = contracts.paid(contract, index, at_ms)
    label = "Contract set-up" if row.one_time else "Contract installment"
    tenant.credit(
        at_ms,
        "contract_credit",
        row.credit_micros,
        f"{label} {row.period}",
        usd_micros=row.amount_micros,
        created_by=contract.terms.created_by,
    )
