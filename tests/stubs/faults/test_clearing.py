"""Rules of an organization are cleared: those that name it, those of its scenario, or all that can fire."""

from __future__ import annotations

from typing import Any

import pytest

ORG = "org_a"
FAULTS = "/_mock/v1/faults"


@pytest.fixture
def faulty(dashboard: Any) -> Any:
    """A scenario with a rule, a rule for everybody, one for the organization, and one for another."""
    dashboard("PUT", f"/_mock/v1/organizations/{ORG}/scenario", None, json={"scenario": "stripe-down"})
    for organizations in (None, [ORG], ["org_b"]):
        members = {} if organizations is None else {"organizations": organizations}
        dashboard("POST", FAULTS, None, json={"effect": {"status": 503}, **members})
    return dashboard


def applicable(dashboard: Any) -> list[str]:
    faults = dashboard("GET", FAULTS, None, params={"organization": ORG}).json()["faults"]
    return [rule["id"] for rule in faults]


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize(
    ("scope", "left"),
    [
        (None, ["scenario-stripe-down-1", "flt_1"]),
        ("named", ["scenario-stripe-down-1", "flt_1"]),
        ("scenario", ["flt_1", "flt_2"]),
        ("applicable", []),
    ],
)
def test_a_scope_says_which_rules_are_cleared(faulty: Any, scope: str | None, left: list[str]) -> None:
    assert applicable(faulty) == ["scenario-stripe-down-1", "flt_1", "flt_2"]
    query = {"organization": ORG} | ({} if scope is None else {"scope": scope})
    for _ in range(2):
        assert faulty("DELETE", FAULTS, None, params=query).status_code == 204
        assert applicable(faulty) == left
    assert faulty("GET", f"{FAULTS}/flt_3", None).status_code == 200


def test_undo_brings_the_rules_of_a_scenario_back(faulty: Any) -> None:
    faulty("DELETE", FAULTS, None)
    assert faulty("POST", "/org/billing/portal", ORG).status_code == 502
    faulty("DELETE", FAULTS, None, params={"organization": ORG, "scope": "scenario"})
    described = faulty("GET", f"/_mock/v1/organizations/{ORG}", None).json()
    assert described["scenario"] == "stripe-down"
    assert faulty("POST", "/org/billing/portal", ORG).status_code == 200
    for _ in range(2):
        faulty("POST", f"/_mock/v1/organizations/{ORG}/undo", None)
    assert applicable(faulty) == ["scenario-stripe-down-1"]


def test_a_scope_needs_an_organization(faulty: Any) -> None:
    answer = faulty("DELETE", FAULTS, None, params={"scope": "applicable"})
    assert (answer.status_code, answer.json()["errors"][0]["location"]) == (422, "query.scope")
    assert len(applicable(faulty)) == 3


def test_who_set_a_rule_changes_nothing_that_it_draws(faulty: Any) -> None:
    from orgbilling_stubs.faults.rules import parse

    document = {"probability": 0.5, "effect": {"status": 503}}
    assert parse({**document, "setBy": "a test"}).canonical() == parse(document).canonical()
    added = faulty("POST", FAULTS, None, json={**document, "setBy": "a test"}).json()
    assert added["setBy"] == "a test"
    assert faulty("POST", FAULTS, None, json=document).json()["setBy"] is None
