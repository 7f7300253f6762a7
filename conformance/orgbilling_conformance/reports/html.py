"""The report as one self-contained HTML page (`report.html.jinja`)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from orgbilling_conformance.reports import advice, summary
from orgbilling_conformance.reports.report import Report, by_reason, by_severity, title
from orgbilling_conformance.rules.registry import RULES

HERE = Path(__file__).parent
MOST = 500
"""Findings of a severity on the page; the JSON report holds all of them."""


def render(report: Report) -> str:
    """The report as HTML; the page loads nothing from anywhere."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # late: only this format needs it

    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    ranks = {rule: rank for rank, rule in enumerate(RULES)}
    figures = summary.summarize(report)
    page = environment.get_template("report.html.jinja").render(
        report=report,
        style=(HERE / "report.css").read_text("utf-8"),
        situation=summary.situation(report),
        action=summary.action(report),
        head={name: value for name, value in summary.head(report).items() if name != "judged"},
        figures=figures,
        group_names=figures.groups,
        matrix_key=summary.MATRIX_KEY,
        by_severity=by_severity(report.findings, MOST),
        by_reason=by_reason(report),
        operations=sorted({case.operation for case in report.cases}, key=title),
        rules=sorted({case.rule for case in report.cases}, key=lambda rule: ranks.get(rule, len(ranks))),
        outcomes={(case.rule, case.operation): case for case in report.cases},
        title=title,
        known_rules=RULES,
        ways_out=partial(advice.ways_out, today=str(report.head.get("started", "2000-01-01"))[:10]),
    )
    return page + "\n"
