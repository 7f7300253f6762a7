"""What a run found, as plain data."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

EXITS = {"conforms": 0, "violated": 1, "inconclusive": 3}


@dataclass(frozen=True, slots=True)
class Finding:
    """One way in which the target breaks one rule at one place, however often it was seen.

    severity: ``error`` (a documented or published fact) or ``warning`` (an assumption or law of ours);
    basis: documented, published, assumed or law; source: where that is written; operation: its id;
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
    contract: str = ""
    exchanges: tuple[dict[str, Any], ...] = ()
    accepted: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What a baseline and a comparison of two runs know a finding by."""
        return (self.rule, self.operation, self.pointer)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A rule that was not run on an operation (``*`` for all), and why."""

    rule: str
    operation: str
    reason: str


@dataclass(frozen=True, slots=True)
class Case:
    """What became of one rule on one operation; judged: how many exchanges or comparisons it saw."""

    rule: str
    operation: str
    outcome: str
    judged: int


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
    head: contract hash, versions, Python, seed, duration (seconds), requests, and what was aimed at;
    drift: how the document that the target publishes differs from ours.
    """

    verdict: str
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    stages: tuple[Stage, ...]
    cases: tuple[Case, ...] = ()
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    accepted: tuple[Finding, ...] = ()
    head: dict[str, Any] = field(default_factory=dict)
    drift: tuple[dict[str, Any], ...] = ()
    latency: dict[str, dict[str, float]] = field(default_factory=dict)

    @property
    def exit(self) -> int:
        """The exit status of the command: 0 conforms, 1 violated, 3 inconclusive."""
        return EXITS[self.verdict]

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that violate a documented or published fact."""
        return tuple(each for each in self.findings if each.severity == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """The findings that break an assumption or a law of ours."""
        return tuple(each for each in self.findings if each.severity == "warning")

    def to_json(self) -> dict[str, Any]:
        """The report as JSON; `replay` reads it back."""
        document = asdict(self)
        return {"verdict": self.verdict, "exit": self.exit, **document}
