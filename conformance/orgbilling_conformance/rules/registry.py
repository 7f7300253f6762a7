"""All rules, in one table: those of `rules.yaml` and the invariants."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import yaml
from orgbilling_openapi.strict_json import JsonObject

from orgbilling_conformance.api_description import load
from orgbilling_conformance.rules import headers, invariants, leaks, plausibility, requests, responses
from orgbilling_conformance.rules.rule import FACTS, ConformanceRule, ResponseCheck

SOURCE = Path(__file__).parent / "rules.yaml"
KINDS_OF_TOKENS = {
    "none": "without a token",
    "alg-none": "with a token without a signature",
    "expired": "with an expired token",
    "pending-session": "with the token of a session without an organization",
    "garbage": "with a token that is none",
}


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """Rules of one kind: a section of `docs/rules.md`. text: what it says about them."""

    name: str
    text: str
    rules: tuple[ConformanceRule, ...]


def _groups() -> tuple[RuleGroup, ...]:
    parts = yaml.load(SOURCE.read_bytes(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (safe)
    return tuple(
        RuleGroup(part["name"], part["text"], tuple(_rule(part["kind"], row) for row in part["rules"]))
        for part in parts
    )


def _rule(kind: str, row: JsonObject) -> ConformanceRule:
    example = row["example"]
    if kind == "invariant":
        rule = next(rule for rule in invariants.RULES if rule.id == row["id"])
        return replace(rule, why=row["why"], example=_bodies_in_words(example))
    return ConformanceRule(
        row["id"],
        row["title"],
        tuple(row["basis"]),
        row["why"],
        kind,
        tuple(row.get("needs", ("read",))),
        tuple(row.get("operations", ())),
        example if isinstance(example, str) else _exchange_in_words(example),
    )


def _exchange_in_words(example: JsonObject) -> str:
    """What is sent and what comes back, in one sentence."""
    operation = load().operations[example["operation"]]
    query = f"?{example['query']}" if "query" in example else ""
    asked = f"`{operation.method} {operation.path}{query}`"
    if "auth" in example:
        asked += f" {KINDS_OF_TOKENS[example['auth']]}"
    if "sends" in example:
        asked += f" with the body `{example['sends']}`"
        asked += f" as {example['sends_media']}" if "sends_media" in example else ""
    if "sends_bytes" in example:
        asked += f" with a body of {example['sends_bytes']:,} bytes"
    if "failure" in example:
        return f"{asked}: the answer is {example['failure']}."
    told = f"{asked} is answered {example.get('status', 200)}"
    told += "".join(f", `{name}: {value}`" for name, value in example.get("headers", {}).items())
    body = example["body"]
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    media = f" as {example['media']}" if example.get("media") in ("text/html", "text/plain") else ""
    return f"{told} with `{text}`{media}."


def _bodies_in_words(example: JsonObject) -> str:
    """Bodies that do not belong together, in one sentence."""
    parts = []
    for key, body in example.items():
        name, _, query = key.partition("?")
        moment, _, operation_id = name.rpartition(":")
        operation = load().operations[operation_id]
        line = f"{operation.method} {operation.path}" + (f"?{query}" if query else "")
        verb = {"before": "answered before", "request": "was sent"}.get(moment, "answers")
        parts.append(f"`{line}` {verb} `{json.dumps(body, ensure_ascii=False)}`")
    return f"{'; '.join(parts)}."


GROUPS = _groups()
RULES: dict[str, ConformanceRule] = {rule.id: rule for group in GROUPS for rule in group.rules}
"""Every rule by its id: response rules first, then those of the scenarios and the invariants."""

RESPONSE_CHECKS: tuple[tuple[tuple[str, ...], ResponseCheck], ...] = (
    *responses.RESPONSE_CHECKS,
    *headers.RESPONSE_CHECKS,
    *leaks.RESPONSE_CHECKS,
    *plausibility.RESPONSE_CHECKS,
    *requests.RESPONSE_CHECKS,
)
"""The response rules as functions, each with the ids that it can observe."""


HEAD = """\
# Conformance rules

A finding is an **error** where its basis is a fact of the vendor (documented: the reference page; published:
the OpenAPI document in the SDK repositories), and a **warning** where it is an assumption or an invariant of
ours. A rule over schemas takes the basis of the node that is broken. `--strict` makes errors of warnings.
Each rule says why it is there, and has an example that breaks it.

Response rules apply to any single exchange: those of the scenarios, of the corpus, of the fuzzer, and of a
recording. Scenarios and invariants need a target that answers.
"""


def text() -> str:
    """The page, as Markdown."""
    sections = (f"\n## {group.name}\n\n{group.text}\n\n{_table(group.rules)}" for group in GROUPS)
    return HEAD + "".join(sections)


def _table(rules: Iterable[ConformanceRule]) -> str:
    """A list of the rules, and a section for each."""
    rows = ["| rule | what must hold | basis |", "| --- | --- | --- |"]
    rows += [f"| [`{rule.id}`](#{rule.id}) | {_cell(rule.title)} | {_basis(rule)} |" for rule in rules]
    return "\n".join(rows) + "\n" + "".join(_section(rule) for rule in rules)


def _section(rule: ConformanceRule) -> str:
    needs = "" if rule.needs == ("read",) else f" · needs {', '.join(rule.needs)}"
    lines = [
        f"### {rule.id}",
        f"{rule.title}.".replace("..", "."),
        rule.why,
        f"Breaks it: {rule.example}",
        f"*{_basis(rule).replace('**', '')}{needs} · {_operations(rule)}*",
    ]
    return "".join(f"\n{line}\n" for line in lines)


def _basis(rule: ConformanceRule) -> str:
    return ", ".join(f"**{basis}**" if basis in FACTS else basis for basis in rule.basis)


def _operations(rule: ConformanceRule) -> str:
    paths = [load().operations[operation].path for operation in rule.operations]
    return ", ".join(f"`{path}`" for path in paths) or "all operations"


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


if __name__ == "__main__":
    print(text(), end="")
