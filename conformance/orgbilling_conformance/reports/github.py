"""Annotations of GitHub Actions: workflow commands, one line each."""

from __future__ import annotations

from collections.abc import Sequence

from orgbilling_conformance.reports.report import Finding, Report, counted, title
from orgbilling_conformance.reports.summary import decision, summarize

MOST = 10
"""GitHub shows ten annotations of a kind for a step; where there are more, the tenth says how many."""
LONGEST_CURL = 600


def render(report: Report) -> str:
    """The report as workflow commands: an annotation for each error and warning, and one for the verdict."""
    errors = [("inconclusive", reason) for reason in report.reasons]
    errors += [_annotation(finding) for finding in _new_first(report.errors)]
    warnings = [_annotation(finding) for finding in _new_first(report.warnings)]
    verdict = (f"{report.verdict}: {summarize(report).line}", decision(report))
    lines = [*_lines("error", errors), *_lines("warning", warnings), *_lines("notice", [verdict])]
    return "".join(f"{line}\n" for line in lines)


def _new_first(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: finding.state == "known")


def _annotation(finding: Finding) -> tuple[str, str]:
    state = f" ({finding.state})" if finding.state else ""
    name = f"{finding.rule} on {title(finding.operation)}{state}"
    text = f"{finding.pointer or 'body'}: expected {finding.expected}, observed {finding.observed}"
    return name, f"{text}\n{finding.curl}" if len(finding.curl) <= LONGEST_CURL else text


def _lines(kind: str, annotations: Sequence[tuple[str, str]]) -> list[str]:
    rows = list(annotations[:MOST])
    if len(annotations) > MOST:
        left = counted(len(annotations) - MOST + 1, f"more {kind}")
        rows[-1] = (left, f"{left}: GitHub shows {MOST} of a kind for a step; the reports hold all of them.")
    return [f"::{kind} title={_property(name)}::{_data(text)}" for name, text in rows]


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
