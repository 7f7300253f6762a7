"""A report with one of everything."""

from __future__ import annotations

import pytest
from orgbilling_conformance import Finding, Report, SkippedRule, Stage
from orgbilling_conformance.reports.report import RuleOutcome

NASTY = "<script>alert(1)</script> | `x` [bold]y[/] \x07 % \n ::error::"


ERROR = Finding(
    "schema-type",
    "error",
    "documented",
    "getOrgBilling",
    "/currency",
    "string",
    NASTY,
    7,
    "curl -sS 'http://127.0.0.1:4010/api/v1/org/billing'",
    "org-billing.yaml:12 (documented)",
    "it says so",
    "scripted",
    "#/components/schemas/TenantBillingProfile/properties/currency/type",
)
LAW = ("invariant", "getOrgUsageSummary", "", "total = in + out", "3 ≠ 2")
WARNING = Finding("invariant-13-summary-tokens", "warning", *LAW)
ACCEPTED = Finding(
    "stable", "warning", "invariant", "getOrgLedger", "/*", "a", "b", accepted="until 2030-01-01: known"
)
SKIPPED = (
    SkippedRule("isolation", "*", "needs --second-token"),
    SkippedRule("*", "getOrgContract", "not in the recording"),
)
STAGES = (Stage("scripted", 100, 1.5, (ERROR.key,), 0.2), Stage("corpus", 10, 0.1))
CASES = (
    RuleOutcome("schema-type", "getOrgBilling", "failed", 9),
    RuleOutcome("invariant-13-summary-tokens", "getOrgUsageSummary", "failed", 1),
    RuleOutcome("stable", "getOrgLedger", "failed", 3),
    RuleOutcome("success-status", "getOrgBilling", "passed", 9),
    RuleOutcome("isolation", "*", "skipped", 0),
)
HEAD = {
    "target": "http://127.0.0.1:4010/api/v1",
    "api_description": "ab" * 32,
    "seed": 3,
    "started": "2026-01-02T03:04:05Z",
    "seconds": 1.6,
    "requests": 110,
    "mode": "full",
    "writes": ["redeem"],
    "python": "3.11",
    "orgbilling": "0",
}
DRIFT = ({"severity": "breaking", "kind": "removed", "operations": [], "pointer": "#/x", "what": "gone <b>"},)


@pytest.fixture
def report() -> Report:
    return Report(
        "violated",
        (ERROR, WARNING),
        SKIPPED,
        STAGES,
        CASES,
        ("the token died <b>",),
        ("a remark <b>",),
        (ACCEPTED,),
        HEAD,
        DRIFT,
        {"getOrgBilling": {"median": 1.0, "p95": 2.0, "max": 3.0, "answers": 4.0}},
    )


@pytest.fixture
def sound() -> Report:
    return Report(
        "conforms",
        (),
        (),
        (),
        head={"target": "x", "api_description": "a" * 64, "started": "2026-01-02T03:04:05Z"},
    )
