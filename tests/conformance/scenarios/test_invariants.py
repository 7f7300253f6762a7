from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_conformance.scenarios import invariants


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize(
    "organization", ["org_standard", "org_new_org", "org_nulls", "org_postpaid_over_limit"]
)
def test_the_invariants_hold_on_the_stub(suite: Any, token: Callable[..., str], organization: str) -> None:
    run = suite(token=token(organization))
    invariants.check_invariants(run)
    assert run.findings() == ()
    assert sum(case.rule.startswith("invariant-") for case in run.cases() if case.outcome == "passed") >= 15
    if organization == "org_postpaid_over_limit":
        assert "invariant 25" in run.notes[0]


def test_a_broken_invariant_is_reported_with_its_numbers(suite: Any, mutated_app: Any) -> None:
    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        if path == "/org/usage-summary" and status == 200:
            body["totalTokens"] += 1
        return status, headers, body

    run = suite(mutated_app(change_response))
    invariants.check_invariants(run)
    rules = {finding.rule: finding for finding in run.findings()}
    assert rules.keys() == {"invariant-13-summary-tokens", "invariant-16-window-tokens"}
    assert rules["invariant-13-summary-tokens"].severity == "warning"
    assert "≠" in rules["invariant-13-summary-tokens"].observed
    assert "/org/usage-summary" in rules["invariant-13-summary-tokens"].curl


def test_what_is_broken_for_a_moment_is_not_reported(suite: Any, mutated_app: Any) -> None:
    asked = 0

    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        nonlocal asked
        if path == "/org/usage-summary" and status == 200:
            asked += 1
            body["totalTokens"] += asked == 1
        return status, headers, body

    run = suite(mutated_app(change_response))
    invariants.check_invariants(run)
    assert run.findings() == ()


def test_whether_a_year_is_all() -> None:
    year, quarter = "getOrgLedger?days=365", "getOrgLedger?days=90"
    assert invariants.whole({year: [1], quarter: [1]})
    assert not invariants.whole({year: [1, 2], quarter: [1]})
    assert not invariants.whole({year: None, quarter: None})
    assert not invariants.whole({year: [1]})


def test_a_request_to_repeat_an_invariant_with(suite: Any) -> None:
    run = suite()
    assert invariants.request_of(run, "getOrgLedger").query == "days=365"
    assert invariants.request_of(run, "getOrgBilling").query == ""
