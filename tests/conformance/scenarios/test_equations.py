from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_conformance.scenarios import equations


@pytest.mark.parametrize(
    "organization", ["org_standard", "org_new_org", "org_nulls", "org_postpaid_over_limit"]
)
def test_the_laws_hold_on_the_stub(judge: Any, token: Callable[..., str], organization: str) -> None:
    made = judge(token=token(organization))
    equations.laws(made)
    assert made.findings() == ()
    assert sum(case.rule.startswith("law-") for case in made.cases() if case.outcome == "passed") >= 15
    if organization == "org_postpaid_over_limit":
        assert "law 25" in made.notes[0]


def test_a_broken_law_is_told_with_its_numbers(judge: Any, spoiled: Any) -> None:
    def spoil(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        if path == "/org/usage-summary" and status == 200:
            body["totalTokens"] += 1
        return status, headers, body

    made = judge(spoiled(spoil))
    equations.laws(made)
    rules = {each.rule: each for each in made.findings()}
    assert rules.keys() == {"law-13-summary-tokens", "law-16-window-tokens"}
    assert rules["law-13-summary-tokens"].severity == "warning"
    assert "≠" in rules["law-13-summary-tokens"].observed
    assert "/org/usage-summary" in rules["law-13-summary-tokens"].curl


def test_what_is_broken_for_a_moment_is_not_told(judge: Any, spoiled: Any) -> None:
    asked = 0

    def spoil(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        nonlocal asked
        if path == "/org/usage-summary" and status == 200:
            asked += 1
            body["totalTokens"] += asked == 1
        return status, headers, body

    made = judge(spoiled(spoil))
    equations.laws(made)
    assert made.findings() == ()


def test_whether_a_year_is_all() -> None:
    year, quarter = "getOrgLedger?days=365", "getOrgLedger?days=90"
    assert equations.whole({year: [1], quarter: [1]})
    assert not equations.whole({year: [1, 2], quarter: [1]})
    assert not equations.whole({year: None, quarter: None})
    assert not equations.whole({year: [1]})


def test_a_request_to_repeat_a_law_with(judge: Any) -> None:
    made = judge()
    assert equations.request_of(made, "getOrgLedger").query == "days=365"
    assert equations.request_of(made, "getOrgBilling").query == ""
