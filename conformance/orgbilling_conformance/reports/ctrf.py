"""CTRF 1.0 (Common Test Report Format): one test per rule and operation, as in JUnit XML."""

from __future__ import annotations

import json
from datetime import datetime

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_conformance.reports.report import Finding, Report, title
from orgbilling_conformance.reports.summary import GROUP_OF, RuleResult, decision, summarize
from orgbilling_conformance.rules.registry import RULES

STATUS = {
    "error": "failed",
    "warning": "other",
    "accepted": "skipped",
    "held": "passed",
    "not run": "skipped",
}


def render(report: Report) -> str:
    """The report as CTRF."""
    summary = summarize(report)
    tests = [_test(result) for result in summary.results]
    if report.reasons:
        test = {"name": "verdict", "status": "failed", "duration": 0, "rawStatus": "inconclusive"}
        tests.append(test | {"message": "; ".join(report.reasons)})
    start, duration = _milliseconds(report)
    statuses = [test["status"] for test in tests]
    names = ("passed", "failed", "skipped", "pending", "other")
    document = {
        "reportFormat": "CTRF",
        "specVersion": "1.0.0",
        "generatedBy": "orgbilling conform",
        "results": {
            "tool": {"name": "orgbilling conform", "version": str(report.head.get("orgbilling", ""))},
            "summary": {
                "tests": len(tests),
                **{name: statuses.count(name) for name in names},
                "start": start,
                "stop": start + duration,
            },
            "tests": tests,
            "environment": {"testEnvironment": str(report.head.get("target", ""))},
            "extra": {
                "verdict": report.verdict,
                "judged": summary.line,
                "decision": decision(report),
                "head": report.head,
            },
        },
    }
    return json.dumps(document, indent=1) + "\n"


def _test(result: RuleResult) -> JsonObject:
    rule = RULES.get(result.rule)
    test: JsonObject = {
        "name": f"{result.rule} on {title(result.operation)}",
        "status": STATUS[result.outcome],
        "duration": 0,
        "rawStatus": result.outcome,
        "suite": [title(result.operation), GROUP_OF.get(result.rule, "other")],
    }
    if result.findings:
        first = result.findings[0]
        test["message"] = _message(first)
        test["trace"] = "\n".join(f"{_message(finding)}\n{finding.curl}" for finding in result.findings)
        fingerprints = [finding.fingerprint for finding in result.findings]
        states = sorted({finding.state for finding in result.findings} - {""})
        test["extra"] = {"fingerprints": fingerprints, "states": states, "why": rule.why if rule else ""}
    elif result.reason:
        test["message"] = result.reason
    return test


def _message(finding: Finding) -> str:
    text = f"{finding.pointer or 'body'}: expected {finding.expected}, observed {finding.observed}"
    return f"{text} ({finding.accepted})" if finding.accepted else text


def _milliseconds(report: Report) -> tuple[int, int]:
    """When the run began, in milliseconds since 1970, and how long it took."""
    try:
        began = datetime.strptime(str(report.head.get("started")), "%Y-%m-%dT%H:%M:%S%z")
    except ValueError:
        return 0, 0
    return int(began.timestamp() * 1000), int(float(report.head.get("seconds", 0)) * 1000)
