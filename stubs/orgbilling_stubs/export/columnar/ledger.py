"""The ledger of one organization in columns: charges, automatic top-ups, contract, course.

Only two things in a ledger depend on the balance: automatic top-ups, which are found by bisection in the
running minimum of the balance, and prepaid tenants that stop at zero, which are left to the engine (`book`
answers None). Everything else is sorted and summed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from orgbilling_fixtures.usage.history import UsageHistory

from orgbilling_stubs.billing.billing_days import SETTLEMENT_MS, month_openings
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.ledger import LedgerRow
from orgbilling_stubs.billing.opening_balance import (
    BalanceExtremes,
    is_unsolved,
    may_exhaust_credit,
    paid_invoices,
    solve_postpaid,
    solve_prepaid,
)
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import OpeningBalance, TenantConfig
from orgbilling_stubs.export.columnar.base_ledger import shell
from orgbilling_stubs.export.columnar.usage import Flow, flow
from orgbilling_stubs.export.errors import need

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
else:
    np = need("numpy")

_LIMIT = 1 << 62
_DUE, _USAGE, _MONTH, _SETTLE, _CLOSE = range(5)
USAGE, EVENTS, SERVICES, TOP_UP, OTHER = range(5)
"""Where a row comes from: `place` is the usage's place, nothing, nothing, nothing, or the shell's row."""


class Posted(NamedTuple):
    """Ledger rows in order. `place`: of the usage it bills, or in the engine's own rows."""

    at_ms: Ints
    origin: Ints
    place: Ints
    credits: Ints
    usd: Ints


class Book(NamedTuple):
    """The ledger, and what else the tables need.

    rows: the engine's own rows; opened: when months were, and peaks: the characters that each billed.
    """

    posted: Posted
    rows: Sequence[LedgerRow]
    flow: Flow
    usage_micros: Ints
    meter_micros: Ints
    opened: Sequence[int]
    peaks: Sequence[int]
    tenant: Tenant
    balance_micros: int
    outstanding_micros: int


def book(plan: TenantConfig) -> Book | None:
    """The ledger at the plan's clock; None when only the engine can tell."""
    history = plan.activity
    assert isinstance(history, UsageHistory)
    done = flow(history, plan.as_of_ms)
    usage = _token_micros(plan, done)
    meters = _meter_micros(plan, history, done)
    if usage is None or meters is None:
        return None
    evenings = _evenings(plan, history, done, meters)
    opened = [*month_openings(plan.start_ms, plan.as_of_ms)]
    peaks = _peaks(done, plan.start_ms, opened)
    bills = _Bills(done.used.at_ms, usage, evenings)
    owed = bills.between if plan.mode == "postpaid" else _nothing

    def laid(plan: TenantConfig) -> tuple[Tenant, Posted, Ints]:
        tenant = shell(plan, opened, peaks, owed)
        rows = tenant.ledger.rows
        return tenant, *_merged(plan, rows, {*opened}, done.used.at_ms, usage, evenings)

    tenant, posted, charges = laid(plan)
    if is_unsolved(plan):
        opening_balance = _opening_balance(plan, tenant, posted, charges, bills)
        if opening_balance is None:
            return None
        plan = replace(plan, opening_balance=opening_balance)
        tenant, posted, charges = laid(plan)
    filled = _filled(plan, posted, charges)
    if filled is None:
        return None
    return Book(
        filled,
        tenant.ledger.rows,
        done,
        usage,
        meters,
        opened,
        peaks,
        tenant,
        int(filled.credits.sum()),
        tenant.ledger.outstanding_micros,
    )


def _opening_balance(
    plan: TenantConfig, tenant: Tenant, posted: Posted, charges: Ints, bills: _Bills
) -> OpeningBalance | None:
    """`course.aimed` in columns; None when only the engine can tell."""
    if plan.mode == "postpaid":
        invoices = paid_invoices(tenant.ledger.rows)
        after_ms = invoices[-1][0] if invoices else plan.start_ms - 1
        return solve_postpaid(
            plan, invoices, tenant.ledger.outstanding_micros, lambda at_ms: bills.between(after_ms, at_ms)
        )
    balances = np.cumsum(posted.credits)
    charged = balances[charges]
    early = balances[charges & (posted.at_ms < plan.as_of_ms)]
    floor = int(charged.min()) if len(charged) else None
    if may_exhaust_credit(plan) and (floor is None or floor <= 0):
        return None
    before = int(np.argmax(charges)) if floor is not None else len(balances)
    first = int(posted.credits[:before].sum())
    return solve_prepaid(
        plan,
        BalanceExtremes(
            first,
            int(early.min()) if len(early) else None,
            floor,
            int(balances[-1]) if len(balances) else 0,
        ),
    )


def _merged(
    plan: TenantConfig,
    rows: Sequence[LedgerRow],
    opened: set[int],
    used_ms: Ints,
    usage: Ints,
    evenings: _Evenings,
) -> tuple[Posted, Ints]:
    """All rows but automatic top-ups in the order of the agenda, and which of them are charges."""
    others = np.array([(row.at_ms, row.credits_micros, row.usd_micros) for row in rows], dtype=np.int64)
    other_ms, credits, usd = others.reshape(-1, 3).T
    lines = [_MONTH if row.at_ms in opened else _DUE for row in rows]
    if plan.opening_balance.closing_ms <= plan.as_of_ms:
        lines[bisect_right([row.at_ms for row in rows], plan.opening_balance.closing_ms) - 1] = _CLOSE
    debits = [row.kind in ("character_charge", "service_charge") for row in rows]
    many, nights = len(usage), len(evenings.at_ms)
    at_ms = np.concatenate([other_ms, used_ms, evenings.at_ms])
    line = np.concatenate([np.array(lines, np.int64), np.full(many, _USAGE), np.full(nights, _SETTLE)])
    order = np.lexsort((line, at_ms))
    charged = np.concatenate([usage, evenings.micros])
    drawn = charged if plan.mode == "prepaid" else np.zeros_like(charged)
    posted = Posted(
        at_ms[order],
        np.concatenate([np.full(len(rows), OTHER), np.full(many, USAGE), evenings.origin])[order],
        np.concatenate([np.arange(len(rows)), np.arange(many), np.zeros(nights, np.int64)])[order],
        np.concatenate([credits, -drawn])[order],
        np.concatenate([usd, -charged])[order],
    )
    return posted, np.concatenate([np.array(debits, bool), np.ones(many + nights, bool)])[order]


def _nothing(after_ms: int, until_ms: int) -> int:
    return 0


class _Bills:
    """What usage adds to the bill in a window, by running sums."""

    def __init__(self, used_ms: Ints, usage: Ints, evenings: _Evenings) -> None:
        pairs = ((used_ms, usage), (evenings.at_ms, evenings.micros))
        self._sums = [(at_ms, np.concatenate([[0], np.cumsum(each)])) for at_ms, each in pairs]

    def between(self, after_ms: int, until_ms: int) -> int:
        """Micro-USD of the charges with after < time <= until."""
        total = 0
        for at_ms, sums in self._sums:
            low, high = np.searchsorted(at_ms, [after_ms, until_ms], side="right")
            total += int(sums[high] - sums[low])
        return total


def half_even(numerator: Ints, denominator: int) -> Ints:
    """Divide and round half to even, as `domain.money.half_even`; numerators are not negative."""
    quotient, rest = np.divmod(numerator, denominator)
    twice = 2 * rest
    up: Ints = (twice > denominator) | ((twice == denominator) & (quotient & 1 == 1))
    return quotient + up


def _token_micros(plan: TenantConfig, done: Flow) -> Ints | None:
    """`token_charge_micros` of every usage; None where 63 bits are too few."""
    prices = np.array(
        [(each.input_per_1k_nanos, each.output_per_1k_nanos) for each in plan.prices.models], dtype=np.int64
    ).reshape(-1, 2)
    if not len(done.used.at_ms):
        return done.used.at_ms
    most = int(prices.max()) * (int(done.used.inputs.max()) + int(done.used.outputs.max()))
    if most >= _LIMIT or most // 1_000_000 * len(done.used.at_ms) >= _LIMIT:
        return None
    price = prices[done.used.model]
    return half_even(done.used.inputs * price[:, 0] + done.used.outputs * price[:, 1], 1_000_000)


def _meter_micros(plan: TenantConfig, history: UsageHistory, done: Flow) -> Ints | None:
    """`unit_charge_micros` of every meter; None where 63 bits are too few."""
    if not len(done.metered.at_ms):
        return done.metered.at_ms
    unit = {("event", slug): nanos for slug, nanos in plan.prices.events}
    unit |= {("service", slug): nanos for slug, nanos in plan.prices.services}
    prices = np.array([unit[gauge.kind, gauge.slug] for gauge in history.meter_schedules], dtype=np.int64)
    most = int(prices.max()) * int(done.metered.counts.max())
    if most >= _LIMIT or most // 1_000 * len(done.metered.at_ms) >= _LIMIT:
        return None
    return half_even(done.metered.counts * prices[done.metered.gauge], 1_000)


class _Evenings(NamedTuple):
    """The charges of the evenings, events before services, without those of nothing."""

    at_ms: Ints
    micros: Ints
    origin: Ints


def _evenings(plan: TenantConfig, history: UsageHistory, done: Flow, micros: Ints) -> _Evenings:
    first = plan.start_ms // DAY_MS
    days = (plan.as_of_ms - SETTLEMENT_MS) // DAY_MS - first + 1
    sums = np.zeros((max(days, 0), 2), dtype=np.int64)
    if len(micros) and days > 0:
        kinds = np.array([gauge.kind == "service" for gauge in history.meter_schedules], dtype=np.int64)
        day = (done.metered.at_ms + DAY_MS - SETTLEMENT_MS - 1) // DAY_MS - first
        billed = day < days
        np.add.at(sums, (day[billed], kinds[done.metered.gauge][billed]), micros[billed])
    day, kind = np.nonzero(sums)
    at_ms = (first + day) * DAY_MS + SETTLEMENT_MS
    return _Evenings(at_ms, sums[day, kind], np.where(kind, SERVICES, EVENTS))


def _peaks(done: Flow, start_ms: int, opened: Sequence[int]) -> list[int]:
    """The most characters of each month that an opening bills."""
    low = start_ms // DAY_MS
    bounds = [low, *(at_ms // DAY_MS for at_ms in opened)]
    return [
        int(done.characters[since - low : until - low].max(initial=0)) for since, until in pairwise(bounds)
    ]


def _filled(plan: TenantConfig, posted: Posted, charges: Ints) -> Posted | None:
    """The rows with automatic top-ups after the charges that cause them; None when credits run out."""
    if plan.mode != "prepaid":
        return posted
    balance = np.cumsum(posted.credits)
    spots, amounts = _top_ups(plan, posted.at_ms, balance, charges)
    if spots:
        bought = np.zeros(len(balance), dtype=np.int64)
        bought[spots] = amounts
        balance = balance + np.cumsum(bought)
    if (
        plan.stop_when_exhausted
        and plan.top_up is None
        and not (len(balance) and int(balance.min()) > 0 and int(posted.at_ms[0]) <= plan.start_ms)
    ):
        return None
    if not spots:
        return posted
    after = np.array(spots) + 1
    nothing = [0] * len(spots)
    inserted: tuple[Any, ...] = (posted.at_ms[spots], [TOP_UP] * len(spots), nothing, amounts, amounts)
    pairs = zip(posted, inserted, strict=True)
    return Posted(*(np.insert(column, after, np.array(new, np.int64)) for column, new in pairs))


def _top_ups(plan: TenantConfig, at_ms: Ints, balance: Ints, charges: Ints) -> tuple[list[int], list[int]]:
    """After which rows credits are bought automatically, and how much (`Tenant.refill`)."""
    rule, spots, amounts = plan.top_up, list[int](), list[int]()
    if rule is None:
        return spots, amounts
    if plan.balance_target_micros is not None:
        charges = charges & (at_ms < plan.as_of_ms)
    places = np.nonzero(charges)[0]
    depths = -np.minimum.accumulate(balance[places])
    bought = 0
    while True:
        index = int(np.searchsorted(depths, bought - rule.below_micros, side="right"))
        if index >= len(places):
            return spots, amounts
        spot = int(places[index])
        missing = rule.below_micros - int(balance[spot]) - bought
        amount = max(1, -(-missing // rule.amount_micros)) * rule.amount_micros
        bought += amount
        spots.append(spot)
        amounts.append(amount)
