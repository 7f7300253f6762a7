"""What an organization shows as its log goes on, back and into a fork."""

from __future__ import annotations

from typing import Any

import pytest

ORG = "/organizations/org_a"


@pytest.fixture(autouse=True)
def _organization(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_a", "persona": "low_balance"})


def balance(drive: Any, organization: str) -> float:
    found: float = drive("GET", f"/organizations/{organization}").json()["creditBalance"]
    return found


def faults(drive: Any, organization: str) -> int:
    listed = drive("GET", f"/faults?organization={organization}").json()["faults"]
    return sum(each["organizations"] == [organization] for each in listed)


@pytest.mark.slow_beyond(1)
@pytest.mark.parametrize("organization", ["org_a", "*"])
def test_a_scenario_is_undone_as_a_whole(drive: Any, organization: str) -> None:
    place = f"/organizations/{organization}"
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


@pytest.mark.slow
def test_a_scenario_survives_a_clock_that_goes_back(drive: Any) -> None:
    drive("PUT", f"{ORG}/scenario", {"scenario": "checkout-declined"})
    assert drive("POST", f"{ORG}/clock/advance", {"by": "-P7D"}).json()["scenario"] == "checkout-declined"
    drive("PUT", f"{ORG}/scenario", {"scenario": "stripe-down"})
    assert drive("POST", f"{ORG}/undo").json()["scenario"] == "checkout-declined"


@pytest.mark.slow
def test_a_fork_of_a_fork_shows_what_its_parent_shows_and_goes_its_own_way(drive: Any) -> None:
    drive("PUT", f"{ORG}/scenario", {"scenario": "stripe-down"})
    drive("POST", f"{ORG}/snapshots", {"name": "down"})
    drive("POST", f"{ORG}/clock/advance", {"by": "P1D"})
    for parent, child in (("org_a", "org_b"), ("org_b", "org_c")):
        forked = drive("POST", f"/organizations/{parent}/fork", {"into": child}).json()
        assert (forked["scenario"], faults(drive, child)) == ("stripe-down", 1)
    balances = {balance(drive, each) for each in ("org_a", "org_b", "org_c")}
    assert len(balances) == 1
    drive("PUT", "/organizations/org_b/scenario", {"scenario": "low-balance"})
    drive("DELETE", "/organizations/org_a")
    assert {balance(drive, "org_c")} == balances
    assert [faults(drive, each) for each in ("org_b", "org_c")] == [0, 1]
    assert drive("POST", "/organizations/org_b/snapshots/down/restore").json()["scenario"] == "stripe-down"
    restored = drive("POST", "/organizations/org_c/snapshots/down/restore").json()
    assert (restored["scenario"], restored["clock"]["now"]) == ("stripe-down", "2026-03-10T12:00:00Z")
    undone = [drive("POST", "/organizations/org_c/undo") for _ in range(4)]
    assert [each.status_code for each in undone] == [200, 200, 200, 409]
    shown = [each.json()["scenario"] for each in undone[:3]]
    assert shown == ["stripe-down", "stripe-down", None], "half of a scenario is nothing to go back to"


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["zero-balance", "webhook-late", "leap-day"])
def test_a_fork_goes_back_to_before_the_scenario_as_its_parent_does(drive: Any, scenario: str) -> None:
    drive("POST", f"{ORG}/adjustments", {"amountUsd": 1})
    drive("POST", f"{ORG}/snapshots", {"name": "before"})
    drive("PUT", f"{ORG}/scenario", {"scenario": "stripe-down"})
    drive("PUT", f"{ORG}/scenario", {"scenario": scenario})
    drive("POST", f"{ORG}/fork", {"into": "org_b"})

    def past(organization: str) -> list[Any]:
        place = f"/organizations/{organization}"
        seen = [drive("GET", f"{place}/snapshots").json()["snapshots"]]
        for call in ("undo", "undo", "undo", "undo", "snapshots/before/restore", "undo"):
            answer = drive("POST", f"{place}/{call}")
            shown = drive("GET", place).json()
            own = {"organization", "tenantId", "$schema"}
            seen.append((answer.status_code, {key: shown[key] for key in shown.keys() - own}))
            seen.append(faults(drive, organization))
        return seen

    before = drive("GET", ORG).json()
    child = past("org_b")
    assert drive("GET", ORG).json() == before
    parent = past("org_a")
    assert child == parent
    assert [each[0] for each in parent[1::2]] == [200, 200, 200, 409, 200, 200]
    assert [each[1]["scenario"] for each in parent[1:7:2]] == ["stripe-down", None, None]
    assert parent[2] == 1


def shown_clock(answer: Any) -> tuple[Any, Any, Any]:
    found = answer.json()
    return found["scenario"], found["clock"]["mode"], found["clock"]["now"]


NOW, LEAP = "2026-03-10T12:00:00Z", "2028-02-29T12:00:00Z"


@pytest.mark.slow
@pytest.mark.parametrize("back", ["reset", "low-balance", "stripe-down"])
def test_what_sets_the_clock_gives_back_what_was_there(drive: Any, back: str) -> None:
    def give_back() -> tuple[Any, Any, Any]:
        if back == "reset":
            return shown_clock(drive("POST", f"{ORG}/reset"))
        return shown_clock(drive("PUT", f"{ORG}/scenario", {"scenario": back}))

    def lend() -> None:
        for scenario in ("leap-day", "month-rollover"):
            assert drive("PUT", f"{ORG}/scenario", {"scenario": scenario}).json()["clock"]["mode"] == "frozen"
        drive("POST", f"{ORG}/clock/advance", {"by": "PT1S"})

    name = None if back == "reset" else back
    lend()
    assert give_back() == give_back() == (name, "server", NOW)
    drive("PUT", f"{ORG}/clock", {"mode": "frozen", "at": "2026-01-10T00:00:00Z"})
    drive("POST", f"{ORG}/clock/advance", {"by": "P10D"})
    lend()
    assert give_back() == give_back() == (name, "frozen", "2026-01-20T00:00:00Z")
    drive("PUT", f"{ORG}/clock", {"mode": "server"})
    drive("POST", f"{ORG}/clock/advance", {"by": "P1D"})
    lend()
    assert give_back() == (name, "server", "2026-03-11T12:00:00Z")


def later(drive: Any) -> tuple[Any, Any, Any]:
    return shown_clock(drive("PUT", f"{ORG}/scenario", {"scenario": "low-balance"}))


@pytest.mark.slow
def test_a_clock_set_by_hand_since_stays(drive: Any) -> None:
    drive("PUT", f"{ORG}/clock", {"mode": "frozen", "at": "2026-01-10T00:00:00Z"})
    drive("PUT", f"{ORG}/scenario", {"scenario": "leap-day"})
    drive("PUT", f"{ORG}/clock", {"mode": "server"})
    assert later(drive) == ("low-balance", "server", NOW)
    for at in ("2026-02-01T00:00:00Z", "2028-06-01T00:00:00Z"):
        drive("PUT", f"{ORG}/scenario", {"scenario": "leap-day"})
        drive("PUT", f"{ORG}/clock", {"mode": "server"})
        drive("PUT", f"{ORG}/clock", {"mode": "frozen", "at": at})
        drive("POST", f"{ORG}/clock/advance", {"by": "-P1D"})
        drive("POST", f"{ORG}/clock/advance", {"by": "P1D"})
        assert later(drive) == ("low-balance", "frozen", at)


def test_a_clock_that_was_set_by_hand_and_taken_back_is_lent_as_before(drive: Any) -> None:
    drive("PUT", f"{ORG}/scenario", {"scenario": "leap-day"})
    drive("POST", f"{ORG}/snapshots", {"name": "leap"})
    drive("PUT", f"{ORG}/clock", {"mode": "frozen", "at": "2026-02-01T00:00:00Z"})
    drive("POST", f"{ORG}/snapshots", {"name": "mine"})
    assert shown_clock(drive("POST", f"{ORG}/undo")) == ("leap-day", "frozen", LEAP)
    assert later(drive) == ("low-balance", "server", NOW)
    drive("POST", f"{ORG}/snapshots/mine/restore")
    assert later(drive) == ("low-balance", "frozen", "2026-02-01T00:00:00Z")
    drive("POST", f"{ORG}/snapshots/leap/restore")
    assert later(drive) == ("low-balance", "server", NOW)


@pytest.mark.slow
def test_a_lent_clock_is_still_lent_after_steps_back_and_in_a_fork(drive: Any) -> None:
    drive("PUT", f"{ORG}/scenario", {"scenario": "leap-day"})
    drive("POST", f"{ORG}/snapshots", {"name": "leap"})
    assert shown_clock(drive("POST", f"{ORG}/reset")) == (None, "server", NOW)
    assert shown_clock(drive("POST", f"{ORG}/undo")) == ("leap-day", "frozen", LEAP)
    drive("POST", f"{ORG}/fork", {"into": "org_b"})
    assert shown_clock(drive("POST", "/organizations/org_b/reset")) == (None, "server", NOW)
    drive("PUT", f"{ORG}/scenario", {"scenario": "low-balance"})
    assert shown_clock(drive("POST", f"{ORG}/snapshots/leap/restore")) == ("leap-day", "frozen", LEAP)
    again = drive("PUT", f"{ORG}/scenario", {"scenario": "low-balance"})
    assert shown_clock(again) == ("low-balance", "server", NOW)


def test_the_rules_of_a_scenario_are_neither_listed_nor_cleared_among_the_standing_ones(drive: Any) -> None:
    drive("PUT", f"{ORG}/scenario", {"scenario": "stripe-down"})
    assert drive("GET", "/faults").json()["faults"] == []
    drive("DELETE", "/faults")
    [fault] = drive("GET", "/faults?organization=org_a").json()["faults"]
    assert (fault["id"], fault["organizations"]) == ("scenario-stripe-down-1", ["org_a"])
    assert drive("GET", "/faults?organization=org_b").json()["faults"] == []
