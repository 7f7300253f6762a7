"""How a tenant comes to stand, at its clock, exactly where its persona says.

Usage is what it is. What moves is on the side of the money: credits brought along from before, so that
usage and automatic top-ups lead to the balance; of a postpaid tenant, the newest invoices that were not paid.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple

from orgbilling_stubs.billing import scheduler
from orgbilling_stubs.billing.instants import HOUR_MS
from orgbilling_stubs.billing.ledger import LedgerRow
from orgbilling_stubs.billing.money import MICROS_PER_USD
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import NO_OPENING_BALANCE, OpeningBalance, TenantConfig

CHARGES = ("usage", "event_charge", "service_charge", "character_charge")
_PAID_AFTER_MS = 2 * HOUR_MS
"""A payment on account comes so long after what it pays for."""


class BalanceExtremes(NamedTuple):
    """The balance of a history without top-ups that nothing stops, in micro-USD.

    first: before the first charge; low: the lowest after a charge before the clock; floor: the lowest after
    any charge (both None without charges); final: at the clock.
    """

    first: int
    low: int | None
    floor: int | None
    final: int


def is_unsolved(config: TenantConfig) -> bool:
    """Whether a plan has somewhere to be at its clock, and does not know yet how."""
    target = config.balance_target_micros if config.mode == "prepaid" else config.outstanding_target_micros
    return target is not None and config.opening_balance == NO_OPENING_BALANCE


def solved(config: TenantConfig) -> TenantConfig:
    """The plan with the course that leads to its target; costs about as much as the history itself."""
    if not is_unsolved(config):
        return config
    if config.mode == "postpaid":
        return replace(config, opening_balance=_paying(config))
    if may_exhaust_credit(config) and _grown(config).ledger.balance_micros == config.balance_target_micros:
        return config
    return replace(config, opening_balance=solve_prepaid(config, _path(config)))


def may_exhaust_credit(config: TenantConfig) -> bool:
    """Whether usage that stops when nothing is left may lead to the target by itself."""
    return config.balance_target_micros == 0 and config.stop_when_exhausted and config.top_up is None


def _grown(config: TenantConfig) -> Tenant:
    tenant = Tenant(config)
    scheduler.post_opening_entries(tenant)
    scheduler.advance(tenant, config.as_of_ms)
    return tenant


def _path(config: TenantConfig) -> BalanceExtremes:
    rows = _grown(replace(config, stop_when_exhausted=False, top_up=None)).ledger.rows
    balances = [*accumulate((row.credits_micros for row in rows), initial=0)]
    charged = [place for place, row in enumerate(rows, start=1) if row.kind in CHARGES]
    early = [balances[place] for place in charged if rows[place - 1].at_ms < config.as_of_ms]
    return BalanceExtremes(
        balances[charged[0] - 1] if charged else balances[-1],
        min(early, default=None),
        min((balances[place] for place in charged), default=None),
        balances[-1],
    )


def solve_prepaid(config: TenantConfig, path: BalanceExtremes) -> OpeningBalance:
    """The course of a prepaid plan."""
    assert config.balance_target_micros is not None
    missing = config.balance_target_micros - path.final
    if config.top_up is not None:
        opening, excess = _topping_up(config, path, missing)
    elif config.stop_when_exhausted:
        opening = _lasting(path, missing)
        excess = opening - missing
    else:
        opening, excess = missing, 0
    if not excess:
        return OpeningBalance(opening_micros=opening)
    return OpeningBalance(opening_micros=opening, closing_ms=config.as_of_ms, closing_micros=excess)


def _topping_up(config: TenantConfig, path: BalanceExtremes, missing: int) -> tuple[int, int]:
    """What to begin with so that automatic top-ups fill in the rest, and what is over then."""
    rule = config.top_up
    assert rule is not None
    opening = missing % rule.amount_micros
    lacking = 0 if path.low is None else rule.below_micros - path.low - opening
    times = max(0, -(-lacking // rule.amount_micros))
    over = opening + times * rule.amount_micros - missing
    return (missing, 0) if over < 0 else (opening, over)


def _lasting(path: BalanceExtremes, missing: int) -> int:
    """What to begin with so that credit lasts to the clock, where nobody tops up."""
    if path.floor is None:
        return max(0, missing)
    opening = max(0, missing, 1 - path.first)
    left = path.floor + opening
    return opening if left > 0 or left == path.final + opening == 0 else MICROS_PER_USD - path.floor


def _paying(config: TenantConfig) -> OpeningBalance:
    ledger = _grown(config).ledger
    invoices = paid_invoices(ledger.rows)
    after_ms = invoices[-1][0] if invoices else config.start_ms - 1
    place = bisect_right([row.at_ms for row in ledger.rows], after_ms)
    late = [row for row in ledger.rows[place:] if row.kind in CHARGES]
    times = [row.at_ms for row in late]
    sums = [*accumulate((-row.usd_micros for row in late), initial=0)]
    return solve_postpaid(
        config, invoices, ledger.outstanding_micros, lambda at_ms: sums[bisect_right(times, at_ms)]
    )


def paid_invoices(rows: Sequence[LedgerRow]) -> list[tuple[int, int]]:
    """When a postpaid tenant's invoices were paid, and of how much they were."""
    return [(row.at_ms, row.usd_micros) for row in rows if row.kind == "adjustment"]


def solve_postpaid(
    config: TenantConfig, invoices: Sequence[tuple[int, int]], owed_micros: int, owed_at: Callable[[int], int]
) -> OpeningBalance:
    """The course of a postpaid plan that would have paid every invoice.

    owed_at: what had come together since the last invoice at an instant.
    """
    assert config.outstanding_target_micros is not None
    missing = config.outstanding_target_micros - owed_micros
    if missing < 0:
        after_ms = invoices[-1][0] if invoices else config.start_ms
        moments = range(after_ms, config.as_of_ms)
        at_ms = after_ms + bisect_left(moments, -missing, key=owed_at) + _PAID_AFTER_MS
        return OpeningBalance(closing_ms=min(at_ms, config.as_of_ms), closing_micros=-missing)
    for at_ms, micros in reversed(invoices):
        if missing <= micros:
            return (
                OpeningBalance(unpaid_from_ms=at_ms, unpaid_rest_micros=missing)
                if missing
                else NO_OPENING_BALANCE
            )
        missing -= micros
    return OpeningBalance(opening_micros=missing, unpaid_from_ms=0) if missing else NO_OPENING_BALANCE
