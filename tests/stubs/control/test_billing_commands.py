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


def test_installments_that_fell_due_while_cancelled_are_paid_when_the_contract_is_resumed(
    drive: Any, dashboard: Any
) -> None:
    drive("PUT", f"{ORG}/scenario", {"scenario": "contract-active"})
    drive("POST", f"{ORG}/contract/cancel")
    drive("POST", f"{ORG}/clock/advance", {"by": "P3M"})
    resumed = drive("POST", f"{ORG}/contract/resume")
    assert resumed.status_code == 200
    resumed_at = resumed.json()["clock"]["now"]
    assert drive("POST", f"{ORG}/clock/advance", {"by": "PT1S"}).status_code == 200
    schedule = dashboard("GET", "/org/contract", "org_a").json()["paymentSchedule"]
    assert all(row["paid"] for row in schedule if row["dueDate"] <= resumed_at)
    rows = dashboard("GET", "/org/ledger", "org_a", params={"days": 1}).json()
    paid = [row for row in rows if row["entryType"] == "contract_credit"]
    assert [row["createdAt"] for row in paid] == [resumed_at]
    assert invariants_hold(drive)


def test_refunds_and_adjustments_are_exact(drive: Any, dashboard: Any) -> None:
    before = dashboard("GET", "/org/billing", "org_a").json()["creditBalance"]
    for _ in range(10):
        drive("POST", f"{ORG}/adjustments", {"amountUsd": 0.1})
    drive("POST", f"{ORG}/refunds", {"amountUsd": "1.00", "description": "Sorry"})
    assert newest(dashboard)["description"] == "Sorry"
    assert dashboard("GET", "/org/billing", "org_a").json()["creditBalance"] == before
    assert invariants_hold(drive)


@pytest.mark.slow_beyond(2)
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


@pytest.mark.slow_beyond(3)
@pytest.mark.parametrize("name", ["0", "007", "", "a", "[0]", "99999999999999999999"])
def test_a_price_that_is_none_is_named_whatever_its_slug(drive: Any, name: str) -> None:
    for member in ("eventPrices", "servicePrices"):
        refused = drive("PATCH", f"{ORG}/prices", {member: {name: "x"}})
        assert refused.status_code == 422
        assert refused.json()["errors"][0]["location"] in (f"body.{member}.{name}", f"body.{member}")


@pytest.mark.parametrize("name", ["0", "007", "", "a"])
def test_an_inline_persona_with_a_bad_price_is_refused_whatever_its_slug(drive: Any, name: str) -> None:
    persona = {"prices": {"events": {name: "x"}, "services": {name: []}}, "usage": {name: 1}}
    refused = drive("POST", "/organizations", {"organization": "org_b", "persona": persona})
    assert refused.status_code == 422


def test_a_voucher_is_created_once_and_both_answers_show_it(drive: Any) -> None:
    body = {"code": "SUMMER40", "creditUsd": "40.5", "discountPercent": 10}
    created = drive("POST", f"{ORG}/vouchers", body)
    voucher = {"code": "SUMMER40", "creditUsd": 40.5, "discountPercent": 10, "state": "open"}
    assert (created.status_code, created.json()["voucher"]) == (201, voucher)
    assert created.json()["organization"]["organization"] == "org_a"
    again = drive("POST", f"{ORG}/vouchers", {"code": "SUMMER40", "creditUsd": 7})
    assert (again.status_code, again.json()["detail"]) == (409, "there is a voucher of this code")
    assert again.json()["errors"] == [
        {"message": "there is a voucher of this code", "location": "body.code", "value": voucher}
    ]
    test_code = drive("POST", f"{ORG}/vouchers", {"code": "TEST-CREDIT-25-a"})
    assert test_code.json()["errors"][0]["value"]["creditUsd"] == 25


def test_a_contract_is_created_once_and_both_answers_show_it(drive: Any) -> None:
    terms = {"contractId": "0ABCDEF0-0000-4000-8000-000000000000", "creditUsd": 1200, "onetimeCreditUsd": 60}
    created = drive("POST", f"{ORG}/contracts", terms).json()
    assert created["contract"]["contractId"] == created["contractId"] == terms["contractId"].lower()
    assert (created["contract"]["creditUsd"], created["contract"]["onetimeCreditUsd"]) == (1200, 60)
    again = drive("POST", f"{ORG}/contracts", {"contractId": terms["contractId"]})
    assert again.status_code == 409
    (row,) = again.json()["errors"]
    assert (row["location"], row["value"]) == ("body.contractId", created["contract"])
    known = drive("POST", f"{ORG}/contracts", {"contractId": "11111111-1111-4111-8111-111111111111"})
    assert known.json()["errors"][0]["value"]["creditUsd"] == 9600


def test_contracts_without_an_id_never_meet(drive: Any) -> None:
    ids = [drive("POST", f"{ORG}/contracts", {"creditUsd": 10}).json()["contractId"] for _ in range(3)]
    assert len(set(ids)) == 3


def test_a_conflict_under_an_idempotency_key_stays_one(drive: Any) -> None:
    drive("POST", f"{ORG}/vouchers", {"code": "A", "creditUsd": 5})
    key = {"Idempotency-Key": "k"}
    for _ in range(2):
        again = drive("POST", f"{ORG}/vouchers", {"code": "A", "creditUsd": 9}, headers=key)
        assert (again.status_code, again.json()["errors"][0]["value"]["creditUsd"]) == (409, 5)


def test_a_contract_larger_than_a_number_may_say_is_shown(drive: Any) -> None:
    created = drive("POST", f"{ORG}/contracts", {"creditUsd": "5868293015.5", "notes": ""})
    assert (created.status_code, created.json()["contract"]["creditUsd"]) == (201, 5868293015.5)


def test_a_price_of_a_new_event_adds_the_event_to_the_price_list(drive: Any, dashboard: Any) -> None:
    meter = {"meter": "event", "slug": "speech_minute"}
    assert drive("POST", f"{ORG}/meters", meter).status_code == 404
    drive("PATCH", f"{ORG}/prices", {"eventPrices": {"speech_minute": "0.25"}})
    assert drive("POST", f"{ORG}/meters", meter).status_code == 200
    assert dashboard("GET", "/org/billing", "org_a").json()["eventPrices"]["speech_minute"] == 0.25
