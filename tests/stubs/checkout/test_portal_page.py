from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_stubs.billing.commands import ChangeCheckoutSettings, MarkInstallment
from orgbilling_stubs.checkout.invoices import invoices
from orgbilling_stubs.checkout.portal_page import PAGE_SIZE

ORG = "org_standard"


def test_the_overview_says_how_things_stand(shop: Any) -> None:
    page = shop.get(shop.portal())
    assert page.status == 200
    assert page["balance"] == f"${shop.balance() / 1_000_000:,.2f} USD"
    assert page["payment-method"].endswith("4242")
    assert page["contract-status"] == "Active"
    assert shop.service.tenant(ORG).config.company in page["organization"]
    assert "invoice-row" in page


def test_a_postpaid_organization_sees_what_it_owes(shop: Any) -> None:
    page = shop.get(shop.portal("org_postpaid_over_limit"))
    assert page["balance"] == "$2,180.50 USD"
    assert "Outstanding" in page.text


def test_an_organization_without_anything_sees_a_page(shop: Any) -> None:
    organization = "org_no_contract"
    page = shop.get(shop.portal(organization))
    assert page["contract-status"] == "None"
    assert "contract-cancel-link" not in page


def test_every_invoice_is_on_some_page_and_has_its_own(shop: Any) -> None:
    url = shop.portal()
    every_invoice = invoices(shop.service.tenant(ORG))
    paid = sum(invoice.status == "paid" for invoice in every_invoice)
    page, links, pages = shop.get(url), [], 0
    while True:
        pages += 1
        links += [attrs["href"] for attrs, _ in page.elements.by_testid["invoice-link"]]
        if "older-link" not in page:
            break
        page = shop.get(page.attribute("older-link", "href"))
    assert pages == -(-paid // PAGE_SIZE)
    assert {link.rpartition("/")[2] for link in links} == {invoice.number for invoice in every_invoice}
    for link, invoice in zip([links[0], links[-1]], [every_invoice[0], every_invoice[-1]], strict=True):
        page = shop.get(link)
        assert page["invoice-number"] == invoice.number
        assert page["invoice-status"] == invoice.status
        assert page["invoice-amount"] == f"${invoice.amount_micros / 1_000_000:,.2f} USD"
        assert page.attribute("back-link", "href") == url


@pytest.mark.parametrize("page", ["0", "-1", "999999", "x", "9" * 30, "٣"])
def test_any_page_number_shows_a_page(shop: Any, page: str) -> None:
    assert "invoice-row" in shop.get(f"{shop.portal()}?page={page}")


def test_the_contract_is_cancelled_and_resumed_after_a_question(shop: Any) -> None:
    url = shop.portal()
    question = shop.get(shop.get(url).attribute("contract-cancel-link", "href"))
    assert "confirm-page" in question
    assert shop.get(url)["contract-status"] == "Active"
    for _ in range(2):
        assert shop.post(f"{url}/cancel").headers["location"] == url
    page = shop.get(url)
    assert page["contract-status"] == "Cancelled"
    assert "confirm-page" in shop.get(page.attribute("contract-resume-link", "href"))
    for _ in range(2):
        assert shop.post(f"{url}/resume").headers["location"] == url
    assert shop.get(url)["contract-status"] == "Active"


def test_what_cannot_be_changed_is_told(shop: Any) -> None:
    page = shop.post(f"{shop.portal('org_no_contract')}/cancel")
    assert (page.status, "refused-page" in page) == (409, True)
    expired = shop.portal("org_contract_expired")
    assert "contract-resume-link" not in shop.get(expired)
    assert shop.post(f"{expired}/resume").status == 409


def test_the_first_payment_is_a_click_away(shop: Any) -> None:
    organization = "org_contract_pending"
    page = shop.get(shop.portal(organization))
    assert page["contract-status"] == "Waiting for the first payment"
    assert page.attribute("invoice-pay-link", "href") == shop.contract()


def test_an_overdue_installment_stands_out(shop: Any) -> None:
    organization = "org_contract_active"
    shop.execute(organization, MarkInstallment(0, paid=False))
    assert shop.get(shop.portal(organization)).all("invoice-status")[0] == "overdue"


def test_a_session_lasts_an_hour_of_the_tenants_time(shop: Any) -> None:
    url = shop.portal()
    shop.later(ORG, 3_599)
    assert shop.get(url).status == 200
    shop.later(ORG, 1)
    for page in (shop.get(url), shop.post(f"{url}/cancel"), shop.get(f"{url}/invoices/x")):
        assert (page.status, "expired-page" in page) == (410, True)
    assert shop.service.tenant(ORG).contract.status == "active"
    assert shop.get(shop.portal()).status == 200


def test_the_way_back_is_the_organizations_or_the_servers_or_the_start(open_shop: Callable[..., Any]) -> None:
    shop = open_shop()
    assert shop.get(shop.portal()).attribute("return-link", "href") == "/"
    shop = open_shop(return_url="https://server.example/billing")
    page = shop.get(shop.portal())
    assert page.attribute("return-link", "href") == "https://server.example/billing"
    assert page["return-link"] == "Back to server.example"
    shop.execute(ORG, ChangeCheckoutSettings(return_url="https://own.example/"))
    assert shop.get(shop.portal()).attribute("return-link", "href") == "https://own.example/"
    shop.execute(ORG, ChangeCheckoutSettings(return_url="javascript:alert(1)"))
    assert shop.get(shop.portal()).attribute("return-link", "href") == "https://server.example/billing"


def test_unknown_invoices_and_pages_are_missing(shop: Any) -> None:
    url = shop.portal()
    for path in ("/invoices/none", "/invoices", "/invoices/a/b", "/other"):
        assert shop.get(url + path).status == 404
    assert shop.get(f"{url}x").status == 404
