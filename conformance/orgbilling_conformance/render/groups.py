"""What all reports share: findings by operation, rules that were not run by reason, the head in words."""

from __future__ import annotations

from collections import defaultdict

from orgbilling_conformance.facts import load
from orgbilling_conformance.report import Finding, Report
from orgbilling_conformance.words import many

TOLD = {
    "conforms": "The target keeps the contract.",
    "violated": "The target violates the contract.",
    "inconclusive": "Nothing can be said about the target.",
}


def title(operation: str) -> str:
    """Method and path of an operation, or what else a finding is about."""
    known = load().operations.get(operation)
    return f"{known.method} {known.path}" if known else operation or "the API as a whole"


def by_operation(findings: tuple[Finding, ...]) -> dict[str, list[Finding]]:
    """Findings by operation, in the order of the contract; within one, errors first, then by pointer."""
    order = {name: index for index, name in enumerate(load().operations)}
    found: dict[str, list[Finding]] = defaultdict(list)
    for each in sorted(findings, key=lambda row: (order.get(row.operation, -1), row.severity, row.pointer)):
        found[each.operation].append(each)
    return dict(found)


def by_reason(report: Report) -> dict[str, list[str]]:
    """The rules that were not run, by why not."""
    found: dict[str, list[str]] = defaultdict(list)
    for each in report.skipped:
        name = each.rule if each.operation == "*" else f"{each.rule} on {each.operation}"
        found[each.reason].append(each.operation if each.rule == "*" else name)
    return dict(found)


def counts(report: Report) -> str:
    """How much was found, in words."""
    errors, warnings = len(report.errors), len(report.warnings)
    parts = [many(errors, "error"), many(warnings, "warning")]
    if report.accepted:
        parts.append(f"{len(report.accepted)} accepted")
    return ", ".join(parts)


def head(report: Report) -> dict[str, str]:
    """The head as names and values."""
    known = report.head
    versions = f"{known.get('orgbilling')} on Python {known.get('python')}"
    tools = f"Schemathesis {known.get('schemathesis')}, Hypothesis {known.get('hypothesis')}"
    writes = ", ".join(known.get("writes", [])) or "none allowed"
    return {
        "target": str(known.get("target")),
        "contract": str(known.get("contract"))[:16],
        "orgbilling": versions,
        "with": tools,
        "run": f"{known.get('mode')}, seed {known.get('seed')}, started {known.get('started')}",
        "writes": writes,
        "effort": f"{many(known.get('requests', 0), 'request')} in {known.get('seconds')} s",
    }
