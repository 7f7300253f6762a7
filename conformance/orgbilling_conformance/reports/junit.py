"""JUnit XML: one case per rule and operation."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from orgbilling_conformance.reports.report import Finding, Report
from orgbilling_conformance.reports.summary import RuleResult, decision, summarize
from orgbilling_conformance.rules.registry import RULES

# XML 1.0 has no way to write these, not even escaped.
UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report) -> str:
    """The report as JUnit XML: an error is a failure; a warning is text of a case that passes."""
    summary = summarize(report)
    root = Element("testsuites", name="orgbilling conform")
    skipped = summary.count("not run") + summary.count("accepted")
    suite = SubElement(
        root,
        "testsuite",
        name=f"orgbilling conform {_clean(str(report.head.get('target', '')))}",
        tests=str(len(summary.results) + bool(report.reasons)),
        failures=str(summary.count("error")),
        errors="1" if report.reasons else "0",
        skipped=str(skipped),
        time=str(report.head.get("seconds", 0)),
        timestamp=str(report.head.get("started", "")),
    )
    properties = SubElement(suite, "properties")
    values = {"verdict": report.verdict, "judged": summary.line, "decision": decision(report)}
    names = ("api_description", "orgbilling", "python", "seed", "requests", "mode")
    values |= {name: str(report.head.get(name)) for name in names}
    for name, value in values.items():
        SubElement(properties, "property", name=name, value=_clean(value))
    for result in summary.results:
        _case(suite, result)
    if report.reasons:
        case = SubElement(suite, "testcase", classname="api", name="verdict", time="0")
        SubElement(case, "error", message=_clean("; ".join(report.reasons)), type="inconclusive")
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _case(suite: Element, result: RuleResult) -> None:
    case = SubElement(suite, "testcase", classname=result.operation or "api", name=result.rule, time="0")
    if result.outcome == "not run":
        SubElement(case, "skipped", message=_clean(result.reason))
    elif result.outcome == "accepted":
        SubElement(case, "skipped", message=_clean(f"accepted {result.findings[0].accepted}"))
    elif result.findings:
        text = _clean("\n\n".join(_told(finding) for finding in result.findings))
        if result.outcome == "warning":
            SubElement(case, "system-out").text = text
            return
        first = result.findings[0]
        message = f"{first.pointer or 'body'}: expected {first.expected}, observed {first.observed}"
        failure = SubElement(case, "failure", message=_clean(message), type=first.state or "error")
        failure.text = text


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
            f"finding  {finding.fingerprint} {finding.state}".rstrip(),
        ]
    )


def _clean(text: str) -> str:
    return UNWRITABLE.sub("�", text)
