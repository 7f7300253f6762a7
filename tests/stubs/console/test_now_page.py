"""The page of the present: what the organization is, and every response as it is now."""

from __future__ import annotations

from typing import Any

import pytest
from orgbilling_openapi import description
from orgbilling_openapi.invariants import INVARIANTS
from orgbilling_openapi.operations import operations
from orgbilling_stubs.console.page import grouped
from orgbilling_stubs.console.sparkline import sparkline

ORG = "org_console"
MOCK = f"/_mock/v1/organizations/{ORG}"


def page(dashboard: Any, organization: str = ORG) -> str:
    answer = dashboard("GET", "/_mock/now", None, params={"org": organization})
    assert answer.status_code == 200, answer.text
    return str(answer.text)


@pytest.fixture
def existing(dashboard: Any) -> Any:
    dashboard("GET", "/org/billing", ORG)
    return dashboard


def test_it_shows_account_contract_and_currency(existing: Any) -> None:
    html = page(existing)
    profile = existing("GET", "/org/billing", ORG).json()
    contract = existing("GET", "/org/contract", ORG).json()
    unpaid = next(row for row in contract["paymentSchedule"] if not row["paid"])
    assert f"{profile['creditBalance']:,.6f}".rstrip("0").rstrip(".") in html
    assert '<polyline points="' in html
    assert f"<dt>Next installment</dt><dd>{unpaid['dueDate'][:10]}: {unpaid['amountUsd']:,.2f} USD" in html
    assert f"<dt>Currency of the profile</dt><dd>{profile['currency']}</dd>" in html
    assert "Prepaid: there is no limit." in html


@pytest.mark.slow
def test_it_shows_how_much_of_the_debt_limit_is_used(dashboard: Any) -> None:
    organization = "org_postpaid_near_limit"
    profile = dashboard("GET", "/org/billing", organization).json()
    html = page(dashboard, organization)
    share = 100 * profile["outstandingUsd"] / profile["postpaidLimitUsd"]
    assert f"({share:.0f} %)" in html
    assert f'max="{profile["postpaidLimitUsd"]}"' in html
    assert f'value="{profile["outstandingUsd"]}"' in html


@pytest.mark.slow
def test_each_ledger_entry_says_where_it_came_from_and_leads_to_its_request(existing: Any) -> None:
    redeemed = existing("POST", "/org/vouchers/redeem", ORG, json={"code": "TEST-CREDIT-25-x"})
    existing("POST", f"{MOCK}/adjustments", None, json={"amountUsd": "-0.000001"})
    html = page(existing)
    trace = redeemed.headers["x-trace-id"]
    assert f'href="/_mock/requests?org={ORG}&amp;trace={trace}">a request</a>' in html
    assert "the control API or a hosted page" in html
    assert "the history it began with" in html
    assert '<td class="num">-0.000001</td>' in html
    existing("POST", f"{MOCK}/clock/advance", None, json={"by": "P3D"})
    assert "<td>the clock</td>" in page(existing)


def test_every_response_stands_beside_its_schema_with_its_curl(existing: Any) -> None:
    html = page(existing)
    for operation in operations(description.load()):
        operation_id = operation.node["operationId"]
        assert f'aria-label="Response of {operation_id}"' in html
        assert f'aria-label="Schema of the response of {operation_id}"' in html
    assert "&#34;creditBalance&#34;: " in html
    assert "&#34;title&#34;: " in html or "&#34;properties&#34;: " in html
    assert f"Bearer $(orgbilling token --org {ORG})" in html


@pytest.mark.slow
def test_errors_and_faults_are_shown_as_they_are(existing: Any) -> None:
    existing("PUT", f"{MOCK}/scenario", None, json={"scenario": "session-expired"})
    html = page(existing)
    assert '<span class="chip bad">401</span>' in html
    assert "The response with its terms is an error now." in html or "No contract." in html
    existing("PUT", f"{MOCK}/scenario", None, json={"scenario": "hanging"})
    assert "no response" in page(existing)


def test_every_invariant_has_its_equation_and_its_values(existing: Any) -> None:
    html = page(existing)
    for invariant in INVARIANTS:
        assert f'<td class="whole">{invariant.name}</td>' in html
    profile = existing("GET", "/org/billing", ORG).json()
    assert f"creditBalance = {profile['creditBalance']}" in html


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(
    "organization", ["org_nulls", "org_hostile_texts", "org_extreme_numbers", "org_empty"]
)
def test_it_shows_every_kind_of_organization(dashboard: Any, organization: str) -> None:
    dashboard("GET", "/org/billing", organization)
    assert "All responses as they are now" in page(dashboard, organization)


def test_looking_at_it_is_no_request(existing: Any) -> None:
    before = existing("GET", "/_mock/v1/journal", None).json()
    page(existing)
    assert existing("GET", "/_mock/v1/journal", None).json() == before


def test_a_sparkline_reaches_from_the_least_to_the_most() -> None:
    line = sparkline(["0.00", "5.00", "10.00"])
    assert line.points == "0.0,57.0 150.0,30.0 300.0,3.0"
    assert (line.least, line.most) == ("0.00", "10.00")
    assert sparkline(["3.20"]).points == "0.0,30.0"


@pytest.mark.parametrize(
    ("amount", "text"),
    [("1234567.891", "1,234,567.891"), ("-0.000001", "-0.000001"), ("5", "5.00"), ("1.500000", "1.50")],
)
def test_amounts_are_grouped_and_stay_exact(amount: str, text: str) -> None:
    assert grouped(amount) == text
