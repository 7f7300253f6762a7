"""The arithmetic of the table, and that the page names every defect as the list does."""

from __future__ import annotations

from pathlib import Path

from mutation.defects import BY_NAME
from mutation.run import page
from mutation.table import (
    Cells,
    by_defect,
    caught,
    cells,
    document,
    failures,
    line,
    markdown,
    missed,
    read_page,
    share,
)
from mutation.trial import FULL, OBSERVED, QUICK, READING, RECORDING, Outcome

PAGE = Path(__file__).parents[3] / "docs" / "mutation.md"
FIRST, SECOND, *_ = BY_NAME
DAY = "2026-03-01"


def outcome(name, mode, seen):
    rules = ("some-rule",) if seen else ()
    return Outcome(name, mode, seen, "violated" if seen else "conforms", rules, 0.5 if seen else None)


def row(by, recording="–", watching="–"):
    return Cells(by, recording, watching, DAY)


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


def test_who_watches_has_to_see_most_of_what_reading_catches():
    modes = (QUICK, READING)
    good = by_defect([outcome(name, mode, True) for name in (FIRST, SECOND) for mode in (*modes, OBSERVED)])
    assert failures(good) == []
    half = by_defect(
        [outcome(name, mode, True) for name in (FIRST, SECOND) for mode in modes]
        + [outcome(FIRST, OBSERVED, True), outcome(SECOND, OBSERVED, False)]
    )
    assert "watching sees 50.0%" in failures(half)[0]


def test_the_page_lists_what_each_mode_misses():
    reading = [(FIRST, True), (SECOND, True)]
    results = by_defect(
        [outcome(name, mode, seen) for name, seen in reading for mode in (QUICK, READING)]
        + [outcome(name, RECORDING, False) for name in (FIRST, SECOND)]
        + [outcome(FIRST, OBSERVED, True), outcome(SECOND, OBSERVED, False)]
    )
    text = markdown(cells(results, DAY))
    assert f"| recording | {FIRST}, {SECOND} |" in text
    assert f"| watching | {SECOND} |" in text
    assert "| full | none |" in text
    assert "Of 2 that reading catches, watching sees 1 (50.0%).\n" in text
    assert "Of 2 that reading catches, a recording shows 0 (0.0%).\n" in text


def test_the_page_says_what_was_not_tried():
    tried = {FIRST: row("reading: `a`", "yes", "yes"), SECOND: row("reading: `b`", "–", "yes")}
    text = markdown(tried)
    assert "| **all** | **2** | **1 of 1** | **2** | **2** | **2** | **2** |" in text
    assert "a recording shows 1 (100.0%). It was not tried on the other 1" in text


def test_the_page_of_beside_explains_what_watching_misses():
    page, beside = PAGE.read_text("utf-8"), PAGE.with_name("beside.md").read_text("utf-8")
    found = read_page(page)
    by_reading = {name: cells for name, cells in found.items() if cells.by.startswith(READING)}
    unseen = missed(by_reading, OBSERVED)
    explained = beside.partition("## How good it is")[2].partition("## ")[0]
    assert {name for name in BY_NAME if f"`{name}`" in explained} == set(unseen)


def test_what_is_missed_stays_in_the_page():
    results = by_defect(
        [outcome(FIRST, QUICK, True), outcome(SECOND, QUICK, False), outcome(SECOND, FULL, False)]
    )
    text = markdown(cells(results, DAY))
    assert line(FIRST, row("quick: `some-rule`")) in text
    assert line(SECOND, row("**missed**")) in text


def test_the_page_says_when_each_defect_was_tried():
    some = {FIRST: row("**missed**"), SECOND: row("**missed**")._replace(tried="2026-04-01")}
    text = markdown(some)
    assert "Tried: 1 on 2026-04-01, 1 on 2026-03-01 (the last column)." in text
    assert read_page(text) == some
    assert "All were tried on 2026-03-01." in markdown({FIRST: some[FIRST]})


def test_the_json_has_every_outcome():
    results = by_defect([outcome(FIRST, QUICK, False), outcome(FIRST, FULL, True)])
    found = document(results)
    assert [outcome["mode"] for outcome in found["outcomes"]] == [QUICK, FULL]
    assert found["caught"][FULL] == 1


def test_the_page_has_every_defect_as_it_is_described():
    text = PAGE.read_text("utf-8")
    missing = [name for name in BY_NAME if line(name, row("")).partition(" |  |")[0] not in text]
    assert missing == [], 'make mutation ARGS="--only NAME" adds a row'

    assert text.count("\n| ") >= len(BY_NAME)


def test_the_page_can_be_read_and_written_again():
    page = PAGE.read_text("utf-8")
    found = read_page(page)
    assert found.keys() == BY_NAME.keys()
    assert markdown(found) == page


def test_some_defects_leave_the_rows_of_the_others_alone():
    before = markdown({FIRST: row("quick: `some-rule`"), SECOND: row("**missed**")})
    results = by_defect([outcome(SECOND, QUICK, True)])
    found = read_page(page(results, before))
    assert found[FIRST] == row("quick: `some-rule`")
    assert found[SECOND][:3] == row("quick: `some-rule`")[:3]
    assert found[SECOND].tried > DAY
