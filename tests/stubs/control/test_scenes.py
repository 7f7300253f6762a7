"""What an organisation shows as its log goes on, back and into a fork."""

from __future__ import annotations

from typing import Any

import pytest

ORG = "/organisations/org_a"


@pytest.fixture(autouse=True)
def _organisation(drive: Any) -> None:
    drive("POST", "/organisations", {"organisation": "org_a", "persona": "low_balance"})


def balance(drive: Any, organisation: str) -> float:
    found: float = drive("GET", f"/organisations/{organisation}").json()["creditBalance"]
    return found


def faults(drive: Any, organisation: str) -> int:
    listed = drive("GET", "/faults").json()["faults"]
    return sum(each["organisations"] == [organisation] for each in listed)


@pytest.mark.parametrize("organisation", ["org_a", "*"])
def test_a_scenario_is_undone_as_a_whole(drive: Any, organisation: str) -> None:
    place = f"/organisations/{organisation}"
    before = drive("GET", ORG).json()
    assert drive("PUT", f"{place}/scenario", {"scenario": "stripe-down"}).status_code == 200
    assert drive("PUT", f"{place}/scenario", {"scenario": "checkout-declined"}).status_code == 200
    assert faults(drive, "org_a") == 0
    drive("POST", f"{ORG}/adjustments", {"amountUsd": 1})
    seen = []
    for _ in range(3):
        assert drive("POST", f"{place}/undo").status_code == 200
        shown = drive("GET", ORG).json()
        seen.append((shown["scenario"], faults(drive, "org_a"), shown["persona"]))
    assert seen == [
        ("checkout-declined", 0, "standard"),
        ("stripe-down", 1, "standard"),
        (None, 0, "low_balance"),
    ]
    assert shown["creditBalance"] == before["creditBalance"]
    assert drive("POST", f"{ORG}/undo").status_code == 409


def test_undoing_a_restore_or_a_reset_shows_what_was_shown(drive: Any) -> None:
    drive("POST", f"{ORG}/snapshots", {"name": "plain"})
    drive("PUT", f"{ORG}/scenario", {"scenario": "stripe-down"})
    for way in ("snapshots/plain/restore", "reset"):
        assert drive("POST", f"{ORG}/{way}").json()["scenario"] is None
        assert faults(drive, "org_a") == 0
        assert drive("POST", f"{ORG}/undo").json()["scenario"] == "stripe-down"
        assert faults(drive, "org_a") == 1


def test_a_scenario_survives_a_clock_that_goes_back(drive: Any) -> None:
    drive("PUT", f"{ORG}/scenario", {"scenario": "checkout-declined"})
    assert drive("POST", f"{ORG}/clock/advance", {"by": "-P7D"}).json()["scenario"] == "checkout-declined"
    drive("PUT", f"{ORG}/scenario", {"scenario": "stripe-down"})
    assert drive("POST", f"{ORG}/undo").json()["scenario"] == "checkout-declined"


def test_a_fork_of_a_fork_shows_what_its_parent_shows_and_goes_its_own_way(drive: Any) -> None:
    drive("PUT", f"{ORG}/scenario", {"scenario": "stripe-down"})
    drive("POST", f"{ORG}/snapshots", {"name": "down"})
    drive("POST", f"{ORG}/clock/advance", {"by": "P1D"})
    for parent, child in (("org_a", "org_b"), ("org_b", "org_c")):
        forked = drive("POST", f"/organisations/{parent}/fork", {"into": child}).json()
        assert (forked["scenario"], faults(drive, child)) == ("stripe-down", 1)
    balances = {balance(drive, each) for each in ("org_a", "org_b", "org_c")}
    assert len(balances) == 1
    drive("PUT", "/organisations/org_b/scenario", {"scenario": "low-balance"})
    drive("DELETE", "/organisations/org_a")
    assert {balance(drive, "org_c")} == balances
    assert [faults(drive, each) for each in ("org_b", "org_c")] == [0, 1]
    assert drive("POST", "/organisations/org_b/snapshots/down/restore").json()["scenario"] == "stripe-down"
    restored = drive("POST", "/organisations/org_c/snapshots/down/restore").json()
    assert (restored["scenario"], restored["clock"]["now"]) == ("stripe-down", "2026-03-10T12:00:00Z")
    undone = [drive("POST", "/organisations/org_c/undo").status_code for _ in range(4)]
    assert undone == [200, 200, 200, 409], "half of a scenario is nothing to go back to"


def test_a_rule_of_somebody_else_is_left_alone(drive: Any) -> None:
    drive("PUT", f"{ORG}/scenario", {"scenario": "stripe-down"})
    [old] = drive("GET", "/faults").json()["faults"]
    drive("DELETE", "/faults")
    rule = {"id": old["id"], "organisations": ["org_b"], "effect": {"reset": True}}
    assert drive("POST", "/faults", rule).status_code == 201
    drive("PUT", f"{ORG}/scenario", {"scenario": "low-balance"})
    assert [each["id"] for each in drive("GET", "/faults").json()["faults"]] == [old["id"]]


def test_a_scenario_whose_rules_find_no_room_changes_nothing(
    drive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive("PUT", f"{ORG}/scenario", {"scenario": "stripe-unavailable"})
    before = drive("GET", ORG).json()
    monkeypatch.setattr("orgbilling_stubs.faults.rules.MOST_RULES", 1)
    assert drive("PUT", f"{ORG}/scenario", {"scenario": "stripe-down"}).status_code == 409
    assert drive("GET", ORG).json() == before
    assert faults(drive, "org_a") == 1
