from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from orgbilling_conformance.exchange import Request
from orgbilling_conformance.rules.rule import RuleViolation
from orgbilling_conformance.tokens import TokenRejectedError


def test_findings_are_kept_by_rule_operation_and_place(suite: Any) -> None:
    made = suite()
    made.stage = "scripted"
    request = Request("GET", "/org/billing")
    for number in range(5):
        made.fail(RuleViolation("schema-type", "/a", "x", str(number)), "getOrgBilling", [request])
    made.fail(RuleViolation("schema-value", "/a", "x", "y", "assumed"), "getOrgBilling", [request])
    first, second = made.findings()
    assert (first.severity, first.count, first.observed, first.stage) == ("error", 5, "0", "scripted")
    assert (second.severity, second.count) == ("warning", 1)
    assert len(first.exchanges) == 1
    assert made.found("scripted") == (
        ("schema-type", "getOrgBilling", "/a"),
        ("schema-value", "getOrgBilling", "/a"),
    )
    assert made.first_finding["scripted"] >= 0


def test_what_is_skipped_and_then_judged_counts_as_judged(suite: Any) -> None:
    made = suite()
    made.skip(("stable",), ("getOrgBilling", "getOrgLedger"), "why")
    made.skip(("stable",), ("getOrgLedger",), "another reason")
    made.evaluated("stable", "getOrgBilling")
    assert [(each.operation, each.reason) for each in made.skipped()] == [("getOrgLedger", "why")]
    assert {case.outcome for case in made.cases()} == {"passed", "skipped"}


def test_no_finding_shows_a_token(suite: Any, token: Callable[..., str]) -> None:
    made = suite()
    made.fail(RuleViolation("leak-secret", "", "no", f"x {token()} y"), "", [Request("GET", "/org/billing")])
    [found] = made.findings()
    assert token() not in str(found)
    assert "$TOKEN" in found.curl


def test_a_401_to_a_token_that_was_good(suite: Any, spoiled: Any) -> None:
    broken: set[str] = set()

    def spoil(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        return (401, headers, {}) if path in broken else (status, headers, body)

    made = suite(spoiled(spoil))
    assert made.ask("getOrgBilling").response.status == 200
    broken.add("/org/events")
    assert made.ask("getOrgContextEngineEvents").response.status == 401
    broken.add("/org/billing")
    with pytest.raises(TokenRejectedError):
        made.ask("getOrgContextEngineEvents")


def test_a_fresh_token_is_fetched_after_a_401(suite: Any, token: Callable[..., str]) -> None:
    expired = token("org_a", age_ms=7_200_000)
    made = suite(token=expired, token_command=f"{sys.executable} -c \"print('{token('org_a')}')\"")
    assert made.ask("getOrgBilling").response.status == 200


def test_after_a_429_the_judge_waits_and_says_so(suite: Any, spoiled: Any) -> None:
    count = 0

    def spoil(path: str, status: int, headers: dict[str, str], body: Any) -> Any:
        nonlocal count
        count += 1
        return (429, headers | {"retry-after": "0"}, {}) if count == 1 else (status, headers, body)

    made = suite(spoiled(spoil))
    assert made.ask("getOrgBilling").response.status == 200
    assert "429" in made.notes[0]


def test_latency_is_told(suite: Any) -> None:
    made = suite()
    for _ in range(3):
        made.ask("getOrgBilling")
    spread = made.latency()["getOrgBilling"]
    assert 0 < spread["median"] <= spread["p95"] <= spread["max"]
    assert spread["answers"] == 3
    assert made.statuses() == {"GET /org/billing": {200: 3}}
