from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_stubs.billing.commands import ChangeCheckoutSettings, MarkInstallment
from orgbilling_stubs.billing.invoices import invoices
from orgbilling_stubs.checkout.portal_page import PAGE_SIZE
from orgbilling_stubs.tenants.undo import undo

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
        assert page["invoice-amount"] == f"${invoice.amount_minor / 100:,.2f} USD"
        assert page.attribute("back-link", "href") == url


@pytest.mark.slow_beyond(3)
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


def test_upcoming_is_told_from_due_and_overdue(shop: Any) -> None:
    page = shop.get(shop.portal("org_installment_overdue"))
    statuses = page.all("invoice-status")
    assert statuses[0] == "overdue"
    assert "upcoming" in statuses
    first, _, rest = page.text.partition("Upcoming</h2>")
    assert "status overdue" in first
    assert "status overdue" not in rest
    assert len(page.all("invoice-pay-link")) == statuses.count("overdue"), "what is upcoming cannot be paid"
    pending = shop.get(shop.portal("org_contract_pending"))
    assert {"due", "upcoming"} <= set(pending.all("invoice-status"))


def test_an_overdue_installment_is_really_paid(shop: Any) -> None:
    organization = "org_installment_overdue"
    url, balance = shop.portal(organization), shop.balance(organization)
    page = shop.get(shop.get(url).attribute("invoice-link", "href"))
    assert page["invoice-status"] == "overdue"
    assert page["invoice-pay-button"].endswith("4242")
    number = page["invoice-number"]
    paid = shop.post(f"{url}/invoices/{number}/pay")
    assert (paid.status, paid.headers["location"]) == (303, f"{url}/invoices/{number}")
    invoice = shop.get(f"{url}/invoices/{number}")
    assert (invoice["invoice-status"], "invoice-pay-button" in invoice) == ("paid", False)
    assert "Visa" in invoice["invoice-payment"]
    assert shop.balance(organization) > balance
    schedule = shop.dashboard("GET", "/org/contract", organization).json()["paymentSchedule"]
    assert all(row["paid"] for row in schedule if row["period"] <= number[:7])
    undo(shop.service, organization)
    assert shop.get(f"{url}/invoices/{number}")["invoice-status"] == "overdue"
    assert shop.balance(organization) == balance


def test_a_declined_card_pays_nothing_and_says_why(shop: Any, card: dict[str, str]) -> None:
    organization = "org_installment_overdue"
    url, balance = shop.portal(organization), shop.balance(organization)
    link = shop.get(url).attribute("invoice-link", "href")
    assert shop.post(f"{url}/payment-method", **card | {"number": "4000000000000341"}).status == 303
    assert "generic_decline" in shop.get(url)["payment-method-warning"]
    page = shop.post(f"{link}/pay")
    assert (page.status, page["form-error"]) == (402, "Your card was declined. Try another card.")
    assert shop.post(f"{url}/payment-method", **card | {"number": "4000002760003184"}).status == 200
    challenge = {"number": "4000002760003184", "decision": "authorize"}
    assert shop.post(f"{url}/payment-method", **card | challenge).status == 303
    assert "challenge-page" in shop.post(f"{link}/pay")
    assert shop.post(f"{link}/pay", decision="fail").status == 402
    assert shop.balance(organization) == balance
    assert shop.post(f"{link}/pay", decision="maybe").status == 422
    assert shop.post(f"{link}/pay", decision="authorize").status == 303
    assert "3184" in shop.get(link)["invoice-payment"]


def test_what_cannot_be_paid_is_refused(shop: Any) -> None:
    url = shop.portal("org_contract_pending")
    owed = [i for i in invoices(shop.service.tenant("org_contract_pending")) if i.status != "paid"]
    for invoice in owed:
        page = shop.post(f"{url}/invoices/{invoice.number}/pay")
        assert (page.status, "form-error" in page) == (409, True)
    assert shop.post(f"{url}/invoices/none/pay").status == 404


@pytest.mark.slow
def test_a_month_that_is_paid_in_part_shows_what_remains(shop: Any) -> None:
    url = shop.portal("org_postpaid_over_limit")
    overview = shop.get(url)
    [part] = overview.all("invoice-part")
    assert "paid" in part
    assert "remaining" in part
    invoice = next(
        i
        for i in invoices(shop.service.tenant("org_postpaid_over_limit"))
        if i.payments and i.remaining_minor
    )
    page = shop.get(f"{url}/invoices/{invoice.number}")
    assert page["invoice-remaining"] in part
    assert page["invoice-pay-button"].startswith(f"Pay {page['invoice-remaining']} with")
    assert shop.post(f"{url}/invoices/{invoice.number}/pay").status == 303
    assert len(shop.get(f"{url}/invoices/{invoice.number}").all("invoice-payment")) == 2


def test_an_invoice_is_a_document(shop: Any) -> None:
    organization = "org_postpaid_over_limit"
    url = shop.portal(organization)
    link = shop.get(url).attribute("invoice-link", "href")
    page = shop.get(link)
    assert "invoice-tax" not in page
    details = {
        "name": "Ada GmbH",
        "country": "DE",
        "city": "Berlin",
        "postal_code": "10115",
        "tax_id_type": "eu_vat",
        "tax_id": "DE123456789",
    }
    assert shop.post(f"{url}/billing-details", **details).headers["location"] == url
    page = shop.get(link)
    assert page["seller"] == "Org Billing Test Seller"
    assert page["organization"].startswith("Ada GmbH")
    assert page["buyer-details"] == "10115 Berlin Germany European Union: VAT DE123456789"
    assert (page["invoice-tax"], page["tax-id"][-11:]) == ("$0.00", "DE123456789")
    assert "Not imitated" in page["invoice-notice"]
    amounts = [
        round(float(line.rpartition("$")[2].replace(",", "")) * 100) for line in page.all("invoice-line")
    ]
    total = round(float(page["invoice-subtotal"].lstrip("$").replace(",", "")) * 100)
    assert sum(amounts) == total
    assert page["invoice-amount"] == f"{page['invoice-subtotal']} USD"


def test_an_invoice_keeps_the_card_that_paid_it(shop: Any, card: dict[str, str]) -> None:
    url = shop.portal()
    assert shop.pay(shop.checkout(), number="378282246310005", cvc="1234").status == 303
    newest = next(i for i in invoices(shop.service.tenant(ORG)) if i.status == "paid")
    link = f"{url}/invoices/{newest.number}"
    for _ in range(2):
        assert "American Express" in shop.get(link)["invoice-payment"]
        assert "ending in 0005" in shop.get(link)["invoice-payment"]
        shop.post(f"{url}/payment-method", **card | {"number": "5555555555554444"})
    assert shop.get(url)["payment-method"] == "Mastercard •••• ending in 4444"


def test_unknown_sessions_and_expired_ones_change_nothing(shop: Any, card: dict[str, str]) -> None:
    url = shop.portal()
    paths = ("/payment-method", "/billing-details", "/invoices/x/pay")
    for path in paths:
        assert shop.post(f"{url}x{path}", **card).status == 404
    shop.later(ORG, 3_601)
    for path in paths:
        page = shop.post(url + path, **card)
        assert (page.status, "expired-page" in page) == (410, True)
    for path in paths[:2]:
        headers = {"origin": "https://evil.example"}
        assert shop.ask("POST", shop.portal() + path, data=card, headers=headers).status_code == 403


@pytest.mark.slow
def test_only_the_running_month_has_a_sum_so_far(shop: Any) -> None:
    def sums(organization: str) -> dict[str, str]:
        """The last row of the upcoming invoices, by their number."""
        url = shop.portal(organization)
        upcoming = [i for i in invoices(shop.service.tenant(organization)) if i.status == "upcoming"]
        pages = {i.number: shop.get(f"{url}/invoices/{i.number}").text for i in upcoming}
        return {number: "So far" if "So far" in page else "Remaining" for number, page in pages.items()}

    assert set(sums("org_contract_active").values()) == {"Remaining"}
    assert set(sums("org_postpaid_near_limit").values()) == {"So far"}


def test_an_amount_is_apart_from_the_direction_of_the_page(shop: Any) -> None:
    url = shop.portal()
    number = next(i.number for i in invoices(shop.service.tenant(ORG)) if i.status == "paid")
    page = shop.get(f"{url}/invoices/{number}", accept_language="ar")
    for testid in ("invoice-line", "invoice-payment", "invoice-remaining"):
        cell = page.text.partition(f'data-testid="{testid}"')[2].partition("</td>")[0]
        assert '<bdi dir="ltr">' in cell
    assert '<bdi dir="ltr">\u200f\u200e-' in page.text


def test_an_invoice_of_another_currency_says_how_many_credits_were_bought(shop: Any) -> None:
    checkout = shop.checkout(cents=5_000, currency="JPY")
    assert shop.pay(checkout).status == 303
    url = shop.portal()
    newest = next(i for i in invoices(shop.service.tenant(ORG)) if i.currency == "JPY")
    assert shop.get(f"{url}/invoices/{newest.number}")["invoice-credits"] == "33.33 credits of $1 each"
    in_usd = next(i for i in invoices(shop.service.tenant(ORG)) if i.currency == "USD" and i.credits_micros)
    assert "invoice-credits" not in shop.get(f"{url}/invoices/{in_usd.number}")


@pytest.mark.slow
def test_an_invoice_that_waits_says_when_it_will_be_issued(shop: Any) -> None:
    organization = "org_contract_pending"
    url = shop.portal(organization)
    tenant = shop.service.tenant(organization)
    for invoice in invoices(tenant):
        page = shop.get(f"{url}/invoices/{invoice.number}")
        assert ("Will be issued on" in page.text) is (invoice.issued_ms > tenant.now_ms)
