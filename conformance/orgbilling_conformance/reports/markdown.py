"""Markdown, for the summary of a CI job."""

from __future__ import annotations

import re
from collections.abc import Iterable

from orgbilling_conformance.reports.report import (
    VERDICT_SENTENCES,
    Finding,
    Report,
    by_operation,
    by_reason,
    counted,
    counts,
    head,
    title,
)

SIGNS = {ord(sign): f"&#{ord(sign)};" for sign in "&\\`*_{}[]<>|~#$"}
SIGN = {"conforms": "✅", "violated": "❌", "inconclusive": "⚠️"}


def render(report: Report) -> str:
    """The report as GitHub-flavoured Markdown."""
    lines = [f"## {SIGN[report.verdict]} orgbilling conform: {report.verdict}", ""]
    lines += [f"{VERDICT_SENTENCES[report.verdict]} {counts(report)}.", ""]
    lines += [f"- {_text(reason)}" for reason in report.reasons]
    lines += [""] if report.reasons else []
    for operation, findings in by_operation(report.findings).items():
        lines += [f"### `{title(operation)}`", "", "| | where | rule | expected | observed | seen |"]
        lines += ["| --- | --- | --- | --- | --- | ---: |", *(_row(finding) for finding in findings), ""]
        lines += ["<details><summary>repeat them</summary>", ""]
        lines += [
            *_block(dict.fromkeys(finding.curl for finding in findings if finding.curl)),
            "",
            "</details>",
            "",
        ]
    if report.accepted:
        lines += ["### Accepted", ""]
        lines += [
            f"- {_code(entry.rule)} {_code(entry.pointer or 'body')}: {_text(entry.accepted)}"
            for entry in report.accepted
        ]
        lines.append("")
    if report.skipped:
        lines += ["<details><summary>Not run</summary>", ""]
        lines += [
            f"- {_text(reason)}: {counted(len(names), 'rule')}" for reason, names in by_reason(report).items()
        ]
        lines += ["", "</details>", ""]
    lines += ["| | |", "| --- | --- |"]
    lines += [f"| {name} | {_text(value)} |" for name, value in head(report).items()]
    return "\n".join(lines) + "\n"


def _block(commands: Iterable[str]) -> list[str]:
    """Lines of code, in a fence that none of them closes."""
    lines = list(commands)
    longest = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}sh", *lines, fence]


def _row(finding: Finding) -> str:
    sign = "❌" if finding.severity == "error" else "⚠️"
    where, observed = _code(finding.pointer or "body"), _text(finding.observed)
    cells = (sign, where, _code(finding.rule), _text(finding.expected), observed, str(finding.count))
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    """Text that means nothing to Markdown or HTML."""
    return " ".join(text.translate(SIGNS).split())


def _code(text: str) -> str:
    return "`" + text.replace("`", "'").replace("|", "\\|") + "`"
