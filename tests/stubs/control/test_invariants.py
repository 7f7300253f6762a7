from __future__ import annotations

from typing import Any

import pytest
from orgbilling_openapi import invariants


def test_every_law_is_evaluated_with_its_values(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_a", "persona": "contract_active"})
    [report] = drive("GET", "/organizations/org_a/laws").json()["organizations"]
    assert report["holds"]
    assert [each["number"] for each in report["laws"]] == [law.number for law in invariants.INVARIANTS]
    charge = next(each for each in report["laws"] if each["name"] == "characters-charge")
    assert charge["verdict"] == "holds"
    assert charge["values"]
    assert {each["verdict"] for each in report["laws"]} == {"holds", "not_applicable"}


@pytest.mark.slow
def test_a_limit_that_is_exceeded_is_not_firm(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_a", "persona": "postpaid_over_limit"})
    drive("POST", "/organizations", {"organization": "org_b"})
    reports = drive("GET", "/organizations/*/laws").json()["organizations"]
    assert [each["holds"] for each in reports] == [True, True]
    assert [each["firm"] for each in reports[0]["laws"] if each["verdict"] == "broken"] == [False]
