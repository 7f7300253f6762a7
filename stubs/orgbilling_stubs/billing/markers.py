"""Markers of an organization's timeline: the instants worth going to, in its past and ahead of it.

What is ahead follows from a simulation: a copy of the tenant is brought forward by the scheduler, and what it
passes is noted. So the markers ahead are exactly what a jump would live through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from orgbilling_stubs.billing import instants, scheduler
from orgbilling_stubs.billing.contract import Contract
from orgbilling_stubs.billing.ledger import Ledger
from orgbilling_stubs.billing.ledger_posting import AUTOMATIC_TOP_UP
from orgbilling_stubs.billing.tenant import Tenant

MONTH_END = "month_end"
INSTALLMENT = "installment"
WEBHOOK = "webhook"
CONTRACT_START = "contract_start"
CONTRACT_END = "contract_end"
CREDIT_EXHAUSTED = "credit_exhausted"
BEGINNING = "beginning"
TOP_UP = "top_up"


class Marker(NamedTuple):
    """An instant, its kind, and a title for people; amount_micros: what is to be paid then, if anything."""

    at_ms: int
    kind: str
    title: str
    amount_micros: int | None = None


def end_of_month(at_ms: int) -> int:
    """The last second of the month of an instant, or of the next month when it is that second already.

    Example: 28 February 2026, 23:59:59 leads to 31 March 2026, 23:59:59.
    """
    day = instants.moment(at_ms + 1_000)
    first_ms = instants.parse(f"{day.year:04d}-{day.month:02d}-01")
    return instants.add_months(first_ms, 1) - 1_000


def month_ends(after_ms: int, until_ms: int) -> Iterator[int]:
    """The last seconds of months after one instant, up to another one."""
    end_ms = end_of_month(after_ms)
    while end_ms <= until_ms:
        yield end_ms
        end_ms = end_of_month(end_ms)


def behind(tenant: Tenant) -> list[Marker]:
    """The markers of a tenant's past, from its beginning to its present instant, in time order."""
    markers = [Marker(tenant.created_ms, BEGINNING, "The organization begins")]
    markers += [_month_end(end_ms) for end_ms in month_ends(tenant.created_ms, tenant.now_ms)]
    contract = tenant.contract
    if contract is not None and contract.status not in ("draft", "pending_payment"):
        if contract.start_ms <= tenant.now_ms:
            markers.append(Marker(contract.start_ms, CONTRACT_START, "The contract begins"))
        cancelled = contract.status == "cancelled"
        until_ms = min(tenant.now_ms, contract.updated_ms) if cancelled else tenant.now_ms
        markers += _contract_markers(contract, 0, until_ms)
        if cancelled:
            markers.append(Marker(contract.updated_ms, CONTRACT_END, "The contract is cancelled"))
    exhausted_ms = _exhausted_since(tenant)
    if exhausted_ms is not None:
        markers.append(_exhausted(exhausted_ms))
    return in_time_order(markers)


def look_ahead(tenant: Tenant, until_ms: int) -> list[Marker]:
    """Bring a tenant to an instant, and return the markers that it passes, in time order.

    The tenant is changed, so callers give a copy. It stops at each month's end on the way, because a contract
    that renews itself in between has another schedule afterwards.
    """
    now_ms, first_row = tenant.now_ms, len(tenant.ledger.rows)
    had_credit = tenant.config.mode == "prepaid" and tenant.ledger.balance_micros > 0
    markers = {
        Marker(at_ms, WEBHOOK, "The webhook of a payment arrives")
        for at_ms, _ in tenant.webhooks
        if at_ms <= until_ms
    }
    for stop_ms in chain(month_ends(now_ms, until_ms), [until_ms]):
        before_ms, before = tenant.now_ms, tenant.contract
        scheduler.advance(tenant, stop_ms)
        for contract in (before, tenant.contract):
            if contract is not None and _runs(before, contract):
                markers.update(_contract_markers(contract, before_ms, stop_ms))
    markers.update(_month_end(end_ms) for end_ms in month_ends(now_ms, until_ms))
    top_ups = [
        Marker(row.at_ms, TOP_UP, AUTOMATIC_TOP_UP, row.usd_micros)
        for row in tenant.ledger.rows[first_row:]
        if row.description == AUTOMATIC_TOP_UP
    ]
    exhausted_ms = first_exhausted(tenant.ledger, first_row) if had_credit else None
    if exhausted_ms is not None:
        markers.add(_exhausted(exhausted_ms))
    return in_time_order([*markers, *top_ups])


def in_time_order(markers: Iterable[Marker]) -> list[Marker]:
    """Markers by their instants; those of one instant by kind and title."""
    return sorted(markers, key=itemgetter(0, 1, 2))


def first_exhausted(ledger: Ledger, first_row: int) -> int | None:
    """When the balance first is zero or less, from a row of the ledger on; None when it never is."""
    for row in ledger.rows[first_row:]:
        if ledger.balance_at(row.at_ms) <= 0:
            return row.at_ms
    return None


def _runs(before: Contract | None, contract: Contract) -> bool:
    """Whether a contract pays installments, or did at the beginning of the step."""
    return contract.status == "active" or (before is not None and before.status == "active")


def _contract_markers(contract: Contract, after_ms: int, until_ms: int) -> Iterator[Marker]:
    """The installments of a contract and its end, as far as they are after one instant and up to another."""
    for row in contract.schedule:
        if after_ms < row.due_ms <= until_ms:
            title = "The set-up of the contract" if row.one_time else f"Installment {row.period}"
            yield Marker(row.due_ms, INSTALLMENT, f"{title} is due", row.amount_micros)
    if after_ms < contract.end_ms <= until_ms:
        title = "The contract ends and renews itself" if contract.terms.auto_renew else "The contract ends"
        yield Marker(contract.end_ms, CONTRACT_END, title)


def _month_end(at_ms: int) -> Marker:
    return Marker(at_ms, MONTH_END, f"End of {instants.moment(at_ms):%B %Y}")


def _exhausted(at_ms: int) -> Marker:
    return Marker(at_ms, CREDIT_EXHAUSTED, "The credit is exhausted")


def _exhausted_since(tenant: Tenant) -> int | None:
    """Since when a prepaid tenant has had no credit; None when it has some, or never had any."""
    ledger = tenant.ledger
    if tenant.config.mode != "prepaid" or ledger.balance_micros > 0:
        return None
    since_ms = None
    for row in reversed(ledger.rows):
        if ledger.balance_at(row.at_ms) > 0:
            return since_ms
        since_ms = row.at_ms
    return None
