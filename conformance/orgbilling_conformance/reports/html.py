"""The report as one self-contained HTML page (`report.html.jinja`)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from orgbilling_conformance.reports import advice
from orgbilling_conformance.reports.report import (
    VERDICT_SENTENCES,
    Report,
    by_operation,
    by_reason,
    counts,
    head,
    title,
)
from orgbilling_conformance.rules.registry import RULES

HERE = Path(__file__).parent


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
    page = environment.get_template("report.html.jinja").render(
        report=report,
        style=(HERE / "report.css").read_text("utf-8"),
        sentence=VERDICT_SENTENCES[report.verdict],
        counts=counts(report),
        head=head(report),
        by_operation=by_operation(report.findings),
        by_reason=by_reason(report),
        operations=sorted({case.operation for case in report.cases}, key=title),
        rules=sorted({case.rule for case in report.cases}, key=lambda rule: ranks.get(rule, len(ranks))),
        outcomes={(case.rule, case.operation): case for case in report.cases},
        title=title,
        rule_title=lambda rule: RULES[rule].title if rule in RULES else rule,
        ways_out=partial(advice.ways_out, today=str(report.head.get("started", "2000-01-01"))[:10]),
    )
    return page + "\n"
