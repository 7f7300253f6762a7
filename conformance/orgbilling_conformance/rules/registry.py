"""All rules, in one table: those of `rules.yaml` and the invariants."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from orgbilling_conformance.api_description import load
from orgbilling_conformance.rules import headers, invariants, plausibility, requests, responses
from orgbilling_conformance.rules.rule import FACTS, ConformanceRule, ResponseCheck

SOURCE = Path(__file__).parent / "rules.yaml"


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules of one kind: a section of `docs/rules.md`. text: what it says about them."""

    name: str
    text: str
    rules: tuple[ConformanceRule, ...]


def _groups() -> tuple[RuleGroup, ...]:
    parts = yaml.load(SOURCE.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (safe)
    groups = [
        RuleGroup(part["name"], part["text"], tuple(_rule(part["kind"], **row) for row in part["rules"]))
        for part in parts
    ]
    text = "The equations of `orgbilling_openapi.invariants`. A broken one is measured three times."
    return (*groups, RuleGroup("Invariants", text, invariants.RULES))


def _rule(
    kind: str,
    id: str,
    title: str,
    basis: Iterable[str],
    why: str,
    needs: Iterable[str] = ("read",),
    operations: Iterable[str] = (),
) -> ConformanceRule:
    return ConformanceRule(id, title, tuple(basis), why, kind, tuple(needs), tuple(operations))


GROUPS = _groups()
RULES: dict[str, ConformanceRule] = {rule.id: rule for group in GROUPS for rule in group.rules}
"""Every rule by its id: response rules first, then those of the scenarios and the invariants."""

RESPONSE_CHECKS: tuple[tuple[tuple[str, ...], ResponseCheck], ...] = (
    *responses.RESPONSE_CHECKS,
    *headers.RESPONSE_CHECKS,
    *plausibility.RESPONSE_CHECKS,
    *requests.RESPONSE_CHECKS,
)
"""The response rules as functions, each with the ids that it can observe."""


HEAD = """\
# Conformance rules

Generated from the registry by `python -m orgbilling_conformance.rules.registry`; a test proves it current.

A finding is an **error** where its basis is a fact of the vendor (documented: the reference page; published:
the OpenAPI document in the SDK repositories), and a **warning** where it is an assumption or an invariant of
ours. A rule over schemas takes the basis of the node that is broken. `--strict` makes errors of warnings.

Response rules apply to any single exchange: those of the scenarios, of the corpus, of the fuzzer, and of a
recording. Scenarios and invariants need a target that answers.
"""


def text() -> str:
    """The page, as Markdown."""
    sections = (f"\n## {group.name}\n\n{group.text}\n\n{_table(group.rules)}" for group in GROUPS)
    return HEAD + "".join(sections)


def _table(rules: Iterable[ConformanceRule]) -> str:
    rows = [
        "| rule | what must hold | basis | needs | operations | why |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    rows += [
        f"| `{rule.id}` | {_cell(rule.title)} | {_basis(rule)} | {', '.join(rule.needs)} "
        f"| {_operations(rule)} | {_cell(rule.why)} |"
        for rule in rules
    ]
    return "\n".join(rows) + "\n"


def _basis(rule: ConformanceRule) -> str:
    return ", ".join(f"**{basis}**" if basis in FACTS else basis for basis in rule.basis)


def _operations(rule: ConformanceRule) -> str:
    paths = [load().operations[operation].path for operation in rule.operations]
    return ", ".join(f"`{path}`" for path in paths) or "all"


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


if __name__ == "__main__":
    print(text(), end="")
