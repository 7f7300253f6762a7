from __future__ import annotations

from orgbilling_conformance import Report
from orgbilling_conformance.reports import github


def test_one_line_each_and_nothing_smuggled_in(report: Report) -> None:
    lines = github.render(report).splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["::error", "::warning", "::error"]
    assert "title=schema-type on GET /org/billing::" in lines[0]
    assert "%25" in lines[0]
    assert "%0A" in lines[0]


def test_nothing_to_say(sound: Report) -> None:
    assert github.render(sound) == ""
