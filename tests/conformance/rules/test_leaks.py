from __future__ import annotations

from typing import Any

import pytest
from orgbilling_conformance.api_description import ApiDescription
from orgbilling_conformance.rules import leaks
from orgbilling_conformance.rules.rule import RuleContext
from orgbilling_conformance.schema_validation import SchemaValidator

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJl"


@pytest.fixture
def seen(api: ApiDescription) -> Any:
    context = RuleContext(api, SchemaValidator(api), (TOKEN, "short"))

    def run(exchange: Any) -> list[str]:
        return [
            violation.rule
            for _, check in leaks.RESPONSE_CHECKS
            for violation in check(exchange, context) or ()
        ]

    return run


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"status": 422, "body": {"detail": 'File "/srv/app.py", line 3, in f'}}, ["leak-trace"]),
        ({"status": 422, "body": {"detail": "goroutine 12 [running]:"}}, ["leak-trace"]),
        ({"status": 422, "body": {"detail": "at Object.<anonymous> (/srv/app.js:3:9)"}}, ["leak-trace"]),
        ({"status": 422, "body": {"detail": "expected number <= 365"}}, []),
        ({"body": {"description": "panic: said the hostile text"}}, []),
        ({"body": {"x": TOKEN}}, ["leak-secret"]),
        ({"body": {"x": "short"}}, []),
        ({"body": {}, "headers": {"X-Debug": "sk_live_" + "a" * 24}}, ["leak-secret"]),
        ({"body": {"x": "postgres://user:pass@db/x"}}, ["leak-secret"]),
        ({"status": 500, "body": {"detail": "app/models/org.rb:12:in `balance'"}}, ["leak-trace"]),
    ],
)
def test_one_exchange(seen: Any, exchange: Any, given: dict[str, Any], expected: list[str]) -> None:
    assert seen(exchange("getOrgBilling", **given)) == expected


def test_what_was_sent_may_come_back(seen: Any, exchange: Any) -> None:
    body = {"detail": 'invalid integer: File "/x.py", line 1'}
    assert seen(exchange("getOrgLedger", 422, body, query="days=File%20%22/x.py%22,%20line%201")) == []
