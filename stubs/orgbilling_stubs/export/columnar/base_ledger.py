"""What a tenant's ledger has besides usage, meters and automatic top-ups: posted by the engine itself.

The engine is run on a plan without usage, from one opening of a month to the next, so that contracts,
agreements, character charges and invoices are its own rows, at a fraction of the cost of every day.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from orgbilling_stubs.billing import scheduler
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.state import new_tenant
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import Meter, TenantConfig, Usage, UsageDay


class _Quiet(NamedTuple):
    """A day with nothing but its characters."""

    usage: Sequence[Usage]
    meters: Sequence[Meter]
    characters: int


class _Peaks:
    """Activity that answers, on the last day of a month, the most characters of the whole month."""

    def __init__(self, peaks: dict[int, int]) -> None:
        self._peaks = peaks

    def day(self, day: int) -> UsageDay:
        return _Quiet((), (), self._peaks.get(day, 0))


def shell(
    plan: TenantConfig, opened: Sequence[int], peaks: Sequence[int], owed: Callable[[int, int], int]
) -> Tenant:
    """The tenant at its clock with the rows that do not depend on usage.

    opened: the openings of months; peaks: the most characters billed by each; owed: what the usage after
    one instant and up to another adds to a postpaid tenant's bill.
    """
    start = plan.start_ms // DAY_MS
    days = [at_ms // DAY_MS for at_ms in opened]
    tenant = new_tenant(
        replace(
            plan,
            activity=_Peaks({day - 1: peak for day, peak in zip(days, peaks, strict=True)}),
            top_up=None,
            stop_when_exhausted=False,
        )
    )
    done_ms = tenant.now_ms
    for at_ms in [*opened, plan.as_of_ms]:
        tenant.ledger.outstanding_micros += owed(done_ms, at_ms)
        day = at_ms // DAY_MS
        scheduler.skip_to_day(tenant, max(start, day - 1) if at_ms in opened else day + 1)
        scheduler.advance(tenant, at_ms)
        done_ms = at_ms
    return tenant
