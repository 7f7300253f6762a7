"""Invoices: what was paid and what is to pay, computed from the ledger and the schedule of the contract.

| invoice | of | due |
| --- | --- | --- |
| top-up | each top-up, by hand or automatic | when it is issued |
| installment | each installment of the contract | on its due date |
| month | the charges of each month of a postpaid organization | 14 days after the next month opens |

An installment is `upcoming` before it is due, and a month before it is issued, when the next one opens. An
invoice is `paid` when nothing remains. In between it is `due`, and `overdue` once it was not paid in time: an
installment at once, because the card on file was charged and declined. A part of a month may be paid; then it
shows what remains.

Payments of a postpaid organization are assigned as accounts receivable are: first to the month that the
ledger row names, and what is left to the oldest invoice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from orgbilling_stubs.billing import ids, instants
from orgbilling_stubs.billing.billing_days import MONTH_OPENS_MS, PAYMENT_TERMS_MS
from orgbilling_stubs.billing.contract import Contract, InstallmentId
from orgbilling_stubs.billing.currencies import minor_units_of
from orgbilling_stubs.billing.instants import DAY_MS, MINUTE_MS
from orgbilling_stubs.billing.ledger import LedgerRow
from orgbilling_stubs.billing.payment_cards import PaymentCard
from orgbilling_stubs.billing.tenant import Checkout, Tenant

PAID, UPCOMING, DUE, OVERDUE = "paid", "upcoming", "due", "overdue"
STATUSES = (PAID, UPCOMING, DUE, OVERDUE)

CHARGE_NAMES = {
    "usage": "Token usage",
    "event_charge": "Context engine events",
    "service_charge": "Services",
    "character_charge": "Active characters",
}
"""What a monthly invoice calls the charges of each entry type; its lines stand in this order."""

_MONTH_TITLE = "Invoice "

_AUTOMATIC_MS = (2_000, 40_000)
_SUBSCRIPTION_MS = (58 * MINUTE_MS, 71 * MINUTE_MS)
"""How long before its payment an invoice was issued, at least and at most."""


class InvoicePayment(NamedTuple):
    """A payment of an invoice, in the smallest unit of its currency; card is None when it is not known."""

    at_ms: int
    amount_minor: int
    card: PaymentCard | None


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice; amounts in the smallest unit of its currency, except those that say otherwise.

    number: unique within the organization. issued_ms: its date. due_ms: when it is to be paid.
    currency: of what was paid in the browser that of the checkout session, else that of the organization.
    lines: what it is for. session_id: the checkout session where it is paid.
    remaining_micros: what is left to pay, in micro-USD. installment: its place in the payment schedule.
    credits_micros: the credits that a top-up bought, in micro-USD.
    """

    number: str
    title: str
    status: str
    issued_ms: int
    due_ms: int
    currency: str
    lines: tuple[tuple[str, int], ...]
    payments: tuple[InvoicePayment, ...] = ()
    session_id: str | None = None
    remaining_micros: int = 0
    installment: int | None = None
    credits_micros: int = 0

    @property
    def amount_minor(self) -> int:
        """The sum of the lines."""
        return sum(amount_minor for _, amount_minor in self.lines)

    @property
    def remaining_minor(self) -> int:
        """What is left to pay."""
        return minor_units_of(self.remaining_micros, self.currency)

    @property
    def paid_minor(self) -> int:
        """What is paid."""
        return self.amount_minor - self.remaining_minor

    @property
    def at_ms(self) -> int:
        """When it was paid, or else when it is due."""
        return self.payments[-1].at_ms if self.status == PAID and self.payments else self.due_ms

    @property
    def can_be_paid(self) -> bool:
        """Whether the card on file can pay it in the portal."""
        return self.status in (DUE, OVERDUE) and self.session_id is None


def invoices(tenant: Tenant) -> list[Invoice]:
    """Every invoice: first those still to pay, the earliest first; then those paid, the newest first."""
    owed: list[Invoice] = []
    paid: list[Invoice] = []
    for invoice in (*_top_ups(tenant), *_months(tenant), *_installments(tenant)):
        if invoice.amount_minor:
            (paid if invoice.status == PAID else owed).append(invoice)
    owed.sort(key=lambda invoice: (invoice.due_ms, invoice.number))
    paid.sort(key=lambda invoice: (-invoice.at_ms, invoice.number))
    return [*owed, *paid]


def invoice_numbered(tenant: Tenant, number: str) -> Invoice | None:
    """The invoice of a number, if there is one."""
    return next((invoice for invoice in invoices(tenant) if invoice.number == number), None)


def issue_ms(tenant: Tenant, number: int, at_ms: int, kind: str, checkout: Checkout | None = None) -> int:
    """When the invoice was issued that a ledger row pays, a purchase (`top_up`) or an installment.

    number, at_ms, kind: of the row. checkout: where a purchase was paid in the browser.

    What is paid in the browser is issued when its checkout session is opened: a purchase, and the first
    payment of a contract. An automatic purchase takes the card some seconds. Stripe makes the invoice of a
    subscription about an hour before it charges the card (its documentation of invoices).
    """
    if checkout is None and kind == "contract_credit":
        checkout = _first_checkout(tenant, at_ms)
    if checkout is not None:
        return min(checkout.opened_ms, at_ms)
    earliest_ms, latest_ms = _AUTOMATIC_MS if kind == "top_up" else _SUBSCRIPTION_MS
    config = tenant.config
    drawn_ms = ids.number(latest_ms - earliest_ms, config.seed, config.identity_organization, "issue", number)
    return max(at_ms - earliest_ms - drawn_ms, tenant.created_ms)


def _first_checkout(tenant: Tenant, at_ms: int) -> Checkout | None:
    """The checkout session of the contract that was paid for the first time at an instant."""
    first_ms: dict[str, int] = {}
    for number, installment in tenant.installments_by_row.items():
        first_ms.setdefault(installment.session_id or "", tenant.ledger.rows[number].at_ms)
    return next((tenant.checkouts.get(session) for session, ms in first_ms.items() if ms == at_ms), None)


def _top_ups(tenant: Tenant) -> Iterator[Invoice]:
    checkouts = {checkout.ledger_row: checkout for checkout in tenant.checkouts.values()}
    for row in tenant.ledger.rows:
        if row.kind == "top_up":
            number = f"{instants.month(row.at_ms)}-{row.number + 1:06d}"
            yield _paid_invoice(tenant, row, number, row.description, checkouts.get(row.number))


def _paid_invoice(
    tenant: Tenant, row: LedgerRow, number: str, title: str, checkout: Checkout | None = None
) -> Invoice:
    """The invoice of a ledger row that is its payment."""
    currency = tenant.config.currency
    amount_minor = minor_units_of(row.usd_micros, currency)
    if checkout is not None:
        amount_minor, currency = checkout.amount_minor, checkout.currency
    payment = InvoicePayment(row.at_ms, amount_minor, tenant.cards_by_row.get(row.number))
    issued_ms = issue_ms(tenant, row.number, row.at_ms, row.kind, checkout)
    return Invoice(
        number,
        title,
        PAID,
        issued_ms,
        issued_ms if row.kind == "top_up" else row.at_ms,
        currency,
        ((title, amount_minor),),
        payments=(payment,),
        credits_micros=row.usd_micros if row.kind == "top_up" else 0,
    )


@dataclass(slots=True)
class _MonthlyCharges:
    """What a postpaid organization owes for a month; amounts in micro-USD."""

    number: str
    title: str
    issued_ms: int
    micros_by_kind: Counter[str] = field(default_factory=Counter)
    payments: list[tuple[LedgerRow, int]] = field(default_factory=list)

    @property
    def remaining_micros(self) -> int:
        return self.micros_by_kind.total() - sum(micros for _, micros in self.payments)


def _months(tenant: Tenant) -> Iterator[Invoice]:
    """The invoices of a postpaid organization, that of the running month included."""
    if tenant.config.mode != "postpaid":
        return
    months: dict[str, _MonthlyCharges] = {}
    payments: list[LedgerRow] = []
    for row in tenant.ledger.rows:
        if row.kind in CHARGE_NAMES:
            issued_ms = _month_end_ms(row.at_ms)
            month = instants.month(issued_ms - DAY_MS)
            charges = months.setdefault(
                month, _MonthlyCharges(f"{month}-M1", f"{_MONTH_TITLE}{month}", issued_ms)
            )
            charges.micros_by_kind[CHARGE_NAMES[row.kind]] -= row.usd_micros
        elif row.kind == "adjustment" and not row.credits_micros and row.usd_micros > 0:
            payments.append(row)
        elif (
            row.kind == "adjustment"
            and not row.credits_micros
            and row.number not in tenant.installments_by_row
        ):
            number = f"{instants.month(row.at_ms)}-P{row.number + 1}"
            charges = months[number] = _MonthlyCharges(number, row.description, row.at_ms)
            charges.micros_by_kind[row.description] = -row.usd_micros
    _assign_payments(list(months.values()), payments)
    yield from (_month_invoice(tenant, charges) for charges in months.values())


def _month_end_ms(at_ms: int) -> int:
    """When the next month opens, at the instant or after it."""
    opening_ms = _month_opening_ms(at_ms)
    return opening_ms if at_ms <= opening_ms else _month_opening_ms(instants.add_months(opening_ms, 1))


def _month_opening_ms(at_ms: int) -> int:
    """When the month of an instant opened."""
    midnight_ms = at_ms // DAY_MS * DAY_MS
    return midnight_ms - (instants.moment(at_ms).day - 1) * DAY_MS + MONTH_OPENS_MS


def _assign_payments(months: Sequence[_MonthlyCharges], payments: Iterable[LedgerRow]) -> None:
    by_title = {charges.title: charges for charges in months}
    for row in payments:
        title = row.description.removesuffix(" in part").removesuffix(" paid")
        left_micros = row.usd_micros
        named = [by_title[title]] if title in by_title else []
        for charges in (*named, *sorted(months, key=lambda charges: charges.issued_ms)):
            micros = min(left_micros, charges.remaining_micros)
            if micros > 0:
                charges.payments.append((row, micros))
                left_micros -= micros
            if not left_micros:
                break


def _month_invoice(tenant: Tenant, charges: _MonthlyCharges) -> Invoice:
    currency, remaining_micros = tenant.config.currency, charges.remaining_micros
    due_ms = charges.issued_ms + PAYMENT_TERMS_MS
    if tenant.now_ms < charges.issued_ms:
        status = UPCOMING
    elif not minor_units_of(remaining_micros, currency):
        status = PAID
    else:
        status = DUE if tenant.now_ms <= due_ms else OVERDUE
    order = [*CHARGE_NAMES.values()]
    parts = sorted(
        charges.micros_by_kind.items(), key=lambda part: order.index(part[0]) if part[0] in order else 0
    )
    return Invoice(
        charges.number,
        charges.title,
        status,
        charges.issued_ms,
        due_ms,
        currency,
        _rounded_lines(parts, currency),
        payments=tuple(
            InvoicePayment(row.at_ms, minor, tenant.cards_by_row.get(row.number))
            for (row, _), minor in zip(charges.payments, _rounded_payments(charges, currency), strict=True)
        ),
        remaining_micros=remaining_micros,
    )


def _rounded_payments(charges: _MonthlyCharges, currency: str) -> list[int]:
    """Payments in the smallest unit of a currency, which add up to what is paid of the rounded total.

    What is paid is the rounded total without the rounded remainder, after each payment.
    """
    left_micros = charges.micros_by_kind.total()
    total_minor = minor_units_of(left_micros, currency)
    paid_minor = [0]
    for _, micros in charges.payments:
        left_micros -= micros
        paid_minor.append(total_minor - minor_units_of(left_micros, currency))
    return [after - before for before, after in pairwise(paid_minor)]


def _rounded_lines(parts: Sequence[tuple[str, int]], currency: str) -> tuple[tuple[str, int], ...]:
    """Lines in micro-USD as lines in the smallest unit of a currency, which add up to the rounded total.

    Each line is the difference of two rounded running totals. Example: three lines of 0.334 USD run to 33, 67
    and 100 cents, so they are 33, 34 and 33 cents.
    """
    totals = [0]
    for _, micros in parts:
        totals.append(totals[-1] + micros)
    rounded = [minor_units_of(total, currency) for total in totals]
    steps = [after - before for before, after in pairwise(rounded)]
    return tuple((text, step) for (text, _), step in zip(parts, steps, strict=True) if step)


@dataclass(slots=True)
class _InstallmentPayment:
    """The payment of an installment that was paid at least once; row is None after it was returned."""

    number: str
    title: str
    row: LedgerRow | None


def _installments(tenant: Tenant) -> Iterator[Invoice]:
    """Installments: those that were paid in earlier terms, and those of the present term.

    Of a contract that has ended, only what it still owes.
    """
    contract = tenant.contract
    payments = _installment_payments(tenant)
    schedule = contract.schedule if contract is not None and contract.status != "draft" else ()
    present = {contract.installment_id(index) for index in range(len(schedule))} if contract else set()
    for installment_id, payment in payments.items():
        if installment_id not in present and payment.row is not None:
            yield _paid_invoice(tenant, payment.row, payment.number, payment.title)
    if contract is None:
        return
    places = Counter(payment.title for payment in payments.values())
    for index, installment in enumerate(schedule):
        status = _installment_status(contract, index, tenant.now_ms)
        if status is not None:
            payment = payments.get(contract.installment_id(index)) or _InstallmentPayment(
                _installment_number(installment.title, places[installment.title] + 1), installment.title, None
            )
            yield _installment_invoice(tenant, contract, index, status, payment)


def _installment_status(contract: Contract, index: int, now_ms: int) -> str | None:
    """The status of an installment; None for one that nobody has to pay, because the contract has ended."""
    installment = contract.schedule[index]
    if installment.paid:
        return PAID
    if contract.status == "pending_payment":
        return DUE if installment.due_ms <= max(now_ms, contract.start_ms) else UPCOMING
    if installment.due_ms > now_ms:
        return UPCOMING if contract.status == "active" else None
    if contract.status == "active" or index in contract.withheld:
        return OVERDUE
    return None


def _installment_invoice(
    tenant: Tenant, contract: Contract, index: int, status: str, payment: _InstallmentPayment
) -> Invoice:
    """The invoice of an installment of the present term."""
    installment, currency = contract.schedule[index], tenant.config.currency
    amount_minor = minor_units_of(installment.amount_micros, currency)
    service_minor = minor_units_of(installment.service_micros, currency)
    lines = (("Credits", amount_minor - service_minor), ("Services", service_minor))
    paid_first = contract.status == "pending_payment" and installment.due_ms <= contract.start_ms
    rows = [] if payment.row is None else [payment.row]
    payments = tuple(
        InvoicePayment(row.at_ms, amount_minor, tenant.cards_by_row.get(row.number)) for row in rows
    )
    return Invoice(
        payment.number,
        payment.title,
        status,
        min([installment.due_ms, *(issue_ms(tenant, paid.number, paid.at_ms, paid.kind) for paid in rows)]),
        installment.due_ms,
        currency,
        tuple(line for line in lines if line[1]),
        payments=payments,
        session_id=contract.session_id if paid_first and status != PAID else None,
        remaining_micros=0 if status == PAID else installment.amount_micros,
        installment=index,
    )


def _installment_payments(tenant: Tenant) -> dict[InstallmentId, _InstallmentPayment]:
    """The payments of installments, in the order in which each was paid for the first time.

    An installment keeps its number when its payment is returned and when it is paid again.
    """
    payments: dict[InstallmentId, _InstallmentPayment] = {}
    places: Counter[str] = Counter()
    for row_number, installment_id in tenant.installments_by_row.items():
        row = tenant.ledger.rows[row_number]
        if row.kind != "contract_credit":
            payments[installment_id].row = None
        elif installment_id in payments:
            payments[installment_id].row = row
        else:
            title = row.description
            places[title] += 1
            number = _installment_number(title, places[title])
            payments[installment_id] = _InstallmentPayment(number, title, row)
    return payments


def _installment_number(title: str, place: int) -> str:
    """The invoice number of an installment: period, kind, and which of several payments of that title."""
    kind = "S" if title.startswith("Contract set-up") else "C"
    period = title.rsplit(" ", 1)[-1]
    return f"{period}-{kind}{place}"
