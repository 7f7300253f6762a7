from __future__ import annotations

from typing import Any

from orgbilling_stubs.billing.billing_details import BillingDetails
from orgbilling_stubs.tenants.undo import undo

ORG = "org_standard"


def test_details_are_kept_and_can_be_undone(shop: Any) -> None:
    url = shop.portal()
    assert shop.get(url)["billing-name"] == shop.service.tenant(ORG).config.company
    for _ in range(2):
        assert shop.post(f"{url}/billing-details", name=" Ada & Söhne ", email="a@b.de").status == 303
    assert shop.service.tenant(ORG).billing_details == BillingDetails(name="Ada & Söhne", email="a@b.de")
    assert shop.get(url)["billing-name"] == "Ada & Söhne"
    assert shop.get(f"{url}/billing-details").attribute("detail-name", "value") == "Ada & Söhne"
    undo(shop.service, ORG)
    assert shop.service.tenant(ORG).billing_details == BillingDetails()


def test_an_error_stands_at_its_field_and_nothing_is_kept(shop: Any) -> None:
    page = shop.post(f"{shop.portal()}/billing-details", email="ada", tax_id="1", name='"><script>')
    assert page.status == 422
    assert page["detail-email-error"].startswith("Write an email address")
    assert page["detail-tax_id_type-error"] == "Choose the type of the tax id."
    assert page.attribute("detail-name", "value") == '"><script>'
    assert "script" not in page.elements.tags
    assert shop.service.tenant(ORG).billing_details == BillingDetails()
