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
from orgbilling_stubs.billing.ledger import Row
from orgbilling_stubs.billing.money import MICROS_PER_USD
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import STRAIGHT, Course, Plan

CHARGES = ("usage", "event_charge", "service_charge", "character_charge")
_PAID_AFTER_MS = 2 * HOUR_MS
"""A payment on account comes so long after what it pays for."""


class Path(NamedTuple):
    """The balance of a history without top-ups that nothing stops, in micro-USD.

    first: before the first charge; low: the lowest after a charge before the clock; floor: the lowest after
    any charge (both None without charges); final: at the clock.
    """

    first: int
    low: int | None
    floor: int | None
    final: int


def aims(plan: Plan) -> bool:
    """Whether a plan has somewhere to be at its clock, and does not know yet how."""
    target = plan.balance_target_micros if plan.mode == "prepaid" else plan.outstanding_target_micros
    return target is not None and plan.course == STRAIGHT


def aimed(plan: Plan) -> Plan:
    """The plan with the course that leads to its target; costs about as much as the history itself."""
    if not aims(plan):
        return plan
    if plan.mode == "postpaid":
        return replace(plan, course=_paying(plan))
    if may_run_dry(plan) and _grown(plan).ledger.balance_micros == plan.balance_target_micros:
        return plan
    return replace(plan, course=crediting(plan, _path(plan)))


def may_run_dry(plan: Plan) -> bool:
    """Whether usage that stops when nothing is left may lead to the target by itself."""
    return plan.balance_target_micros == 0 and plan.stop_when_exhausted and plan.top_up is None


def _grown(plan: Plan) -> Tenant:
    tenant = Tenant(plan)
    scheduler.start(tenant)
    scheduler.advance(tenant, plan.as_of_ms)
    return tenant


def _path(plan: Plan) -> Path:
    rows = _grown(replace(plan, stop_when_exhausted=False, top_up=None)).ledger.rows
    balances = [*accumulate((row.credits_micros for row in rows), initial=0)]
    charged = [place for place, row in enumerate(rows, start=1) if row.kind in CHARGES]
    early = [balances[place] for place in charged if rows[place - 1].at_ms < plan.as_of_ms]
    return Path(
        balances[charged[0] - 1] if charged else balances[-1],
        min(early, default=None),
        min((balances[place] for place in charged), default=None),
        balances[-1],
    )


def crediting(plan: Plan, path: Path) -> Course:
    """The course of a prepaid plan."""
    assert plan.balance_target_micros is not None
    missing = plan.balance_target_micros - path.final
    if plan.top_up is not None:
        opening, excess = _topping_up(plan, path, missing)
    elif plan.stop_when_exhausted:
        opening = _lasting(path, missing)
        excess = opening - missing
    else:
        opening, excess = missing, 0
    if not excess:
        return Course(opening_micros=opening)
    return Course(opening_micros=opening, closing_ms=plan.as_of_ms, closing_micros=excess)


def _topping_up(plan: Plan, path: Path, missing: int) -> tuple[int, int]:
    """What to begin with so that automatic top-ups fill in the rest, and what is over then."""
    rule = plan.top_up
    assert rule is not None
    opening = missing % rule.amount_micros
    lacking = 0 if path.low is None else rule.below_micros - path.low - opening
    times = max(0, -(-lacking // rule.amount_micros))
    over = opening + times * rule.amount_micros - missing
    return (missing, 0) if over < 0 else (opening, over)


def _lasting(path: Path, missing: int) -> int:
    """What to begin with so that credit lasts to the clock, where nobody tops up."""
    if path.floor is None:
        return max(0, missing)
    opening = max(0, missing, 1 - path.first)
    left = path.floor + opening
    return opening if left > 0 or left == path.final + opening == 0 else MICROS_PER_USD - path.floor


def _paying(plan: Plan) -> Course:
    ledger = _grown(plan).ledger
    invoices = invoiced(ledger.rows)
    after_ms = invoices[-1][0] if invoices else plan.start_ms - 1
    place = bisect_right([row.at_ms for row in ledger.rows], after_ms)
    late = [row for row in ledger.rows[place:] if row.kind in CHARGES]
    times = [row.at_ms for row in late]
    sums = [*accumulate((-row.usd_micros for row in late), initial=0)]
    return paying(plan, invoices, ledger.outstanding_micros, lambda at_ms: sums[bisect_right(times, at_ms)])


def invoiced(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """When a postpaid tenant's invoices were paid, and of how much they were."""
    return [(row.at_ms, row.usd_micros) for row in rows if row.kind == "adjustment"]


def paying(
    plan: Plan, invoices: Sequence[tuple[int, int]], owed_micros: int, owed_at: Callable[[int], int]
) -> Course:
    """The course of a postpaid plan that would have paid every invoice.

    owed_at: what had come together since the last invoice at an instant.
    """
    assert plan.outstanding_target_micros is not None
    missing = plan.outstanding_target_micros - owed_micros
    if missing < 0:
        after_ms = invoices[-1][0] if invoices else plan.start_ms
        moments = range(after_ms, plan.as_of_ms)
        at_ms = after_ms + bisect_left(moments, -missing, key=owed_at) + _PAID_AFTER_MS
        return Course(closing_ms=min(at_ms, plan.as_of_ms), closing_micros=-missing)
    for at_ms, micros in reversed(invoices):
        if missing <= micros:
            return Course(unpaid_from_ms=at_ms, left_micros=missing) if missing else STRAIGHT
        missing -= micros
    return Course(opening_micros=missing, unpaid_from_ms=0) if missing else STRAIGHT
