"""Forms of old tabs: what their page showed does not hold any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_stubs.billing.commands import ChangePaymentMethod, MarkInstallment
from orgbilling_stubs.billing.payment_cards import PaymentCard
from orgbilling_stubs.tenants.undo import undo

ORG = "org_standard"
AMEX = PaymentCard("amex", "0005", 12, 2030)


def shown(page: Any) -> str:
    """The hidden field of the first form of a page."""
    _, _, after = page.text.partition('name="shown" value="')
    return str(after.partition('"')[0])


def undone(shop: Any) -> None:
    undo(shop.service, ORG)


def reset(shop: Any) -> None:
    shop.service.delete(ORG)


@pytest.mark.parametrize("going_back", [undone, reset])
def test_an_old_payment_page_does_not_pay_for_another_checkout(
    shop: Any, going_back: Callable[[Any], None]
) -> None:
    url = shop.checkout(cents=2_500)
    old = shown(shop.get(url))
    going_back(shop)
    assert shop.checkout(cents=99_900) == url
    before = shop.balance()
    for fields in ({}, {"number": "4000002500003155"}, {"action": "expire"}):
        page = shop.pay(url, shown=old, **fields)
        assert (page.status, page["amount"]) == (409, "$999.00")
        assert "another payment" in page["notice-text"]
        assert page.attribute("continue-link", "href") == url
    assert shop.balance() == before
    page = shop.get(url)
    assert page["amount"] == "$999.00 USD"
    assert shop.pay(url, shown=shown(page)).headers["location"] == f"{url}/return"
    assert shop.balance() == before + 999_000_000


def test_an_old_page_of_a_top_up_in_another_currency_does_not_pay(shop: Any) -> None:
    url = shop.checkout()
    old = shown(shop.get(url))
    undone(shop)
    assert shop.checkout(currency="EUR") == url
    assert shop.pay(url, shown=old)["amount"] == "€25.00"


def test_the_question_of_the_bank_carries_what_the_page_showed(shop: Any) -> None:
    url = shop.checkout()
    question = shop.pay(url, number="4000002500003155", shown=shown(shop.get(url)))
    assert "challenge-page" in question
    old = shown(question)
    undone(shop)
    shop.checkout(cents=99_900)
    page = shop.pay(url, number="4000002500003155", decision="authorize", shown=old)
    assert (page.status, "changed-page" in page) == (409, True)


def test_a_webhook_is_delivered_only_for_the_payment_that_the_page_showed(shop: Any) -> None:
    url = shop.checkout()
    shop.pay(url, webhook="never")
    old = shown(shop.get(url))
    undone(shop)
    undone(shop)
    shop.checkout(cents=99_900)
    shop.pay(url, webhook="never")
    before = shop.balance()
    assert shop.post(url, action="deliver", shown=old).status == 409
    assert shop.balance() == before


def overdue_invoice(shop: Any) -> str:
    """The page of an invoice that the card on file can pay."""
    shop.execute(ORG, MarkInstallment(1, paid=False))
    return str(shop.get(shop.portal()).attribute("invoice-link", "href"))


def test_an_old_invoice_page_does_not_charge_another_card(shop: Any) -> None:
    url = overdue_invoice(shop)
    page = shop.get(url)
    assert "4242" in page["invoice-pay-button"]
    shop.execute(ORG, ChangePaymentMethod(AMEX))
    changed = shop.post(f"{url}/pay", shown=shown(page))
    assert (changed.status, "changed-page" in changed) == (409, True)
    assert "American Express ending in 0005" in changed["notice-text"]
    assert changed["amount"] in page["invoice-pay-button"]
    page = shop.get(changed.attribute("continue-link", "href"))
    assert page["invoice-status"] == "overdue"
    for _ in range(2):  # a button that is pressed twice pays once, and says so
        assert shop.post(f"{url}/pay", shown=shown(page)).headers["location"] == url
    assert "0005" in shop.get(url)["invoice-payment"]


def test_an_old_question_does_not_cancel_another_contract(shop: Any) -> None:
    url = shop.portal()
    old = shown(shop.get(f"{url}/cancel"))
    assert old
    page = shop.post(f"{url}/cancel", shown=f"x{old}")
    assert (page.status, "changed-page" in page) == (409, True)
    assert shop.service.tenant(ORG).contract.status == "active"
    assert shop.post(f"{url}/cancel", shown=old).headers["location"] == url
    assert shop.service.tenant(ORG).contract.status == "cancelled"
