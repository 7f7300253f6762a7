from __future__ import annotations

from pathlib import Path

from orgbilling_conformance.rules import registry
from orgbilling_conformance.rules.registry import RULES

DOCS = Path(__file__).parents[3] / "docs"


def test_the_page_holds_every_rule() -> None:
    text = registry.text()
    assert [name for name in RULES if f"### {name}\n" not in text] == []


def test_every_rule_says_why_in_a_sentence() -> None:
    for rule in RULES.values():
        assert rule.why[0].isupper() or rule.why[0].isdigit() or rule.why.startswith("`"), rule.id
        assert rule.why.endswith("."), rule.id
        assert len(rule.why.split()) >= 6, rule.id
        assert len(rule.example.split()) >= 4, rule.id


def test_the_documentation_names_every_write_stage_and_exit() -> None:
    text = (DOCS / "conformance.md").read_text("utf-8")
    for name in ("redeem", "checkout", "portal", "subscribe", "methods"):
        assert f"--allow-write {name}" in text
    for name in ("documents", "scripted", "corpus", "examples", "coverage", "fuzzing", "random-walk"):
        assert name in text
