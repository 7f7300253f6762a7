"""The contracts of an organization of a population: signed one after the other, paid in installments.

An organization of a segment with contracts tries the product for some weeks, then signs. A contract is worth
what is expected to be used over its term, less a little, with a discount on all prices. Its installments fall
due on a date, and are paid some days later or earlier, by bank transfer, at an hour of work. When it ends,
most are followed by another one that is as large as usage has become; the others end, and with them the
usage.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from orgbilling_fixtures.distributions import exp2
from orgbilling_fixtures.populations.regions import REGIONS

from orgbilling_stubs.billing import ids, instants
from orgbilling_stubs.billing.contract import PAYMENT_INTERVAL_MONTHS, Installment, schedule
from orgbilling_stubs.billing.instants import DAY_MS, HOUR_MS, MINUTE_MS
from orgbilling_stubs.billing.money import MICROS_PER_USD
from orgbilling_stubs.billing.tenant_config import ContractTerms
from orgbilling_stubs.export.population.price_history import PlanChange
from orgbilling_stubs.export.population.profile import Interval, Month, OrganizationProfile

_TERMS_MONTHS = (12, 12, 12, 12, 24, 24, 36, 6)
_FREQUENCIES = ("monthly", "monthly", "quarterly", "quarterly", "annual", "one_time")
_DISCOUNTS_PERMILLE = (50, 80, 100, 120, 150, 180, 220)
_NOTES = (
    None,
    "Signed after a pilot. Volumes are reviewed every quarter.",
    "Covers all regions. Renewal talks begin two months before the end.",
    "Reserved capacity for launch weekends is included.",
    "Framework terms of the group apply.",
    None,
)
_MICROS_PER_MESSAGE = 1_400
"""About what a message costs at list price, by which a contract is sized."""


class PaidInstallment(NamedTuple):
    """An installment with its invoice; paid_ms lies after the as-of instant as long as it is not paid."""

    installment: Installment
    number: int
    issued_ms: int
    paid_ms: int


class SignedContract(NamedTuple):
    """A contract with everything that becomes of it; cancelled_ms is None unless it ends early."""

    terms: ContractTerms
    signed_ms: int
    discount_permille: int
    installments: tuple[PaidInstallment, ...]
    cancelled_ms: int | None

    @property
    def starts_paid_ms(self) -> int:
        """When its first installment is paid, from which it runs."""
        return min(row.paid_ms for row in self.installments)

    @property
    def last_ms(self) -> int:
        """When it ends, by time or early."""
        return self.terms.end_ms if self.cancelled_ms is None else self.cancelled_ms

    def status(self, as_of_ms: int) -> str:
        """Where it stands at an instant."""
        if self.cancelled_ms is not None and self.cancelled_ms <= as_of_ms:
            return "cancelled"
        if self.starts_paid_ms > as_of_ms:
            return "pending_payment"
        return "expired" if self.terms.end_ms <= as_of_ms else "active"


def business_instant(profile: OrganizationProfile, day: int, word: int) -> int:
    """A moment in the working hours of the organization's region, on a day or the next one that is no
    weekend.
    """
    weekday = (day + 3) % 7
    day += max(0, 7 - weekday) if weekday > 4 else 0
    local_ms = 8 * HOUR_MS + (word & 0xFFFF_FFFF) % (10 * HOUR_MS)
    at_ms = day * DAY_MS + local_ms - REGIONS[profile.region].utc_offset_hours * HOUR_MS
    return max(at_ms, day * DAY_MS + MINUTE_MS)


def payment_day(profile: OrganizationProfile, due_day: int, word: int) -> int:
    """When an invoice that is due on a day is paid: mostly some days before, by some organizations often
    late.
    """
    late = profile.segment.late_percent * (20 + profile.below(160, "lateness")) // 100
    if word % 100 < late:
        return due_day + 1 + (word >> 8) % 9 + ((word >> 16) % 30 if word >> 24 & 3 == 0 else 0)
    return due_day - (word >> 8) % 12


def contracts(profile: OrganizationProfile, until_day: int, months: Sequence[Month]) -> list[SignedContract]:
    """All contracts that were signed by a day, in order."""
    if profile.segment.billing != "contract":
        return []
    level = {month.first_day: month.level_log2 for month in months}
    start_day = profile.first_day + 21 + profile.below(75, "contract-start")
    signed: list[SignedContract] = []
    while True:
        contract = _contract(profile, len(signed), start_day, level)
        if contract.signed_ms > until_day * DAY_MS + DAY_MS - 1:
            return signed
        signed.append(contract)
        if profile.below(100, "renewal", len(signed)) >= profile.segment.renewal_percent:
            return signed
        if contract.cancelled_ms is not None:
            return signed
        start_day = contract.terms.end_ms // DAY_MS


def _level(level: Mapping[int, int], day: int) -> int:
    """The level in the month of a day."""
    return level[max((first_day for first_day in level if first_day <= day), default=min(level))]


def _contract(
    profile: OrganizationProfile, number: int, earliest_day: int, level: Mapping[int, int]
) -> SignedContract:
    """Contract `number`: a first one is dated on the first of a month half of the time."""
    word = profile.draw("contract", number)
    start_ms = earliest_day * DAY_MS
    if number == 0 and word & 1:
        start_ms = instants.add_months(instants.parse(instants.month(start_ms) + "-01"), 1)
    term_months = _TERMS_MONTHS[(word >> 4) % len(_TERMS_MONTHS)]
    frequencies = [
        name
        for name in _FREQUENCIES
        if not PAYMENT_INTERVAL_MONTHS[name] or term_months % PAYMENT_INTERVAL_MONTHS[name] == 0
    ]
    signed_day = start_ms // DAY_MS - 3 - (word >> 20) % 25
    signed_ms = business_instant(profile, max(signed_day, profile.first_day + 2), word >> 24)
    # Of the day of signature: what comes after it is not known then.
    messages = exp2(_level(level, signed_ms // DAY_MS)) >> 16
    share_percent = 70 + (word >> 32) % 35
    credit_usd = messages * _MICROS_PER_MESSAGE * 30 * term_months * share_percent // 100 // MICROS_PER_USD
    credit_usd = max(1_200, _rounded(credit_usd))
    service_usd = _rounded(credit_usd * ((word >> 38) % 5) * 6 // 100)
    once_usd = min(service_usd, _rounded(credit_usd * ((word >> 42) % 3) * 3 // 100)) if not number else 0
    bonus_usd = _rounded(credit_usd * ((word >> 46) % 4) * 3 // 100)
    terms = ContractTerms(
        contract_id=ids.uuid(profile.seed, profile.organization, "contract", number),
        status="active",
        credit_micros=credit_usd * MICROS_PER_USD,
        service_micros=service_usd * MICROS_PER_USD,
        onetime_credit_micros=0,
        onetime_service_micros=once_usd * MICROS_PER_USD,
        bonus_micros=bonus_usd * MICROS_PER_USD,
        bonus_paid=bonus_usd > 0,
        frequency=frequencies[(word >> 12) % len(frequencies)],
        start_ms=start_ms,
        end_ms=instants.add_months(start_ms, term_months),
        term_months=term_months,
        auto_renew=bool(word >> 50 & 1),
        overdue=0,
        created_by=profile.members[(word >> 52) % len(profile.members)],
        notes=_NOTES[(word >> 56) % len(_NOTES)],
        credit_period_limit=None,
        service_period_limit=None,
    )
    cancelled_ms = None
    if profile.below(100, "cancellation", number) < 5 and term_months >= 12:
        days = (terms.end_ms - start_ms) // DAY_MS
        cancelled_ms = business_instant(
            profile, start_ms // DAY_MS + days * (40 + (word >> 58)) // 120, word >> 30
        )
    return SignedContract(
        terms,
        signed_ms,
        _DISCOUNTS_PERMILLE[(word >> 16) % len(_DISCOUNTS_PERMILLE)],
        _installments(profile, terms, number, signed_ms, cancelled_ms),
        cancelled_ms,
    )


def _installments(
    profile: OrganizationProfile, terms: ContractTerms, number: int, signed_ms: int, cancelled_ms: int | None
) -> tuple[PaidInstallment, ...]:
    """The payment schedule with invoices: issued at the start of the terms of payment, or when signed.

    What is not due before a contract is cancelled is never paid.
    """
    rows = []
    for position, row in enumerate(schedule(terms, terms.start_ms)):
        word = profile.draw("installment", number * 100 + position)
        due_day = row.due_ms // DAY_MS
        issued_day = max(due_day - min(30, profile.segment.payment_terms_days), signed_ms // DAY_MS)
        issued_ms = issued_day * DAY_MS + 6 * HOUR_MS + word % (2 * HOUR_MS)
        issued_ms = max(issued_ms, signed_ms + 10 * MINUTE_MS + word % (40 * MINUTE_MS))
        paid_day = max(payment_day(profile, due_day, word), issued_ms // DAY_MS + 1)
        paid_ms = business_instant(profile, paid_day, word >> 20)
        if cancelled_ms is not None and paid_ms >= cancelled_ms:
            paid_ms = 1 << 60
        rows.append(PaidInstallment(row, position, issued_ms, paid_ms))
    return tuple(rows)


def _rounded(usd: int) -> int:
    """An amount as contracts have it: two digits that count, 12,345 → 12,000."""
    unit = int(10 ** max(0, len(str(usd)) - 2))
    return usd // unit * unit


def contract_intervals(profile: OrganizationProfile, signed: Sequence[SignedContract]) -> list[Interval]:
    """When somebody with contracts uses the product: from sign-up until the last contract has ended."""
    last = signed[-1] if signed else None
    follows = last is None or (
        last.cancelled_ms is None
        and profile.below(100, "renewal", len(signed)) < profile.segment.renewal_percent
    )
    return [Interval(profile.first_day, None if follows or last is None else last.last_ms // DAY_MS)]


def contract_plans(signed: Sequence[SignedContract], plans: Sequence[PlanChange]) -> list[PlanChange]:
    """The plan of sign-up, then the conditions of each contract from its start on."""
    first = plans[0]
    return [first] + [
        PlanChange(contract.terms.start_ms // DAY_MS, "contract", contract.discount_permille)
        for contract in signed
    ]
