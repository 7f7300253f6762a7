"""The opening balance: how a history ends exactly at the balance that its persona names.

A persona says, for example, "3.20 USD left at the as-of instant". Its usage follows from the usage model and
stays as it is, and so do prices and contract. What can be chosen is the money that the tenant brings along
from before its history, and, for a postpaid tenant, which of its invoices are not paid. `solved` chooses it
so that the ledger adds up to the target to the micro-USD, with rows that a real ledger could have.

All amounts here are micro-USD; the examples are in USD.

**Prepaid.** Run the history once without automatic top-ups and without stopping at zero. It ends at `final`,
and its lowest balance after a charge is `lowest`. What is missing is

    missing = target - final

* *The tenant may overdraw.* The opening balance is what is missing. Example: the history ends at -100.00 and
  the target is -42.75, so it opens with 57.25.
* *Automatic top-ups* of `amount`, before charges that leave less than `below`, bring whole multiples of it:

      opening = missing mod amount
      times   = max(0, ceil((below - lowest - opening) / amount))  top-ups that will happen
      excess  = opening + times * amount - missing                 a multiple of the amount

  Example: target 3.20, final -100.00, lowest -99.00, and 40.00 are bought below 2.00. Missing are 103.20,
  so it opens with 23.20. The top-ups are ceil((2.00 + 99.00 - 23.20) / 40.00) = 2, which is 80.00, and
  23.20 + 80.00 - 103.20 leaves no excess. If there is one, it expires at the as-of instant, in one row. If
  the excess is negative, top-ups would not happen often enough, so everything that is missing is brought
  along instead.
* *Usage stops at zero.* The credit must last, or the usage that stops would change `final` itself:

      opening = max(0, missing, 1 micro-USD - first)

  where `first` is the balance before the first charge. If the lowest balance of all would still not be above
  zero, it opens with one USD more than the lowest balance needs. What is more than missing expires at the
  clock. A target of zero is special: usage may lead to it by running out, and then nothing is needed at all.

**Postpaid.** Run the history with everything paid that is to be paid: each month's invoice some days after
its issue, and all that is owed before a charge that would lead above the limit. It ends owing `owed`.

    missing = target - owed

* *Less than nothing is missing:* a payment on account of that amount, two hours after the last payment, or
  after the instant since when that much is owed (at the as-of instant at the latest).
* *Something is missing:* the newest payments are not made, as many as fit, and the one before only in part.
  Example: payments of 100.00 (January) and 120.00 (February), owed 30.00, target 200.00. Missing are 170.00:
  February's 120.00 stays unpaid, and of January's 100.00 the remaining 50.00. Together with the 30.00 owed,
  that is 200.00. From then on the debt only grows, up to the target, so it passes no limit that the target
  keeps to.
* *More is missing than all payments together:* the rest is debt from before the history.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate
from typing import NamedTuple

from orgbilling_stubs.billing.instants import HOUR_MS
from orgbilling_stubs.billing.ledger import LedgerRow
from orgbilling_stubs.billing.money import MICROS_PER_USD
from orgbilling_stubs.billing.state import after_history
from orgbilling_stubs.billing.tenant_config import NO_OPENING_BALANCE, OpeningBalance, TenantConfig

CHARGES = ("usage", "event_charge", "service_charge", "character_charge")
"""The entry types that take money from the tenant."""

_PAYMENT_DELAY_MS = 2 * HOUR_MS
"""How long after a charge the payment on account for it arrives."""


class BalanceExtremes(NamedTuple):
    """The balance of a history without top-ups that never stops, in micro-USD.

    first: before the first charge. lowest_before_as_of: the lowest after a charge before the as-of instant.
    lowest: the lowest after any charge. final: at the as-of instant. The two lowest are None without such
    charges.
    """

    first: int
    lowest_before_as_of: int | None
    lowest: int | None
    final: int


def is_unsolved(config: TenantConfig) -> bool:
    """Whether a configuration names a balance at its clock, and has no opening balance that leads there."""
    target = config.balance_target_micros if config.mode == "prepaid" else config.outstanding_target_micros
    return target is not None and config.opening_balance == NO_OPENING_BALANCE


def solved(config: TenantConfig) -> TenantConfig:
    """The configuration with the opening balance that leads to its target.

    It costs about as much as the history itself, which is run once.
    """
    if not is_unsolved(config):
        return config
    if config.mode == "postpaid":
        return replace(config, opening_balance=_postpaid(config))
    if (
        may_exhaust_credit(config)
        and after_history(config).ledger.balance_micros == config.balance_target_micros
    ):
        return config
    return replace(config, opening_balance=solve_prepaid(config, _extremes(config)))


def may_exhaust_credit(config: TenantConfig) -> bool:
    """Whether usage that stops at zero may lead to the target of zero by itself."""
    return config.balance_target_micros == 0 and config.stop_when_exhausted and config.top_up is None


def _extremes(config: TenantConfig) -> BalanceExtremes:
    rows = after_history(replace(config, stop_when_exhausted=False, top_up=None)).ledger.rows
    balances = [*accumulate((row.credits_micros for row in rows), initial=0)]
    charged = [number for number, row in enumerate(rows, start=1) if row.kind in CHARGES]
    early = [balances[number] for number in charged if rows[number - 1].at_ms < config.as_of_ms]
    return BalanceExtremes(
        balances[charged[0] - 1] if charged else balances[-1],
        min(early, default=None),
        min((balances[number] for number in charged), default=None),
        balances[-1],
    )


def solve_prepaid(config: TenantConfig, extremes: BalanceExtremes) -> OpeningBalance:
    """The opening balance of a prepaid tenant."""
    assert config.balance_target_micros is not None
    missing = config.balance_target_micros - extremes.final
    if config.top_up is not None:
        opening, excess = _with_top_ups(config, extremes, missing)
    elif config.stop_when_exhausted:
        opening = _lasting(extremes, missing)
        excess = opening - missing
    else:
        opening, excess = missing, 0
    if not excess:
        return OpeningBalance(opening_micros=opening)
    return OpeningBalance(opening_micros=opening, closing_ms=config.as_of_ms, closing_micros=excess)


def _with_top_ups(config: TenantConfig, extremes: BalanceExtremes, missing: int) -> tuple[int, int]:
    """The opening balance and the excess at the as-of instant, where automatic top-ups bring the rest."""
    rule = config.top_up
    assert rule is not None
    opening = missing % rule.amount_micros
    lowest = extremes.lowest_before_as_of
    lacking = 0 if lowest is None else rule.below_micros - lowest - opening
    times = max(0, -(-lacking // rule.amount_micros))
    excess = opening + times * rule.amount_micros - missing
    return (missing, 0) if excess < 0 else (opening, excess)


def _lasting(extremes: BalanceExtremes, missing: int) -> int:
    """The opening balance with which the credit lasts to the clock, where nothing tops it up."""
    if extremes.lowest is None:
        return max(0, missing)
    opening = max(0, missing, 1 - extremes.first)
    lowest = extremes.lowest + opening
    # A lowest balance of zero is enough when it is the last one: then usage has nothing left to stop.
    if lowest > 0 or lowest == extremes.final + opening == 0:
        return opening
    return MICROS_PER_USD - extremes.lowest


def _postpaid(config: TenantConfig) -> OpeningBalance:
    ledger = after_history(config).ledger

    def owed_at(at_ms: int) -> int:
        return ledger.outstanding_after(ledger.window(-1, at_ms)[1] - 1)

    return solve_postpaid(config, payments(ledger.rows), ledger.outstanding_micros, owed_at)


def payments(rows: Sequence[LedgerRow]) -> list[tuple[int, int]]:
    """When a postpaid tenant paid what it owed, and how much."""
    return [(row.at_ms, row.usd_micros) for row in rows if row.kind == "adjustment"]


def solve_postpaid(
    config: TenantConfig, payments: Sequence[tuple[int, int]], owed_micros: int, owed_at: Callable[[int], int]
) -> OpeningBalance:
    """The opening balance of a postpaid tenant.

    payments, owed_micros: of the history in which everything is paid that is to be paid. owed_at: what is
    owed in it at an instant.
    """
    assert config.outstanding_target_micros is not None
    missing = config.outstanding_target_micros - owed_micros
    if missing < 0:
        after_ms = payments[-1][0] if payments else config.start_ms
        moments = range(after_ms, config.as_of_ms)
        at_ms = after_ms + bisect_left(moments, -missing, key=owed_at) + _PAYMENT_DELAY_MS
        return OpeningBalance(closing_ms=min(at_ms, config.as_of_ms), closing_micros=-missing)
    for at_ms, micros in reversed(payments):
        if missing <= micros:
            if not missing:
                return NO_OPENING_BALANCE
            return OpeningBalance(unpaid_from_ms=at_ms, unpaid_rest_micros=missing)
        missing -= micros
    return OpeningBalance(opening_micros=missing, unpaid_from_ms=0) if missing else NO_OPENING_BALANCE
