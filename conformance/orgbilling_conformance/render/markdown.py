"""Markdown, for the summary of a CI job."""

from __future__ import annotations

from orgbilling_conformance.render.groups import TOLD, by_operation, by_reason, counts, head, title
from orgbilling_conformance.report import Finding, Report

SIGN = {"conforms": "✅", "violated": "❌", "inconclusive": "⚠️"}


def render(report: Report) -> str:
    """The report as GitHub-flavoured Markdown."""
    lines = [f"## {SIGN[report.verdict]} orgbilling conform: {report.verdict}", ""]
    lines += [f"{TOLD[report.verdict]} {counts(report)}.", ""]
    lines += [f"- {_text(reason)}" for reason in report.reasons]
    lines += [""] if report.reasons else []
    for operation, findings in by_operation(report.findings).items():
        lines += [f"### `{title(operation)}`", "", "| | where | rule | expected | observed | seen |"]
        lines += ["| --- | --- | --- | --- | --- | ---: |", *(_row(each) for each in findings), ""]
        lines += ["<details><summary>repeat them</summary>", "", "```sh"]
        lines += [*dict.fromkeys(each.curl for each in findings if each.curl), "```", "", "</details>", ""]
    if report.accepted:
        lines += ["### Accepted", ""]
        lines += [
            f"- {_code(each.rule)} {_code(each.pointer or 'body')}: {_text(each.accepted)}"
            for each in report.accepted
        ]
        lines.append("")
    if report.skipped:
        lines += ["<details><summary>Not run</summary>", ""]
        lines += [f"- {_text(reason)}: {len(names)} rules" for reason, names in by_reason(report).items()]
        lines += ["", "</details>", ""]
    lines += ["| | |", "| --- | --- |"]
    lines += [f"| {name} | {_text(value)} |" for name, value in head(report).items()]
    return "\n".join(lines) + "\n"


def _row(finding: Finding) -> str:
    sign = "❌" if finding.severity == "error" else "⚠️"
    where, seen = _code(finding.pointer or "body"), _text(finding.observed)
    return (
        f"| {sign} | {where} | {_code(finding.rule)} | {_text(finding.expected)} | {seen} | {finding.count} |"
    )


def _text(text: str) -> str:
    """Text that means nothing to Markdown or HTML."""
    for sign in "\\`*_{}[]<>|~#":
        text = text.replace(sign, f"&#{ord(sign)};")
    return " ".join(text.split())


def _code(text: str) -> str:
    return "`" + text.replace("`", "'").replace("|", "\\|") + "`"
