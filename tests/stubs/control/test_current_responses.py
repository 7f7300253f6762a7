"""All responses as they are now: those that the API gives, and asking for them changes nothing."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
from orgbilling_openapi import description
from orgbilling_openapi.operations import operations

ORG = "org_current"
BASE = f"/_mock/v1/organizations/{ORG}"


def responses(dashboard: Any) -> dict[str, dict[str, Any]]:
    answer = dashboard("GET", f"{BASE}/responses", None)
    assert answer.status_code == 200, answer.text
    return {row["operation"]: row for row in answer.json()["responses"]}


def test_they_are_what_the_api_answers(dashboard: Any) -> None:
    dashboard("GET", "/org/billing", ORG)
    rows = responses(dashboard)
    assert list(rows) == [operation.node["operationId"] for operation in operations(description.load())]
    for row in rows.values():
        answer = dashboard(row["method"], row["path"].removeprefix("/api/v1"), ORG, json=row["requestBody"])
        assert row["status"] == answer.status_code, row
        if row["method"] == "GET":
            assert row["body"] == answer.json()
        jsonschema_rs.validator_for(row["schema"]).validate(row["body"])
        assert "#/components" not in str(row["schema"])


def test_asking_for_them_changes_counts_and_records_nothing(dashboard: Any) -> None:
    rule = {"operations": ["getOrgBilling"], "times": 1, "effect": {"status": 503}, "force": True}
    dashboard("GET", "/org/billing", ORG)
    before = dashboard("GET", BASE, None).json()
    assert dashboard("POST", "/_mock/v1/faults", None, json=rule).status_code == 201
    recorded = dashboard("GET", "/_mock/v1/journal", None).json()
    for _ in range(2):
        assert responses(dashboard)["redeemOrgVoucher"]["body"]["creditAmountUsd"] == 25
    assert dashboard("GET", BASE, None).json() == before
    assert dashboard("GET", "/_mock/v1/journal", None).json() == recorded
    assert [dashboard("GET", "/org/billing", ORG).status_code for _ in range(2)] == [503, 200]


def test_they_show_faults_without_waiting(dashboard: Any) -> None:
    dashboard("GET", "/org/billing", ORG)
    for rule in (
        {
            "operations": ["getOrgBilling"],
            "effect": {"status": 503, "latency": {"ms": 60_000}},
            "force": True,
        },
        {"operations": ["getOrgLedger"], "effect": {"hangMs": 60_000}},
        {"operations": ["getOrgModelPricing"], "effect": {"truncateBytes": 10}},
        {"operations": ["getOrgUsageSummary"], "effect": {"dripBytesPerSecond": 1}},
        {"operations": ["getOrgServiceUsage"], "effect": {"rateLimit": {"limit": 1}}},
    ):
        answer = dashboard("POST", "/_mock/v1/faults", None, json=rule)
        assert answer.status_code == 201, answer.text
    for _ in range(2):
        rows = responses(dashboard)
        assert (rows["getOrgBilling"]["status"], rows["getOrgBilling"]["error"]) == (503, "injected")
        assert (rows["getOrgLedger"]["status"], rows["getOrgLedger"]["complete"]) == (None, False)
        assert rows["getOrgLedger"]["fault"]
        assert (rows["getOrgModelPricing"]["bytes"], rows["getOrgModelPricing"]["complete"]) == (10, False)
        assert rows["getOrgUsageSummary"]["status"] == 200
        assert rows["getOrgServiceUsage"]["status"] == 200


def test_they_show_errors_with_their_schema(dashboard: Any) -> None:
    dashboard("POST", "/org/vouchers/redeem", ORG, json={"code": "TEST-CREDIT-25-preview"})
    row = responses(dashboard)["redeemOrgVoucher"]
    assert (row["status"], row["error"]) == (409, "voucher_used")
    assert "ErrorModel" in row["schema"]["$defs"]


def test_they_show_the_scenario(dashboard: Any) -> None:
    for scenario in ("stripe-down", "session-expired"):
        dashboard("PUT", f"{BASE}/scenario", None, json={"scenario": scenario})
        rows = responses(dashboard)
        if scenario == "stripe-down":
            assert rows["createOrgBillingCheckout"]["status"] == 502
        else:
            assert {row["status"] for row in rows.values()} == {401}
