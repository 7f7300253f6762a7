"""What a tenant's ledger has besides usage, meters and automatic top-ups: posted by the engine itself.

The engine is run on a plan without usage, from one opening of a month to the next, so that contracts,
agreements, character charges and invoices are its own rows, at a fraction of the cost of every day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from ..domain import agenda
from ..domain.instant import DAY_MS
from ..domain.ledger import Row
from ..domain.plan import Day, Meter, Plan, Usage
from ..domain.tenant import Tenant


class _Quiet(NamedTuple):
    """A day with nothing but its characters."""

    usage: Sequence[Usage]
    meters: Sequence[Meter]
    characters: int


class _Peaks:
    """Activity that answers, on the first of a month, the most characters since the last one."""

    def __init__(self, peaks: dict[int, int]) -> None:
        self._peaks = peaks

    def day(self, day: int) -> Day:
        return _Quiet((), (), self._peaks.get(day, 0))


def shell(plan: Plan, opened: Sequence[int], peaks: Sequence[int], owed: Callable[[int, int], int]) -> Tenant:
    """The tenant at its clock with the rows that do not depend on usage, and no target met yet.

    opened: the openings of months; peaks: the most characters billed by each; owed: what the usage after
    one instant and up to another adds to a postpaid tenant's bill.
    """
    days = [at_ms // DAY_MS for at_ms in opened]
    tenant = Tenant(
        replace(
            plan,
            activity=_Peaks(dict(zip(days, peaks, strict=True))),
            top_up=None,
            stop_when_exhausted=False,
            balance_target_micros=None,
            outstanding_target_micros=None,
        )
    )
    agenda.start(tenant)
    done_ms = tenant.now_ms
    for at_ms in [*opened, plan.as_of_ms]:
        tenant.ledger.outstanding_micros += owed(done_ms, at_ms)
        _skip_to(tenant, at_ms // DAY_MS if at_ms in opened else at_ms // DAY_MS + 1)
        agenda.advance(tenant, at_ms)
        done_ms = at_ms
    return tenant


def steered(plan: Plan, balance_micros: int, outstanding_micros: int) -> tuple[Sequence[Row], int]:
    """The rows that bring a tenant to its persona's target, and what it owes then."""
    if plan.balance_target_micros is None and plan.outstanding_target_micros is None:
        return (), outstanding_micros
    tenant = Tenant(replace(plan, activity=_Peaks({}), contract=None, agreements=(), free_credit_micros=0))
    tenant.ledger.post(plan.as_of_ms, "adjustment", balance_micros, 0, "Carried forward")
    tenant.ledger.outstanding_micros = outstanding_micros
    tenant.now_ms = plan.as_of_ms - 1
    _skip_to(tenant, plan.as_of_ms // DAY_MS + 1)
    agenda.advance(tenant, plan.as_of_ms)
    return tenant.ledger.rows[1:], tenant.ledger.outstanding_micros


def _skip_to(tenant: Tenant, day: int) -> None:
    tenant.cursor_day, tenant.cursor_index = day, 0
    tenant.cursor_items, tenant.cursor_loaded = (), False
