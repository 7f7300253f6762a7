"""An installment has one invoice, whatever is paid, returned and paid again, and in whatever order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise, permutations
from typing import Any

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.billing import instants
from orgbilling_stubs.billing.commands import (
    AdjustBalance,
    CancelContract,
    MarkInstallment,
    PayCheckout,
    PayInvoice,
    SubscribeContract,
)
from orgbilling_stubs.billing.contract import Contract
from orgbilling_stubs.billing.currencies import minor_units_of
from orgbilling_stubs.billing.invoices import OVERDUE, PAID, Invoice, invoice_numbered, invoices
from orgbilling_stubs.billing.tenant import Tenant
from orgbilling_stubs.tenants.undo import undo

from ..checkout.conftest import Shop

ORG = "org_standard"
Step = tuple[str, int]


@pytest.fixture
def shop(serve: Callable[..., Any]) -> Shop:
    return Shop(serve())


def first_overdue(shop: Shop, organization: str = ORG) -> Invoice:
    return next(i for i in invoices(shop.service.tenant(organization)) if i.status == OVERDUE)


def check(shop: Shop, organization: str) -> None:
    """What is true of the invoices of an organization at any time."""
    tenant = shop.service.tenant(organization)
    every_invoice = invoices(tenant)
    assert len({invoice.number for invoice in every_invoice}) == len(every_invoice)
    for invoice in every_invoice:
        assert invoice.paid_minor + invoice.remaining_minor == invoice.amount_minor
        assert sum(payment.amount_minor for payment in invoice.payments) == invoice.paid_minor
    bought = [invoice for invoice in every_invoice if not invoice.title.startswith(("Invoice", "Unpaid"))]
    assert sum(invoice.paid_minor for invoice in bought) == ledger_payments_minor(tenant)
    schedule = shop.dashboard("GET", "/org/contract", organization).json()["paymentSchedule"]
    overdue = Counter(
        f"Contract {'set-up' if row.get('isOneTime') else 'installment'} {row['period']}"
        for row in schedule
        if not row["paid"] and row["dueDate"] <= instants.text(tenant.now_ms)
    )
    listed = Counter(i.title for i in every_invoice if i.installment is not None and i.status == OVERDUE)
    assert listed == overdue


def ledger_payments_minor(tenant: Tenant) -> int:
    """What was paid for top-ups and installments, without what was returned."""
    currency = tenant.config.currency
    return sum(
        minor_units_of(row.usd_micros, currency)
        for row in tenant.ledger.rows
        if row.kind in ("top_up", "contract_credit")
        or (row.kind == "adjustment" and row.description.endswith(" returned"))
    )


class Steps:
    """Changes one installment after another, in several ways."""

    def __init__(self, shop: Shop, organization: str) -> None:
        self._shop = shop
        self._organization = organization
        self._portal = shop.portal(organization)

    def do(self, way: str, index: int) -> None:
        """Mark or pay an installment, or undo the last change; paying what is paid changes nothing."""
        if way == "undo":
            undo(self._shop.service, self._organization)
            return
        if way in ("overdue", "paid"):
            path = f"/_mock/v1/organizations/{self._organization}/contract/installments/{index}"
            assert self._shop.dashboard("PUT", path, None, json={"state": way}).status_code == 200
            return
        number = self._number(index)
        if way == "portal":
            page = self._shop.post(f"{self._portal}/invoices/{number}/pay")
            assert self._shop.get(page.headers["location"])["invoice-status"] == PAID
        else:
            self._shop.execute(self._organization, PayInvoice(number))
        assert self._number(index) == number

    def _number(self, index: int) -> str:
        every_invoice = invoices(self._shop.service.tenant(self._organization))
        return next(invoice.number for invoice in every_invoice if invoice.installment == index)


def due_indexes(contract: Contract, now_ms: int) -> list[int]:
    return [index for index, row in enumerate(contract.schedule) if row.due_ms <= now_ms]


def orders(due: Sequence[int]) -> Iterator[Step]:
    """Each installment that is due by itself, and each pair of neighbors in every order."""
    for index in due:
        ways = ("overdue", "portal", "overdue", "overdue", "control", "portal", "overdue", "paid", "paid")
        yield from ((way, index) for way in ways)
    for pair in pairwise(due):
        for first, second in permutations(pair):
            yield from (("overdue", first), ("overdue", second), ("portal", first), ("control", second))
            yield from (("overdue", second), ("overdue", first), ("portal", first), ("paid", second))


def walk(shop: Shop, organization: str, steps: Iterable[Step]) -> None:
    """Take the steps; after each of them there are the same invoices, and they add up."""
    before = {invoice.number for invoice in invoices(shop.service.tenant(organization))}
    changes = Steps(shop, organization)
    for way, index in steps:
        changes.do(way, index)
        check(shop, organization)
        assert {invoice.number for invoice in invoices(shop.service.tenant(organization))} == before


def test_the_invoices_add_up_after_every_step(shop: Shop) -> None:
    """The set-up and the first installment are due in one month."""
    walk(shop, ORG, [("overdue", 0), ("overdue", 1), ("portal", 0), ("control", 1)])


@pytest.mark.slow
def test_the_invoices_add_up_after_every_undo(shop: Shop) -> None:
    for index in (0, 1):
        changes: list[Step] = [("overdue", index), ("portal", index), ("overdue", index), ("paid", index)]
        walk(shop, ORG, [*changes, *[("undo", index)] * len(changes)])


def has_running_contract(name: str) -> bool:
    contract = personas.load(name).contract
    return contract is not None and contract.status == "active"


@pytest.mark.slow
@pytest.mark.parametrize("persona", [*filter(has_running_contract, personas.names())])
def test_the_invoices_of_every_contract_add_up_after_every_step(shop: Shop, persona: str) -> None:
    organization = f"org_{persona}"
    tenant = shop.service.tenant(organization)
    walk(shop, organization, orders(due_indexes(tenant.contract, tenant.now_ms)))


def test_the_return_of_a_set_up_says_so(shop: Shop) -> None:
    schedule = shop.service.tenant(ORG).contract.schedule
    assert schedule[0].one_time
    assert schedule[0].period == schedule[1].period
    shop.execute(ORG, MarkInstallment(0, paid=False))
    tenant = shop.service.tenant(ORG)
    assert tenant.ledger.rows[-1].description == f"{schedule[0].title} returned"
    assert first_overdue(shop).title == schedule[0].title


def test_a_text_does_not_make_an_adjustment_a_return(shop: Shop) -> None:
    before = invoices(shop.service.tenant(ORG))
    title = shop.service.tenant(ORG).contract.schedule[1].title
    shop.execute(ORG, AdjustBalance(-1_000_000, f"{title} returned"))
    assert invoices(shop.service.tenant(ORG)) == before


def test_installments_of_two_contracts_in_one_month_keep_their_invoices(shop: Shop) -> None:
    tenant = shop.service.tenant(ORG)
    contract_id = tenant.contract.terms.contract_id
    paid_before = {i.number for i in invoices(tenant) if i.status == PAID}
    for _ in range(2):
        shop.execute(ORG, CancelContract())
        shop.execute(ORG, SubscribeContract(contract_id))
        shop.execute(ORG, PayCheckout(shop.service.tenant(ORG).contract.session_id))
    tenant = shop.service.tenant(ORG)
    paid = {i.number for i in invoices(tenant) if i.status == PAID}
    assert paid_before < paid
    present = [i for i in invoices(tenant) if i.installment == 0]
    shop.execute(ORG, MarkInstallment(0, paid=False))
    assert first_overdue(shop).number == present[0].number
    assert {i.number for i in invoices(shop.service.tenant(ORG)) if i.status == PAID} == paid - {
        present[0].number
    }
    shop.execute(ORG, PayInvoice(present[0].number))
    assert invoice_numbered(shop.service.tenant(ORG), present[0].number).status == PAID
    assert {i.number for i in invoices(shop.service.tenant(ORG)) if i.status == PAID} == paid
