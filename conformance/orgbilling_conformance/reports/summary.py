"""What was judged and what to do about it: the words and figures at the top of every report."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from orgbilling_openapi.strict_json import JsonObject

from orgbilling_conformance.api_description import load
from orgbilling_conformance.reports.report import (
    VERDICT_SENTENCES,
    Finding,
    Report,
    counted,
    instant_in_words,
    title,
)
from orgbilling_conformance.rules.registry import GROUPS
from orgbilling_conformance.rules.rule import FACTS

SUCCESS_RULE = "success-status"
"""The rule that applies to every success, and to nothing else: where it ran, an answer was judged."""
WHOLE_API = ""
GROUP_OF = {rule.id: group.name for group in GROUPS for rule in group.rules}
GROUP_NAMES = tuple(group.name for group in GROUPS)
LISTED = 3
"""How many names a sentence lists."""


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What became of one rule on one operation, as every format shows it.

    outcome: ``error``, ``warning``, ``accepted`` (by a baseline), ``held`` or ``not run``;
    reason: why it was not run.
    """

    rule: str
    operation: str
    outcome: str
    findings: tuple[Finding, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """How many rules of one group had which outcome on one operation."""

    errors: int = 0
    warnings: int = 0
    accepted: int = 0
    held: int = 0
    not_run: int = 0

    @property
    def text(self) -> str:
        """The cell in a few characters: what is broken, else what held, else a dash for not run."""
        broken = [f"{self.errors} ✗"] * bool(self.errors) + [f"{self.warnings} !"] * bool(self.warnings)
        rest = str(self.held) if self.held else "–" if self.not_run or self.accepted else ""
        return " ".join(broken) or rest

    @property
    def kind(self) -> str:
        """The worst outcome in the cell; empty where no rule applies."""
        for name in ("errors", "warnings", "held", "accepted", "not_run"):
            if getattr(self, name):
                return name
        return ""

    @property
    def words(self) -> str:
        """The cell in a sentence."""
        names = ("errors", "warnings", "accepted", "held", "not_run")
        parts = [f"{getattr(self, name)} {name.replace('_', ' ')}" for name in names if getattr(self, name)]
        return ", ".join(parts) or "no rule applies"


MATRIX_KEY = "number: rules that held · ✗ errors · ! warnings · – not run · empty: none applies"


@dataclass(frozen=True, slots=True)
class Summary:
    """The figures of a report.

    errors, warnings: how many findings; judged: the operations that gave a success, of all described ones;
    not_judged: the others, with the reason.
    """

    errors: int
    warnings: int
    judged: tuple[str, ...]
    not_judged: dict[str, str]
    results: tuple[RuleResult, ...]
    matrix: dict[str, dict[str, MatrixCell]]

    @property
    def groups(self) -> list[str]:
        """The groups of rules of which at least one applies to an operation."""
        return [name for name in GROUP_NAMES if any(row[name].kind for row in self.matrix.values())]

    def count(self, outcome: str) -> int:
        """How many rules on operations had an outcome."""
        return sum(result.outcome == outcome for result in self.results)

    @property
    def line(self) -> str:
        """What was judged, in one line."""
        total = len(self.judged) + len(self.not_judged)
        broken, accepted = self.count("error") + self.count("warning"), self.count("accepted")
        parts = [f"{len(self.judged)} of {counted(total, 'operation')}", f"{self.count('held'):,} rules held"]
        findings = [counted(self.errors, "error")] * bool(self.errors)
        findings += [counted(self.warnings, "warning")] * bool(self.warnings)
        parts += [f"{broken:,} broken ({', '.join(findings)})"] if findings else []
        parts += [f"{accepted:,} accepted"] if accepted else []
        return ", ".join([*parts, f"{self.count('not run'):,} not run"])

    def to_json(self) -> JsonObject:
        """The figures for a program."""
        names = {"errors": "error", "warnings": "warning", "accepted": "accepted", "held": "held"}
        return {
            "line": self.line,
            "operations": {"judged": list(self.judged), "not_judged": self.not_judged},
            "rules": {name: self.count(outcome) for name, outcome in names.items()}
            | {"not_run": self.count("not run")},
            "matrix": {
                operation: {group: cell.text for group, cell in row.items()}
                for operation, row in self.matrix.items()
            },
        }


def summarize(report: Report) -> Summary:
    """The figures of a report."""
    results = tuple(_results(report))
    operations = list(load().operations)
    seen = {case.operation for case in report.cases if case.rule == SUCCESS_RULE and case.evaluations}
    judged = tuple(operation for operation in operations if operation in seen)
    missing = {operation: _why(report, operation) for operation in operations if operation not in seen}
    found = len(report.errors), len(report.warnings)
    return Summary(*found, judged, missing, results, _matrix(results, operations))


def _results(report: Report) -> Iterable[RuleResult]:
    found: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    accepted: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for groups, findings in ((found, report.findings), (accepted, report.accepted)):
        for finding in findings:
            groups[finding.rule, finding.operation].append(finding)
    reasons = {(skipped.rule, skipped.operation): skipped.reason for skipped in report.skipped}
    outcomes = {(case.rule, case.operation): case.outcome for case in report.cases}
    for key in dict.fromkeys((*outcomes, *found, *accepted)):
        if key in found:
            severities = {finding.severity for finding in found[key]}
            yield RuleResult(*key, "error" if "error" in severities else "warning", tuple(found[key]))
        elif key in accepted:
            yield RuleResult(*key, "accepted", tuple(accepted[key]))
        elif outcomes[key] == "passed":
            yield RuleResult(*key, "held")
        else:
            yield RuleResult(*key, "not run", (), reasons.get(key, ""))


def _matrix(results: Iterable[RuleResult], operations: list[str]) -> dict[str, dict[str, MatrixCell]]:
    """Operations × rule groups; what is about no single operation is in a row of its own, the last."""
    counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for result in results:
        row = result.operation if result.operation in operations else WHOLE_API
        if result.rule in GROUP_OF:
            counts[row, GROUP_OF[result.rule]][result.outcome] += 1
    return {
        operation: {group: _cell(counts[operation, group]) for group in GROUP_NAMES}
        for operation in (*operations, WHOLE_API)
    }


def _cell(count: Counter[str]) -> MatrixCell:
    return MatrixCell(*(count[name] for name in ("error", "warning", "accepted", "held", "not run")))


def _why(report: Report, operation: str) -> str:
    """Why an operation was not judged."""
    mark = f"no success of {operation} "
    stated = [reason.removeprefix(mark) for reason in report.reasons if reason.startswith(mark)]
    if stated:
        return f"no success {stated[0]}"
    rows = [skipped for skipped in report.skipped if skipped.operation == operation]
    whole = [skipped.reason for skipped in rows if skipped.rule == "*"]
    needed = [skipped.reason for skipped in rows if skipped.reason.startswith("needs --")]
    asked = any(case.operation == operation and case.evaluations for case in report.cases)
    reasons = whole or needed or ([] if asked else [skipped.reason for skipped in rows])
    if reasons:
        return Counter(reasons).most_common(1)[0][0]
    return "no success was seen" if asked else "it was not asked"


def head(report: Report) -> dict[str, str]:
    """The run as names and values."""
    values = report.head
    versions = f"{values.get('orgbilling')} on Python {values.get('python')}"
    tools = f"Schemathesis {values.get('schemathesis')}, Hypothesis {values.get('hypothesis')}"
    writes = ", ".join(values.get("writes", [])) or "none allowed"
    effort = f"{counted(values.get('requests', 0), 'request')} in {values.get('seconds')} s"
    rows = {
        "target": str(values.get("target")),
        "judged": summarize(report).line,
        "run": f"{values.get('mode')}, seed {values.get('seed')}, {effort}",
        "started": instant_in_words(str(values.get("started"))),
        "writes": writes,
        "description": str(values.get("api_description"))[:16],
        "orgbilling": versions,
        "with": tools,
    }
    if report.comparison is not None:
        rows["compared"] = compared(report)
    return rows


def counts(report: Report) -> str:
    """How much was found, in words."""
    parts = [counted(len(report.errors), "error"), counted(len(report.warnings), "warning")]
    if report.accepted:
        parts.append(f"{len(report.accepted)} accepted")
    return ", ".join(parts)


def compared(report: Report) -> str:
    """What is new, known and fixed since the earlier report; empty where there is none."""
    comparison = report.comparison
    if comparison is None:
        return ""
    states = Counter(finding.state for finding in report.findings)
    parts = [f"{states['new']} new", f"{states['known']} known", f"{len(comparison.fixed)} fixed"]
    if comparison.not_judged:
        parts.append(f"{len(comparison.not_judged)} not checked again")
    return f"{', '.join(parts)} since {instant_in_words(comparison.since)}"


def decision(report: Report) -> str:
    """One paragraph: what happened, what was not checked, and what to do."""
    return f"{situation(report)} {action(report)}"


def situation(report: Report) -> str:
    """What happened, and what nothing is known of."""
    return " ".join([*_happened(report), *_limits(summarize(report))])


def action(report: Report) -> str:
    """What to do about it."""
    return _to_do(report, summarize(report))


def _happened(report: Report) -> list[str]:
    """What the run has shown, in sentences: the verdict, errors, warnings, gaps, and what is new."""
    sentences = [VERDICT_SENTENCES[report.verdict]]
    if report.verdict == "inconclusive" and summarize(report).judged:
        sentences = ["The run is not complete: what was judged stands, and the rest is open."]
    if report.errors:
        where = _listed(
            [title(name) for name in dict.fromkeys(finding.operation for finding in report.errors)]
        )
        facts = all(finding.basis in FACTS for finding in report.errors)
        whose = "what the vendor documents or publishes" if facts else "what the vendor says or we assume"
        what = f"{counted(len(report.errors), 'error')} on {where}: the answers differ there from {whose}"
        sentences.append(f"{what}, so that a client written to it can fail.")
    elif report.verdict == "conforms":
        sentences.append("Nothing that was checked contradicts what the vendor documents or publishes.")
    if report.warnings:
        sentences.append(
            f"{counted(len(report.warnings), 'warning').capitalize()}: there only our own assumptions "
            "do not hold, which the vendor never promised."
        )
    if report.reasons:
        name = "It is incomplete" if report.verdict == "violated" else "The cause"
        sentences.append(f"{name}: {_listed(report.reasons, '; ')}.")
    if report.comparison is not None:
        sentences.append(f"Compared with the earlier report: {compared(report)}.")
    return sentences


def _limits(summary: Summary) -> list[str]:
    if not summary.not_judged:
        return []
    names = _listed([title(operation) for operation in summary.not_judged])
    reason = Counter(summary.not_judged.values()).most_common(1)[0][0]
    total = len(summary.judged) + len(summary.not_judged)
    if not summary.judged:
        return [f"None of the {total} operations was judged ({reason})."]
    few = "" if len(set(summary.not_judged.values())) == 1 else "for instance: "
    known = f"{len(summary.judged)} of {total} operations were judged"
    return [f"{known}; nothing is known of {names} ({few}{reason})."]


def _to_do(report: Report, summary: Summary) -> str:
    if report.verdict == "inconclusive":
        return f"What to do: {_remedy(' '.join(report.reasons))}, and run it again."
    if report.errors and all(finding.state == "known" for finding in report.errors):
        return "What to do: nothing new; the errors were in the earlier report already."
    if report.errors:
        return (
            "What to do: report each error to the vendor (its curl repeats it); where the API is right, "
            "amend our description (the overlay beside the finding); to go on meanwhile, accept it until "
            "a day (--baseline)."
        )
    if report.warnings:
        return "What to do: look whether a client relies on it; confirm, amend or accept each assumption."
    if summary.not_judged:
        return "What to do: nothing now; have the rest judged before a client relies on it."
    return "What to do: nothing."


def _remedy(reasons: str) -> str:
    """What removes the cause of an inconclusive run, by what it says."""
    remedies = (
        (
            ("limits its rate", "the rate was limited"),
            "wait as long as it asks, have the limit raised, or ask more slowly (--rate)",
        ),
        (("is redirected", "it was redirected"), "give the address that it leads to"),
        (("still encoded",), "let the target answer in a coding that was asked for (gzip, deflate or none)"),
        (("a gateway or proxy answered", "in front of the target"), "have what is in front of it mended"),
        (("not at this address",), "give the address of the API, with its path"),
        (("token",), "give a token that the target accepts"),
        (("budget", "requests were", "seconds were", "--max-"), "allow more (--max-time, --max-requests)"),
        (
            ("connect", "refused", "resolve", "certificate"),
            "make the target reachable from here",
        ),
        (("no success",), "see why these operations fail there: the permissions of the token, or an outage"),
    )
    for words, remedy in remedies:
        if any(word in reasons for word in words):
            return remedy
    return "remove the cause"


def _listed(names: Iterable[str], separator: str = ", ") -> str:
    rows = list(names)
    rest = [f"{len(rows) - LISTED} more"] if len(rows) > LISTED else []
    return separator.join(rows[:LISTED]) + (f" and {rest[0]}" if rest else "")
