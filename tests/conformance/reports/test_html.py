from __future__ import annotations

import re
from dataclasses import fields, replace
from html.parser import HTMLParser

from orgbilling_conformance import Finding, Report, SkippedRule
from orgbilling_conformance.reports import html
from orgbilling_conformance.reports.report import Comparison
from orgbilling_openapi import description
from orgbilling_openapi.operations import operations_by_id

OPERATIONS = len(operations_by_id(description.load()))

VOID = {"meta", "br", "link", "img"}


class Nesting(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def test_one_page_that_loads_nothing(report: Report) -> None:
    text = html.render(report)
    assert not re.search(r"\b(?:src|href)=|url\(|@import|<script", text)
    assert "&lt;script&gt;alert(1)" in text
    assert "default-src 'none'" in text
    for part in (
        "violated",
        "GET /org/billing",
        "three ways out",
        "Accepted",
        f"1 of {OPERATIONS} operations, 1 rules held, 2 broken (1 error, 1 warning), 1 accepted, 1 not run",
        "January 2, 2026 at 03:04 UTC",
        "Not judged",
        "Not run",
        "Every rule",
        "Latency",
        "gone &lt;b&gt;",
    ):
        assert part in text, part


def test_the_page_is_well_formed(report: Report, sound: Report) -> None:
    for report_of_one in (report, sound):
        nesting = Nesting()
        nesting.feed(html.render(report_of_one))
        assert (nesting.wrong, nesting.open) == ([], [])


def test_nothing_hostile_becomes_markup(report: Report) -> None:
    hostile = "\"'><img src=x onerror=alert(1)></style></script><script>alert(2)</script>{{ 7 * 7 }}"
    texts = {
        item.name: hostile for item in fields(Finding) if item.name not in ("count", "exchanges", "state")
    }
    finding = Finding(**{**texts, "severity": "error", "state": "new"})
    everything = replace(
        report,
        findings=(finding,),
        accepted=(finding,),
        skipped=(SkippedRule(hostile, hostile, hostile),),
        reasons=(hostile,),
        notes=(hostile,),
        head={**report.head, "target": hostile, "writes": [hostile]},
        drift=({"severity": hostile, "what": hostile, "pointer": hostile},),
        latency={hostile: {"median": 1.0, "p95": 1.0, "max": 1.0, "answers": 1.0}},
        comparison=Comparison(hostile, hostile, (finding,), (finding,)),
    )
    text = html.render(everything)
    assert not re.search(r"<(?:script|img)", text)
    assert "{{ 7 * 7 }}" in text
    assert text.count("</style>") == 1
    nesting = Nesting()
    nesting.feed(text)
    assert (nesting.wrong, nesting.open) == ([], [])
