from __future__ import annotations

from typing import Any

import pytest

ORG = "/organizations/org_a"


@pytest.fixture(autouse=True)
def _organization(drive: Any) -> None:
    drive("POST", "/organizations", {"organization": "org_a", "persona": "overdrawn"})


def newest(dashboard: Any) -> dict[str, Any]:
    found: dict[str, Any] = dashboard("GET", "/org/ledger?days=1", "org_a").json()[0]
    return found


def invariants_hold(drive: Any) -> bool:
    found: bool = drive("GET", f"{ORG}/invariants").json()["organizations"][0]["holds"]
    return found


def test_usage_is_booked_at_the_price_in_force(drive: Any, dashboard: Any) -> None:
    prices = {"models": [{"model": "gpt-5", "inputPricePer1K": "0.5", "outputPricePer1K": 2}]}
    assert drive("PATCH", f"{ORG}/prices", prices).status_code == 200
    usage = {"model": "gpt-5", "inputTokens": 2000, "outputTokens": 500, "trafficSource": "sdk"}
    assert drive("POST", f"{ORG}/usage", usage).status_code == 200
    row = newest(dashboard)
    assert (row["amountCredits"], row["tokens"], row["trafficSource"]) == (-2.0, 2500, "sdk")
    assert drive("POST", f"{ORG}/usage", {"inputTokens": 1}).status_code == 200
    assert invariants_hold(drive)


def test_meters_are_booked_at_the_price_in_force(drive: Any, dashboard: Any) -> None:
    drive("PATCH", f"{ORG}/prices", {"eventPrices": {"diary_generation": 0.25}})
    drive("POST", f"{ORG}/meters", {"meter": "event", "slug": "diary_generation", "count": 3})
    assert newest(dashboard)["amountCredits"] == -0.75
    assert dashboard("GET", "/org/billing", "org_a").json()["eventPrices"]["diary_generation"] == 0.25
    assert drive("POST", f"{ORG}/meters", {"meter": "event", "slug": "naps"}).status_code == 404


def test_a_voucher_can_be_created_and_redeemed(drive: Any, dashboard: Any) -> None:
    drive("POST", f"{ORG}/vouchers", {"code": "SUMMER40", "creditUsd": "40.000001"})
    redeemed = dashboard("POST", "/org/vouchers/redeem", "org_a", json={"code": "SUMMER40"})
    assert redeemed.json()["creditAmountUsd"] == 40.000001


def test_a_contract_can_be_offered_cancelled_and_resumed(drive: Any, dashboard: Any) -> None:
    drive("PUT", f"{ORG}/scenario", {"scenario": "no-contract"})
    terms = {
        "creditUsd": 1200,
        "serviceUsd": "600.5",
        "onetimeServiceUsd": 60,
        "frequency": "monthly",
        "notes": "Hello",
    }
    offer = drive("POST", f"{ORG}/contracts", terms)
    assert offer.status_code == 201
    subscribed = dashboard(
        "POST", "/org/contract/subscribe", "org_a", json={"contractId": offer.json()["contractId"]}
    )
    assert subscribed.status_code == 200, subscribed.text
    found = dashboard("GET", "/org/contract", "org_a").json()
    assert (found["creditPortionUsd"], found["servicePortionUsd"]) == (1200, 660.5)
    assert found["onetimeServiceUsd"] == 60
    assert drive("POST", f"{ORG}/contract/cancel").status_code == 409
    paid = drive("POST", f"{ORG}/checkouts/latest/complete", {"outcome": "paid"})
    assert paid.json()["purpose"] == "contract"
    assert drive("GET", ORG).json()["contractStatus"] == "active"
    assert drive("PUT", f"{ORG}/contract/installments/1", {"state": "paid"}).status_code == 200
    assert drive("PUT", f"{ORG}/contract/installments/99", {"state": "paid"}).status_code == 404
    assert drive("POST", f"{ORG}/contract/cancel").json()["contractStatus"] == "cancelled"
    assert drive("POST", f"{ORG}/contract/resume").json()["contractStatus"] == "active"
    assert invariants_hold(drive)


def test_refunds_and_adjustments_are_exact(drive: Any, dashboard: Any) -> None:
    before = dashboard("GET", "/org/billing", "org_a").json()["creditBalance"]
    for _ in range(10):
        drive("POST", f"{ORG}/adjustments", {"amountUsd": 0.1})
    drive("POST", f"{ORG}/refunds", {"amountUsd": "1.00", "description": "Sorry"})
    assert newest(dashboard)["description"] == "Sorry"
    assert dashboard("GET", "/org/billing", "org_a").json()["creditBalance"] == before
    assert invariants_hold(drive)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "refunds", {"amountUsd": 0}, 422),
        ("POST", "refunds", {"amountUsd": "0.0"}, 422),
        ("POST", "refunds", {"amountUsd": -1}, 422),
        ("POST", "adjustments", {"amountUsd": "0.0000001"}, 422),
        ("POST", "adjustments", {"amountUsd": "1e3"}, 422),
        ("POST", "adjustments", {"amountUsd": True}, 422),
        ("POST", "adjustments", {"amountUsd": 1e300}, 422),
        ("POST", "usage", {"model": "nobody"}, 404),
        ("POST", "usage", {"project": 500}, 404),
        ("POST", "usage", {"inputTokens": -1}, 422),
        ("POST", "vouchers", {"code": "a b"}, 422),
        ("POST", "contracts", {"creditUsd": -1}, 422),
        ("PATCH", "prices", {}, 422),
        ("PATCH", "prices", {"tokenPricePer1KUsd": "0.0000000001"}, 422),
        ("POST", "contract/cancel", None, 409),
        ("POST", "contract/resume", None, 409),
    ],
)
def test_what_makes_no_sense_is_refused(
    drive: Any, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    drive("PUT", f"{ORG}/scenario", {"scenario": "no-contract"})
    before = drive("GET", ORG).json()
    assert drive(method, f"{ORG}/{path}", body).status_code == status
    assert drive("GET", ORG).json() == before


def test_a_repeated_command_with_a_key_counts_once(drive: Any) -> None:
    headers = {"Idempotency-Key": "once"}
    first = drive("POST", f"{ORG}/adjustments", {"amountUsd": 5}, headers=headers).json()
    assert drive("POST", f"{ORG}/adjustments", {"amountUsd": 5}, headers=headers).json() == first
    assert drive("POST", f"{ORG}/adjustments", {"amountUsd": 6}, headers=headers).status_code == 409
