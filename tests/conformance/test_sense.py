from __future__ import annotations

from typing import Any

import pytest
from orgbilling_conformance import sense
from orgbilling_conformance.facts import Facts
from orgbilling_conformance.rule import Knowledge
from orgbilling_conformance.schema import Schemas


@pytest.fixture
def seen(facts: Facts) -> Any:
    known = Knowledge(facts, Schemas(facts))

    def run(exchange: Any) -> list[tuple[str, str]]:
        found = [each for _, judgment in sense.JUDGEMENTS for each in judgment(exchange, known) or ()]
        return [(each.rule, each.pointer) for each in found]

    return run


@pytest.mark.parametrize(
    ("operation", "body", "expected"),
    [
        ("getOrgContextEngineEvents", {"byType": [{"count": -1}]}, [("sense-negative", "/byType/*/count")]),
        ("getOrgBilling", {"eventPrices": {"a": -0.1}}, [("sense-negative", "/eventPrices/*")]),
        ("getOrgBilling", {"creditBalance": -5, "outstandingUsd": -1}, []),
        ("getOrgLedger", [{"tokens": -3, "amountUsd": -2}], [("sense-negative", "/*/tokens")]),
        ("getOrgLedger", [{"entryId": "a"}, {"entryId": "a"}], [("sense-unique", "/*/entryId")]),
        (
            "getOrgServiceUsage",
            {"byOperation": [{"operation": "tts"}] * 2},
            [("sense-unique", "/byOperation/*/operation")],
        ),
        ("getOrgServiceUsage", {"byOperation": None}, []),
        ("getOrgModelPricing", None, []),
        ("getOrgModelPricing", {"not": "a list"}, []),
        (
            "getOrgContract",
            {"startDate": "2026-02-01T00:00:00Z", "endDate": "2026-02-01T00:30:00+01:00"},
            [("sense-dates", "/endDate")],
        ),
        ("getOrgContract", {"startDate": "2026-02-01T00:00:00Z", "endDate": "nonsense"}, []),
        ("listOrgServiceAgreements", [{"chargeId": ""}], [("sense-empty", "/*/chargeId")]),
    ],
)
def test_one_body(seen: Any, exchange: Any, operation: str, body: Any, expected: Any) -> None:
    assert seen(exchange(operation, body=body)) == expected
    assert seen(exchange(operation, 422, body)) == [], "errors have no such values"


def test_instants() -> None:
    assert sense.instant("2026-01-02T03:04:60Z") is not None
    assert sense.instant(None) is sense.instant("2026-01-02") is None
