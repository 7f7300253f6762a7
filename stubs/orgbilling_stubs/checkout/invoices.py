"""Invoices: what was paid, from the ledger, and what is still to pay, from the schedule of the contract."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.contract import Contract, Installment
from orgbilling_stubs.billing.ledger import LedgerRow
from orgbilling_stubs.billing.tenant import Tenant

PAID, DUE, OVERDUE = "paid", "due", "overdue"
_RETURNED = " returned"


@dataclass(frozen=True, slots=True)
class Invoice:
    """One invoice; amounts in micro-USD.

    number: unique within the organization. at_ms: when it was paid, or else when it is due.
    lines: what it is for. session_id: the checkout session where it can be paid.
    """

    number: str
    title: str
    status: str
    at_ms: int
    lines: tuple[tuple[str, int], ...]
    session_id: str | None = None

    @property
    def amount_micros(self) -> int:
        """The sum of the lines."""
        return sum(amount_micros for _, amount_micros in self.lines)


def invoices(tenant: Tenant) -> list[Invoice]:
    """Every invoice: first those still to pay, the earliest first; then those paid, the newest first."""
    owed: list[Invoice] = []
    paid: list[Invoice] = []
    for invoice in (*_from_ledger(tenant), *_from_contract(tenant)):
        if invoice.amount_micros:
            (paid if invoice.status == PAID else owed).append(invoice)
    owed.sort(key=lambda invoice: (invoice.at_ms, invoice.number))
    paid.sort(key=lambda invoice: (-invoice.at_ms, invoice.number))
    return [*owed, *paid]


def label(row: Installment) -> str:
    """What the ledger calls the payment of an installment."""
    return f"{'Contract set-up' if row.one_time else 'Contract installment'} {row.period}"


def _from_ledger(tenant: Tenant) -> Iterator[Invoice]:
    """Top-ups, invoices of a postpaid organization, and installments of earlier terms."""
    payments = _payments(tenant)
    for row in tenant.ledger.rows:
        if row.kind == "top_up" or (row.kind == "adjustment" and _settles(row)):
            title = row.description.removesuffix(" paid")
            number = f"{instants.month(row.at_ms)}-{row.number + 1:06d}"
            yield Invoice(number, title, PAID, row.at_ms, ((title, row.usd_micros),))
    # The last payment of an installment of the present term is an invoice of the contract.
    present_labels = set() if tenant.contract is None else {label(row) for row in tenant.contract.schedule}
    for text, rows in payments.items():
        for place, row in enumerate(rows[:-1] if text in present_labels else rows, 1):
            yield Invoice(_number(text, place), text, PAID, row.at_ms, ((text, row.usd_micros),))


def _settles(row: LedgerRow) -> bool:
    """Whether an adjustment is the payment of a postpaid invoice: money came in, and no credits."""
    return row.credits_micros == 0 and row.usd_micros > 0


def _payments(tenant: Tenant) -> dict[str, list[LedgerRow]]:
    """Payments of installments that were not returned, by what they are for, in time order."""
    payments: defaultdict[str, list[LedgerRow]] = defaultdict(list)
    returned = Counter(
        row.description.removesuffix(_RETURNED)
        for row in tenant.ledger.rows
        if row.kind == "adjustment" and row.description.endswith(_RETURNED)
    )
    for row in tenant.ledger.rows:
        if row.kind != "contract_credit":
            continue
        if returned[row.description]:
            returned[row.description] -= 1
        else:
            payments[row.description].append(row)
    return payments


def _from_contract(tenant: Tenant) -> Iterator[Invoice]:
    """The installments of the present term; of a contract that has ended, only what it still owes."""
    contract = tenant.contract
    if contract is None or contract.status == "draft":
        return
    payments = _payments(tenant)
    for row in contract.schedule:
        text = label(row)
        paid_ms = payments[text][-1].at_ms if row.paid and payments.get(text) else row.due_ms
        status = PAID if row.paid else OVERDUE if row.due_ms <= tenant.now_ms else DUE
        if contract.status in ("cancelled", "expired") and status == DUE:
            continue
        if contract.status == "pending_payment" and status == OVERDUE:
            status = DUE
        place = max(1, len(payments.get(text, ())))
        lines = (("Credits", row.credit_micros), ("Services", row.service_micros))
        yield Invoice(
            _number(text, place),
            text,
            status,
            paid_ms if row.paid else row.due_ms,
            tuple(line for line in lines if line[1]),
            _payment_session(contract, row) if status != PAID else None,
        )


def _payment_session(contract: Contract, row: Installment) -> str | None:
    """The session of the first payment, for the installments that it pays."""
    if contract.status != "pending_payment" or row.due_ms > contract.start_ms:
        return None
    return contract.session_id


def _number(text: str, place: int) -> str:
    """The invoice number of an installment: period, kind, and which of several payments with that label."""
    kind = "S" if text.startswith("Contract set-up") else "C"
    period = text.rsplit(" ", 1)[-1]
    return f"{period}-{kind}{place}"
