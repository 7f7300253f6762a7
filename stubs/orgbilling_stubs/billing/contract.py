"""Enterprise contracts: the payment schedule, and the states from draft to expiry.

**The schedule.** A contract is worth a credit and a service portion, in micro-USD. What is paid once (the
set-up) is a part of both, and is one installment of its own, at the start. The rest is split into equal
installments, one for each payment interval of the term:

    count  = term_months / months between two payments      1 when everything is paid once
    part   = floor((portion - one-time portion) / count), cut to whole cents
    last   = (portion - one-time portion) - part * (count - 1)

Stripe charges whole cents, so every installment but the last is a whole number of cents, and the last one
takes what is left: the schedule adds up to the contract exactly.

Example: 1,000.00 USD of credit and 100.00 USD of service, of which 100.00 USD are a one-time set-up, monthly
for three months from 31 January. The set-up is due on 31 January: 0 + 100.00. The credit is split into
333.33, 333.33 and 333.34, due on 31 January, 28 February and 31 March (a month's last day where the day does
not exist; each due date is counted from the start, so March is not cut to 28).

**The states.** `draft` → `pending_payment` → `active` → `expired` or `cancelled`. The functions below give
the contract as it is after a step; none of them changes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import chain
from typing import NamedTuple

from orgbilling_stubs.billing import ids
from orgbilling_stubs.billing.currencies import minor_units_of
from orgbilling_stubs.billing.instants import DAY_MS, add_months, month
from orgbilling_stubs.billing.money import MICROS_PER_CENT
from orgbilling_stubs.billing.tenant_config import ContractTerms

PAYMENT_INTERVAL_MONTHS = {"monthly": 1, "quarterly": 3, "annual": 12, "one_time": 0}
"""Months between two payments; 0 = paid once."""

CANCELLED_BEFORE_MS = 20 * DAY_MS
"""How long before the as-of instant a persona's cancelled contract was cancelled."""


class Portions(NamedTuple):
    """A credit and a service portion, in micro-USD."""

    credit_micros: int
    service_micros: int

    @property
    def amount_micros(self) -> int:
        """Both together."""
        return self.credit_micros + self.service_micros


class Installment(NamedTuple):
    """One row of the payment schedule, in micro-USD."""

    period: str
    due_ms: int
    credit_micros: int
    service_micros: int
    one_time: bool
    paid: bool

    @property
    def amount_micros(self) -> int:
        """Credit and service portions together."""
        return self.credit_micros + self.service_micros

    @property
    def title(self) -> str:
        """What the ledger and the invoice call it; unique within a term."""
        return f"{'Contract set-up' if self.one_time else 'Contract installment'} {self.period}"


class InstallmentId(NamedTuple):
    """Which installment of an organization a ledger row is about; unique over contracts and their terms.

    session_id: the checkout session of the contract's first payment. start_ms: the start of the term.
    position: its place in the payment schedule of that term.
    """

    session_id: str | None
    start_ms: int
    position: int


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract at one moment of its life."""

    terms: ContractTerms
    status: str
    start_ms: int
    end_ms: int
    schedule: tuple[Installment, ...]
    withheld: frozenset[int]
    """Indexes of the installments that nobody pays when they fall due."""
    bonus_paid: bool
    session_id: str | None
    created_ms: int
    updated_ms: int

    def installment_id(self, index: int) -> InstallmentId:
        """What tells an installment from those of other terms and contracts."""
        return InstallmentId(self.session_id, self.start_ms, index)

    def total(self) -> Portions:
        """All installments together."""
        return _sum(self.schedule)

    def one_time(self) -> Portions:
        """What is paid once."""
        return _sum(row for row in self.schedule if row.one_time)

    def regular_payment(self) -> Portions:
        """The first recurring installment still to pay, else the last one; nothing when there is none."""
        rows = [row for row in self.schedule if not row.one_time]
        row = next((row for row in rows if not row.paid), rows[-1] if rows else None)
        return Portions(0, 0) if row is None else Portions(row.credit_micros, row.service_micros)

    def stripe_price_id(self, seed: int) -> str | None:
        """The Stripe price, which exists as soon as the contract is no draft."""
        return None if self.status == "draft" else ids.price(seed, self.terms.contract_id)

    def stripe_subscription_id(self, seed: int, identity_organization: str) -> str | None:
        """The Stripe subscription, which begins with the first payment."""
        if self.status in ("draft", "pending_payment"):
            return None
        return ids.subscription(seed, identity_organization, self.terms.contract_id)

    def due_first(self) -> tuple[int, ...]:
        """Indexes of the installments that are due when the contract starts."""
        return tuple(i for i, row in enumerate(self.schedule) if row.due_ms <= self.start_ms and not row.paid)

    def first_payment_minor(self, currency: str) -> int:
        """What is due when the contract starts, in the smallest unit of a currency.

        Each installment is rounded, so that the payment is the sum of the rows that a page shows.
        """
        return sum(minor_units_of(self.schedule[index].amount_micros, currency) for index in self.due_first())

    def next_ms(self) -> int | None:
        """When the contract next does something by itself; None when it never will."""
        if self.status != "active":
            return None
        due = (
            row.due_ms
            for index, row in enumerate(self.schedule)
            if not row.paid and index not in self.withheld
        )
        return min(chain(due, (self.end_ms,)))


def _sum(rows: Iterable[Installment]) -> Portions:
    rows = tuple(rows)
    return Portions(sum(row.credit_micros for row in rows), sum(row.service_micros for row in rows))


def _split(total_micros: int, parts: int) -> list[int]:
    """Split into equal parts of whole cents; the last one takes what is left."""
    part = total_micros // parts // MICROS_PER_CENT * MICROS_PER_CENT
    return [part] * (parts - 1) + [total_micros - part * (parts - 1)]


def schedule(terms: ContractTerms, start_ms: int, *, renewal: bool = False) -> tuple[Installment, ...]:
    """The installments of one term.

    What is paid once comes first. A renewal has none of it: its term is worth so much less.
    """
    rows = []
    once = 0 if renewal else terms.onetime_credit_micros + terms.onetime_service_micros
    if once:
        rows.append(
            Installment(
                month(start_ms),
                start_ms,
                terms.onetime_credit_micros,
                terms.onetime_service_micros,
                one_time=True,
                paid=False,
            )
        )
    step = PAYMENT_INTERVAL_MONTHS[terms.frequency]
    count = max(1, terms.term_months // step) if step else 1
    credits = _split(terms.credit_micros - terms.onetime_credit_micros, count)
    services = _split(terms.service_micros - terms.onetime_service_micros, count)
    for index, (credit, service) in enumerate(zip(credits, services, strict=True)):
        due_ms = add_months(start_ms, index * step)
        rows.append(Installment(month(due_ms), due_ms, credit, service, one_time=False, paid=False))
    return tuple(rows)


def newest_due(rows: Iterable[Installment], as_of_ms: int, count: int) -> frozenset[int]:
    """Indexes of the `count` newest installments that were due by the instant."""
    due = [index for index, row in enumerate(rows) if row.due_ms <= as_of_ms]
    return frozenset(due[len(due) - count :]) if count else frozenset()


def sign(
    terms: ContractTerms, status: str, created_ms: int, as_of_ms: int, session_id: str | None
) -> Contract:
    """A contract as it is when it first appears on the tenant."""
    rows = schedule(terms, terms.start_ms)
    return Contract(
        terms=terms,
        status=status,
        start_ms=terms.start_ms,
        end_ms=terms.end_ms,
        schedule=rows,
        withheld=newest_due(rows, as_of_ms, terms.overdue),
        bonus_paid=False,
        session_id=session_id,
        created_ms=created_ms,
        updated_ms=created_ms,
    )


def paid(contract: Contract, index: int, at_ms: int) -> Contract:
    """The contract with one installment paid."""
    rows = list(contract.schedule)
    rows[index] = rows[index]._replace(paid=True)
    return replace(contract, schedule=tuple(rows), updated_ms=at_ms)


def activated(contract: Contract, at_ms: int) -> Contract:
    """The contract, running."""
    return replace(contract, status="active", updated_ms=at_ms)


def bonus_granted(contract: Contract, at_ms: int) -> Contract:
    """The contract with its bonus credits handed out."""
    return replace(contract, bonus_paid=True, updated_ms=at_ms)


def unpaid(contract: Contract, index: int, at_ms: int) -> Contract:
    """The contract with one installment unpaid, and nobody about to pay it."""
    rows = list(contract.schedule)
    rows[index] = rows[index]._replace(paid=False)
    withheld = contract.withheld | {index}
    return replace(contract, schedule=tuple(rows), withheld=withheld, updated_ms=at_ms)


def renewed(contract: Contract) -> Contract:
    """The contract in its next term of the same length."""
    start_ms = contract.end_ms
    return replace(
        contract,
        start_ms=start_ms,
        end_ms=add_months(start_ms, contract.terms.term_months),
        schedule=schedule(contract.terms, start_ms, renewal=True),
        withheld=frozenset(),
        updated_ms=start_ms,
    )


def ended(contract: Contract, status: str, at_ms: int) -> Contract:
    """The contract expired or cancelled."""
    return replace(contract, status=status, updated_ms=at_ms)


def discounted(contract: Contract, percent: int, at_ms: int) -> Contract:
    """The contract with the service portion of every unpaid installment reduced, cut to whole cents.

    Example: 10 % off a service portion of 33.33 USD leaves floor(29.997) = 29.99 USD.
    """
    rows = tuple(
        row
        if row.paid
        else row._replace(
            service_micros=row.service_micros * (100 - percent) // 100 // MICROS_PER_CENT * MICROS_PER_CENT
        )
        for row in contract.schedule
    )
    return replace(contract, schedule=rows, updated_ms=at_ms)
