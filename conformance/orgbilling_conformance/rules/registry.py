"""All rules, in one table."""

from __future__ import annotations

from collections.abc import Iterable

from orgbilling_conformance.api_description import load
from orgbilling_conformance.rules import headers, plausibility, requests, responses, scenarios
from orgbilling_conformance.rules.rule import FACTS, ConformanceRule, ResponseCheck

RULES: dict[str, ConformanceRule] = {
    rule.id: rule
    for rule in (*responses.RULES, *headers.RULES, *plausibility.RULES, *requests.RULES, *scenarios.RULES)
}
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

PARTS: tuple[tuple[str, str, tuple[ConformanceRule, ...]], ...] = (
    ("Bodies", "Response rules over status, media type and body.", responses.RULES),
    ("Headers", "Response rules over headers, and over what no response may show.", headers.RULES),
    ("Plausibility", "Response rules over values that no schema describes.", plausibility.RULES),
    ("Requests", "Response rules that compare a request with what became of it.", requests.RULES),
    ("Scenarios", "What single exchanges cannot show.", scenarios.SCENARIOS),
    (
        "Invariants",
        "The equations of `orgbilling_openapi.invariants`. A broken one is measured three times.",
        tuple(rule for rule in scenarios.RULES if rule.id.startswith("invariant-")),
    ),
)


def text() -> str:
    """The page, as Markdown."""
    return HEAD + "".join(f"\n## {name}\n\n{said}\n\n{_table(rules)}" for name, said, rules in PARTS)


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
    return ", ".join(f"**{basi}**" if basi in FACTS else basi for basi in rule.basis)


def _operations(rule: ConformanceRule) -> str:
    paths = [load().operations[operation].path for operation in rule.operations]
    return ", ".join(f"`{path}`" for path in paths) or "all"


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


if __name__ == "__main__":
    print(text(), end="")
