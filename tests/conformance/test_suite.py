from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_conformance.exchange import Request
from orgbilling_conformance.rules.rule import RuleViolation
from orgbilling_conformance.tokens import TokenRejectedError


def test_findings_are_kept_by_rule_operation_and_place(suite: Any) -> None:
    run = suite()
    run.stage = "scripted"
    request = Request("GET", "/org/billing")
    for number in range(5):
        run.fail(RuleViolation("schema-type", "/a", "x", str(number)), "getOrgBilling", [request])
    run.fail(RuleViolation("schema-value", "/a", "x", "y", "assumed"), "getOrgBilling", [request])
    first, second = run.findings()
    assert (first.severity, first.count, first.observed, first.stage) == ("error", 5, "0", "scripted")
    assert (second.severity, second.count) == ("warning", 1)
    assert len(first.exchanges) == 1
    assert run.found("scripted") == (
        ("schema-type", "getOrgBilling", "/a"),
        ("schema-value", "getOrgBilling", "/a"),
    )
    assert run.first_finding["scripted"] >= 0


def test_what_is_skipped_and_then_evaluated_counts_as_evaluated(suite: Any) -> None:
    run = suite()
    run.skip(("stable",), ("getOrgBilling", "getOrgLedger"), "why")
    run.skip(("stable",), ("getOrgLedger",), "another reason")
    run.evaluated("stable", "getOrgBilling")
    assert [(skipped.operation, skipped.reason) for skipped in run.skipped()] == [("getOrgLedger", "why")]
    assert {case.outcome for case in run.cases()} == {"passed", "skipped"}


def test_no_finding_shows_a_token(suite: Any, token: Callable[..., str]) -> None:
    run = suite()
    run.fail(RuleViolation("leak-secret", "", "no", f"x {token()} y"), "", [Request("GET", "/org/billing")])
    [found] = run.findings()
    assert token() not in str(found)
    assert "$TOKEN" in found.curl


def test_a_401_to_a_token_that_was_good(suite: Any, mutated_app: Any) -> None:
    broken: set[str] = set()

    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        return (401, headers, {}) if path in broken else (status, headers, body)

    run = suite(mutated_app(change_response))
    assert run.ask("getOrgBilling").response.status == 200
    broken.add("/org/events")
    assert run.ask("getOrgContextEngineEvents").response.status == 401
    broken.add("/org/billing")
    with pytest.raises(TokenRejectedError):
        run.ask("getOrgContextEngineEvents")


def test_a_fresh_token_is_fetched_after_a_401(suite: Any, token: Callable[..., str]) -> None:
    expired = token("org_a", age_ms=7_200_000)
    run = suite(token=expired, token_command=f"{sys.executable} -c \"print('{token('org_a')}')\"")
    assert run.ask("getOrgBilling").response.status == 200


def test_after_a_429_the_suite_waits_and_says_so(suite: Any, mutated_app: Any) -> None:
    count = 0

    def change_response(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        nonlocal count
        count += 1
        return (429, headers | {"retry-after": "0"}, {}) if count == 1 else (status, headers, body)

    run = suite(mutated_app(change_response))
    assert run.ask("getOrgBilling").response.status == 200
    assert run.rate_limits.waits == 1
    assert "429" in run.rate_limits.remarks()[0]


def test_latency_is_reported(suite: Any) -> None:
    run = suite()
    for _ in range(3):
        run.ask("getOrgBilling")
    spread = run.latency()["getOrgBilling"]
    assert 0 < spread["median"] <= spread["p95"] <= spread["max"]
    assert spread["answers"] == 3
    assert run.statuses() == {"GET /org/billing": {200: 3}}
