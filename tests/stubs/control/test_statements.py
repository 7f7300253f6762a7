"""The ledger with the origin of each entry, and the account statement in exact amounts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from orgbilling_stubs.control.statements import decimal_usd

ORG = "org_statement"
BASE = f"/_mock/v1/organizations/{ORG}"


def entries(dashboard: Any, limit: int = 5, base: str = BASE) -> list[dict[str, Any]]:
    answer = dashboard("GET", f"{base}/ledger", None, params={"limit": limit})
    assert answer.status_code == 200, answer.text
    return list(answer.json()["entries"])


def test_an_entry_names_the_request_that_made_it(dashboard: Any) -> None:
    redeemed = dashboard("POST", "/org/vouchers/redeem", ORG, json={"code": "TEST-CREDIT-25-x"})
    dashboard("GET", "/org/billing", ORG)
    newest = entries(dashboard)[0]
    assert newest["amountCredits"] == "25.00"
    assert newest["origin"]["trace"] == redeemed.headers["x-trace-id"]
    assert (newest["origin"]["source"], newest["origin"]["event"]) == ("request", "VoucherRedeemed")


def test_an_entry_of_the_control_api_of_the_clock_and_of_the_history_says_so(dashboard: Any) -> None:
    dashboard("GET", "/org/billing", ORG)
    assert {entry["origin"]["source"] for entry in entries(dashboard)} == {"history"}
    dashboard("POST", f"{BASE}/adjustments", None, json={"amountUsd": "-0.000001"})
    adjusted = entries(dashboard)[0]
    assert (adjusted["amountCredits"], adjusted["description"]) == ("-0.000001", "Adjustment")
    assert (adjusted["origin"]["source"], adjusted["origin"]["trace"]) == ("control", None)
    dashboard("POST", f"{BASE}/clock/advance", None, json={"by": "P2D"})
    newest = entries(dashboard, limit=1)[0]
    assert newest["origin"] == {"source": "clock", "event": None, "sequence": None, "trace": None}


def test_the_origin_outlives_undo_and_a_forgotten_journal(dashboard: Any) -> None:
    for suffix in "ab":
        dashboard("POST", "/org/vouchers/redeem", ORG, json={"code": f"TEST-CREDIT-25-{suffix}"})
    dashboard("POST", f"{BASE}/undo", None)
    newest = entries(dashboard)[0]
    assert newest["description"].endswith("TEST-CREDIT-25-a")
    assert newest["origin"]["source"] == "request"
    dashboard("DELETE", "/_mock/v1/journal", None)
    assert entries(dashboard)[0]["origin"]["source"] == "control"
    assert entries(dashboard)[0]["origin"]["event"] == "VoucherRedeemed"


def statement(dashboard: Any, organization: str, days: int = 30) -> dict[str, Any]:
    path = f"/_mock/v1/organizations/{organization}/statement"
    answer = dashboard("GET", path, None, params={"days": days})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.slow_beyond(2)
@pytest.mark.parametrize("organization", ["org_standard", "org_postpaid_near_limit", "org_low_balance"])
@pytest.mark.parametrize("days", [1, 30, 365])
def test_opening_and_changes_are_the_closing_balance(dashboard: Any, organization: str, days: int) -> None:
    profile = dashboard("GET", "/org/billing", organization).json()
    report = statement(dashboard, organization, days)
    for name, member in (("credit", "creditBalance"), ("debt", "outstandingUsd")):
        account = {key: Decimal(value) for key, value in report[name].items() if isinstance(value, str)}
        assert account["opening"] + account["increase"] - account["decrease"] == account["closing"]
        assert float(account["closing"]) == profile[member]
        for lines, total in (("increases", "increase"), ("decreases", "decrease")):
            assert sum(Decimal(line["amount"]) for line in report[name][lines]) == account[total]
            assert sum(Decimal(day[total]) for day in report[name]["days"]) == account[total]
        assert Decimal(report[name]["days"][-1]["closing"]) == account["closing"]
    prepaid = report["billingMode"] == "prepaid"
    assert bool(report["debt"]["increases"]) is not prepaid


def test_credit_and_spending_are_divided_by_what_they_were_for(dashboard: Any) -> None:
    for path, body in (
        ("usage", {"inputTokens": 120_000, "outputTokens": 30_000}),
        ("refunds", {"amountUsd": "12.50"}),
        ("adjustments", {"amountUsd": "3"}),
    ):
        assert dashboard("POST", f"{BASE}/{path}", None, json=body).status_code == 200
    dashboard("POST", "/org/vouchers/redeem", ORG, json={"code": "TEST-CREDIT-25-x"})
    credit = statement(dashboard, ORG)["credit"]
    increases = {line["entryType"]: line["amount"] for line in credit["increases"]}
    assert (increases["voucher"], increases["adjustment"]) == ("25.00", "3.00")
    decreases = {(line["entryType"], line["description"] is None) for line in credit["decreases"]}
    assert {("refund", True), ("usage", False), ("event_charge", False)} <= decreases


def test_what_does_not_exist_is_not_created_by_a_look_at_it(dashboard: Any) -> None:
    for name in ("ledger", "statement", "responses"):
        assert dashboard("GET", f"{BASE}/{name}", None).status_code == 404
    assert dashboard("GET", BASE, None).status_code == 404


@pytest.mark.parametrize(
    ("micros", "text"),
    [(0, "0.00"), (1_500_000, "1.50"), (-123, "-0.000123"), (10**15, "1000000000.00"), (-1, "-0.000001")],
)
def test_amounts_are_exact(micros: int, text: str) -> None:
    assert decimal_usd(micros) == text
