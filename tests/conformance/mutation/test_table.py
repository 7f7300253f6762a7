"""The arithmetic of the table, and that the page names every defect as the list does."""

from __future__ import annotations

from pathlib import Path

from mutation.defects import BY_NAME
from mutation.table import caught, document, failures, gathered, line, markdown, share
from mutation.trial import FULL, QUICK, READING, Outcome

PAGE = Path(__file__).parents[3] / "docs" / "mutation.md"
FIRST, SECOND, *_ = BY_NAME


def outcome(name, mode, seen, seconds=0.5):
    rules = ("some-rule",) if seen else ()
    return Outcome(name, mode, seen, "violated" if seen else "conforms", rules, seconds if seen else None)


def test_full_contains_quick():
    results = gathered([outcome(FIRST, QUICK, True), outcome(FIRST, READING, False)])
    assert caught(results, FIRST, FULL)
    assert caught(results, FIRST, QUICK)
    assert not caught(results, FIRST, READING)


def test_what_only_full_sees_is_not_quick():
    results = gathered([outcome(FIRST, QUICK, False), outcome(FIRST, FULL, True)])
    assert (share(results, QUICK), share(results, FULL)) == (0, 1)


def test_thresholds():
    good = gathered([outcome(name, QUICK, True) for name in BY_NAME])
    assert failures(good) == []
    half = gathered([outcome(name, QUICK, turn % 2 == 0) for turn, name in enumerate(BY_NAME)])
    assert len(failures(half)) == 2
    slow = gathered([outcome(name, QUICK, True, 4.0) for name in BY_NAME])
    assert "median" in failures(slow)[0]


def test_what_is_missed_stays_in_the_page():
    results = gathered(
        [outcome(FIRST, QUICK, True), outcome(SECOND, QUICK, False), outcome(SECOND, FULL, False)]
    )
    text = markdown(results)
    assert line(FIRST, "quick: `some-rule`") in text
    assert line(SECOND, "**missed**") in text


def test_the_json_has_every_outcome():
    results = gathered([outcome(FIRST, QUICK, False), outcome(FIRST, FULL, True)])
    found = document(results)
    assert [outcome["mode"] for outcome in found["outcomes"]] == [QUICK, FULL]
    assert found["caught"][FULL] == 1


def test_the_page_has_every_defect_as_it_is_described():
    text = PAGE.read_text("utf-8")
    missing = [name for name in BY_NAME if line(name, "").removesuffix("  |") not in text]
    assert missing == [], "make mutation writes the page anew"
    assert text.count("\n| ") >= len(BY_NAME)
