"""The report of a conformance run in a browser."""

from __future__ import annotations

from typing import Any

import pytest
from orgbilling_conformance.reports import html
from orgbilling_conformance.reports.report import Report, RuleOutcome
from orgbilling_conformance.reports.summary import GROUP_NAMES, GROUP_OF

pytestmark = pytest.mark.slow

OUTSIDE = """() => [...document.querySelectorAll('.matrix th, .matrix td')].filter(cell => {
  const box = cell.getBoundingClientRect()
  return box.left < 0 || box.right > innerWidth + 1 || cell.scrollWidth > cell.clientWidth + 1
}).map(cell => cell.textContent)"""


@pytest.mark.parametrize("width", [360, 390])
def test_a_phone_shows_every_column_of_what_was_judged(page: Any, width: int) -> None:
    cases = tuple(RuleOutcome(rule, "getOrgBilling", "passed", 12) for rule in GROUP_OF)
    head = {"target": "x", "api_description": "a" * 64, "started": "2026-01-02T03:04:05Z"}
    page.set_viewport_size({"width": width, "height": 800})
    page.set_content(html.render(Report("conforms", (), (), (), cases, head=head)))
    page.wait_for_load_state()
    headings = page.locator(".matrix th[scope=col]")
    assert headings.all_inner_texts() == list(GROUP_NAMES)
    assert page.evaluate(OUTSIDE) == []
