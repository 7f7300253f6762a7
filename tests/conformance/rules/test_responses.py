from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_conformance.api_description import ApiDescription
from orgbilling_conformance.exchange import Exchange
from orgbilling_conformance.rules import responses
from orgbilling_conformance.rules.registry import RULES
from orgbilling_conformance.rules.rule import RuleContext, severity
from orgbilling_conformance.schema_validation import SchemaValidator

PROBLEM = {"status": 422, "title": "Unprocessable Entity", "detail": "validation failed"}

SHOWN = ("title", "status", "detail")


@pytest.fixture
def seen(api: ApiDescription) -> Callable[[Exchange], list[tuple[str, str, str]]]:
    context = RuleContext(api, SchemaValidator(api))
    bases = {rule.id: rule.basis[0] for rule in RULES.values()}

    def run(exchange: Exchange) -> list[tuple[str, str, str]]:
        found = [
            violation
            for _, check in responses.RESPONSE_CHECKS
            for violation in check(exchange, context) or ()
        ]
        return [(each.rule, each.pointer, severity(each.basis or bases[each.rule])) for each in found]

    return run


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"status": 201, "body": {}}, [("success-status", "status", "error")]),
        ({"body": [], "media": "text/html"}, [("success-media", "header/Content-Type", "error")]),
        ({"body": b"{", "operation": "getOrgLedger"}, [("json", "", "error")]),
        ({"body": b"[NaN]"}, [("json", "", "error")]),
        ({"status": 422, "body": PROBLEM}, []),
        ({"status": 422, "body": PROBLEM | {"detail": ""}}, []),
        ({"status": 404, "body": {}}, [("problem-members", f"/{name}", "warning") for name in SHOWN]),
        ({"status": 404, "body": PROBLEM}, [("problem-status", "/status", "error")]),
        ({"status": 422, "body": PROBLEM | {"x": 1}}, [("schema-closed", "/x", "error")]),
        ({"status": 422, "body": PROBLEM | {"errors": None}}, []),
        ({"status": 422, "body": PROBLEM | {"type": "/relative"}}, [("schema-format", "/type", "warning")]),
        (
            {"status": 422, "body": b"no", "media": "text/plain"},
            [("error-media", "header/Content-Type", "error")],
        ),
        (
            {"status": 404, "body": b"no", "media": "text/plain"},
            [("error-media", "header/Content-Type", "warning")],
        ),
        ({"status": 500, "body": PROBLEM | {"status": 500}}, [("server-error", "status", "error")]),
        ({"status": 503, "body": PROBLEM | {"status": 503}}, [("server-error", "status", "warning")]),
        (
            {"status": 500, "body": PROBLEM | {"status": 500}, "operation": "getOrgContract"},
            [("server-error", "status", "warning")],
        ),
        ({"status": 0, "body": b"", "failure": "timeout"}, [("answer", "status", "warning")]),
        ({"status": 0, "body": b"cut off", "failure": "broken"}, [("answer", "status", "error")]),
        ({"body": None, "operation": "getOrgLedger"}, []),
        ({"body": None}, [("schema-type", "", "error")]),
        ({"status": 304, "body": b""}, []),
        ({"status": 405, "body": b"", "media": "", "method": "HEAD"}, []),
    ],
)
def test_one_exchange(seen: Any, exchange: Any, given: dict[str, Any], expected: Any) -> None:
    given = {
        "operation": "getOrgModelPricing" if isinstance(given.get("body"), list) else "getOrgBilling"
    } | given
    assert seen(exchange(**given)) == expected


def test_a_thousand_wrong_rows_are_one_breach(seen: Any, exchange: Any) -> None:
    row = {"model": "m", "inputPricePer1K": 0, "outputPricePer1K": "0"}
    assert seen(exchange("getOrgModelPricing", body=[row] * 1000)) == [
        ("schema-type", "/*/outputPricePer1K", "error")
    ]
