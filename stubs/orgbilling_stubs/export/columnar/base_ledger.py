"""The ledger entries that do not depend on usage, posted by the scheduler itself.

A ledger has thousands of usage entries and some dozens of others: contract installments, service agreements,
character charges, invoices. Their rules are many and live in the scheduler. So the scheduler is run on a
tenant without usage, meters and automatic top-ups. It stops only at the openings of months, and skips the
days in between, which are empty. `ledger_columns` merges the entries of both.

Two things still depend on usage and are given to the run:

- the most active characters of each month, which the opening charges: they become the activity of the month's
  last day, because the opening bills the maximum of the month;
- what usage adds to a postpaid tenant's bill up to each opening, because the opening posts the payment of the
  bill.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from orgbilling_stubs.billing import scheduler
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.state import new_tenant
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import Meter, TenantConfig, Usage, UsageDay


class _DayWithoutUsage(NamedTuple):
    """A day with nothing but its active characters."""

    usage: Sequence[Usage]
    meters: Sequence[Meter]
    characters: int


class _CharacterPeaks:
    """Activity that has, on the last day of a month, the most characters of the whole month."""

    def __init__(self, peaks: Mapping[int, int]) -> None:
        self._peaks = peaks

    def day(self, day: int) -> UsageDay:
        return _DayWithoutUsage((), (), self._peaks.get(day, 0))


def base_tenant(
    config: TenantConfig,
    openings_ms: Sequence[int],
    peaks: Sequence[int],
    usage_charges_micros: Callable[[int, int], int],
) -> Tenant:
    """The tenant at its as-of instant, with the entries that do not depend on usage.

    openings_ms: the openings of months; peaks: the most characters that each of them bills;
    usage_charges_micros: what the usage after one instant and up to another adds to a postpaid tenant's bill.
    """
    first_day = config.start_ms // DAY_MS
    last_days = [at_ms // DAY_MS - 1 for at_ms in openings_ms]
    activity = _CharacterPeaks(dict(zip(last_days, peaks, strict=True)))
    tenant = new_tenant(
        replace(config, activity=activity, top_up=None, stop_when_exhausted=False, postpaid_limit_micros=0)
    )
    done_ms = tenant.now_ms
    for at_ms in [*openings_ms, config.as_of_ms]:
        tenant.ledger.outstanding_micros += usage_charges_micros(done_ms, at_ms)
        day = at_ms // DAY_MS
        # From the day before an opening, which has the characters. Nothing is wanted after the last day.
        scheduler.skip_to_day(tenant, max(first_day, day - 1) if at_ms in openings_ms else day + 1)
        scheduler.advance(tenant, at_ms)
        done_ms = at_ms
    tenant.config = config
    return tenant
