from __future__ import annotations

from dataclasses import replace
from html import unescape

from orgbilling_conformance import Report
from orgbilling_conformance.reports import markdown


def test_a_table_per_operation(report: Report) -> None:
    text = markdown.render(report)
    assert text.startswith("## ❌ orgbilling conform: violated")
    assert "#### `GET /org/billing`" in text
    assert text.index("### Errors") < text.index("### Warnings")
    [row] = [line for line in text.splitlines() if "schema-type" in line]
    assert row.count("|") == 7, "what a server says adds no column"
    assert "<script>" not in text
    assert "needs --second-token: 1 rule" in text


def test_a_sound_target_is_short(sound: Report) -> None:
    assert "✅" in markdown.render(sound)
    assert "### Errors" not in markdown.render(sound)


def test_what_is_escaped_is_escaped_once(report: Report) -> None:
    finding = replace(report.findings[0], expected='enum ["a_b", "c"] & more', observed="&lt; {x} \\ a|b")
    [row] = [
        line for line in markdown.render(replace(report, findings=(finding,))).splitlines() if "❌ |" in line
    ]
    cells = [unescape(cell).strip() for cell in row.split("|")]
    assert cells[4:6] == [finding.expected, finding.observed]
    assert "&#38;#" not in row
    assert not set(row.split("|")[4]) & set("[]_")


def test_no_command_closes_its_block(report: Report) -> None:
    curl = "curl 'x\n```\n<script>\n````'"
    text = markdown.render(replace(report, findings=(replace(report.findings[0], curl=curl),)))
    assert f"\n`````sh\n{curl}\n`````\n" in text
