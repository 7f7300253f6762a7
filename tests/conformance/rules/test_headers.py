from __future__ import annotations

from typing import Any

import pytest
from orgbilling_conformance.api_description import ApiDescription
from orgbilling_conformance.rules import headers
from orgbilling_conformance.rules.rule import RuleContext
from orgbilling_conformance.schema_validation import SchemaValidator

OWN = {"Access-Control-Allow-Origin": "https://a.example"}


@pytest.fixture
def seen(api: ApiDescription) -> Any:
    context = RuleContext(api, SchemaValidator(api), ())

    def run(exchange: Any) -> list[str]:
        return [
            violation.rule
            for _, check in headers.RESPONSE_CHECKS
            for violation in check(exchange, context) or ()
        ]

    return run


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"body": {"$schema": "/api/v1/schemas/TenantBillingProfile.json"}}, []),
        ({"body": {"$schema": "https://x.example/v9/schemas/TenantBillingProfile.json"}}, []),
        ({"body": {"$schema": "/api/v1/schemas/Other.json"}}, ["schema-link"]),
        ({"body": {"$schema": None}}, ["schema-link"]),
        ({"status": 422, "body": {"$schema": "/schemas/ErrorModel.json"}}, []),
        ({"body": {}, "headers": {"Link": '</x/schemas/Other.json>; rel="describedBy"'}}, ["link"]),
        ({"body": {}, "headers": {"Link": '</x/schemas/TenantBillingProfile.json>; rel="describedBy"'}}, []),
        ({"body": {}, "headers": {"Link": '</x?cursor=2>; rel="next"'}}, []),
        ({"body": {}, "headers": OWN}, []),
        ({"body": {}, "headers": {"Access-Control-Allow-Origin": "*"}}, []),
        (
            {
                "body": {},
                "headers": {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "true"},
            },
            ["cors"],
        ),
        ({"body": {}, "headers": {"Access-Control-Allow-Origin": "a.example b.example"}}, ["cors"]),
        ({"body": {}, "headers": {"Cache-Control": "public, max-age=60"}}, ["cache"]),
        ({"body": {}, "headers": {"Cache-Control": "private"}}, []),
        ({"status": 401, "body": {}}, ["challenge"]),
        ({"status": 401, "body": {}, "headers": {"WWW-Authenticate": "Bearer"}}, []),
    ],
)
def test_one_exchange(seen: Any, exchange: Any, given: dict[str, Any], expected: list[str]) -> None:
    assert seen(exchange("getOrgBilling", **given)) == expected
