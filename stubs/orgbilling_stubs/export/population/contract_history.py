"""The contracts of an organization of a population: signed one after the other, paid in installments.

An organization of a segment with contracts tries the product for some weeks, then signs. A contract is worth
what is expected to be used over its term, with a discount on all prices:

    credit = cost of a mean day before the signature × days of the term × growth over half of it
             × (1 - discount) × 0.85 to 1.15

The mean day is one of the last four weeks for the first contract, which begins while usage still rises, and
of the last half year for those that follow. What is used beyond the credit is bought by card; every two
months it is looked at, and a contract of which 1.6 times as much is used as was planned is replaced by a
larger one a month later, and counts as cancelled. Installments
fall due at the time of day at which the contract began, and are paid some days later or earlier, by bank
transfer, at an hour of work. Most contracts are followed by another one; the others end, and with them the
usage, which mostly falls before. Some are cancelled: half of those because installments are not paid.

Example: 40 USD a day over the last four weeks, a year, 1 % growth a month, which is 1.062 in half a year, and
a discount of 10 %: 40 × 365 × 1.062 × 0.9 = 13,950 USD, times 0.95 and cut to two digits: 13,000 USD.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from orgbilling_fixtures import random_stream
from orgbilling_fixtures.distributions import exp2

from orgbilling_stubs.billing import ids, instants
from orgbilling_stubs.billing.contract import PAYMENT_INTERVAL_MONTHS, Installment, schedule
from orgbilling_stubs.billing.instants import DAY_MS, HOUR_MS, MINUTE_MS
from orgbilling_stubs.billing.money import MICROS_PER_USD
from orgbilling_stubs.billing.tenant_config import ContractTerms
from orgbilling_stubs.export.population.price_history import PlanChange
from orgbilling_stubs.export.population.profile import NEVER_MS, Interval, OrganizationProfile
from orgbilling_stubs.export.population.working_hours import LONGEST_REST_DAYS, office_time_ms

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
_TRIAL_DAYS = 21
_FIRST_WINDOW_DAYS, _WINDOW_DAYS = 28, 182
"""How many days before the signature a contract is sized by: the first one, and those that follow."""
_RAMP_DAYS = 18
_REVIEW_MONTHS, _REVIEW_DAYS, _REPLACED_PERCENT = 2, 61, 160
_LEAST_USD = 1_200
_UNPAID_DAYS = 100
"""A contract that is cancelled because nothing is paid has been unpaid for about so many days."""


class PaidInstallment(NamedTuple):
    """An installment with its invoice; paid_ms lies after the as-of instant as long as it is not paid."""

    installment: Installment
    number: int
    issued_ms: int
    paid_ms: int


class SignedContract(NamedTuple):
    """A contract with everything that becomes of it; cancelled_ms is None unless it ends early.

    replaced: whether it ends early because a larger one takes its place.
    """

    terms: ContractTerms
    signed_ms: int
    discount_permille: int
    installments: tuple[PaidInstallment, ...]
    cancelled_ms: int | None
    replaced: bool = False

    @property
    def starts_paid_ms(self) -> int:
        """When its first installment is paid, from which it runs."""
        return min(row.paid_ms for row in self.installments)

    @property
    def bonus_ms(self) -> int:
        """When its bonus is granted, if it has one: 0.3 to 3 seconds after its first payment."""
        key = random_stream.key("bonus", self.terms.contract_id)
        return self.starts_paid_ms + 300 + random_stream.below(random_stream.draw(key, 0), 2_700)

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


class ContractSizing(NamedTuple):
    """What an organization used before it signs, from `first_day` on.

    daily_micros: the list price of each day's usage; usual_daily_micros: that at the mean price of the models
    that the organization chooses among, because few weeks show few of them.
    """

    first_day: int
    daily_micros: Sequence[int]
    usual_daily_micros: Sequence[int]
    growth_log2_per_month: int

    def used_micros(self, day: int, days: int) -> int:
        """The list price of what was used on so many days before a day."""
        return sum(self.daily_micros[self._past(day, days)])

    def _past(self, day: int, days: int) -> slice:
        past_days = day - self.first_day
        return slice(max(0, past_days - days), past_days)

    def credit_micros(self, signed_day: int, term_months: int, *, first: bool, replaces: bool) -> int:
        """What is expected to be used in a term at list prices, as is known on the day before a signature."""
        past_days = signed_day - self.first_day
        window = max(1, min(past_days, _FIRST_WINDOW_DAYS if first else _WINDOW_DAYS))
        mean = sum(self.usual_daily_micros[self._past(signed_day, window)]) // window
        if first:
            # Usage is rising: in the middle of the window it was at age / (age + 18) of its level.
            age = past_days - window // 2
            mean = mean * (age + _RAMP_DAYS) // age
        if replaces:
            mean = max(mean, self.used_micros(signed_day, _REVIEW_DAYS) // _REVIEW_DAYS)
        grown = exp2(self.growth_log2_per_month * term_months // 2)
        return (mean * 365 * term_months // 12) * grown >> 16


def contracts(profile: OrganizationProfile, until_day: int, sizing: ContractSizing) -> list[SignedContract]:
    """All contracts that were signed by a day, in order; whoever never makes a project signs none."""
    if profile.segment.billing != "contract" or not profile.project_limit:
        return []
    start_day = profile.first_day + 35 + profile.below(75, "contract-start")
    start_ms = start_day * DAY_MS + office_time_ms(
        profile.region, start_day, profile.draw("contract-start", 1)
    )
    signed: list[SignedContract] = []
    while True:
        replaces = bool(signed) and signed[-1].replaced
        contract = _contract(profile, len(signed), start_ms, until_day, sizing, replaces=replaces)
        if contract is None:
            return signed
        replaced_ms = _replaced_ms(contract, until_day, sizing)
        if replaced_ms is not None:
            installments = _installments(
                profile, contract.terms, len(signed), contract.signed_ms, replaced_ms, unpaid_days=0
            )
            contract = contract._replace(installments=installments, cancelled_ms=replaced_ms, replaced=True)
        signed.append(contract)
        if not _is_renewed(profile, signed):
            return signed
        start_ms = contract.last_ms


def _replaced_ms(contract: SignedContract, until_day: int, sizing: ContractSizing) -> int | None:
    """When a larger contract takes the place of one, as is known by a day; None when it is large enough.

    The last review is half a year before the end, when the renewal is near.
    """
    terms = contract.terms
    if contract.cancelled_ms is not None:
        return None
    for months in range(_REVIEW_MONTHS, terms.term_months - 5, _REVIEW_MONTHS):
        day = instants.add_months(terms.start_ms, months) // DAY_MS
        if day > until_day:
            return None
        kept = 1000 - contract.discount_permille
        used = sizing.used_micros(day, _REVIEW_DAYS) * kept // 1000
        planned = terms.credit_micros * _REVIEW_DAYS * 12 // (terms.term_months * 365)
        if used * 100 > planned * _REPLACED_PERCENT:
            return instants.add_months(terms.start_ms, months + 1)
    return None


def _is_renewed(profile: OrganizationProfile, signed: Sequence[SignedContract]) -> bool:
    """Whether the last contract is followed by another one."""
    last = signed[-1]
    return last.replaced or (last.cancelled_ms is None and _renews(profile, len(signed) - 1))


def _renews(profile: OrganizationProfile, number: int) -> bool:
    """Whether contract `number` is followed by another one, unless it ends early."""
    return profile.below(100, "renewal", number + 1) < profile.segment.renewal_percent


def _contract(
    profile: OrganizationProfile,
    number: int,
    start_ms: int,
    until_day: int,
    sizing: ContractSizing,
    *,
    replaces: bool,
) -> SignedContract | None:
    """Contract `number`, if it was signed by a day: a first one begins on the first of a month half of the
    time.
    """
    word = profile.draw("contract", number)
    if number == 0 and word & 1:
        first_ms = instants.parse(instants.month(start_ms) + "-01")
        start_ms = instants.add_months(first_ms, 1) + start_ms % DAY_MS
    # It is signed before the term begins, even when everybody is off on that day.
    signed_day = start_ms // DAY_MS - LONGEST_REST_DAYS - (word >> 20) % 20
    signed_ms = profile.office_instant(max(signed_day, profile.first_day + _TRIAL_DAYS), word >> 24)
    if signed_ms // DAY_MS > until_day:
        return None
    terms, discount_permille = _terms(profile, number, start_ms, signed_ms, sizing, replaces=replaces)
    cancelled_ms = None
    if profile.below(100, "cancellation", number) < 5 and terms.term_months >= 12:
        days = (terms.end_ms - start_ms) // DAY_MS
        cancelled_ms = profile.office_instant(
            start_ms // DAY_MS + days * (40 + (word >> 58)) // 120, word >> 30
        )
    return SignedContract(
        terms,
        signed_ms,
        discount_permille,
        _installments(
            profile,
            terms,
            number,
            signed_ms,
            cancelled_ms,
            unpaid_days=profile.below(2, "unpaid", number) * _UNPAID_DAYS,
        ),
        cancelled_ms,
    )


def _terms(
    profile: OrganizationProfile,
    number: int,
    start_ms: int,
    signed_ms: int,
    sizing: ContractSizing,
    *,
    replaces: bool,
) -> tuple[ContractTerms, int]:
    """What a contract is about, and its discount in permille."""
    word = profile.draw("contract", number)
    term_months = _TERMS_MONTHS[(word >> 4) % len(_TERMS_MONTHS)]
    frequencies = [
        name
        for name in _FREQUENCIES
        if not PAYMENT_INTERVAL_MONTHS[name] or term_months % PAYMENT_INTERVAL_MONTHS[name] == 0
    ]
    discount_permille = _DISCOUNTS_PERMILLE[(word >> 16) % len(_DISCOUNTS_PERMILLE)]
    micros = sizing.credit_micros(signed_ms // DAY_MS, term_months, first=not number, replaces=replaces)
    micros = micros * (1000 - discount_permille) // 1000 * (85 + (word >> 32) % 31) // 100
    credit_usd = max(_LEAST_USD, _rounded(micros // MICROS_PER_USD))
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
        # One that will not be followed by another is not renewed by itself.
        auto_renew=bool(word >> 50 & 1) and _renews(profile, number),
        overdue=0,
        created_by=profile.members[(word >> 52) % len(profile.members)],
        notes=_NOTES[(word >> 56) % len(_NOTES)],
        credit_period_limit=None,
        service_period_limit=None,
    )
    return terms, discount_permille


def _installments(
    profile: OrganizationProfile,
    terms: ContractTerms,
    number: int,
    signed_ms: int,
    cancelled_ms: int | None,
    *,
    unpaid_days: int,
) -> tuple[PaidInstallment, ...]:
    """The payment schedule with invoices: issued at the start of the terms of payment, or when signed.

    What is not paid before a contract is cancelled never is. One that is cancelled for that reason was unpaid
    for some months before: so many days, else 0.
    """
    rows = []
    for position, row in enumerate(schedule(terms, terms.start_ms)):
        word = profile.draw("installment", number * 100 + position)
        due_day = row.due_ms // DAY_MS
        issued_day = max(due_day - min(30, profile.segment.payment_terms_days), signed_ms // DAY_MS)
        issued_ms = issued_day * DAY_MS + 6 * HOUR_MS + word % (2 * HOUR_MS)
        issued_ms = max(issued_ms, signed_ms + 10 * MINUTE_MS + word % (40 * MINUTE_MS))
        paid_day = max(profile.payment_day(issued_ms // DAY_MS, due_day, word), issued_ms // DAY_MS + 1)
        paid_ms = profile.office_instant(paid_day, word >> 20)
        if cancelled_ms is not None:
            is_unpaid = position > 0 and row.due_ms > cancelled_ms - unpaid_days * DAY_MS
            if is_unpaid or paid_ms >= cancelled_ms:
                paid_ms = NEVER_MS
        rows.append(PaidInstallment(row, position, issued_ms, paid_ms))
    return tuple(rows)


def _rounded(usd: int) -> int:
    """An amount as contracts have it: two digits that count, 12,345 → 12,000."""
    unit = int(10 ** max(0, len(str(usd)) - 2))
    return usd // unit * unit


def contract_intervals(profile: OrganizationProfile, signed: Sequence[SignedContract]) -> list[Interval]:
    """When somebody with contracts uses the product: from sign-up until the last contract has ended.

    Three of four use less and less before that, for three to ten weeks; the account is closed some days
    later.
    """
    if not signed or _is_renewed(profile, signed):
        return [Interval(profile.first_day)]
    word = profile.draw("leaving", len(signed))
    last_day = signed[-1].last_ms // DAY_MS
    end_day = last_day - (word >> 4) % 5
    fading_days = 0 if word % 4 == 0 else 21 + (word >> 8) % 50
    closed_ms = profile.office_instant(last_day + 2 + (word >> 16) % 12, word >> 24)
    return [Interval(profile.first_day, end_day, end_day - fading_days, closed_ms)]


def contract_plans(signed: Sequence[SignedContract], plans: Sequence[PlanChange]) -> list[PlanChange]:
    """The plan of sign-up, then the conditions of each contract from its start on."""
    first = plans[0]
    return [first] + [
        PlanChange(contract.terms.start_ms // DAY_MS, "contract", contract.discount_permille)
        for contract in signed
    ]
