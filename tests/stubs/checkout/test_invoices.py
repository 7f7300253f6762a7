from __future__ import annotations

from typing import Any

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.billing.commands import CancelContract, MarkInstallment, PayCheckout
from orgbilling_stubs.checkout.invoices import DUE, OVERDUE, PAID, invoices, label


@pytest.mark.slow
@pytest.mark.parametrize("persona", personas.names())
def test_numbers_are_unique_and_the_order_is_owed_then_paid(shop: Any, persona: str) -> None:
    every_invoice = invoices(shop.service.tenant(f"org_{persona}"))
    assert len({invoice.number for invoice in every_invoice}) == len(every_invoice)
    assert all(invoice.amount_micros > 0 for invoice in every_invoice)
    owed = [invoice for invoice in every_invoice if invoice.status != PAID]
    paid = [invoice for invoice in every_invoice if invoice.status == PAID]
    assert every_invoice == owed + paid
    assert [invoice.at_ms for invoice in owed] == sorted(invoice.at_ms for invoice in owed)
    assert [invoice.at_ms for invoice in paid] == sorted((invoice.at_ms for invoice in paid), reverse=True)


@pytest.mark.parametrize("persona", ["standard", "contract_active", "installment_overdue", "euro"])
def test_the_money_is_that_of_the_ledger(shop: Any, persona: str) -> None:
    tenant = shop.service.tenant(f"org_{persona}")
    rows = [row for row in tenant.ledger.rows if row.kind in ("top_up", "contract_credit")]
    paid = [invoice for invoice in invoices(tenant) if invoice.status == PAID]
    assert sum(row.usd_micros for row in rows) == sum(invoice.amount_micros for invoice in paid)
    assert len(paid) == len(rows)


def test_a_postpaid_organization_is_invoiced_by_the_month(shop: Any) -> None:
    every_invoice = invoices(shop.service.tenant("org_postpaid_over_limit"))
    monthly = [invoice for invoice in every_invoice if invoice.title.startswith("Invoice ")]
    assert len(monthly) > 3
    assert not [invoice.title for invoice in monthly if invoice.title.endswith("paid")]
    assert {invoice.status for invoice in monthly} == {PAID}


def test_installments_are_paid_due_and_overdue(shop: Any) -> None:
    tenant = shop.service.tenant("org_installment_overdue")
    statuses = [
        invoice.status for invoice in invoices(tenant) if invoice.title.startswith("Contract installment")
    ]
    assert statuses.count(OVERDUE) == 1
    assert statuses.count(DUE) == sum(row.due_ms > tenant.now_ms for row in tenant.contract.schedule)
    assert statuses[0] == OVERDUE


def test_a_payment_that_was_returned_is_owed_again(shop: Any) -> None:
    organization = "org_contract_active"
    schedule = shop.service.tenant(organization).contract.schedule
    index = max(index for index, row in enumerate(schedule) if row.paid)
    before = invoices(shop.service.tenant(organization))
    shop.execute(organization, MarkInstallment(index, paid=False))
    tenant = shop.service.tenant(organization)
    same = [invoice for invoice in invoices(tenant) if invoice.title == label(schedule[index])]
    assert [invoice.status for invoice in same] == [OVERDUE]
    shop.execute(organization, MarkInstallment(index, paid=True))
    after = invoices(shop.service.tenant(organization))
    assert [(invoice.number, invoice.status) for invoice in after] == [
        (invoice.number, invoice.status) for invoice in before
    ]


def test_a_draft_owes_nothing(shop: Any) -> None:
    titles = [invoice.title for invoice in invoices(shop.service.tenant("org_contract_draft"))]
    assert not [title for title in titles if title.startswith("Contract")]


def test_the_first_payment_can_be_paid_from_its_invoice(shop: Any) -> None:
    organization = "org_contract_pending"
    contract = shop.service.tenant(organization).contract
    owed = [invoice for invoice in invoices(shop.service.tenant(organization)) if invoice.status != PAID]
    assert {invoice.status for invoice in owed} == {DUE}
    payable = [invoice for invoice in owed if invoice.session_id]
    assert [invoice.session_id for invoice in payable] == [contract.session_id] * len(contract.due_first())
    shop.execute(organization, PayCheckout(contract.session_id))
    assert not [invoice for invoice in invoices(shop.service.tenant(organization)) if invoice.session_id]


def test_a_cancelled_contract_owes_only_what_was_due(shop: Any) -> None:
    shop.execute("org_installment_overdue", CancelContract())
    every_invoice = invoices(shop.service.tenant("org_installment_overdue"))
    assert [invoice.status for invoice in every_invoice if invoice.status != PAID] == [OVERDUE]


def test_invoices_of_earlier_terms_remain(shop: Any) -> None:
    organization = "org_contract_ending_renew"
    before = {
        invoice.number for invoice in invoices(shop.service.tenant(organization)) if invoice.status == PAID
    }
    shop.later(organization, 30 * 86_400)
    assert (
        shop.service.tenant(organization).contract.start_ms
        > shop.service.tenant(organization).config.as_of_ms
    )
    after = {
        invoice.number for invoice in invoices(shop.service.tenant(organization)) if invoice.status == PAID
    }
    assert before <= after
