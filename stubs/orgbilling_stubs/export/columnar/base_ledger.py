"""The ledger entries that do not depend on usage, posted by the scheduler itself.

A ledger has thousands of usage entries and some dozens of others: contract installments, service agreements,
character charges, invoices. Their rules are many and live in the scheduler. So the scheduler is run on a
tenant without usage, meters and automatic top-ups. It stops only where something is due by itself and at the
openings of months, and skips the days in between, which are empty. `ledger_columns` merges the entries of
both.

Two things still depend on usage and are given to the run:

- the most active characters of each month, which the opening charges: they become the activity of the
  month's last day, because the opening bills the maximum of the month;
- what usage adds to a postpaid tenant's bill: up to each stop, because a payment of the bill may be due
  there, and up to each charge that would lead above the limit, because the tenant pays before such a charge.

Example of the second, with a limit of 100 and charges of 40, 50, 30, 60 up to the next stop. The running sums
are 40, 90, 120, 180: the third is the first above 100, so 90 are paid before it. From there on they are 30
and 90: at the stop, the tenant owes 90.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

from orgbilling_stubs.billing import scheduler
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.ledger import LedgerRow
from orgbilling_stubs.billing.ledger_posting import keep_to_limit
from orgbilling_stubs.billing.state import new_tenant
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import Meter, TenantConfig, Usage, UsageDay
from orgbilling_stubs.export.errors import require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
else:
    np = require("numpy")


class Turn(IntEnum):
    """The order of entries at the same instant, as the scheduler runs what is due."""

    DUE = 0
    USAGE = 1
    MONTH = 2
    EVENING = 3
    CLOSING = 4
    END = 5


class MeteredCharges:
    """The charges of usage, events and services of an organization, in order, by running sums.

    With charges 5, 7, 4 the running sums are 0, 5, 12, 16; the second and third together are 16 - 5 = 11.
    """

    def __init__(self, at_ms: Integers, turns: Integers, micros: Integers) -> None:
        places = at_ms * len(Turn) + turns
        order = np.argsort(places, kind="stable")
        self._places = places[order]
        self._micros = micros[order]
        self._sums = np.concatenate([[0], np.cumsum(self._micros)])
        self.numbers = np.empty_like(order)
        """The number in this order of each charge that was given."""
        self.numbers[order] = np.arange(len(order))

    def count_before(self, at_ms: int, turn: Turn) -> int:
        """How many charges come before what has this turn at an instant."""
        return int(np.searchsorted(self._places, at_ms * len(Turn) + turn))

    def sum(self, low: int, high: int) -> int:
        """Micro-USD of the charges with the numbers from `low` up to but not including `high`."""
        return int(self._sums[high] - self._sums[low])

    def first_above(self, low: int, high: int, micros: int) -> int:
        """The number of the first charge from `low` on with which they are more than this; else `high`."""
        first = int(np.searchsorted(self._sums, self._sums[low] + micros, side="right")) - 1
        return min(max(first, low), high)

    def charge(self, number: int) -> tuple[int, Turn, int]:
        """Instant, turn and micro-USD of a charge."""
        at_ms, turn = divmod(int(self._places[number]), len(Turn))
        return at_ms, Turn(turn), int(self._micros[number])


class BaseLedger(NamedTuple):
    """The tenant at its as-of instant, with the entries that do not depend on usage.

    paid_before: the number of the charge before which an entry was paid on account, by the entry's number.
    """

    tenant: Tenant
    paid_before: Mapping[int, int]

    @property
    def rows(self) -> Sequence[LedgerRow]:
        """The entries."""
        return self.tenant.ledger.rows


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


class _Bill:
    """Adds the charges of usage to the bill of a postpaid tenant, up to one stop after another."""

    def __init__(self, tenant: Tenant, charges: MeteredCharges) -> None:
        self._tenant = tenant
        self._charges = charges
        self._done = 0
        self.paid_before: dict[int, int] = {}

    def add(self, at_ms: int, turn: Turn) -> None:
        """Add what comes before this turn of an instant, with the payments that keep to the limit."""
        ledger, charges, until = self._tenant.ledger, self._charges, self._charges.count_before(at_ms, turn)
        while self._done < until:
            number = self._next_payment(until)
            ledger.outstanding_micros += charges.sum(self._done, number)
            self._done = number
            if number < until:
                charged_ms, _, micros = charges.charge(number)
                row = len(ledger.rows)
                keep_to_limit(self._tenant, charged_ms, micros)
                if len(ledger.rows) > row:
                    self.paid_before[row] = number
                ledger.outstanding_micros += micros
                self._done = number + 1

    def _next_payment(self, until: int) -> int:
        """The number of the first charge that would lead above the limit; `until` when there is none."""
        charges, limit_micros = self._charges, self._tenant.config.postpaid_limit_micros
        if not limit_micros:
            return until
        left_micros = limit_micros - self._tenant.ledger.outstanding_micros
        number = charges.first_above(self._done, until, left_micros)
        if number < until and self._tenant.debt_limit_micros(charges.charge(number)[0]) is None:
            return until  # nothing is paid from there to the end of the history
        return number


def base_ledger(
    config: TenantConfig, openings_ms: Sequence[int], peaks: Sequence[int], charges: MeteredCharges
) -> BaseLedger:
    """The entries that do not depend on usage.

    openings_ms: the openings of months; peaks: the most characters that each of them bills; charges: those of
    usage, events and services.
    """
    first_day = config.start_ms // DAY_MS
    last_days = [at_ms // DAY_MS - 1 for at_ms in openings_ms]
    activity = _CharacterPeaks(dict(zip(last_days, peaks, strict=True)))
    tenant = new_tenant(replace(config, activity=activity, top_up=None, stop_when_exhausted=False))
    bill = _Bill(tenant, charges)
    is_postpaid = config.mode == "postpaid"  # usage adds nothing to the bill of who pays beforehand
    for at_ms in [*openings_ms, config.as_of_ms]:
        is_opening = at_ms in openings_ms
        if is_postpaid:
            # What is due at the instant of an opening runs with it.
            while (stop := _next_stop(tenant)) < (at_ms, Turn.DUE if is_opening else Turn.END):
                bill.add(*stop)
                scheduler.skip_to_day(tenant, stop[0] // DAY_MS + 1)
                scheduler.advance(tenant, stop[0])
            bill.add(at_ms, Turn.MONTH if is_opening else Turn.END)
        day = at_ms // DAY_MS
        # From the day before an opening, which has the characters. Nothing is wanted after the last day.
        scheduler.skip_to_day(tenant, max(first_day, day - 1) if is_opening else day + 1)
        scheduler.advance(tenant, at_ms)
    tenant.config = config
    return BaseLedger(tenant, bill.paid_before)


def _next_stop(tenant: Tenant) -> tuple[int, Turn]:
    """When something is due next by the state of the tenant, or its closing entry is."""
    return min((scheduler.due_by_state_ms(tenant), Turn.DUE), (tenant.closing_ms, Turn.CLOSING))
