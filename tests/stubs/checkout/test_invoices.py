from __future__ import annotations

from typing import Any

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.billing.commands import CancelContract, MarkInstallment, PayCheckout
from orgbilling_stubs.checkout.invoices import DUE, OVERDUE, PAID, invoices, label


@pytest.mark.slow
@pytest.mark.parametrize("persona", personas.names())
def test_numbers_are_unique_and_the_order_is_owed_then_paid(shop: Any, persona: str) -> None:
    found = invoices(shop.service.tenant(f"org_{persona}"))
    assert len({each.number for each in found}) == len(found)
    assert all(each.amount_micros > 0 for each in found)
    owed = [each for each in found if each.status != PAID]
    paid = [each for each in found if each.status == PAID]
    assert found == owed + paid
    assert [each.at_ms for each in owed] == sorted(each.at_ms for each in owed)
    assert [each.at_ms for each in paid] == sorted((each.at_ms for each in paid), reverse=True)


@pytest.mark.parametrize("persona", ["standard", "contract_active", "installment_overdue", "euro"])
def test_the_money_is_that_of_the_ledger(shop: Any, persona: str) -> None:
    tenant = shop.service.tenant(f"org_{persona}")
    rows = [row for row in tenant.ledger.rows if row.kind in ("top_up", "contract_credit")]
    paid = [each for each in invoices(tenant) if each.status == PAID]
    assert sum(row.usd_micros for row in rows) == sum(each.amount_micros for each in paid)
    assert len(paid) == len(rows)


def test_a_postpaid_organization_is_invoiced_by_the_month(shop: Any) -> None:
    found = invoices(shop.service.tenant("org_postpaid_over_limit"))
    monthly = [each for each in found if each.title.startswith("Invoice ")]
    assert len(monthly) > 3
    assert not [each.title for each in monthly if each.title.endswith("paid")]
    assert {each.status for each in monthly} == {PAID}


def test_installments_are_paid_due_and_overdue(shop: Any) -> None:
    tenant = shop.service.tenant("org_installment_overdue")
    statuses = [each.status for each in invoices(tenant) if each.title.startswith("Contract installment")]
    assert statuses.count(OVERDUE) == 1
    assert statuses.count(DUE) == sum(row.due_ms > tenant.now_ms for row in tenant.contract.schedule)
    assert statuses[0] == OVERDUE


def test_a_payment_that_was_returned_is_owed_again(shop: Any) -> None:
    organization = "org_contract_active"
    schedule = shop.service.tenant(organization).contract.schedule
    index = max(index for index, row in enumerate(schedule) if row.paid)
    before = invoices(shop.service.tenant(organization))
    shop.do(organization, MarkInstallment(index, paid=False))
    tenant = shop.service.tenant(organization)
    same = [each for each in invoices(tenant) if each.title == label(schedule[index])]
    assert [each.status for each in same] == [OVERDUE]
    shop.do(organization, MarkInstallment(index, paid=True))
    after = invoices(shop.service.tenant(organization))
    assert [(each.number, each.status) for each in after] == [(each.number, each.status) for each in before]


def test_a_draft_owes_nothing(shop: Any) -> None:
    titles = [each.title for each in invoices(shop.service.tenant("org_contract_draft"))]
    assert not [title for title in titles if title.startswith("Contract")]


def test_the_first_payment_can_be_paid_from_its_invoice(shop: Any) -> None:
    organization = "org_contract_pending"
    contract = shop.service.tenant(organization).contract
    owed = [each for each in invoices(shop.service.tenant(organization)) if each.status != PAID]
    assert {each.status for each in owed} == {DUE}
    payable = [each for each in owed if each.pay]
    assert [each.pay for each in payable] == [contract.session_id] * len(contract.due_first())
    shop.do(organization, PayCheckout(contract.session_id))
    assert not [each for each in invoices(shop.service.tenant(organization)) if each.pay]


def test_a_cancelled_contract_owes_only_what_was_due(shop: Any) -> None:
    shop.do("org_installment_overdue", CancelContract())
    found = invoices(shop.service.tenant("org_installment_overdue"))
    assert [each.status for each in found if each.status != PAID] == [OVERDUE]


def test_invoices_of_earlier_terms_remain(shop: Any) -> None:
    organization = "org_contract_ending_renew"
    before = {each.number for each in invoices(shop.service.tenant(organization)) if each.status == PAID}
    shop.later(organization, 30 * 86_400)
    assert (
        shop.service.tenant(organization).contract.start_ms
        > shop.service.tenant(organization).config.as_of_ms
    )
    after = {each.number for each in invoices(shop.service.tenant(organization)) if each.status == PAID}
    assert before <= after
