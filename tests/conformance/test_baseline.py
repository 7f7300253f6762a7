from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from orgbilling_conformance import Finding, UsageError, baseline, clock

FINDING = Finding("schema-format", "error", "documented", "getOrgLedger", "/*/createdAt", "a", "b")
ENTRY = "rule: schema-*\n  operation: getOrgLedger\n  pointer: /*/createdAt\n  until: {}\n  reason: known"


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "today", lambda: date(2027, 1, 31))


def load(tmp_path: Path, text: str, name: str = "b.yaml") -> list[baseline.BaselineEntry]:
    (tmp_path / name).write_text(text)
    return baseline.load(tmp_path / name)


def test_accepted_until_the_day_is_over(tmp_path: Path) -> None:
    for day, rest in (("2027-01-31", 0), ("2027-01-30", 1)):
        entries = load(tmp_path, f"accepted:\n- {ENTRY.format(day)}\n")
        found, passed, notes = baseline.apply([FINDING], entries)
        assert (len(found), len(passed)) == (rest, 1 - rest)
        assert bool(notes) is bool(rest)


def test_an_expired_entry_makes_an_error_of_a_warning(tmp_path: Path) -> None:
    entries = load(tmp_path, f"- {ENTRY.format('2020-01-01')}\n")
    warning = Finding("schema-value", "warning", "assumed", "getOrgLedger", "/*/createdAt", "a", "b")
    [found], _, [note] = baseline.apply([warning], entries)
    assert found.severity == "error"
    assert "which is over" in found.reason
    assert note.startswith("EXPIRED")


def test_an_entry_that_meets_nothing_is_reported(tmp_path: Path) -> None:
    found, passed, [note] = baseline.apply([], load(tmp_path, f"- {ENTRY.format('2028-01-01')}\n"))
    assert (found, passed) == ((), ())
    assert "delete it" in note


def topup(value: str) -> Finding:
    place = ("getOrgLedger", "/*/entryType")
    return Finding("schema-value", "warning", "assumed", *place, "enum …", value, value=value)


def test_a_known_value_hides_no_second_one(tmp_path: Path) -> None:
    entry = (
        "{rule: schema-value, operation: getOrgLedger, pointer: /*/entryType, until: 2028-01-01, reason: x%s}"
    )
    known, second = topup("topup"), topup("refund")
    for text in ("- " + entry % ", value: topup", "- " + entry % ""):
        found, passed, _ = baseline.apply([known], load(tmp_path, text))
        assert (found, len(passed)) == ((), 1)
    found, passed, notes = baseline.apply([known, second], load(tmp_path, "- " + entry % ", value: topup"))
    assert ([each.value for each in found], len(passed), notes) == (["refund"], 1, [])
    found, passed, [note] = baseline.apply([known, second], load(tmp_path, "- " + entry % ""))
    assert (len(found), passed) == (2, ())
    assert "2 values are wrong there" in note
    for text in ("- " + entry % ", value: '*'", "- {rule: schema-value, until: 2028-01-01, reason: x}"):
        found, passed, _ = baseline.apply([known, second], load(tmp_path, text))
        assert (found, len(passed)) == ((), 2)


def test_three_formats(tmp_path: Path) -> None:
    json = '{"accepted": [{"rule": "r", "until": "2028-01-01", "reason": "x"}]}'
    toml = '[[accepted]]\nrule = "r"\nuntil = 2028-01-01\nreason = "x"\n'
    assert load(tmp_path, json, "b.json") == load(tmp_path, toml, "b.toml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accepted: 5", "expected a list"),
        ("- until: 2028-01-01", "needs a rule"),
        ("- {rule: r, until: 2028-01-01}", "needs a reason"),
        ("- {rule: r, reason: x}", "needs until"),
        ("- {rule: r, reason: x, until: soon}", "needs until"),
        ("- {rule: r, reason: x, until: 2028-01-01, sooner: 1}", "unknown key 'sooner'"),
        ("{", "b.yaml"),
    ],
)
def test_what_is_no_baseline_is_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        load(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_no_file(tmp_path: Path, stub: Any) -> None:
    with pytest.raises(UsageError, match="no such file"):
        baseline.load(tmp_path / "none.yaml")
