"""Markdown, for the summary of a CI job."""

from __future__ import annotations

import re
from collections.abc import Iterable

from orgbilling_conformance.reports.report import Finding, Report, by_reason, by_severity, counted, title
from orgbilling_conformance.reports.summary import (
    MATRIX_KEY,
    Summary,
    action,
    head,
    situation,
    summarize,
)

SIGNS = {ord(sign): f"&#{ord(sign)};" for sign in "&\\`*_{}[]<>|~#$"}
SIGN = {"conforms": "✅", "violated": "❌", "inconclusive": "⚠️"}
MOST = 200
"""Findings of a severity that are listed; the summary of a job holds one megabyte."""
REPEATED = 20
"""Commands for one operation that are listed."""


def render(report: Report) -> str:
    """The report as GitHub-flavoured Markdown."""
    summary = summarize(report)
    lines = [f"## {SIGN[report.verdict]} orgbilling conform: {report.verdict}", ""]
    lines += [
        f"**{_text(summary.line)}**",
        "",
        _text(situation(report)),
        "",
        f"**{_text(action(report))}**",
        "",
    ]
    lines += [f"- {_text(reason)}" for reason in report.reasons]
    lines += [""] if report.reasons else []
    for severity, operations, left in by_severity(report.findings, MOST):
        lines += [f"### {severity.capitalize()}s", ""]
        for operation, findings in operations.items():
            lines += _operation(operation, findings)
        lines += [f"And {counted(left, f'more {severity}')}, all in the JSON report.", ""] if left else []
    lines += _rest(report)
    lines += _matrix(summary)
    lines += ["| | |", "| --- | --- |"]
    lines += [f"| {name} | {_text(value)} |" for name, value in head(report).items()]
    return "\n".join(lines) + "\n"


def _operation(operation: str, findings: list[Finding]) -> list[str]:
    lines = [f"#### `{title(operation)}`", "", "| | where | rule | expected | observed | seen |"]
    lines += ["| --- | --- | --- | --- | --- | ---: |", *(_row(finding) for finding in findings), ""]
    commands = list(dict.fromkeys(finding.curl for finding in findings if finding.curl))[:REPEATED]
    if not commands:
        return lines
    return [*lines, "<details><summary>repeat them</summary>", "", *_block(commands), "", "</details>", ""]


def _rest(report: Report) -> list[str]:
    """What is accepted, fixed, not checked again, and not run."""
    fixed = report.comparison.fixed if report.comparison else ()
    again = report.comparison.not_judged if report.comparison else ()
    lines: list[str] = []
    for name, findings in (("Accepted", report.accepted), ("Fixed", fixed), ("Not checked again", again)):
        if findings:
            lines += [f"### {name}", ""]
            lines += [
                f"- {_code(finding.rule)} on {_text(title(finding.operation))}, "
                f"{_code(finding.pointer or 'body')}: {_text(finding.accepted or finding.observed)}"
                for finding in findings[:MOST]
            ]
            lines.append("")
    if report.skipped:
        lines += ["<details><summary>Not run</summary>", ""]
        lines += [
            f"- {_text(reason)}: {counted(len(names), 'rule')}" for reason, names in by_reason(report).items()
        ]
        lines += ["", "</details>", ""]
    return lines


def _matrix(summary: Summary) -> list[str]:
    lines = ["<details><summary>What was judged</summary>", "", f"{_text(MATRIX_KEY)}", ""]
    lines += [f"| | {' | '.join(summary.groups)} |", f"| --- |{' ---: |' * len(summary.groups)}"]
    for operation, row in summary.matrix.items():
        cells = " | ".join(row[name].text for name in summary.groups)
        lines.append(f"| `{title(operation)}` | {cells} |")
    lines.append("")
    lines += [
        f"- `{title(operation)}` was not judged: {_text(reason)}"
        for operation, reason in summary.not_judged.items()
    ]
    return [*lines, "", "</details>", ""]


def _block(commands: Iterable[str]) -> list[str]:
    """Lines of code, in a fence that none of them closes."""
    lines = list(commands)
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}sh", *lines, fence]


def _row(finding: Finding) -> str:
    sign = ("❌" if finding.severity == "error" else "⚠️") + (f" {finding.state}" if finding.state else "")
    where, observed = _code(finding.pointer or "body"), _text(finding.observed)
    cells = (sign, where, _code(finding.rule), _text(finding.expected), observed, str(finding.count))
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Text that means nothing to Markdown or HTML."""
    return " ".join(text.translate(SIGNS).split())


def _code(text: str) -> str:
    return "`" + " ".join(text.replace("`", "'").replace("|", "\\|").split()) + "`"
