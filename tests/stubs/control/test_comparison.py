"""Two states are compared member by member, and amounts exactly."""

from __future__ import annotations

from typing import Any

import pytest
from orgbilling_openapi import description
from orgbilling_openapi.operations import operations_by_id
from orgbilling_stubs.control.comparison import changes

LOW = "/organizations/org_low_balance"
OPERATIONS = operations_by_id(description.load())


@pytest.fixture(autouse=True)
def _organization(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_low_balance", "persona": "low_balance"})
    drive("POST", f"{LOW}/snapshots", {"name": "before"})


def compare(drive: Any, path: str = LOW, **query: str) -> Any:
    answer = drive("GET", f"{path}/comparison", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def changes_of(comparison: Any, operation: str) -> list[Any]:
    [row] = [row for row in comparison["operations"] if row["operation"] == operation]
    assert row["same"] == (row["changes"] == [])
    found: list[Any] = row["changes"]
    return found


def test_a_state_is_the_same_as_itself(drive: Any) -> None:
    same = compare(drive, **{"from": "before"})
    assert same["same"] is True
    assert len(same["operations"]) == len(OPERATIONS)
    assert same["from"]["snapshot"] == "before"
    assert same["to"]["snapshot"] is None


def test_a_snapshot_and_now_differ_by_what_was_done_to_the_micro_dollar(drive: Any) -> None:
    drive("POST", f"{LOW}/adjustments", {"amountUsd": "0.100003", "description": "A correction"})
    comparison = compare(drive, **{"from": "before"})
    [balance] = [row for row in changes_of(comparison, "getOrgBilling") if row["pointer"] == "/creditBalance"]
    assert balance == {
        "pointer": "/creditBalance",
        "change": "changed",
        "before": 3.2,
        "after": 3.300003,
        "difference": "+0.100003",
    }
    [row] = changes_of(comparison, "getOrgLedger")
    assert (row["pointer"], row["change"], row["before"]) == ("/0", "added", None)
    assert row["after"]["description"] == "A correction"
    assert changes_of(comparison, "getOrgModelPricing") == []
    back = compare(drive, to="before")
    assert [row["change"] for row in changes_of(back, "getOrgLedger")] == ["removed"]


def test_two_snapshots(drive: Any) -> None:
    drive("POST", f"{LOW}/adjustments", {"amountUsd": 1})
    drive("POST", f"{LOW}/snapshots", {"name": "after"})
    drive("POST", f"{LOW}/adjustments", {"amountUsd": 7})
    comparison = compare(drive, **{"from": "before", "to": "after"})
    [balance] = [row for row in changes_of(comparison, "getOrgBilling") if row["pointer"] == "/creditBalance"]
    assert balance["difference"] == "+1"


def test_two_organizations(drive: Any) -> None:
    drive("POST", f"{LOW}/fork", {"into": "org_fork"})
    drive("POST", "/organizations/org_fork/adjustments", {"amountUsd": -1})
    comparison = compare(drive, **{"with": "fork"})
    assert comparison["to"]["organization"] == "org_fork"
    [row] = changes_of(comparison, "getOrgLedger")
    assert row["after"]["amountCredits"] == -1
    assert drive("GET", f"{LOW}/comparison", params={"with": "org_nobody"}).status_code == 404
    assert drive("GET", f"{LOW}/comparison", params={"from": "never"}).status_code == 404


def test_what_would_be_refused_differs(drive: Any, dashboard: Any) -> None:
    drive("POST", f"{LOW}/vouchers", {"code": "ONCE", "creditUsd": 5})
    drive("POST", f"{LOW}/snapshots", {"name": "voucher"})
    dashboard("POST", "/org/vouchers/redeem", "org_low_balance", json={"code": "ONCE"})
    [row] = changes_of(compare(drive, **{"from": "voucher"}), "redeemOrgVoucher")
    assert (row["pointer"], row["before"], row["after"]) == ("/ONCE", "carried out", "voucher_used")


def test_long_lists_are_counted(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_standard", "persona": "standard"})
    comparison = compare(drive, **{"with": "org_standard"})
    [ledger] = [row for row in comparison["operations"] if row["operation"] == "getOrgLedger"]
    assert len(ledger["changes"]) == 200
    assert ledger["changesOmitted"] > 1000


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"a": 1}, {"a": True}, [("/a", "changed", None)]),
        ({"a/b": 1}, {}, [("/a~1b", "removed", None)]),
        ({"a": 0.1}, {"a": 0.3}, [("/a", "changed", "+0.2")]),
        ({"a": 1e-9}, {"a": 0.0}, [("/a", "changed", "-0.000000001")]),
        ({"a": 100}, {"a": 0}, [("/a", "changed", "-100")]),
        ({"a": None}, {"a": []}, [("/a", "changed", None)]),
        ([1, 2], [1, 3, 4], [("/1", "changed", "+1"), ("/2", "added", None)]),
        (
            [{"model": "a", "x": 1}, {"model": "b", "x": 1}],
            [{"model": "b", "x": 2}],
            [("/0/x", "changed", "+1"), ("/0", "removed", None)],
        ),
    ],
)
def test_changes_of_documents(before: Any, after: Any, expected: list[Any]) -> None:
    found = [(row["pointer"], row["change"], row["difference"]) for row in changes(before, after)]
    assert found == expected
