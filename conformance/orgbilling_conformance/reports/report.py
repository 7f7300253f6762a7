"""The report of a run, as plain data, and what its formats share: order, sentences, counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace

from orgbilling_openapi.redaction import redact
from orgbilling_openapi.strict_json import JsonObject

from orgbilling_conformance.api_description import load

EXITS = {"conforms": 0, "violated": 1, "inconclusive": 3}


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which the target breaks one rule at one place, however often it was seen.

    severity: ``error`` (a documented or published fact) or ``warning`` (an assumption or invariant of ours);
    basis: documented, published, assumed or invariant; source: where that is written; operation: its id;
    pointer: JSON pointer into the body (``*`` for any index), or ``status``, ``header/…``, ``query/…``;
    count: how many exchanges showed it; curl: a command that repeats one of them;
    exchanges: up to three of the requests, as JSON, for `replay`; accepted: why a baseline lets it pass.
    """

    rule: str
    severity: str
    basis: str
    operation: str
    pointer: str
    expected: str
    observed: str
    count: int = 1
    curl: str = ""
    source: str = ""
    reason: str = ""
    stage: str = ""
    node: str = ""
    exchanges: tuple[JsonObject, ...] = ()
    accepted: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What a baseline and a comparison of two runs know a finding by."""
        return (self.rule, self.operation, self.pointer)


@dataclass(frozen=True, slots=True)
class SkippedRule:
    """A rule that was not run on an operation (``*`` for all), and why."""

    rule: str
    operation: str
    reason: str


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """The outcome of one rule on one operation; evaluations: of how many exchanges or comparisons."""

    rule: str
    operation: str
    outcome: str
    evaluations: int


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a run.

    found: the keys of the findings that it was first to see; first_finding_seconds: since the run began.
    """

    name: str
    requests: int
    seconds: float
    found: tuple[tuple[str, str, str], ...] = ()
    first_finding_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """The verdict and everything behind it.

    reasons: why a run is inconclusive; notes: what a reader should know and no rule forbids;
    head: digest of the API description, versions, Python, seed, duration (seconds), requests, and the target;
    drift: how the document that the target publishes differs from ours.
    """

    verdict: str
    findings: tuple[Finding, ...]
    skipped: tuple[SkippedRule, ...]
    stages: tuple[Stage, ...]
    cases: tuple[RuleOutcome, ...] = ()
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    accepted: tuple[Finding, ...] = ()
    head: JsonObject = field(default_factory=dict)
    drift: tuple[JsonObject, ...] = ()
    latency: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def exit(self) -> int:
        """The exit status of the command: 0 conforms, 1 violated, 3 inconclusive."""
        return EXITS[self.verdict]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that violate a documented or published fact."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that break an assumption or an invariant of ours."""
        return tuple(finding for finding in self.findings if finding.severity == "warning")

    def to_json(self) -> JsonObject:
        """The report as JSON; `replay` reads it back."""
        document = asdict(self)
        return {"verdict": self.verdict, "exit": self.exit, **document}


def redacted(report: Report, secrets: Collection[str] = ()) -> Report:
    """The report with a mask for every secret in its texts, whatever the format that it is written in.

    secrets: those that cannot be recognized by their form. The requests of findings are without secrets
    already (see `Request.redacted`), and stay as they can be replayed.
    """

    def clean(value: object) -> object:
        if isinstance(value, str):
            return redact(value, secrets)
        if isinstance(value, dict):
            return {clean(name): clean(member) for name, member in value.items()}
        if isinstance(value, tuple | list):
            items = [clean(item) for item in value]
            return tuple(items) if isinstance(value, tuple) else items
        if is_dataclass(value) and not isinstance(value, type):
            names = [item.name for item in fields(value) if item.name != "exchanges"]
            return replace(value, **{name: clean(getattr(value, name)) for name in names})
        return value

    cleaned = clean(report)
    assert isinstance(cleaned, Report)
    return cleaned


VERDICT_SENTENCES = {
    "conforms": "The target conforms to the API description.",
    "violated": "The target violates the API description.",
    "inconclusive": "Nothing can be said about the target.",
}


def title(operation: str) -> str:
    """Method and path of an operation, or what else a finding is about."""
    described = load().operations.get(operation)
    return f"{described.method} {described.path}" if described else operation or "the API as a whole"


def by_operation(findings: tuple[Finding, ...]) -> dict[str, list[Finding]]:
    """Findings by operation, in the order of the description; within one, errors first, then by pointer."""
    order = {name: index for index, name in enumerate(load().operations)}
    groups: dict[str, list[Finding]] = defaultdict(list)
    for finding in sorted(
        findings, key=lambda row: (order.get(row.operation, -1), row.severity, row.pointer)
    ):
        groups[finding.operation].append(finding)
    return dict(groups)


def by_reason(report: Report) -> dict[str, list[str]]:
    """The rules that were not run, by why not."""
    groups: dict[str, list[str]] = defaultdict(list)
    for skipped in report.skipped:
        name = skipped.rule if skipped.operation == "*" else f"{skipped.rule} on {skipped.operation}"
        groups[skipped.reason].append(skipped.operation if skipped.rule == "*" else name)
    return dict(groups)


def counts(report: Report) -> str:
    """How much was found, in words."""
    errors, warnings = len(report.errors), len(report.warnings)
    parts = [counted(errors, "error"), counted(warnings, "warning")]
    if report.accepted:
        parts.append(f"{len(report.accepted)} accepted")
    return ", ".join(parts)


def head(report: Report) -> dict[str, str]:
    """The head as names and values."""
    values = report.head
    versions = f"{values.get('orgbilling')} on Python {values.get('python')}"
    tools = f"Schemathesis {values.get('schemathesis')}, Hypothesis {values.get('hypothesis')}"
    writes = ", ".join(values.get("writes", [])) or "none allowed"
    return {
        "target": str(values.get("target")),
        "description": str(values.get("api_description"))[:16],
        "orgbilling": versions,
        "with": tools,
        "run": f"{values.get('mode')}, seed {values.get('seed')}, started {values.get('started')}",
        "writes": writes,
        "effort": f"{counted(values.get('requests', 0), 'request')} in {values.get('seconds')} s",
    }


def counted(count: int, noun: str) -> str:
    """A number with its noun: ``1 rule``, ``2 rules``."""
    return f"{count:,} {noun}{'s' * (count != 1)}"
