"""SARIF 2.1.0, for code scanning."""

from __future__ import annotations

import json

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_conformance.reports.report import Finding, Report, title
from orgbilling_conformance.reports.summary import decision, summarize
from orgbilling_conformance.rules.registry import RULES

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
DESCRIPTION = "openapi/orgbilling_openapi/org-billing.yaml"
BASELINE_STATES = {"new": "new", "known": "unchanged", "fixed": "absent"}


def render(report: Report) -> str:
    """The report as SARIF."""
    fixed = report.comparison.fixed if report.comparison else ()
    used = sorted({finding.rule for finding in (*report.findings, *report.accepted, *fixed)})
    driver = {
        "name": "orgbilling conform",
        "version": str(report.head.get("orgbilling", "")),
        "rules": [_rule(name) for name in used],
    }
    results = [_result(finding, used, None) for finding in report.findings]
    results += [_result(entry, used, entry.accepted) for entry in report.accepted]
    results += [_result(finding, used, None) for finding in fixed]
    run = {
        "tool": {"driver": driver},
        "invocations": [
            {
                "executionSuccessful": report.verdict != "inconclusive",
                "exitCode": report.exit_status,
                "toolExecutionNotifications": [
                    {"level": "error", "message": {"text": reason}} for reason in report.reasons
                ],
            }
        ],
        "results": results,
        "properties": {
            "verdict": report.verdict,
            "judged": summarize(report).line,
            "decision": decision(report),
            **report.head,
        },
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rule(name: str) -> JsonObject:
    rule = RULES.get(name)
    text = rule.title if rule else name
    why = f"{rule.why} For example: {rule.example}" if rule else text
    return {"id": name, "shortDescription": {"text": text}, "help": {"text": why}}


def _result(finding: Finding, used: list[str], accepted: str | None) -> JsonObject:
    text = f"{title(finding.operation)} {finding.pointer or 'body'}: "
    text += f"expected {finding.expected}, observed {finding.observed}"
    line = finding.source.partition(":")[2].partition(" ")[0]
    region = {"region": {"startLine": int(line) if line.isdigit() else 1}}
    result: JsonObject = {
        "ruleId": finding.rule,
        "ruleIndex": used.index(finding.rule),
        "level": finding.severity,
        "message": {"text": text},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": DESCRIPTION}, **region},
                "logicalLocations": [{"fullyQualifiedName": f"{finding.operation}{finding.pointer}"}],
            }
        ],
        # Code scanning reads the second; without it, it would look for the line in the checked-out files.
        "partialFingerprints": {
            "finding/v1": finding.fingerprint,
            "primaryLocationLineHash": f"{finding.fingerprint}:1",
        },
        "occurrenceCount": finding.count,
        "properties": {"basis": finding.basis, "curl": finding.curl, "stage": finding.stage},
    }
    if finding.state:
        result["baselineState"] = BASELINE_STATES[finding.state]
    if accepted:
        result["suppressions"] = [{"kind": "external", "justification": accepted}]
    return result
