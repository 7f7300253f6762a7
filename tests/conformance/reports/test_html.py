from __future__ import annotations

import re
from html.parser import HTMLParser

from orgbilling_conformance import Report
from orgbilling_conformance.reports import html

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
        "1 of 13 operations, 1 rules held, 2 broken (1 error, 1 warning), 1 accepted, 1 not run",
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
