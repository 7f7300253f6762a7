"""The arithmetic of the table, and that the page names every defect as the list does."""

from __future__ import annotations

from pathlib import Path

from mutation.defects import BY_NAME
from mutation.run import page
from mutation.table import by_defect, caught, document, failures, line, markdown, read_page, share, stages
from mutation.trial import FULL, QUICK, READING, Outcome

PAGE = Path(__file__).parents[3] / "docs" / "mutation.md"
FIRST, SECOND, *_ = BY_NAME


def outcome(name, mode, seen, seconds=0.5):
    rules = ("some-rule",) if seen else ()
    return Outcome(name, mode, seen, "violated" if seen else "conforms", rules, seconds if seen else None)


def test_full_contains_quick():
    results = by_defect([outcome(FIRST, QUICK, True), outcome(FIRST, READING, False)])
    assert caught(results, FIRST, FULL)
    assert caught(results, FIRST, QUICK)
    assert not caught(results, FIRST, READING)


def test_what_only_full_sees_is_not_quick():
    results = by_defect([outcome(FIRST, QUICK, False), outcome(FIRST, FULL, True)])
    assert (share(results, QUICK), share(results, FULL)) == (0, 1)


def test_thresholds():
    good = by_defect([outcome(name, QUICK, True) for name in BY_NAME])
    assert failures(good) == []
    half = by_defect([outcome(name, QUICK, turn % 2 == 0) for turn, name in enumerate(BY_NAME)])
    assert len(failures(half)) == 2
    slow = by_defect([outcome(name, QUICK, True, 4.0) for name in BY_NAME])
    assert "median" in failures(slow)[0]


def test_what_is_missed_stays_in_the_page():
    results = by_defect(
        [outcome(FIRST, QUICK, True), outcome(SECOND, QUICK, False), outcome(SECOND, FULL, False)]
    )
    text = markdown(stages(results), None)
    assert line(FIRST, "quick: `some-rule`") in text
    assert line(SECOND, "**missed**") in text


def test_the_json_has_every_outcome():
    results = by_defect([outcome(FIRST, QUICK, False), outcome(FIRST, FULL, True)])
    found = document(results)
    assert [outcome["mode"] for outcome in found["outcomes"]] == [QUICK, FULL]
    assert found["caught"][FULL] == 1


def test_the_page_has_every_defect_as_it_is_described():
    text = PAGE.read_text("utf-8")
    missing = [name for name in BY_NAME if line(name, "").removesuffix("  |") not in text]
    assert missing == [], 'make mutation ARGS="--only NAME" adds a row'

    assert text.count("\n| ") >= len(BY_NAME)


def test_the_page_can_be_read_and_written_again():
    page = PAGE.read_text("utf-8")
    found, median_s = read_page(page)
    assert found.keys() == BY_NAME.keys()
    assert markdown(found, median_s) == page


def test_some_defects_leave_the_rows_of_the_others_alone(tmp_path):
    before = tmp_path / "page.md"
    before.write_text(markdown({FIRST: "quick: `some-rule`", SECOND: "**missed**"}, 0.5))
    found, median_s = read_page(page(by_defect([outcome(SECOND, QUICK, True)]), before))
    assert found == {FIRST: "quick: `some-rule`", SECOND: "quick: `some-rule`"}
    assert median_s == 0.5
