"""Invoices and payments of a persona, and what the ledger's entries refer to, out of the entries.

| invoice | of | paid by |
| --- | --- | --- |
| `2026-03-000012` | the purchase or installment of ledger entry 11 | that entry |
| `2026-03-M1` | charges of a postpaid organization up to April's opening | who names it, or what is left |
| `2024-09-P1` | unpaid invoices of the previous plan | what is left |

Both the row tables and the columns call this with the few entries that are neither usage nor evening
charges, and with the charges of each month added up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.billing_days import MONTH_OPENS_MS, PAYMENT_TERMS_MS
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.invoices import issue_ms
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.export.reference_tables import Row

LINKS = ("charge_id", "contract_id", "invoice_id", "voucher_code", "checkout_session_id")
"""Columns of the ledger that say what an entry refers to, besides project and model."""

_CREDIT_KINDS = {"top_up": "top_up", "contract_credit": "installment"}


class Posting(NamedTuple):
    """A ledger entry that is neither usage nor an evening's charge."""

    number: int
    at_ms: int
    kind: str
    credits_micros: int
    usd_micros: int
    description: str


@dataclass(slots=True)
class _OpenInvoice:
    """An invoice that payments are assigned to."""

    invoice_id: str
    kind: str
    issued_ms: int
    micros: int
    left_micros: int
    paid_ms: int | None = None


@dataclass
class PaymentTables:
    """Rows of `invoices` and `payments`, and the links of each posting by its number."""

    invoices: list[Row] = field(default_factory=list)
    payments: list[Row] = field(default_factory=list)
    links: dict[int, dict[str, str]] = field(default_factory=dict)

    @property
    def first_paid_ms(self) -> int | None:
        """When the first payment succeeded."""
        succeeded = [row["created_at"] for row in self.payments if row["status"] == "succeeded"]
        first = succeeded[0] if succeeded else None
        return first if isinstance(first, int) else None


def month_invoice_id(opening_ms: int) -> str:
    """The invoice of the charges up to the opening of a month: "2026-03-M1" for that of April 2026."""
    return f"{instants.month(opening_ms - DAY_MS)}-M1"


def opening_after(at_ms: int) -> int:
    """When the next month opens, at an instant or after it."""
    first_ms = instants.parse(instants.month(at_ms) + "-01")
    opening_ms = first_ms + MONTH_OPENS_MS
    return opening_ms if at_ms <= opening_ms else instants.add_months(first_ms, 1) + MONTH_OPENS_MS


def payment_tables(
    tenant: Tenant,
    postings: Sequence[Posting],
    month_charges: Mapping[int, int],
    sessions: Mapping[int, str],
) -> PaymentTables:
    """The tables of a tenant.

    month_charges: the charges of a postpaid tenant in micro-USD, by the opening that bills them; sessions:
    the checkout sessions of purchases, by the number of their ledger entry.
    """
    made = PaymentTables()
    opened = {
        opening_ms: _OpenInvoice(month_invoice_id(opening_ms), "month", opening_ms, micros, micros)
        for opening_ms, micros in month_charges.items()
        if micros
    }
    owed = [*opened.values()]
    for posting in postings:
        link = _link(tenant, posting, sessions)
        if posting.kind in _CREDIT_KINDS and posting.usd_micros > 0:
            link["invoice_id"] = f"{instants.month(posting.at_ms)}-{posting.number + 1:06d}"
            made.invoices.append(_paid_invoice(tenant, posting, link))
            made.payments.append(_payment(posting, link))
        elif posting.kind == "refund" or (posting.kind in _CREDIT_KINDS and posting.usd_micros < 0):
            made.payments.append(_payment(posting, link))
        elif _is_bill(tenant, posting):
            bill = f"{instants.month(posting.at_ms)}-P{posting.number + 1}"
            micros = -posting.usd_micros
            owed.insert(0, _OpenInvoice(bill, "carried_forward", posting.at_ms, micros, micros))
            link["invoice_id"] = bill
        elif _is_payment(tenant, posting):
            invoice = _assign(posting, owed)
            if invoice is not None:
                link["invoice_id"] = invoice.invoice_id
            made.payments.append(_payment(posting, link))
        if link:
            made.links[posting.number] = link
    made.invoices += [_owed_invoice(invoice, tenant.now_ms) for invoice in owed]
    made.invoices.sort(key=lambda row: (row["issued_at"], row["invoice_id"]))
    made.payments = [{**row, "number": number} for number, row in enumerate(made.payments)]
    _link_agreements(tenant, postings, made)
    return made


def _is_bill(tenant: Tenant, posting: Posting) -> bool:
    """Whether an entry brings along what a postpaid organization owes from before."""
    return _is_payment(tenant, posting._replace(usd_micros=-posting.usd_micros))


def _is_payment(tenant: Tenant, posting: Posting) -> bool:
    """Whether an entry pays what a postpaid organization owes."""
    return (
        tenant.config.mode == "postpaid"
        and posting.kind == "adjustment"
        and not posting.credits_micros
        and posting.usd_micros > 0
    )


def _link(tenant: Tenant, posting: Posting, sessions: Mapping[int, str]) -> dict[str, str]:
    link = {}
    contract = tenant.contract
    if posting.kind in ("contract_credit", "bonus_credit") and contract is not None:
        if posting.at_ms >= contract.created_ms:
            link["contract_id"] = contract.terms.contract_id
    elif posting.kind == "voucher":
        code = posting.description.removeprefix("Voucher ")
        if code in tenant.vouchers:
            link["voucher_code"] = code
    if posting.number in sessions:
        link["checkout_session_id"] = sessions[posting.number]
    return link


def _link_agreements(tenant: Tenant, postings: Sequence[Posting], made: PaymentTables) -> None:
    """Name the agreement of each charge: those of one opening are posted in the order of the agreements."""
    waiting: dict[tuple[int, str, int], list[str]] = {}
    for posting in postings:
        if posting.kind != "service_charge":
            continue
        key = (posting.at_ms, posting.description, posting.usd_micros)
        if key not in waiting:
            waiting[key] = [
                terms.charge_id
                for terms in tenant.config.agreements
                if terms.description == posting.description
                and terms.amount_micros == -posting.usd_micros
                and terms.created_ms < posting.at_ms
            ]
        if waiting[key]:
            made.links.setdefault(posting.number, {})["charge_id"] = waiting[key].pop(0)


def _assign(posting: Posting, owed: Sequence[_OpenInvoice]) -> _OpenInvoice | None:
    """Assign a payment: first to the month that it names, and what is left to the oldest invoice.

    Returns the invoice that it names; None for a payment on account.
    """
    month = posting.description.removeprefix("Invoice ").partition(" ")[0]
    named = [invoice for invoice in owed if invoice.invoice_id == f"{month}-M1"]
    left = posting.usd_micros
    for invoice in (*named, *sorted(owed, key=lambda invoice: invoice.issued_ms)):
        micros = min(left, invoice.left_micros)
        if micros > 0:
            invoice.left_micros -= micros
            left -= micros
            if not invoice.left_micros:
                invoice.paid_ms = posting.at_ms
    return named[0] if named else None


def _paid_invoice(tenant: Tenant, posting: Posting, link: Mapping[str, str]) -> Row:
    checkout = tenant.checkouts.get(link.get("checkout_session_id", ""))
    issued_ms = issue_ms(tenant, posting.number, posting.at_ms, posting.kind, checkout)
    return {
        "invoice_id": link["invoice_id"],
        "kind": _CREDIT_KINDS[posting.kind],
        "status": "paid",
        "issued_at": issued_ms,
        "due_at": issued_ms if posting.kind == "top_up" else posting.at_ms,
        "amount_usd": posting.usd_micros,
        "paid_at": posting.at_ms,
        "contract_id": link.get("contract_id"),
    }


def _owed_invoice(invoice: _OpenInvoice, now_ms: int) -> Row:
    due_ms = invoice.issued_ms + PAYMENT_TERMS_MS
    status = "due" if now_ms <= due_ms else "overdue"
    if not invoice.left_micros:
        status = "paid"
    elif now_ms < invoice.issued_ms:
        status = "upcoming"
    return {
        "invoice_id": invoice.invoice_id,
        "kind": invoice.kind,
        "status": status,
        "issued_at": invoice.issued_ms,
        "due_at": due_ms,
        "amount_usd": invoice.micros,
        "paid_at": invoice.paid_ms if status == "paid" else None,
        "contract_id": None,
    }


def _payment(posting: Posting, link: Mapping[str, str]) -> dict[str, str | int | None]:
    session_id = link.get("checkout_session_id")
    return {
        "created_at": posting.at_ms,
        "status": "succeeded" if posting.usd_micros > 0 else "refunded",
        "method": "card" if session_id is None else "checkout",
        "amount_usd": posting.usd_micros,
        "failure": None,
        "invoice_id": link.get("invoice_id"),
        "checkout_session_id": session_id,
        "ledger_number": posting.number,
    }
