from __future__ import annotations

import json
from typing import Any

import pytest
from orgbilling_conformance.api_description import ApiDescription
from orgbilling_conformance.rules import requests
from orgbilling_conformance.rules.registry import RULES
from orgbilling_conformance.rules.rule import RuleContext, severity
from orgbilling_conformance.schema_validation import SchemaValidator

JSON = (("Content-Type", "application/json"),)


@pytest.fixture
def seen(api: ApiDescription) -> Any:
    context = RuleContext(api, SchemaValidator(api))
    bases = {rule.id: rule.basis[0] for rule in RULES.values()}

    def run(exchange: Any) -> list[tuple[str, str]]:
        found = [
            violation for _, check in requests.RESPONSE_CHECKS for violation in check(exchange, context) or ()
        ]
        return [(each.rule, severity(each.basis or bases[each.rule])) for each in found]

    return run


@pytest.mark.parametrize(
    "days", ["abc", "1.5", "1e400", "true", "null", "NaN", "Infinity", "7d", "1,2", "1e-1", "0x1000", "3,0"]
)
def test_no_integer_has_to_be_rejected(seen: Any, exchange: Any, days: str) -> None:
    assert seen(exchange("getOrgLedger", query=f"days={days}")) == [("parameter-type", "error")]


@pytest.mark.parametrize("days", ["1e1", "0x10", "0b11", "0o17", "1_0", "30.0", "%D9%A3", "%EF%BC%97"])
def test_an_integer_in_another_notation_is_an_assumption(seen: Any, exchange: Any, days: str) -> None:
    assert seen(exchange("getOrgLedger", query=f"days={days}")) == [("parameter-type", "warning")]
    assert seen(exchange("getOrgLedger", 422, {}, query=f"days={days}")) == [("parameter-located", "warning")]


@pytest.mark.parametrize("days", ["0", "-1", "366", "9223372036854775808", "-0", "9" * 400])
def test_out_of_range_has_to_be_rejected(seen: Any, exchange: Any, days: str) -> None:
    assert seen(exchange("getOrgLedger", query=f"days={days}")) == [("parameter-range", "error")]


@pytest.mark.parametrize("days", ["", "007", "%2B7", "%207"])
@pytest.mark.parametrize("status", [200, 422])
def test_what_documents_leave_open_fails_nobody(seen: Any, exchange: Any, days: str, status: int) -> None:
    assert seen(exchange("getOrgLedger", status, {}, query=f"days={days}")) == []
    assert seen(exchange("getOrgLedger", status, {}, query="days=7&days=abc")) == []
    assert seen(exchange("getOrgLedger", status, {}, query="days=7&unknown=1")) == []


@pytest.mark.parametrize("query", ["", "days=1", "days=365"])
def test_what_is_valid_must_not_be_rejected(seen: Any, exchange: Any, query: str) -> None:
    assert seen(exchange("getOrgLedger", 422, {}, query=query)) == [("parameter-valid", "error")]
    assert seen(exchange("getOrgLedger", 429, {}, query=query)) == []


def test_parameters_of_ours_are_warnings(seen: Any, exchange: Any) -> None:
    assert seen(exchange("getOrgLedger", query="limit=0")) == [("parameter-range", "warning")]
    assert seen(exchange("getOrgLedger", 422, {}, query="cursor=9223372036854775808")) == []


def test_the_error_names_the_parameter(seen: Any, exchange: Any) -> None:
    problem = {"errors": [{"location": "query.days"}]}
    assert seen(exchange("getOrgLedger", 422, problem, query="days=0")) == []
    assert seen(exchange("getOrgLedger", 422, {"errors": None}, query="days=0")) == [
        ("parameter-located", "warning")
    ]
    assert seen(exchange("getOrgLedger", 400, {}, query="days=0")) == [("parameter-status", "warning")]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", ("body-json", "error")),
        (b"{", ("body-json", "error")),
        (b'{"code":"A', ("body-json", "error")),
        (b"{}", ("body-schema", "error")),
        (b"[]", ("body-schema", "error")),
        (b'{"code":5}', ("body-schema", "error")),
        (b'{"code":"A","x":1}', ("body-schema", "error")),
        (b'{"code":""}', ("body-schema", "warning")),
    ],
)
def test_a_wrong_body_has_to_be_rejected(seen: Any, exchange: Any, body: bytes, expected: Any) -> None:
    assert seen(_sent(exchange, 200, body)) == [expected]
    assert seen(_sent(exchange, 422, body)) == []


def _sent(
    exchange: Any, status: int, body: bytes, operation: str = "redeemOrgVoucher", auth: str = "first"
) -> Any:
    from orgbilling_conformance.exchange import Exchange, Request, Response

    template = exchange(operation, status, {})
    request = Request("POST", template.request.path, "", JSON, body, auth)
    return Exchange(request, Response(status, template.response.headers, b"{}"), operation)


@pytest.mark.parametrize("value", [{"code": "A"}, {"CODE": "A"}, {"$schema": "x", "code": "A"}])
def test_a_right_body_and_what_is_left_open(seen: Any, exchange: Any, value: Any) -> None:
    assert seen(_sent(exchange, 200, json.dumps(value).encode())) == []


def test_what_servers_do_not_read_is_left_open(seen: Any, exchange: Any) -> None:
    body = json.dumps({"amount": 5_000, "$schema": None}).encode()
    assert seen(_sent(exchange, 200, body, "createOrgBillingCheckout")) == []


def test_a_whole_amount_with_a_point_is_left_open(seen: Any, exchange: Any) -> None:
    assert seen(_sent(exchange, 200, b'{"amount":1000.0}', "createOrgBillingCheckout")) == []
    assert seen(_sent(exchange, 200, b'{"amount":1000.5}', "createOrgBillingCheckout")) == [
        ("body-schema", "error")
    ]


@pytest.mark.parametrize(
    ("auth", "rule"), [("none", "token-missing"), ("expired", "token-expired"), ("alg-none", "token-bad")]
)
def test_bad_tokens(seen: Any, exchange: Any, auth: str, rule: str) -> None:
    assert seen(exchange("getOrgBilling", 200, {}, auth=auth)) == [(rule, "error")]
    assert seen(exchange("getOrgBilling", 401, {}, auth=auth)) == []
    assert seen(exchange("getOrgLedger", 422, {}, auth=auth, query="days=0")) == [("token-status", "warning")]


def judged(suite_run: Any, *exchanges: Any) -> set[str]:
    for exchange in exchanges:
        suite_run.consider(exchange)
    names = {case.rule for case in suite_run.cases()}
    return {name for name in names if name.startswith(("parameter-", "body-"))}


@pytest.mark.parametrize(
    ("status", "query", "rules"),
    [
        (200, "", {"valid"}),
        (200, "days=7", {"valid"}),
        (422, "days=7", {"valid"}),
        (200, "days=", set()),
        (500, "days=7", set()),
        (200, "days=x", {"type"}),
        (400, "days=x", {"type", "status"}),
        (422, "days=0", {"range", "status", "located"}),
        *((status, "days=0", set()) for status in (401, 403, 429, 500, 503)),
    ],
)
def test_a_rule_that_had_nothing_to_check_has_not_held(
    suite: Any, exchange: Any, status: int, query: str, rules: set[str]
) -> None:
    seen = exchange("getOrgLedger", status, {}, query=query)
    assert judged(suite(), seen) == {f"parameter-{name}" for name in rules}


@pytest.mark.parametrize(
    ("status", "body", "rules"),
    [
        (200, b'{"code":"A"}', set()),
        (404, b'{"code":"A"}', set()),
        (200, b"{", {"json"}),
        (400, b"{", {"json", "status"}),
        (422, b"{}", {"schema", "status"}),
        (418, b"{}", {"schema", "status"}),
        (401, b"{}", set()),
        (500, b"{}", set()),
    ],
)
def test_a_body_in_order_holds_no_rule_on_wrong_ones(
    suite: Any, exchange: Any, status: int, body: bytes, rules: set[str]
) -> None:
    assert judged(suite(), _sent(exchange, status, body)) == {f"body-{name}" for name in rules}
