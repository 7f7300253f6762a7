"""What sound servers may read differently proves robustness only: whatever they answer, but a 5xx."""

from __future__ import annotations

from typing import Any

import pytest
from orgbilling_conformance.api_description import ApiDescription
from orgbilling_conformance.exchange import Exchange, Request, Response
from orgbilling_conformance.rules.ambiguity import body_ambiguity, integer_readings, query_ambiguity
from orgbilling_conformance.rules.registry import RESPONSE_CHECKS
from orgbilling_conformance.rules.rule import RuleContext
from orgbilling_conformance.schema_validation import SchemaValidator

DAYS = frozenset({"days"})
QUERIES = (
    "days=%",
    "days=%zz",
    "days=3%0",
    "days=30;31",
    "days=0;x=1",
    "days=%00",
    "days=7%0d%0aX:%201",
    "days=%ff%fe",
    "days=%C3",
    "days=%ED%A0%80",
    "days=+0",
    "days=-1+",
    "days=",
    "days",
    "&days=0",
    "days=0&",
    "=3",
    "days[]=0",
    "days%5B%5D=0",
    "days[0]=0",
    "days.x=0",
    "Days=0",
    "DAYS=0",
    "days=0&days=7",
    "days=7&days=abc",
    "days={}",
    'days="0"',
    "days=0|1",
    "days=0&Days=1",
    f"days=0&x={'y' * 2000}",
)
BODIES = (
    b'\xef\xbb\xbf{"amount":-1}',
    '{"amount":"x"}'.encode("utf-16"),
    b'{"amount":"\xff"}',
    b'{"amount":1,"amount":"2"}',
    b'{"amount":9223372036854775808}',
    b'{"amount":1e400}',
    b'{"amount":-1e400}',
    b'{"amount":NaN}',
    b'{"amount":"\\ud800"}',
    b'{"\\udc00":1}',
    b'{"amount":"\\u0000"}',
    b'{"amount":1} {"amount":1}',
    b'{"amount":"x",}',
    b"{'amount':'x'}",
    b'{"amount":"x"}//',
    b'{/**/"amount":"x"}',
    b"{amount:'x'}",
    b"9" * 5001,
    b"[" * 20_000,
)


@pytest.fixture
def seen(api: ApiDescription) -> Any:
    context = RuleContext(api, SchemaValidator(api))

    def rules(request: Request, status: int, operation: str) -> set[str]:
        body, headers = b"refused", (("content-type", "text/plain"), ("cache-control", "no-store"))
        if status < 400:
            body, headers = b"[]", (("content-type", "application/json"), ("cache-control", "no-store"))
        exchange = Exchange(request, Response(status, headers, body), operation)
        return {
            violation.rule for _, check in RESPONSE_CHECKS for violation in check(exchange, context) or ()
        }

    return rules


@pytest.mark.parametrize("query", QUERIES)
def test_an_ambiguous_query_may_be_refused_anyhow_or_answered(seen: Any, query: str) -> None:
    request = Request("GET", "/org/ledger", query)
    assert query_ambiguity(query, DAYS)
    for status in (200, 400, 404, 422):
        assert seen(request, status, "getOrgLedger") == set()
    assert "server-error" in seen(request, 500, "getOrgLedger")


@pytest.mark.parametrize(
    "query",
    ["", "days=0", "days=abc", "days=1%2C5", "days=7%27", "days=%3Cb%3E", "days=7&limit=2", "x", "a=%2B"],
)
def test_what_every_parser_reads_alike_is_judged(query: str) -> None:
    assert query_ambiguity(query, DAYS) == ""


@pytest.mark.parametrize("body", BODIES, ids=lambda body: repr(body[:20]))
def test_an_ambiguous_body_may_be_refused_anyhow_or_taken(seen: Any, body: bytes) -> None:
    json = (("Content-Type", "application/json"),)
    request = Request("POST", "/org/billing/checkout", "", json, body)
    assert body_ambiguity(body)
    for status in (400, 402, 418, 422):
        assert seen(request, status, "createOrgBillingCheckout") == set()
    assert not {rule for rule in seen(request, 200, "createOrgBillingCheckout") if rule.startswith("body-")}
    assert "server-error" in seen(request, 500, "createOrgBillingCheckout")


@pytest.mark.parametrize(
    "body",
    [
        None,
        b"",
        b"{",
        b'{"amount":',
        b'{"amount":"5',
        b"no JSON",
        b'{"amount":10.5}',
        b"null",
        b'{"amount":true}',
    ],
)
def test_what_no_parser_reads_otherwise_is_judged(body: bytes | None) -> None:
    assert body_ambiguity(body) == ""


def test_null_for_an_optional_member_is_left_open_and_for_a_required_one_is_not(seen: Any) -> None:
    for body, found in ((b'{"amount":1000,"currency":null}', set()), (b'{"amount":null}', {"body-schema"})):
        request = Request("POST", "/org/billing/checkout", "", (("Content-Type", "application/json"),), body)
        rules = seen(request, 200, "createOrgBillingCheckout")
        assert {rule for rule in rules if rule.startswith("body-")} == found


@pytest.mark.parametrize(
    ("text", "readings"),
    [
        ("30.0", {30}),
        ("1e1", {10}),
        ("0x10", {16}),
        ("1_0", {10}),
        ("٣", {3}),
        ("７", {7}),
        ("0b11", {3}),
        ("1.5", set()),
        ("abc", set()),
        ("NaN", set()),
        ("Infinity", set()),
        ("1e-999999999", set()),
        ("", set()),
    ],
)
def test_notations_of_an_integer(text: str, readings: set[int]) -> None:
    assert integer_readings(text) == readings


def test_a_huge_exponent_costs_nothing_and_is_beyond_every_bound() -> None:
    assert min(integer_readings("1e999999999")) > 2**64
    assert max(integer_readings("-1e999999999")) < -(2**64)


def test_what_a_request_asks_for_may_be_answered_in_that_form(api: ApiDescription) -> None:
    context = RuleContext(api, SchemaValidator(api))
    headers = (("content-type", "application/cbor"), ("cache-control", "no-store"))

    def rules(accept: str, status: int = 200) -> set[str]:
        request = Request("GET", "/org/billing", headers=(("Accept", accept),))
        exchange = Exchange(request, Response(status, headers, b"\xa0"), "getOrgBilling")
        return {
            violation.rule for _, check in RESPONSE_CHECKS for violation in check(exchange, context) or ()
        }

    assert rules("application/json;q=0.1, application/CBOR") == set()
    assert rules("*/*") == {"success-media", "json"}
    assert rules("application/json") == {"success-media", "json"}
