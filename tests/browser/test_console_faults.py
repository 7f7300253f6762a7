"""The console's pages of faults and coverage in Chromium: conflicts are said while the form is filled in."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.slow

ORG = "org_console_faults"


@pytest.fixture
def client(stub: Any) -> Any:
    with httpx.Client(base_url=stub.url) as http:
        minted = http.post(f"/_mock/v1/organizations/{ORG}/tokens", json={}).json()
        http.headers["Authorization"] = f"Bearer {minted['token']}"
        http.get("/api/v1/org/billing")
        yield http
        http.delete("/_mock/v1/faults")


def test_conflicts_are_said_while_the_form_is_filled_in(page: Any, stub: Any, client: Any) -> None:
    page.goto(f"{stub.url}/_mock/faults?org={ORG}")
    hang = page.get_by_role("group", name="Hang", exact=True)
    assert "excluded" not in hang.get_attribute("class")
    page.get_by_role("group", name="Reset", exact=True).get_by_label("reset").check()
    assert "excluded" in hang.get_attribute("class")
    summary = page.locator("[data-conflict-summary]")
    assert summary.text_content() == ""
    hang.get_by_label("hangMs").fill("5")
    assert summary.text_content() == "These cannot happen to one response: Hang and Reset."
    hang.get_by_label("hangMs").fill("")
    assert summary.text_content() == ""


def test_a_success_of_the_operation_itself_conflicts_with_nothing(page: Any, stub: Any, client: Any) -> None:
    page.goto(f"{stub.url}/_mock/faults?org={ORG}")
    status = page.get_by_role("group", name="Status", exact=True).get_by_label("status")
    page.get_by_role("group", name="Stale", exact=True).get_by_label("commands").fill("1")
    summary = page.locator("[data-conflict-summary]")
    for text, conflict in (("503", True), ("204", True), ("201", False), ("202", False)):
        status.fill(text)
        assert (summary.text_content() != "") == conflict


def test_an_armed_cell_makes_the_next_request_fail_once(page: Any, stub: Any, client: Any) -> None:
    page.goto(f"{stub.url}/_mock/coverage?org={ORG}")
    page.get_by_role("button", name="arm 503 of getOrgUsageSummary").click()
    page.get_by_test_id("outcome").wait_for()
    cell = page.locator('[data-cell="getOrgUsageSummary 503"]')
    assert "armed" in cell.text_content()
    assert [client.get("/api/v1/org/usage-summary").status_code for _ in range(2)] == [503, 200]
    page.reload()
    assert cell.text_content().split() == ["1", "times"]


@pytest.mark.parametrize("name", ["faults", "coverage", "checkout-settings"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_page_is_wider_than_the_window(page: Any, stub: Any, client: Any, name: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    client.post(
        "/_mock/v1/faults", json={"operations": ["getOrgContextEngineEvents"], "effect": {"status": 503}}
    )
    client.post("/api/v1/org/billing/checkout", json={"amount": 2500})
    page.goto(f"{stub.url}/_mock/{name}?org={ORG}")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
