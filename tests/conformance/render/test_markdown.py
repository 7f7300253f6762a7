from __future__ import annotations

from orgbilling_conformance import Report
from orgbilling_conformance.render import markdown


def test_a_table_per_operation(report: Report) -> None:
    text = markdown.render(report)
    assert text.startswith("## ❌ orgbilling conform: violated")
    assert "### `GET /org/billing`" in text
    [row] = [line for line in text.splitlines() if "schema-type" in line]
    assert row.count("|") == 7, "what a server says adds no column"
    assert "<script>" not in text
    assert "needs --second-token: 1 rules" in text


def test_a_sound_target_is_short(sound: Report) -> None:
    assert "✅" in markdown.render(sound)
    assert "###" not in markdown.render(sound)
