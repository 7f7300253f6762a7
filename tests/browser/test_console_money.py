"""The pages Now and Money in Chromium: entries appear by themselves, and the chart follows the table."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.slow


def redeem(stub: Any, organization: str, code: str) -> None:
    with httpx.Client(base_url=stub.url) as http:
        minted = http.post(f"/_mock/v1/organizations/{organization}/tokens", json={})
        headers = {"Authorization": f"Bearer {minted.json()['token']}"}
        assert (
            http.post("/api/v1/org/vouchers/redeem", headers=headers, json={"code": code}).status_code == 200
        )


def test_a_new_entry_appears_and_leads_to_its_request(stub: Any, page: Any) -> None:
    stub.app.service.tenant("org_now_live")
    page.goto(f"{stub.url}/_mock/now?org=org_now_live")
    opened = page.locator("details", has=page.get_by_text("getOrgBilling", exact=True))
    opened.locator("summary").click()
    page.wait_for_timeout(500)  # the stream is open
    redeem(stub, "org_now_live", "TEST-CREDIT-25-live")
    row = page.get_by_role("row", name="Voucher TEST-CREDIT-25-live")
    row.wait_for()
    assert opened.evaluate("node => node.open")
    balance = f'"creditBalance": {stub.balance("org_now_live")}'
    opened.get_by_label("Response of getOrgBilling").get_by_text(balance).wait_for()
    row.get_by_role("link", name="a request").click()
    page.get_by_test_id("explanation").wait_for()
    assert "redeemOrgVoucher" in page.get_by_test_id("explanation").inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_chart_is_drawn_from_the_table_and_follows_it(stub: Any, page: Any, scheme: str) -> None:
    organization = f"org_chart_{scheme}"
    stub.app.service.tenant(organization)
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    page.goto(f"{stub.url}/_mock/money?org={organization}&days=7")
    chart = page.locator("#money-chart .uplot")
    chart.wait_for()
    assert chart.get_attribute("aria-hidden") == "true"
    assert page.locator("#money-chart svg").bounding_box()["width"] <= 1
    page.wait_for_timeout(500)  # the stream is open
    redeem(stub, organization, "TEST-CREDIT-25-chart")
    page.locator("#money-lines").get_by_text("Vouchers").wait_for()
    page.get_by_text("As a table").click()
    assert "25.00" in page.locator("#money-days [data-day]").first.inner_text()
    plot = chart.locator(".u-over")
    plot.hover(position={"x": plot.bounding_box()["width"] - 2, "y": 60})
    chart.get_by_text("25.00", exact=True).wait_for()


def test_without_scripts_the_server_draws_the_chart(stub: Any, browser: Any) -> None:
    stub.app.service.tenant("org_chart_plain")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{stub.url}/_mock/money?org=org_chart_plain")
    assert page.locator("#money-chart svg").bounding_box()["height"] > 100
    form = page.locator("form", has=page.get_by_role("heading", name="Grant or take credit"))
    form.get_by_label("Amount in USD").fill("0.000001")
    before = stub.balance("org_chart_plain")
    form.get_by_role("button").click()
    assert "Grant or take credit" in page.get_by_test_id("outcome").inner_text()
    assert round(stub.balance("org_chart_plain") - before, 9) == 0.000001
    context.close()
