"""What time brings by itself: usage, charges, installments, renewals, expiry, webhooks.

`advance` brings a tenant to an instant by running what is due, in order. The result does not depend on the
steps: a year in one step posts the same ledger rows as 365 steps of a day. Three sources say what is due:

1. **The day's items.** The usage model gives the usage and meter readings of a UTC day. Three items of the
   scheduler's own join them: the count of active characters at 00:05, the opening of the month at 00:05 of
   its first day, and the settlement of meters at 23:55 (`billing.billing_days`).
2. **What is due by the state.** The next credit that the configuration dates (free credit, what is brought
   along, redeemed vouchers), the first webhook on its way, the payment of the last month's invoice, and the
   next step of the contract: its appearance, first payment, next installment, cancellation or end. A step can
   make another one due at the same instant (a renewal makes an installment due), so each runs alone and the
   due time is asked again.
3. **The closing entry** of the opening balance, once.

At one instant they run in this order: dated credits, webhooks, payments of months, the contract, the day's
items, the closing entry. Webhooks and installments come first because they bring credits, which the charges
of that instant may need. The closing entry comes last because it corrects what everything else adds up to.
Among the items of one instant the order is usage, meters, month, characters, settlement: a month is billed
before the characters of its first day are counted, for they belong to the next bill.

Example. On 1 March at 00:05 an installment is due. The steps are: the installment is paid (source 2), the
month opens and bills February's characters, then 1 March's characters are counted (source 1). The reading of
a meter at 23:57 on that day waits for the settlement at 23:55 on 2 March.

Most calls ask for an instant at which nothing is due. `quiet_until_ms` remembers when the next thing is due,
so that such a call costs one comparison. An event that changes the contract, or which webhook comes first,
resets it (`billing.state`), because it may make something due; no event changes when the rest is due.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter

from orgbilling_stubs.billing import checkout_settlement, contract_lifecycle, periodic_charges
from orgbilling_stubs.billing.billing_days import MONTH_OPENS_MS, SETTLEMENT_MS
from orgbilling_stubs.billing.instants import DAY_MS, is_first_of_month
from orgbilling_stubs.billing.ledger_posting import post_closing_entry, post_dated_credit
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import NEVER_MS, Meter, Usage

_USAGE, _METER, _MONTH, _CHARACTERS, _SETTLEMENT = range(5)
# The kinds of items, in the order in which they run at one instant.

Item = tuple[int, int, Usage | Meter | int | None]
"""An instant, a kind, and what it is about: a usage, a meter reading, a number of characters, or nothing."""


def advance(tenant: Tenant, until_ms: int) -> None:
    """Bring the tenant to an instant; an instant in its past changes nothing."""
    if until_ms <= tenant.now_ms:
        return
    if until_ms < tenant.quiet_until_ms:
        tenant.now_ms = until_ms
        return
    _run_due_items(tenant, until_ms)
    tenant.now_ms = until_ms
    tenant.quiet_until_ms = next_due_ms(tenant)


def next_due_ms(tenant: Tenant) -> int:
    """When the next thing is due (it may turn out to post nothing)."""
    item_ms = _next_item(tenant)[0]
    return min(item_ms, due_by_state_ms(tenant), tenant.closing_ms)


def skip_to_day(tenant: Tenant, day: int) -> None:
    """Leave out the items of all days before one (in days since 1970-01-01 UTC)."""
    tenant.cursor_day, tenant.cursor_index = day, 0
    tenant.cursor_items, tenant.cursor_loaded = (), False
    tenant.quiet_until_ms = tenant.now_ms


def _run_due_items(tenant: Tenant, until_ms: int) -> None:
    """Run what is due up to an instant, in the order that the top of this module gives."""
    while True:
        state_ms, item_ms, closing_ms = due_by_state_ms(tenant), _next_item(tenant)[0], tenant.closing_ms
        first_ms = min(state_ms, item_ms, closing_ms)
        if first_ms > until_ms:
            return
        if state_ms == first_ms:
            _run_due_by_state(tenant, state_ms)
        elif item_ms == first_ms:
            # All items that come before anything else, for speed: what an item makes due is days later.
            _run_items(tenant, min(until_ms, state_ms - 1, closing_ms))
        else:
            post_closing_entry(tenant, closing_ms)


def _run_items(tenant: Tenant, last_ms: int) -> None:
    """Run the items up to an instant, those at the instant too, but none of the next day."""
    items, index = tenant.cursor_items, tenant.cursor_index
    while index < len(items) and items[index][0] <= last_ms:
        tenant.cursor_index = index + 1
        _run_item(tenant, items[index])
        index += 1


def _next_item(tenant: Tenant) -> Item:
    """The first item that has not run; loads the days on the way to it."""
    while tenant.cursor_index >= len(tenant.cursor_items):
        if tenant.cursor_loaded:
            tenant.cursor_day += 1
        tenant.cursor_items = _items_of_day(tenant, tenant.cursor_day)
        tenant.cursor_index = 0
        tenant.cursor_loaded = True
    return tenant.cursor_items[tenant.cursor_index]


def _items_of_day(tenant: Tenant, day: int) -> Sequence[Item]:
    """What happens on a day, in time order; never empty."""
    activity = tenant.config.activity.day(day)
    midnight_ms = day * DAY_MS
    items: list[Item] = [(usage.at_ms, _USAGE, usage) for usage in activity.usage]
    items += [(meter.at_ms, _METER, meter) for meter in activity.meters]
    items.append((midnight_ms + MONTH_OPENS_MS, _CHARACTERS, activity.characters))
    if is_first_of_month(day):
        items.append((midnight_ms + MONTH_OPENS_MS, _MONTH, None))
    items.append((midnight_ms + SETTLEMENT_MS, _SETTLEMENT, None))
    items.sort(key=itemgetter(0, 1))
    return items


def _run_item(tenant: Tenant, item: Item) -> None:
    at_ms, kind, subject = item
    if kind == _USAGE:
        periodic_charges.charge_usage(tenant, subject)  # type: ignore[arg-type]
    elif kind == _METER:
        periodic_charges.read_meter(tenant, subject)  # type: ignore[arg-type]
    elif kind == _CHARACTERS:
        assert isinstance(subject, int)
        periodic_charges.count_characters(tenant, at_ms, subject)
    elif kind == _MONTH:
        periodic_charges.open_month(tenant, at_ms)
    else:
        periodic_charges.settle_day(tenant, at_ms)


def due_by_state_ms(tenant: Tenant) -> int:
    """When the next dated credit, webhook or payment of a month comes, or the contract does something."""
    due_ms = min(_contract_due_ms(tenant), tenant.month_payment_ms)
    if tenant.webhooks:
        due_ms = min(due_ms, tenant.webhooks[0][0])
    return min(due_ms, tenant.dated_credits[0].at_ms) if tenant.dated_credits else due_ms


def _run_due_by_state(tenant: Tenant, at_ms: int) -> None:
    if tenant.dated_credits and tenant.dated_credits[0].at_ms <= at_ms:
        post_dated_credit(tenant)
    elif tenant.webhooks and tenant.webhooks[0][0] <= at_ms:
        checkout_settlement.settle_due_webhook(tenant, at_ms)
    elif tenant.month_payment_ms <= at_ms:
        periodic_charges.pay_month(tenant, at_ms)
    elif tenant.contract_from_ms is not None:
        contract_lifecycle.show_own_contract(tenant, at_ms)
    else:
        contract_lifecycle.run_contract(tenant, at_ms)


def _contract_due_ms(tenant: Tenant) -> int:
    if tenant.contract_from_ms is not None:
        return tenant.contract_from_ms
    contract = tenant.contract
    if contract is None:
        return NEVER_MS
    if contract.status == "pending_payment" and tenant.has_own_contract() and _was_paid(tenant):
        return contract.start_ms
    due_ms = contract.next_ms()
    if due_ms is None:
        return NEVER_MS
    cancel_ms = tenant.contract_cancel_ms()
    # What fell due while the contract was cancelled is paid when it is resumed, not in the past.
    return max(tenant.now_ms, due_ms if cancel_ms is None else min(due_ms, cancel_ms))


def _was_paid(tenant: Tenant) -> bool:
    """Whether the configuration says that its contract was paid for at its start."""
    terms = tenant.config.contract
    return terms is not None and terms.status in ("active", "expired", "cancelled")
