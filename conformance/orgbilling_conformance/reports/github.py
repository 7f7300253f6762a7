"""Annotations of GitHub Actions: workflow commands, one line each."""

from __future__ import annotations

from orgbilling_conformance.reports.report import Report, title

MOST = 10
"""GitHub shows ten annotations of a kind for a step."""


def render(report: Report) -> str:
    """The report as workflow commands; empty where there is nothing to say."""
    lines = []
    for findings in (report.errors, report.warnings):
        for finding in findings[:MOST]:
            place = finding.pointer or "body"
            text = f"{place}: expected {finding.expected}, observed {finding.observed}\n{finding.curl}"
            name = f"{finding.rule} on {title(finding.operation)}"
            lines.append(f"::{finding.severity} title={_property(name)}::{_data(text)}")
    lines += [f"::error title=inconclusive::{_data(reason)}" for reason in report.reasons]
    return "".join(f"{line}\n" for line in lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
