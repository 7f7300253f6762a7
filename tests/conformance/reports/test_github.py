from __future__ import annotations

from dataclasses import replace

from orgbilling_conformance import Report
from orgbilling_conformance.reports import github
from orgbilling_openapi import description
from orgbilling_openapi.operations import operations_by_id

OPERATIONS = len(operations_by_id(description.load()))


def test_one_line_each_and_nothing_smuggled_in(report: Report) -> None:
    lines = github.render(report).splitlines()
    assert [line.partition(" ")[0] for line in lines] == [
        "::error",
        "::error",
        "::warning",
        "::notice",
    ]
    assert "title=inconclusive::the token died" in lines[0]
    assert "title=schema-type on GET /org/billing::" in lines[1]
    assert "%25" in lines[1]
    assert "%0A" in lines[1]


def test_a_sound_target_has_a_notice_of_what_was_judged(sound: Report) -> None:
    [line] = github.render(sound).splitlines()
    assert line.startswith(f"::notice title=conforms%3A 0 of {OPERATIONS} operations%2C 0 rules held")


def test_no_more_than_github_shows_and_the_last_says_how_many_are_left(report: Report) -> None:
    error = report.findings[0]
    many = replace(report, reasons=(), findings=tuple(replace(error, pointer=f"/{n}") for n in range(25)))
    lines = [line for line in github.render(many).splitlines() if line.startswith("::error")]
    assert len(lines) == github.MOST
    assert lines[-1].startswith("::error title=16 more errors::")


def test_what_is_new_comes_first(report: Report) -> None:
    error = report.findings[0]
    known = [replace(error, pointer=f"/{n}", state="known") for n in range(12)]
    new = replace(error, pointer="/z", state="new")
    first = github.render(replace(report, reasons=(), findings=(*known, new))).splitlines()[0]
    assert "(new)" in first
    assert "/z" in first
