"""The billing portal in a real browser."""

from __future__ import annotations

from typing import Any

import pytest
from orgbilling_stubs.billing.commands import ChangeCheckoutSettings

pytestmark = pytest.mark.slow


def test_the_contract_is_cancelled_and_resumed(stub: Any, page: Any) -> None:
    page.goto(stub.portal("org_standard_portal"))
    status = page.get_by_test_id("contract-status")
    assert status.text_content().strip() == "Active"
    page.get_by_test_id("contract-cancel-link").click()
    page.get_by_test_id("back-link").click()
    assert status.text_content().strip() == "Active"
    page.get_by_test_id("contract-cancel-link").click()
    page.get_by_test_id("confirm-button").click()
    assert status.text_content().strip() == "Cancelled"
    page.reload()
    page.get_by_test_id("contract-resume-link").click()
    page.get_by_test_id("confirm-button").click()
    assert status.text_content().strip() == "Active"


def test_the_keyboard_is_enough(stub: Any, page: Any) -> None:
    page.goto(stub.portal("org_standard_portal_keys"))
    for name, then in (("contract-cancel-link", "confirm-page"), ("confirm-button", "contract-resume-link")):
        for _ in range(20):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.dataset.testid") == name:
                break
        page.keyboard.press("Enter")
        page.get_by_test_id(then).wait_for()


def test_an_invoice_prints_as_a_sheet_of_paper(stub: Any, page: Any) -> None:
    page.goto(stub.portal("org_standard_print"))
    page.get_by_test_id("invoice-link").first.click()
    page.get_by_test_id("invoice-page").wait_for()
    assert page.get_by_test_id("back-link").is_visible()
    page.emulate_media(media="print", color_scheme="dark")
    assert not page.get_by_test_id("back-link").is_visible()
    assert not page.get_by_test_id("test-badge").is_visible()
    assert page.get_by_test_id("invoice-amount").is_visible()
    body = "getComputedStyle(document.body)"
    assert page.evaluate(f"[{body}.backgroundColor, {body}.color]") == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
    assert page.pdf(format="A4", prefer_css_page_size=True).count(b"/Type /Page\n") == 1


def test_there_is_a_way_back(stub: Any, page: Any, dashboard_url: str) -> None:
    organization = "org_standard_return"
    stub.app.service.execute(organization, ChangeCheckoutSettings(return_url=f"{dashboard_url}/billing"))
    page.goto(stub.portal(organization))
    page.get_by_test_id("return-link").click()
    page.wait_for_url(f"{dashboard_url}/billing")


def test_a_first_payment_starts_at_its_invoice(stub: Any, page: Any) -> None:
    page.goto(stub.portal("org_contract_pending_portal"))
    page.get_by_test_id("invoice-pay-link").first.click()
    assert page.get_by_test_id("purpose").text_content() == "First contract payment"


def test_a_card_is_changed_and_pays_an_overdue_invoice(stub: Any, page: Any) -> None:
    page.goto(stub.portal("org_installment_overdue_card"))
    page.get_by_test_id("payment-method-link").click()
    page.get_by_test_id("test-card-4444").click()
    page.get_by_test_id("save-button").click()
    assert "4444" in page.get_by_test_id("payment-method").text_content()
    page.get_by_test_id("invoice-pay-link").first.click()
    page.get_by_test_id("invoice-pay-button").click()
    assert page.get_by_test_id("invoice-status").text_content() == "paid"
    assert "Mastercard" in page.get_by_test_id("invoice-payment").text_content()
