"""The ledger of one organization in columns.

A ledger is made of

1. usage charges, one for each usage, at its instant;
2. the charges of each evening for events and services (`billing.billing_days`);
3. the entries of `base_ledger`: contract, agreements, characters, invoices, opening and closing balance;
4. automatic top-ups of prepaid organizations.

The first three do not depend on the balance: they are computed apart and sorted by instant. Entries of the
same instant are in the order in which the scheduler runs what is due: contract, usage, month, evening,
closing.

Top-ups depend on the balance. Before a charge that would leave less than `below`, the rule buys as many times
its amount as it takes to leave `below`. The balance without top-ups is a running sum; the first charge after
which it is less than `below - bought` (`bought`: all top-ups before) causes the next top-up. The running
*minimum* of the balance only falls, so this charge is found by bisection instead of a walk over all entries.
Example, below 100, amount 250, balances after charges 180, 90, 40, -30, -180:

    bought   0: the first below  100 is   90, missing 10: buy 250 before the second charge
    bought 250: the first below -150 is -180, missing 30: buy 250 before the fifth

Prepaid organizations that stop at zero without top-ups are charged what is left and no more, so that each
entry depends on all before. They are left to the scheduler: `account_columns` returns None.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from orgbilling_fixtures.usage.history import UsageHistory

from orgbilling_stubs.billing.billing_days import SETTLEMENT_MS, month_openings
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.ledger import LedgerRow
from orgbilling_stubs.billing.ledger_posting import purchase_micros
from orgbilling_stubs.billing.opening_balance import (
    BalanceExtremes,
    is_unsolved,
    may_exhaust_credit,
    payments,
    solve_postpaid,
    solve_prepaid,
)
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.billing.tenant_config import OpeningBalance, TenantConfig
from orgbilling_stubs.export.columnar.base_ledger import BaseLedger, MeteredCharges, Turn, base_ledger
from orgbilling_stubs.export.columnar.usage_columns import ActivityColumns, activity_columns
from orgbilling_stubs.export.errors import require

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Integers = NDArray[np.int64]
    Booleans = NDArray[np.bool_]
else:
    np = require("numpy")

_SUM_LIMIT = 1 << 62

USAGE, EVENTS, SERVICES, TOP_UP, BASE = range(5)
"""Where an entry comes from. Its `source_row` is a usage (USAGE) or an entry of the base ledger (BASE)."""


class LedgerColumns(NamedTuple):
    """Ledger entries in order."""

    at_ms: Integers
    origin: Integers
    source_row: Integers
    credits_micros: Integers
    usd_micros: Integers


class AccountColumns(NamedTuple):
    """The ledger, and what else the tables need.

    base_rows: the entries of the base ledger; openings_ms: when months were opened, and peaks: the characters
    that each of them billed; tenant: the one of the base ledger.
    """

    ledger: LedgerColumns
    base_rows: Sequence[LedgerRow]
    activity: ActivityColumns
    usage_micros: Integers
    meter_micros: Integers
    openings_ms: Sequence[int]
    peaks: Sequence[int]
    tenant: Tenant
    balance_micros: int
    outstanding_micros: int


class _EveningCharges(NamedTuple):
    """The charges of the evenings, events before services, without those of nothing."""

    at_ms: Integers
    micros: Integers
    origin: Integers


def account_columns(config: TenantConfig) -> AccountColumns | None:
    """The ledger at the config's as-of instant; None when it has to be computed entry by entry."""
    history = config.activity
    assert isinstance(history, UsageHistory)
    activity = activity_columns(history, config.as_of_ms)
    usage_micros = _usage_micros(config, activity)
    meter_micros = _meter_micros(config, history, activity)
    if usage_micros is None or meter_micros is None:
        return None
    evenings = _evening_charges(config, history, activity, meter_micros)
    usage_ms = activity.usage.at_ms
    turns = np.repeat(np.array([Turn.USAGE, Turn.EVENING]), [len(usage_ms), len(evenings.at_ms)])
    charges = MeteredCharges(
        np.concatenate([usage_ms, evenings.at_ms]), turns, np.concatenate([usage_micros, evenings.micros])
    )
    openings_ms = [*month_openings(config.start_ms, config.as_of_ms)]
    peaks = _character_peaks(activity, config.start_ms, openings_ms)

    def merged(config: TenantConfig) -> tuple[Tenant, LedgerColumns, Booleans]:
        base = base_ledger(config, openings_ms, peaks, charges)
        return base.tenant, *_merge(base, {*openings_ms}, usage_ms, usage_micros, evenings, charges)

    tenant, ledger, is_charge = merged(config)
    if is_unsolved(config):
        opening_balance = _opening_balance(config, tenant, ledger, is_charge)
        if opening_balance is None:
            return None
        config = replace(config, opening_balance=opening_balance)
        tenant, ledger, is_charge = merged(config)
    topped_up = _with_top_ups(config, ledger, is_charge)
    if topped_up is None:
        return None
    return AccountColumns(
        topped_up,
        tenant.ledger.rows,
        activity,
        usage_micros,
        meter_micros,
        openings_ms,
        peaks,
        tenant,
        int(topped_up.credits_micros.sum()),
        tenant.ledger.outstanding_micros,
    )


def half_even(numerators: Integers, denominator: int) -> Integers:
    """Divide and round half to even, as `billing.money.half_even`; numerators are not negative.

    2,500 / 1,000 is 2 (the half goes to the even 2), 3,500 / 1,000 is 4, 2,501 / 1,000 is 3.
    """
    quotients, remainders = np.divmod(numerators, denominator)
    twice = 2 * remainders
    up: Integers = (twice > denominator) | ((twice == denominator) & (quotients & 1 == 1))
    return quotients + up


def billing_days(at_ms: Integers) -> Integers:
    """`billing.billing_days.billing_day` of every instant."""
    days: Integers = (at_ms + DAY_MS - SETTLEMENT_MS - 1) // DAY_MS
    return days


def _usage_micros(config: TenantConfig, activity: ActivityColumns) -> Integers | None:
    """`token_charge_micros` of every usage; None where 63 bits are too few.

    Tokens times nano-USD per 1,000 tokens, over 1,000,000: 1,500 input tokens at 0.0001 USD per 1,000
    (100,000 nano-USD) are 150,000,000 / 1,000,000 = 150 micro-USD.
    """
    usage = activity.usage
    prices = np.array(
        [(price.input_per_1k_nanos, price.output_per_1k_nanos) for price in config.prices.models],
        dtype=np.int64,
    ).reshape(-1, 2)
    if not len(usage.at_ms):
        return usage.at_ms
    highest = int(prices.max()) * (int(usage.inputs.max()) + int(usage.outputs.max()))
    if highest >= _SUM_LIMIT or highest // 1_000_000 * len(usage.at_ms) >= _SUM_LIMIT:
        return None
    price = prices[usage.model]
    return half_even(usage.inputs * price[:, 0] + usage.outputs * price[:, 1], 1_000_000)


def _meter_micros(config: TenantConfig, history: UsageHistory, activity: ActivityColumns) -> Integers | None:
    """`unit_charge_micros` of every meter reading; None where 63 bits are too few."""
    meters = activity.meters
    if not len(meters.at_ms):
        return meters.at_ms
    unit_nanos = {("event", slug): nanos for slug, nanos in config.prices.events}
    unit_nanos |= {("service", slug): nanos for slug, nanos in config.prices.services}
    prices = np.array(
        [unit_nanos[schedule.kind, schedule.slug] for schedule in history.meter_schedules], dtype=np.int64
    )
    highest = int(prices.max()) * int(meters.counts.max())
    if highest >= _SUM_LIMIT or highest // 1_000 * len(meters.at_ms) >= _SUM_LIMIT:
        return None
    return half_even(meters.counts * prices[meters.schedule], 1_000)


def _evening_charges(
    config: TenantConfig, history: UsageHistory, activity: ActivityColumns, meter_micros: Integers
) -> _EveningCharges:
    """The sums of each billing day, of events and of services, posted when the day settles.

    The readings are rounded one by one before they are added, because the scheduler rounds each when it is
    metered.
    """
    first_day = config.start_ms // DAY_MS
    day_count = (config.as_of_ms - SETTLEMENT_MS) // DAY_MS - first_day + 1
    sums = np.zeros((max(day_count, 0), 2), dtype=np.int64)
    meters = activity.meters
    if len(meter_micros) and day_count > 0:
        is_service = np.array(
            [schedule.kind == "service" for schedule in history.meter_schedules], dtype=np.int64
        )
        day = billing_days(meters.at_ms) - first_day
        settled = day < day_count
        np.add.at(sums, (day[settled], is_service[meters.schedule][settled]), meter_micros[settled])
    day, kind = np.nonzero(sums)
    at_ms = (first_day + day) * DAY_MS + SETTLEMENT_MS
    return _EveningCharges(at_ms, sums[day, kind], np.where(kind, SERVICES, EVENTS))


def _character_peaks(activity: ActivityColumns, start_ms: int, openings_ms: Sequence[int]) -> list[int]:
    """The most characters of each month that an opening bills."""
    first_day = start_ms // DAY_MS
    bounds = [first_day, *(at_ms // DAY_MS for at_ms in openings_ms)]
    return [
        int(activity.characters[since - first_day : until - first_day].max(initial=0))
        for since, until in pairwise(bounds)
    ]


def _merge(
    base: BaseLedger,
    openings_ms: set[int],
    usage_ms: Integers,
    usage_micros: Integers,
    evenings: _EveningCharges,
    charges: MeteredCharges,
) -> tuple[LedgerColumns, Booleans]:
    """All entries but automatic top-ups in the scheduler's order, and which of them are charges.

    charges: those of usage and evenings together. At one instant and turn they are in their own order, with
    what was paid on account right before its charge.
    """
    config, base_rows = base.tenant.config, base.rows
    columns = np.array([(row.at_ms, row.credits_micros, row.usd_micros) for row in base_rows], dtype=np.int64)
    base_ms, base_credits, base_usd = columns.reshape(-1, 3).T
    base_turns = [Turn.MONTH if row.at_ms in openings_ms else Turn.DUE for row in base_rows]
    if config.opening_balance.closing_ms <= config.as_of_ms:
        closing = bisect_right([row.at_ms for row in base_rows], config.opening_balance.closing_ms) - 1
        base_turns[closing] = Turn.CLOSING
    base_places = np.zeros(len(base_rows), np.int64)
    for row, number in base.paid_before.items():
        base_turns[row] = charges.charge(number)[1]
        base_places[row] = 2 * number
    base_charges = [row.kind in ("character_charge", "service_charge") for row in base_rows]
    usage_count, evening_count = len(usage_micros), len(evenings.at_ms)
    at_ms = np.concatenate([base_ms, usage_ms, evenings.at_ms])
    turns = np.concatenate(
        [
            np.array(base_turns, np.int64),
            np.full(usage_count, Turn.USAGE),
            np.full(evening_count, Turn.EVENING),
        ]
    )
    places = np.concatenate([base_places, 2 * charges.numbers + 1])
    # lexsort is stable, and sorts by its last key first.
    order = np.lexsort((places, turns, at_ms))
    charged = np.concatenate([usage_micros, evenings.micros])
    from_credits = charged if config.mode == "prepaid" else np.zeros_like(charged)
    origins = [np.full(len(base_rows), BASE), np.full(usage_count, USAGE), evenings.origin]
    source_rows = [np.arange(len(base_rows)), np.arange(usage_count), np.zeros(evening_count, np.int64)]
    ledger = LedgerColumns(
        at_ms[order],
        np.concatenate(origins)[order],
        np.concatenate(source_rows)[order],
        np.concatenate([base_credits, -from_credits])[order],
        np.concatenate([base_usd, -charged])[order],
    )
    is_charge = np.concatenate([np.array(base_charges, bool), np.ones(usage_count + evening_count, bool)])
    return ledger, is_charge[order]


def _owed(tenant: Tenant, ledger: LedgerColumns, is_charge: Booleans) -> Integers:
    """What a postpaid organization owes after each entry: its charges, and what is owed or paid apart."""
    is_base, counts = ledger.origin == BASE, is_charge.copy()
    apart = [row.kind == "adjustment" and not row.credits_micros for row in tenant.ledger.rows]
    counts[is_base] |= np.array(apart, dtype=bool)[ledger.source_row[is_base]]
    owed: Integers = -np.cumsum(np.where(counts, ledger.usd_micros, 0))
    return owed


def _opening_balance(
    config: TenantConfig, tenant: Tenant, ledger: LedgerColumns, is_charge: Booleans
) -> OpeningBalance | None:
    """`opening_balance.solved` in columns; None when the history has to be computed entry by entry."""
    if config.mode == "postpaid":
        owed = np.concatenate([[0], _owed(tenant, ledger, is_charge)])

        def owed_at(at_ms: int) -> int:
            return int(owed[np.searchsorted(ledger.at_ms, at_ms, side="right")])

        return solve_postpaid(config, payments(tenant.ledger.rows), int(owed[-1]), owed_at)
    balances = np.cumsum(ledger.credits_micros)
    after_charges = balances[is_charge]
    before_as_of = balances[is_charge & (ledger.at_ms < config.as_of_ms)]
    floor = int(after_charges.min()) if len(after_charges) else None
    if may_exhaust_credit(config) and (floor is None or floor <= 0):
        return None
    first_charge = int(np.argmax(is_charge)) if floor is not None else len(balances)
    extremes = BalanceExtremes(
        int(ledger.credits_micros[:first_charge].sum()),
        int(before_as_of.min()) if len(before_as_of) else None,
        floor,
        int(balances[-1]) if len(balances) else 0,
    )
    return solve_prepaid(config, extremes)


def _with_top_ups(config: TenantConfig, ledger: LedgerColumns, is_charge: Booleans) -> LedgerColumns | None:
    """The entries with automatic top-ups before the charges that need them; None when credits run out."""
    if config.mode != "prepaid":
        return ledger
    balance = np.cumsum(ledger.credits_micros)
    if (
        config.stop_when_exhausted
        and config.top_up is None
        and not (len(balance) and int(balance.min()) > 0 and int(ledger.at_ms[0]) <= config.start_ms)
    ):
        return None
    positions, amounts = _top_ups(config, ledger.at_ms, balance, is_charge)
    if not positions:
        return ledger
    count = len(positions)
    top_ups = (ledger.at_ms[positions], np.full(count, TOP_UP), np.zeros(count), amounts, amounts)
    columns = zip(ledger, top_ups, strict=True)
    return LedgerColumns(*(np.insert(column, positions, np.array(new, np.int64)) for column, new in columns))


def _top_ups(
    config: TenantConfig, at_ms: Integers, balance: Integers, is_charge: Booleans
) -> tuple[list[int], list[int]]:
    """Before which entries credits are bought automatically, and how much, as the module's text explains."""
    rule = config.top_up
    positions: list[int] = []
    amounts: list[int] = []
    if rule is None:
        return positions, amounts
    if config.balance_target_micros is not None:
        # At its as-of instant the organization has the balance of its persona, which no top-up may change.
        is_charge = is_charge & (at_ms < config.as_of_ms)
    charges = np.nonzero(is_charge)[0]
    # Bisection needs what rises: the running minimum, negated.
    depths = -np.minimum.accumulate(balance[charges])
    bought = 0
    while True:
        index = int(np.searchsorted(depths, bought - rule.below_micros, side="right"))
        if index >= len(charges):
            return positions, amounts
        position = int(charges[index])
        micros = purchase_micros(rule.below_micros - int(balance[position]) - bought, rule.amount_micros)
        bought += micros
        positions.append(position)
        amounts.append(micros)
