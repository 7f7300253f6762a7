"""The page of documentation that is made from the rules: `python -m orgbilling_conformance.rulebook`."""

from __future__ import annotations

from collections.abc import Iterable

from orgbilling_conformance import asked, bodies, scripted, sense, wire
from orgbilling_conformance.facts import load
from orgbilling_conformance.rule import FACTS, Rule

HEAD = """\
# The rules of the judge

Generated from the registry by `python -m orgbilling_conformance.rulebook`; a test proves it current.

A finding is an **error** where its basis is a fact of the vendor (documented: the reference page; published:
the OpenAPI document in the SDK repositories), and a **warning** where it is an assumption or a law of ours. A
rule over schemas takes the basis of the node that is broken. `--strict` makes errors of warnings.

Response rules judge any single exchange: those of the scenarios, of the corpus, of the fuzzer, and those of
a recording. Scenarios and laws need a target that answers.
"""

PARTS: tuple[tuple[str, str, tuple[Rule, ...]], ...] = (
    ("Bodies", "Response rules over status, media type and body.", bodies.RULES),
    ("Headers, leaks", "Response rules over headers, and over what no answer may show.", wire.RULES),
    ("Sense", "Response rules over values that no schema states.", sense.RULES),
    ("Requests", "Response rules that compare what was asked with what became of it.", asked.RULES),
    ("Scenarios", "What single exchanges cannot show.", scripted.SCENARIOS),
    (
        "Laws",
        "The equations of `orgbilling_openapi.invariants`. A broken one is measured three times.",
        tuple(rule for rule in scripted.RULES if rule.id.startswith("law-")),
    ),
)


def text() -> str:
    """The page, as Markdown."""
    return HEAD + "".join(f"\n## {name}\n\n{said}\n\n{_table(rules)}" for name, said, rules in PARTS)


def _table(rules: Iterable[Rule]) -> str:
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


def _basis(rule: Rule) -> str:
    return ", ".join(f"**{each}**" if each in FACTS else each for each in rule.basis)


def _operations(rule: Rule) -> str:
    paths = [load().operations[each].path for each in rule.operations]
    return ", ".join(f"`{path}`" for path in paths) or "all"


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


if __name__ == "__main__":
    print(text(), end="")
