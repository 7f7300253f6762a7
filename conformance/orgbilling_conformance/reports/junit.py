"""JUnit XML: one case per rule and operation."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from orgbilling_conformance.reports.report import Finding, Report
from orgbilling_conformance.rules.registry import RULES

# XML 1.0 has no way to write these, not even escaped.
UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """The report as JUnit XML."""
    cases = [(case.rule, case.operation, case.outcome) for case in report.cases]
    case_keys = {case[:2] for case in cases}
    cases += [
        (finding.rule, finding.operation, "failed")
        for finding in report.findings
        if finding.key[:2] not in case_keys
    ]
    root = Element("testsuites", name="orgbilling conform")
    failed = sum(outcome == "failed" for *_, outcome in cases)
    suite = SubElement(
        root,
        "testsuite",
        name=f"orgbilling conform {report.head.get('target', '')}",
        tests=str(len(cases)),
        failures=str(failed),
        errors="1" if report.reasons else "0",
        skipped=str(sum(outcome == "skipped" for *_, outcome in cases)),
        time=str(report.head.get("seconds", 0)),
        timestamp=str(report.head.get("started", "")),
    )
    properties = SubElement(suite, "properties")
    for name in ("api_description", "orgbilling", "python", "seed", "requests", "mode"):
        SubElement(properties, "property", name=name, value=str(report.head.get(name)))
    reasons = {(skipped.rule, skipped.operation): skipped.reason for skipped in report.skipped}
    for rule, operation, outcome in dict.fromkeys(cases):
        case = SubElement(suite, "testcase", classname=operation or "api", name=rule, time="0")
        if outcome == "failed":
            _failures(case, [finding for finding in report.findings if finding.key[:2] == (rule, operation)])
        elif outcome == "skipped":
            SubElement(case, "skipped", message=_clean(reasons.get((rule, operation), "")))
    if report.reasons:
        case = SubElement(suite, "testcase", classname="api", name="verdict", time="0")
        SubElement(case, "error", message=_clean("; ".join(report.reasons)), type="inconclusive")
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _failures(case: Element, findings: list[Finding]) -> None:
    for finding in findings[:1]:
        message = f"{finding.pointer or 'body'}: expected {finding.expected}, observed {finding.observed}"
        failure = SubElement(case, "failure", message=_clean(message), type=finding.severity)
        failure.text = _clean("\n\n".join(_told(finding) for finding in findings))


def _told(finding: Finding) -> str:
    title = RULES[finding.rule].title if finding.rule in RULES else finding.rule
    return "\n".join(
        [
            f"{finding.severity}: {title}",
            f"at       {finding.pointer or 'body'} (seen {finding.count} times)",
            f"expected {finding.expected}",
            f"observed {finding.observed}",
            f"because  {finding.source} {finding.reason}".rstrip(),
            f"again    {finding.curl}",
        ]
    )


def _clean(text: str) -> str:
    return UNWRITABLE.sub("�", text)
