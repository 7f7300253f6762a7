"""The account statement: how a period leads from its opening balance to its closing balance.

    opening + increases - decreases = closing

An organization has two accounts. Its *credit* grows with what is paid and granted, and falls with what is
charged to it. Its *debt* is what a postpaid organization owes: it grows with charges and falls with payments.
All amounts are exact, in micro-USD.

Example: credit of 10.00 USD, a voucher of 5.00 USD and usage of 0.25 USD. The opening is 10.00, the increases
are 5.00, the decreases 0.25, and the closing is 14.75.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.ledger import LedgerRow
from orgbilling_stubs.billing.tenant import Tenant

DESCRIBED = frozenset({"usage", "event_charge", "service_charge"})
"""Entry types whose description names a service; each service is a line of its own."""


@dataclass(slots=True)
class StatementLine:
    """What the entries of one kind add up to.

    description: of the entries, where their type has several kinds. amount_micros: zero or more.
    """

    entry_type: str
    description: str | None
    amount_micros: int = 0
    entries: int = 0


@dataclass(slots=True)
class StatementDay:
    """One UTC day: what was added and taken away, and what was there at its end.

    day: in days since 1970-01-01.
    """

    day: int
    increase_micros: int = 0
    decrease_micros: int = 0
    closing_micros: int = 0


@dataclass(frozen=True, slots=True)
class Account:
    """The statement of one account. The lines and days are those with entries, but the days are all."""

    opening_micros: int
    closing_micros: int
    increases: Sequence[StatementLine]
    decreases: Sequence[StatementLine]
    days: Sequence[StatementDay]

    @property
    def increase_micros(self) -> int:
        """The sum of all increases."""
        return sum(line.amount_micros for line in self.increases)

    @property
    def decrease_micros(self) -> int:
        """The sum of all decreases."""
        return sum(line.amount_micros for line in self.decreases)


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement of a period: after one instant, up to and including another."""

    after_ms: int
    until_ms: int
    credit: Account
    debt: Account


def statement(tenant: Tenant, days: int) -> Statement:
    """The statement of the last so many days, up to the tenant's instant."""
    after_ms = tenant.now_ms - days * DAY_MS
    ledger = tenant.ledger
    return Statement(
        after_ms,
        tenant.now_ms,
        _account(tenant, after_ms, ledger.balance_after),
        _account(tenant, after_ms, ledger.outstanding_after),
    )


def _account(tenant: Tenant, after_ms: int, level: Callable[[int], int]) -> Account:
    """The statement of an account. level: what is in it after a row."""
    low, high = tenant.ledger.window(after_ms, tenant.now_ms)
    increases: dict[tuple[str, str | None], StatementLine] = {}
    decreases: dict[tuple[str, str | None], StatementLine] = {}
    first_day = after_ms // DAY_MS
    days = [StatementDay(day) for day in range(first_day, tenant.now_ms // DAY_MS + 1)]
    before_micros = opening_micros = level(low - 1)
    for row in tenant.ledger.rows[low:high]:
        after_micros = level(row.number)
        change_micros, before_micros = after_micros - before_micros, after_micros
        if change_micros == 0:
            continue
        line = _line(increases if change_micros > 0 else decreases, row)
        line.amount_micros += abs(change_micros)
        line.entries += 1
        day = days[row.at_ms // DAY_MS - first_day]
        if change_micros > 0:
            day.increase_micros += change_micros
        else:
            day.decrease_micros -= change_micros
    closing_micros = opening_micros
    for day in days:
        closing_micros += day.increase_micros - day.decrease_micros
        day.closing_micros = closing_micros
    return Account(opening_micros, before_micros, _sorted(increases), _sorted(decreases), days)


def _line(lines: dict[tuple[str, str | None], StatementLine], row: LedgerRow) -> StatementLine:
    """The line that a row belongs to."""
    key = row.kind, row.description if row.kind in DESCRIBED else None
    if key not in lines:
        lines[key] = StatementLine(*key)
    return lines[key]


def _sorted(lines: dict[tuple[str, str | None], StatementLine]) -> list[StatementLine]:
    """The largest amount first."""
    return sorted(
        lines.values(), key=lambda line: (-line.amount_micros, line.entry_type, line.description or "")
    )
