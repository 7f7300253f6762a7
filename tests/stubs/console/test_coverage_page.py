"""The page of coverage is a heat map of operations and statuses, whose empty cells arm them."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from orgbilling_conformance.exchange import Request
from orgbilling_conformance.target import AppTarget
from orgbilling_fixtures import scenarios
from orgbilling_openapi import description
from orgbilling_openapi.operations import operations_by_id

ORG = "org_covered"
PATH = "/_mock/coverage"
BODIES = {
    "createOrgBillingCheckout": {"amount": 1000},
    "subscribeToOrgContract": {"contractId": "11111111-1111-4111-8111-111111111111"},
    "redeemOrgVoucher": {"code": "TEST-CREDIT-5-coverage"},
}
OPERATIONS = operations_by_id(description.load())


@pytest.fixture
def existing(dashboard: Any) -> Any:
    dashboard("POST", "/_mock/v1/organizations", None, json={"organization": ORG})
    return dashboard


def page(dashboard: Any) -> str:
    answer = dashboard("GET", PATH, None, params={"org": ORG})
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def cells(html: str) -> dict[tuple[str, int], tuple[str, str]]:
    """The state and the content of each cell."""
    found = re.findall(
        r'<td class="heat-\d" data-cell="(\w+) (\d+)" data-state="(\w+)">(.*?)</td>', html, re.DOTALL
    )
    return {(operation, int(status)): (state, content) for operation, status, state, content in found}


def text(content: str) -> str:
    return " ".join(unescape(re.sub("<[^>]+>", " ", content)).split())


def call(dashboard: Any, operation: str) -> Any:
    described = OPERATIONS[operation]
    return dashboard(described.method.upper(), described.path, ORG, json=BODIES.get(operation))


def click(dashboard: Any, content: str) -> str:
    """Press the button of a cell: the page that it leads back to."""
    action = re.search(r'action="([^"]+)"', content)
    assert action is not None, content
    fields = {name: unescape(value) for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', content)}
    answer = dashboard("POST", action[1], None, data=fields)
    assert answer.status_code == 303, answer.text
    html = str(dashboard("GET", answer.headers["location"], None).text)
    assert "That did not work" not in html, text(html)
    return html


def test_every_operation_and_listed_status_has_a_cell_with_a_text(existing: Any) -> None:
    shown = cells(page(existing))
    listed = {
        (name, int(status))
        for name, operation in OPERATIONS.items()
        for status in operation.node["responses"]
        if status.isdecimal()
    }
    statuses = {status for _, status in listed}
    assert set(shown) == {(name, status) for name in OPERATIONS for status in statuses}
    assert {cell for cell, (state, _) in shown.items() if state != "unlisted"} == listed
    assert all(text(content) for _, content in shown.values())


def test_a_met_cell_says_how_often(existing: Any) -> None:
    for _ in range(3):
        call(existing, "getOrgLedger")
    state, content = cells(page(existing))["getOrgLedger", 200]
    assert (state, text(content)) == ("met", "3 times")


@pytest.mark.slow
@pytest.mark.parametrize(
    "operation",
    [name if name == "getOrgContract" else pytest.param(name, marks=pytest.mark.slow) for name in OPERATIONS],
)
def test_one_click_on_an_empty_cell_makes_the_next_request_get_the_status(
    existing: Any, operation: str
) -> None:
    empty = {
        cell: content
        for cell, (state, content) in cells(page(existing)).items()
        if cell[0] == operation and state in ("arm", "scenario")
    }
    assert len(empty) >= 5
    for cell, content in empty.items():
        state = cells(click(existing, content))[cell][0]
        assert call(existing, operation).status_code == cell[1]
        if state == "scenario":
            existing("POST", f"/_mock/v1/organizations/{ORG}/undo", None)
    shown = cells(page(existing))
    assert {shown[cell][0] for cell in empty} == {"met"}


def test_an_armed_cell_can_be_taken_back_and_lets_the_others_wait(existing: Any) -> None:
    armed = cells(click(existing, cells(page(existing))["getOrgLedger", 503][1]))
    assert armed["getOrgLedger", 429][0] == "waits"
    assert armed["getOrgBilling", 503][0] == "arm"
    html = click(existing, armed["getOrgLedger", 503][1])
    assert cells(html)["getOrgLedger", 429][0] == "arm"
    assert call(existing, "getOrgLedger").status_code == 200


def test_a_rule_that_answers_first_is_named(existing: Any) -> None:
    existing("PUT", f"/_mock/v1/organizations/{ORG}/scenario", None, json={"scenario": "stripe-down"})
    shown = cells(page(existing))
    assert shown["createOrgBillingPortal", 502][0] == "armed"
    assert text(shown["createOrgBillingPortal", 503][1]) == "waits for scenario-stripe-down-1"
    assert shown["getOrgBilling", 503][0] == "arm"


def test_a_status_that_no_rule_can_give_says_why(existing: Any) -> None:
    html = page(existing)
    shown = cells(html)
    assert text(shown["getOrgLedger", 304][1]) == "ETag"
    assert text(shown["getOrgLedger", 502][1]) == "· not listed"
    assert text(shown["redeemOrgVoucher", 200][1]) == "call"
    for anchor in ("why-success", "why-unchanged", "why-waits"):
        assert f'id="{anchor}"' in html


@pytest.mark.slow
def test_where_the_state_decides_a_scenario_is_shown(existing: Any) -> None:
    assert call(existing, "getOrgContract").status_code == 200
    click(existing, cells(page(existing))["getOrgContract", 404][1])
    described = existing("GET", f"/_mock/v1/organizations/{ORG}", None).json()
    assert described["scenario"] == "no-contract"
    existing("DELETE", "/_mock/v1/coverage", None)
    state, content = cells(page(existing))["getOrgContract", 200]
    assert state == "scenario"
    click(existing, content)
    assert call(existing, "getOrgContract").status_code == 200


def test_the_conformance_suite_is_counted_beside_the_client(existing: Any) -> None:
    existing("DELETE", "/_mock/v1/coverage", None)
    target = AppTarget(existing.app.asgi)
    try:
        answer = target.send(Request("GET", "/org/ledger", "days=7"), f"Bearer {existing.token(ORG)}")
    finally:
        target.close()
    assert answer.status == 200
    coverage = existing("GET", "/_mock/v1/coverage", None).json()
    assert coverage["percent"] == 0
    rows = {row["name"]: row for kind in ("statuses", "parameters") for row in coverage[kind]}
    for name in ("getOrgLedger 200", "getOrgLedger days"):
        assert (rows[name]["met"], rows[name]["conformance"]) == (0, 1)
    html = page(existing)
    state, content = cells(html)["getOrgLedger", 200]
    assert (state, text(content)) == ("success", "call +1 by the conformance suite")
    assert "The conformance suite sent 1 more" in html


@pytest.mark.slow
def test_all_states_and_scenarios_are_listed_with_whether_they_were_met(existing: Any) -> None:
    existing("PUT", f"/_mock/v1/organizations/{ORG}/scenario", None, json={"scenario": "low-balance"})
    existing("GET", "/org/billing", ORG)
    html = page(existing)
    states = html[html.index('<ol class="states">') : html.index("</ol>")]
    assert states.count('<li class="missing">') + states.count('<li class="met">') == scenarios.STATE_COUNT
    for scenario in scenarios.load():
        assert f'org={ORG}&amp;scenario={scenario.name}"' in states
    assert states.count('<li class="met">') == 1


def test_what_is_missing_is_listed_by_name_and_counting_can_begin_anew(existing: Any) -> None:
    call(existing, "getOrgLedger")
    html = page(existing)
    assert "<code>getOrgLedger days</code>" in html
    form = next(form for form in re.findall(r"<form.*?</form>", html, re.DOTALL) if "resetCoverage" in form)
    assert cells(click(existing, form))["getOrgLedger", 200][0] == "success"


def test_the_page_follows_the_journal(existing: Any) -> None:
    assert 'id="covered" data-live="all">' in page(existing)
