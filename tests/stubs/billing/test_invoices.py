from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_fixtures import personas
from orgbilling_stubs.billing.commands import (
    CancelContract,
    ChangePaymentMethod,
    MarkInstallment,
    OpenCheckout,
    PayCheckout,
    PayInvoice,
)
from orgbilling_stubs.billing.currencies import minor_units_of
from orgbilling_stubs.billing.errors import BillingError
from orgbilling_stubs.billing.instants import DAY_MS
from orgbilling_stubs.billing.invoices import (
    DUE,
    OVERDUE,
    PAID,
    UPCOMING,
    invoice_numbered,
    invoices,
)
from orgbilling_stubs.billing.payment_cards import PaymentCard
from orgbilling_stubs.tenants import clock_commands
from orgbilling_stubs.tenants.undo import undo

from ..checkout.conftest import Shop

MASTERCARD = PaymentCard("mastercard", "4444", 12, 2031)
ASKING = PaymentCard("visa", "3184", 12, 2031, requires_authentication=True)
UNPAYABLE = PaymentCard("visa", "0341", 12, 2031, decline_code="generic_decline")


@pytest.fixture
def shop(serve: Callable[..., Any]) -> Shop:
    return Shop(serve())


@pytest.mark.slow
@pytest.mark.parametrize("persona", personas.names())
def test_numbers_are_unique_and_the_order_is_owed_then_paid(shop: Any, persona: str) -> None:
    every_invoice = invoices(shop.service.tenant(f"org_{persona}"))
    assert len({invoice.number for invoice in every_invoice}) == len(every_invoice)
    assert all(invoice.amount_minor > 0 for invoice in every_invoice)
    owed = [invoice for invoice in every_invoice if invoice.status != PAID]
    paid = [invoice for invoice in every_invoice if invoice.status == PAID]
    assert every_invoice == owed + paid
    assert [invoice.at_ms for invoice in owed] == sorted(invoice.at_ms for invoice in owed)
    assert [invoice.at_ms for invoice in paid] == sorted((invoice.at_ms for invoice in paid), reverse=True)


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize("persona", ["standard", "contract_active", "installment_overdue", "euro"])
def test_the_money_is_that_of_the_ledger(shop: Any, persona: str) -> None:
    tenant = shop.service.tenant(f"org_{persona}")
    rows = [row for row in tenant.ledger.rows if row.kind in ("top_up", "contract_credit")]
    paid = [invoice for invoice in invoices(tenant) if invoice.status == PAID]
    currency = tenant.config.currency
    assert sum(minor_units_of(row.usd_micros, currency) for row in rows) == sum(
        invoice.amount_minor for invoice in paid
    )
    assert {invoice.currency for invoice in paid} == {currency}
    assert len(paid) == len(rows)


def test_an_invoice_is_in_the_currency_that_was_paid(shop: Any) -> None:
    before = shop.balance()
    session_id = shop.execute("org_standard", OpenCheckout(5_000, "JPY")).session_id
    shop.execute("org_standard", PayCheckout(session_id))
    newest = next(inv for inv in invoices(shop.service.tenant("org_standard")) if inv.status == PAID)
    assert (newest.amount_minor, newest.currency) == (5_000, "JPY")
    assert shop.balance() - before == 33_330_000


def test_a_postpaid_organization_is_invoiced_by_the_month(shop: Any) -> None:
    every_invoice = invoices(shop.service.tenant("org_postpaid_over_limit"))
    monthly = [invoice for invoice in every_invoice if invoice.title.startswith("Invoice ")]
    assert len(monthly) > 3
    assert not [invoice.title for invoice in monthly if invoice.title.endswith("paid")]
    assert {invoice.status for invoice in monthly} == {PAID, OVERDUE, DUE, UPCOMING}
    assert {invoice.due_ms - invoice.issued_ms for invoice in monthly} == {14 * DAY_MS}
    for invoice in monthly:
        if invoice.status == PAID:
            assert invoice.issued_ms + 2 * DAY_MS < invoice.at_ms < invoice.due_ms


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("persona", ["postpaid_over_limit", "postpaid_near_limit"])
def test_what_remains_of_all_months_is_what_a_postpaid_organization_owes(shop: Any, persona: str) -> None:
    tenant = shop.service.tenant(f"org_{persona}")
    remaining = [invoice for invoice in invoices(tenant) if invoice.status != PAID]
    assert sum(invoice.remaining_micros for invoice in remaining) == tenant.ledger.outstanding_micros
    for invoice in invoices(tenant):
        assert invoice.paid_minor + invoice.remaining_minor == invoice.amount_minor
        assert sum(payment.amount_minor for payment in invoice.payments) == invoice.paid_minor


def test_a_month_is_paid_in_parts_and_never_overpaid(shop: Any) -> None:
    organization = "org_postpaid_near_limit"
    tenant = shop.service.tenant(organization)
    owed_micros = tenant.ledger.outstanding_micros
    overdue = next(invoice for invoice in invoices(tenant) if invoice.status == OVERDUE)
    shop.execute(organization, PayInvoice(overdue.number, 1_000_000))
    tenant = shop.service.tenant(organization)
    partly = invoice_numbered(tenant, overdue.number)
    assert (partly.status, partly.remaining_micros) == (OVERDUE, overdue.remaining_micros - 1_000_000)
    assert tenant.ledger.outstanding_micros == owed_micros - 1_000_000
    assert tenant.ledger.rows[-1].description == f"{overdue.title} paid in part"
    with pytest.raises(BillingError, match="invoice_overpaid"):
        shop.execute(organization, PayInvoice(overdue.number, overdue.remaining_micros))
    for _ in range(2):  # a second payment changes nothing
        shop.execute(organization, PayInvoice(overdue.number))
        tenant = shop.service.tenant(organization)
        assert invoice_numbered(tenant, overdue.number).status == PAID
        assert tenant.ledger.outstanding_micros == owed_micros - overdue.remaining_micros


@pytest.mark.slow
def test_the_next_month_is_upcoming_until_it_is_billed(shop: Any) -> None:
    organization = "org_postpaid_near_limit"
    [upcoming] = [i for i in invoices(shop.service.tenant(organization)) if i.status == UPCOMING]
    with pytest.raises(BillingError, match="invoice_not_due"):
        shop.execute(organization, PayInvoice(upcoming.number))
    shop.execute(organization, ChangePaymentMethod(UNPAYABLE))
    clock_commands.move_clock(shop.service, organization, upcoming.issued_ms)
    assert invoice_numbered(shop.service.tenant(organization), upcoming.number).status == DUE
    clock_commands.move_clock(shop.service, organization, upcoming.due_ms)
    assert invoice_numbered(shop.service.tenant(organization), upcoming.number).status == DUE
    shop.later(organization, 1)
    assert invoice_numbered(shop.service.tenant(organization), upcoming.number).status == OVERDUE
    with pytest.raises(BillingError, match="card_declined"):
        shop.execute(organization, PayInvoice(upcoming.number))
    undo(shop.service, organization)


def test_a_declined_card_leaves_an_installment_overdue_until_it_is_paid(shop: Any) -> None:
    organization = "org_contract_active"
    upcoming = next(i for i in invoices(shop.service.tenant(organization)) if i.status == UPCOMING)
    balance = shop.balance(organization)
    shop.execute(organization, ChangePaymentMethod(ASKING))
    clock_commands.move_clock(shop.service, organization, upcoming.due_ms + 1)
    tenant = shop.service.tenant(organization)
    assert invoice_numbered(tenant, upcoming.number).status == OVERDUE
    assert not tenant.contract.schedule[upcoming.installment].paid
    before = shop.balance(organization)
    assert before <= balance
    shop.execute(organization, PayInvoice(upcoming.number))
    tenant = shop.service.tenant(organization)
    paid = invoice_numbered(tenant, upcoming.number)
    assert (paid.status, paid.payments[0].card) == (PAID, ASKING)
    assert tenant.contract.schedule[upcoming.installment].paid
    assert shop.balance(organization) == before + tenant.contract.schedule[upcoming.installment].credit_micros
    undo(shop.service, organization)
    assert invoice_numbered(shop.service.tenant(organization), upcoming.number).status == OVERDUE
    assert shop.balance(organization) == before
    with pytest.raises(BillingError, match="invoice_indivisible"):
        shop.execute(organization, PayInvoice(upcoming.number, 1))


def test_the_card_that_paid_stays_with_the_invoice(shop: Any) -> None:
    organization = "org_standard"
    session_id = shop.checkout(organization).rpartition("/")[2]
    shop.execute(organization, PayCheckout(session_id, card=MASTERCARD))
    newest = next(i for i in invoices(shop.service.tenant(organization)) if i.status == PAID)
    assert newest.payments[0].card == MASTERCARD
    assert shop.service.tenant(organization).payment_card.last4 == "4242", "a top-up does not replace it"
    shop.execute(organization, ChangePaymentMethod(ASKING))
    assert invoice_numbered(shop.service.tenant(organization), newest.number).payments[0].card == MASTERCARD


def test_an_unknown_invoice_cannot_be_paid(shop: Any) -> None:
    with pytest.raises(BillingError, match="invoice_unknown"):
        shop.execute("org_standard", PayInvoice("none"))
    contract = shop.service.tenant("org_contract_pending").contract
    first = next(i for i in invoices(shop.service.tenant("org_contract_pending")) if i.session_id)
    assert first.session_id == contract.session_id
    with pytest.raises(BillingError, match="invoice_has_payment_page"):
        shop.execute("org_contract_pending", PayInvoice(first.number))


def test_installments_are_paid_due_and_overdue(shop: Any) -> None:
    tenant = shop.service.tenant("org_installment_overdue")
    statuses = [
        invoice.status for invoice in invoices(tenant) if invoice.title.startswith("Contract installment")
    ]
    assert statuses.count(OVERDUE) == 1
    assert statuses.count(UPCOMING) == sum(row.due_ms > tenant.now_ms for row in tenant.contract.schedule)
    assert statuses[0] == OVERDUE


def test_a_payment_that_was_returned_is_owed_again(shop: Any) -> None:
    organization = "org_contract_active"
    schedule = shop.service.tenant(organization).contract.schedule
    index = max(index for index, row in enumerate(schedule) if row.paid)
    before = invoices(shop.service.tenant(organization))
    shop.execute(organization, MarkInstallment(index, paid=False))
    tenant = shop.service.tenant(organization)
    same = [invoice for invoice in invoices(tenant) if invoice.title == schedule[index].title]
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
    assert {invoice.status for invoice in owed} == {DUE, UPCOMING}
    assert {invoice.status for invoice in owed if invoice.session_id} == {DUE}
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


def test_the_first_invoice_of_a_contract_is_issued_with_its_payment_page(shop: Any) -> None:
    organization = "org_contract_pending"
    tenant = shop.service.tenant(organization)
    due = [invoice for invoice in invoices(tenant) if invoice.session_id]
    assert any(invoice.due_ms > tenant.now_ms for invoice in due), "the contract begins later"
    shop.execute(organization, PayCheckout(tenant.contract.session_id))
    tenant = shop.service.tenant(organization)
    for invoice in due:
        paid = invoice_numbered(tenant, invoice.number)
        assert (paid.status, paid.issued_ms) == (PAID, tenant.contract.created_ms)


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize("persona", personas.names())
def test_no_invoice_is_paid_before_it_is_issued(shop: Any, persona: str) -> None:
    for invoice in invoices(shop.service.tenant(f"org_{persona}")):
        assert invoice.status != PAID or invoice.issued_ms <= invoice.at_ms


def test_a_payment_has_at_least_the_smallest_unit_of_the_currency(shop: Any) -> None:
    organization = "org_postpaid_near_limit"
    overdue = next(i for i in invoices(shop.service.tenant(organization)) if i.status == OVERDUE)
    for micros in (1, 1_000, 9_999):
        with pytest.raises(BillingError, match="payment_too_small") as refused:
            shop.execute(organization, PayInvoice(overdue.number, micros))
        assert refused.value.message == "the smallest payment in USD is 0.01 USD"
    shop.execute(organization, PayInvoice(overdue.number, 10_000))


@pytest.mark.parametrize(("amount_minor", "currency"), [(50, "COP"), (1, "KRW"), (100, "VND"), (10, "LBP")])
def test_a_top_up_buys_at_least_a_hundredth_of_a_credit(shop: Any, amount_minor: int, currency: str) -> None:
    with pytest.raises(BillingError, match="amount_not_chargeable") as refused:
        shop.execute("org_standard", OpenCheckout(amount_minor, currency))
    assert refused.value.message == f"this amount in {currency} buys less than 0.01 credits"
