from __future__ import annotations

from orgbilling_conformance.rules.registry import RESPONSE_CHECKS, RULES
from orgbilling_conformance.rules.rule import BASES, severity


def test_every_rule_is_complete() -> None:
    for name, rule in RULES.items():
        assert name == rule.id
        assert rule.title
        assert rule.why
        assert rule.needs
        assert set(rule.basis) <= set(BASES)
        assert rule.kind in ("response", "scenario", "comparison")


def test_every_response_rule_has_its_check() -> None:
    judged = [rule for rules, _ in RESPONSE_CHECKS for rule in rules]
    assert sorted(judged) == sorted(rule.id for rule in RULES.values() if rule.kind == "response")


def test_facts_are_errors() -> None:
    assert [severity(basis) for basis in BASES] == ["error", "error", "warning", "warning"]
