from __future__ import annotations

from typing import Any

import pytest
from orgbilling_conformance.api_description import ApiDescription
from orgbilling_conformance.rules import plausibility
from orgbilling_conformance.rules.rule import RuleContext
from orgbilling_conformance.schema_validation import SchemaValidator


@pytest.fixture
def seen(api: ApiDescription) -> Any:
    context = RuleContext(api, SchemaValidator(api))

    def run(exchange: Any) -> list[tuple[str, str]]:
        found = [
            violation
            for _, check in plausibility.RESPONSE_CHECKS
            for violation in check(exchange, context) or ()
        ]
        return [(each.rule, each.pointer) for each in found]

    return run


@pytest.mark.parametrize(
    ("operation", "body", "expected"),
    [
        (
            "getOrgContextEngineEvents",
            {"byType": [{"count": -1}]},
            [("plausibility-negative", "/byType/*/count")],
        ),
        ("getOrgBilling", {"eventPrices": {"a": -0.1}}, [("plausibility-negative", "/eventPrices/*")]),
        ("getOrgBilling", {"creditBalance": -5, "outstandingUsd": -1}, []),
        ("getOrgLedger", [{"tokens": -3, "amountUsd": -2}], [("plausibility-negative", "/*/tokens")]),
        ("getOrgLedger", [{"entryId": "a"}, {"entryId": "a"}], [("plausibility-unique", "/*/entryId")]),
        (
            "getOrgServiceUsage",
            {"byOperation": [{"operation": "tts"}] * 2},
            [("plausibility-unique", "/byOperation/*/operation")],
        ),
        ("getOrgServiceUsage", {"byOperation": None}, []),
        ("getOrgModelPricing", None, []),
        ("getOrgModelPricing", {"not": "a list"}, []),
        (
            "getOrgContract",
            {"startDate": "2026-02-01T00:00:00Z", "endDate": "2026-02-01T00:30:00+01:00"},
            [("plausibility-dates", "/endDate")],
        ),
        ("getOrgContract", {"startDate": "2026-02-01T00:00:00Z", "endDate": "nonsense"}, []),
        ("listOrgServiceAgreements", [{"chargeId": ""}], [("plausibility-empty", "/*/chargeId")]),
    ],
)
def test_one_body(seen: Any, exchange: Any, operation: str, body: Any, expected: Any) -> None:
    assert seen(exchange(operation, body=body)) == expected
    assert seen(exchange(operation, 422, body)) == [], "errors have no such values"


def test_instants() -> None:
    assert plausibility.instant("2026-01-02T03:04:60Z") is not None
    assert plausibility.instant(None) is plausibility.instant("2026-01-02") is None
