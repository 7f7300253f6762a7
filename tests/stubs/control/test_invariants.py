from __future__ import annotations

from typing import Any

import pytest
from orgbilling_openapi import invariants


def test_every_invariant_is_evaluated_with_its_values(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_a", "persona": "contract_active"})
    [report] = drive("GET", "/organizations/org_a/invariants").json()["organizations"]
    assert report["holds"]
    assert [each["number"] for each in report["invariants"]] == [
        invariant.number for invariant in invariants.INVARIANTS
    ]
    charge = next(each for each in report["invariants"] if each["name"] == "characters-charge")
    assert charge["verdict"] == "holds"
    assert charge["values"]
    assert {each["verdict"] for each in report["invariants"]} == {"holds", "not_applicable"}


@pytest.mark.slow
def test_a_limit_that_is_exceeded_is_not_firm(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_a", "persona": "postpaid_over_limit"})
    drive("POST", "/organizations", {"organization": "org_b"})
    reports = drive("GET", "/organizations/*/invariants").json()["organizations"]
    assert [each["holds"] for each in reports] == [True, True]
    assert [each["firm"] for each in reports[0]["invariants"] if each["verdict"] == "broken"] == [False]
